"""What stands beside a model in a table of scores: itself before training, and baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xarray as xr

from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.beside_untrained import generate_beside_untrained
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring import require_baselines
from nwbspikegen.scoring.table import UNTRAINED


def require_beside(names: Sequence[str] | None) -> None:
    """Raise `InputError` for a name that is neither a baseline's nor `untrained`."""
    require_baselines(leave_untrained(names) or ())


def leave_untrained(names: Sequence[str] | None) -> Sequence[str] | None:
    """Return which of some names are baselines; None, all of them, stays None."""
    return None if names is None else [name for name in names if name != UNTRAINED]


def generate_with_beside(
    model: FittedModel,
    segment: xr.Dataset,
    *,
    context: xr.Dataset | None,
    names: Sequence[str] | None,
    extra: Mapping[str, xr.DataArray] | None = None,
) -> tuple[xr.DataArray, dict[str, xr.DataArray]]:
    """Predict with a model, and with itself before training where names ask for it or are None.

    Returned with `extra` are all predictions but the model's, by their names.
    """
    others = dict(extra or {})
    if names is not None and UNTRAINED not in names:
        return generate(model, segment, context=context), others
    predicted, untrained = generate_beside_untrained(model, segment, context=context)
    # a prediction of that name that was passed is what its caller means by it
    return predicted, others if untrained is None else {UNTRAINED: untrained, **others}
