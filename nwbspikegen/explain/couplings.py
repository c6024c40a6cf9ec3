"""What `in_context` has read of how units drive each other: the map that fits it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.windows import observe
from nwbspikegen.models import FittedModel
from nwbspikegen.models.in_context import InContext
from nwbspikegen.models.past import Past
from nwbspikegen.models.past.coupling_kernels import follow_traces
from nwbspikegen.models.past.layout import COUPLING_TAUS
from nwbspikegen.views.history import Mask, prior_bins

LAG_BINS = 60
_WEAKEST_RIDGE = 0
_TRACE_STEP = 20


def map_couplings(
    model: FittedModel, segment: xr.Dataset, *, context: xr.Dataset | None = None
) -> xr.Dataset:
    """Return which other units, and which of their past bins, move a unit's prediction.

    `in_context` attends to nothing; it solves for the drive of every unit by all others from what it
    has read. These are its solutions at the end of the segment, at the weakest ridge, in which a
    spike of a source multiplies the target's hazard by 1 + kernel(lag). Weights are conditional on all
    other units and the population's activity, as a cross-correlation is not.

    Parameters
    ----------
    model : FittedModel
        An `in_context` model. Its own weights do not enter: drives are read from the recording.
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
    if not isinstance(model.module, InContext):
        raise InputError(f"{model.name}", "in_context", "map its attention instead: map_attention")
    observed = observe(segment, context)
    kernels, influence = read_couplings(observed.spikes, observed.bin_size, observed.mask)
    unit = segment.unit.values
    pair = ("target_unit", "source_unit")
    lag = observed.bin_size * np.arange(1, LAG_BINS + 1)
    lags = xr.Variable(("lag",), lag, attrs={"units": "s", "description": "how long ago the source fired"})
    arrays = {
        "influence": (
            pair, influence, "SD over time of the factor on the target's hazard that the source makes.",
        ),
        "coupling": (
            pair, kernels.mean(axis=2),
            "Relative change of the target's hazard after a spike, mean over lags.",
        ),
        "coupling_curve": (
            ("lag",), np.sqrt((kernels**2).mean(axis=(0, 1))),
            "Root mean square of the kernels of all pairs.",
        ),
        "importance_unit": (
            ("unit",), np.sqrt((influence**2).sum(axis=0)), "Root of a source's squared influence, summed.",
        ),
    }  # fmt: skip
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


def read_couplings(
    spikes: UInt8[np.ndarray, "time unit"], bin_size: float, mask: Mask = None
) -> tuple[Float64[np.ndarray, "target source lag"], Float64[np.ndarray, "target source"]]:
    """Return the drives that are solved from a recording: kernels by lag (bins), and their influence.

    A kernel is the relative change of the target's hazard so long after the source's latest spike; the
    influence is the SD over time of what the source adds to that factor.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((5000, 3)) < 0.02).astype(np.uint8)
    >>> [array.shape for array in read_couplings(spikes, 0.001)]
    [(3, 3, 60), (3, 3)]
    """
    past = Past(spikes.shape[1], bin_size)
    for _ in past.read(spikes, np.zeros(len(spikes), dtype=bool), mask):
        pass
    # drives are solved at intervals; the map is of all that was read
    past._coupling.solve()
    weights = past._coupling.weights()[0][_WEAKEST_RIDGE].astype(np.float64)
    decay = np.exp(-np.arange(LAG_BINS) / COUPLING_TAUS[:, None])
    kernels = np.einsum("stu,tl->usl", weights, decay)
    traces = _follow_traces(spikes, mask, bin_size)
    traces -= traces.mean(axis=0)
    covariance = np.einsum("nst,nsq->stq", traces, traces) / len(traces)
    variance = np.einsum("stu,stq,squ->us", weights, covariance, weights, optimize=True)
    return kernels, np.sqrt(np.maximum(variance, 0.0))


def _follow_traces(
    spikes: UInt8[np.ndarray, "time unit"], mask: Mask, bin_size: float
) -> Float64[np.ndarray, "bin unit tau"]:
    """Return the traces that drives weigh, at every 20th bin."""
    needed = np.arange(len(spikes)) % _TRACE_STEP == 0
    shape = (spikes.shape[1], len(COUPLING_TAUS))
    inputs = np.zeros((int(needed.sum()), shape[0] * shape[1]), dtype=np.float32)
    seen = np.ones(spikes.shape, dtype=bool) if mask is None else mask
    counts = np.zeros(shape[0]), np.zeros(shape[0])
    decay = np.exp(-1.0 / COUPLING_TAUS)
    follow_traces(spikes, seen, needed, decay, prior_bins(bin_size), np.zeros(shape), *counts, inputs)
    return inputs.reshape(-1, *shape).astype(np.float64)
