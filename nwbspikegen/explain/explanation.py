"""All that is said of one model on one recording: maps, correlations, controls."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from nwbspikegen.explain.ablations import AblationOptions, ablate
from nwbspikegen.explain.correlations import correlate_rates
from nwbspikegen.explain.couplings import map_couplings
from nwbspikegen.explain.maps import MOST_WINDOWS, map_attention
from nwbspikegen.explain.results import state_results
from nwbspikegen.explain.windows import observe
from nwbspikegen.models import FittedModel
from nwbspikegen.models.attending import Attends
from nwbspikegen.models.coupling import Couples
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.views import Split

_LOG = logging.getLogger("nwbspikegen")


@dataclass(frozen=True)
class Explanation:
    """What a model looks at in a recording, and what that is worth.

    Attributes
    ----------
    maps : Dataset
        Attention, importance and profiles, or couplings, or neither; each with axes and `units`,
        `measure`, `description`. `lag_cost` is always there.
    rate_correlations : DataFrame
        Profiles against firing rates; empty for models without attention.
    ablations : DataFrame
        Scores of the model intact and under every control.
    results : list of str
        What the ablations say, in sentences.
    """

    maps: xr.Dataset
    rate_correlations: pd.DataFrame
    ablations: pd.DataFrame
    results: list[str]


def explain(
    model: FittedModel,
    parts: Split,
    *,
    context: xr.Dataset | None = None,
    loss: str | None = None,
    most_windows: int = MOST_WINDOWS,
    options: AblationOptions | None = None,
) -> Explanation:
    """Explain a model's predictions of the test segment of a recording.

    Models that declare attention get attention maps, those that read couplings, as `in_context`, couplings.
    All get controls, which need no more than predictions: what it costs a model to lose one of its
    components, and what perturbations of the past before sampled bins cost.

    Parameters
    ----------
    model : FittedModel
        A trained model.
    parts : Split
        Segments of the recording; the test segment is explained.
    context : Dataset, optional
        Observed bins before it, such as the whole window.
    loss, most_windows
        As for `map_attention`.
    options : AblationOptions, optional
        As for `ablate`.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=6, duration=20, seed=1).sorting)
    >>> parts = nsg.split_fractions(units)
    >>> model = nsg.train(parts.train, parts.validation, model="shimono2026", epochs=1, num_bins=100,
    ...                   num_heads=2, progress=False)
    >>> found = explain(model, parts, context=units, options=AblationOptions(num_targets=20))
    >>> sorted(found.maps.attention_mean.dims), found.ablations.control.iloc[0]
    (['key_in_window', 'query_in_window'], 'intact')
    """
    options = options or AblationOptions()
    correlations = pd.DataFrame()
    # by what a model declares, not by its class: one of another package gets its maps alike
    if isinstance(model.module, Attends):
        found = map_attention(model, parts.test, context=context, loss=loss, most_windows=most_windows)
        maps, correlations = found.maps, correlate_rates(found, seed=options.seed)
    elif isinstance(model.module, Couples):
        maps = map_couplings(model, parts.test, context=context)
    else:
        _LOG.info("%s gives no map: only what perturbations of the past cost it is measured", model.name)
        maps = xr.Dataset(attrs={"bin_size": model.bin_size})
    ablations = ablate(model, parts, observe(parts.test, context), options)
    return Explanation(_add_lags(maps, ablations), correlations, ablations, state_results(ablations))


def _add_lags(maps: xr.Dataset, ablations: pd.DataFrame) -> xr.Dataset:
    """Return the maps with the cost of silencing ranges of lags beside them."""
    rows = ablations[ablations.control.str.startswith("lags_") & (ablations.metric == BITS_PER_SPIKE.name)]
    cost = xr.DataArray(
        rows.cost.to_numpy(dtype=float),
        dims=("lag_range",),
        coords={"lag_range": [name.removeprefix("lags_") for name in rows.control]},
        attrs={
            "units": "bits per spike",
            "measure": "cost",
            "description": "What it costs to silence all units between two lags (bins before a bin).",
        },
    )
    return maps.assign(lag_cost=cost)
