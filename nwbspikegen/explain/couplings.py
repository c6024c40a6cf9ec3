"""The map of a model that solves for coupling filters between units."""

from __future__ import annotations

import numpy as np
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.windows import observe
from nwbspikegen.models import FittedModel
from nwbspikegen.models.coupling import Couples


def map_couplings(
    model: FittedModel, segment: xr.Dataset, *, context: xr.Dataset | None = None
) -> xr.Dataset:
    """Return which other units, and which of their past bins, move a unit's prediction.

    `in_context` attends to nothing; it solves for coupling filters between all units from what it has
    read. These are its solutions at the end of the segment, in which a spike of a source multiplies
    the target's hazard by 1 + kernel(lag). Weights are conditional on all
    other units and the population's activity, as a cross-correlation is not.

    Parameters
    ----------
    model : FittedModel
        A model that solves for couplings. Weights of `in_context` do not enter: the filters are read from
        the recording.
    segment : Dataset (time, unit)
        What to explain.
    context : Dataset (time, unit), optional
        Observed bins before it, which are read too.

    Returns
    -------
    Dataset
        `influence` (target_unit, source_unit): SD over time of the hazard's factor that the source
        makes. `coupling`, signed: the kernel's mean
        over lags. `coupling_curve` (lag): root mean square of the kernels of all pairs.
        `importance_unit` (unit): root of the summed squares of a source's influence on all targets.

    Raises
    ------
    InputError
        For another model.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> from nwbspikegen.models import build_model
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=5, seed=1).sorting)
    >>> model = FittedModel(build_model("in_context", 4), "bernoulli", 0.001)
    >>> map_couplings(model, units).influence.dims
    ('target_unit', 'source_unit')
    """
    if not isinstance(model.module, Couples):
        raise InputError(
            f"{model.name}, which reads no couplings",
            "a model that does, such as in_context",
            "map its attention instead, if it has any: map_attention",
        )
    observed = observe(segment, context)
    found = model.module.read_couplings(observed.bins, observed.bin_size)
    kernels, influence = found.kernels, found.influence
    unit = segment.unit.values
    pair = ("target_unit", "source_unit")
    lag = observed.bin_size * np.arange(1, kernels.shape[2] + 1)
    lags = xr.Variable(("lag",), lag, attrs={"units": "s", "description": "how long ago the source fired"})
    arrays = {
        "influence": (
            pair,
            influence,
            "SD over time of the factor on the target's hazard that the source makes.",
        ),
        "coupling": (
            pair,
            kernels.mean(axis=2),
            "Relative change of the target's hazard after a spike, mean over lags.",
        ),
        "coupling_curve": (
            ("lag",),
            np.sqrt((kernels**2).mean(axis=(0, 1))),
            "Root mean square of the kernels of all pairs.",
        ),
        "importance_unit": (
            ("unit",),
            np.sqrt((influence**2).sum(axis=0)),
            "Root of a source's squared influence, summed.",
        ),
    }
    attrs = {"bin_size": observed.bin_size, "observed_bins": len(observed.spikes)}
    return xr.Dataset(
        {
            name: xr.DataArray(
                values, dims=dims, attrs={"units": "1", "measure": "influence", "description": text}
            )
            for name, (dims, values, text) in arrays.items()
        },
        coords={"target_unit": unit, "source_unit": unit, "unit": unit, "lag": lags},
        attrs=attrs,
    )
