"""The coupling filters that `in_context` has read from a recording."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8

from nwbspikegen.models.coupling import Couplings
from nwbspikegen.models.in_context.past import Past, Prior
from nwbspikegen.models.in_context.past.coupling_kernels import follow_traces
from nwbspikegen.models.in_context.past.feature_columns import COUPLING_TAUS
from nwbspikegen.views.history import Mask, prior_bins

# the longest time constant of the filters, at which the slowest trace has fallen to a third
LAG_BINS = 60
# the first of `RIDGES`, 3e3: stiffer ones flatten strong couplings, which a map is there to show
_WEAKEST_RIDGE = 0
# the traces of neighbouring bins are nearly the same: a twentieth of them has the same covariance, in as much
# less memory
_TRACE_STEP = 20


def read_couplings(
    spikes: UInt8[np.ndarray, "time unit"], bin_size: float, mask: Mask = None, prior: Prior | None = None
) -> Couplings:
    """Return the coupling filters that are solved from a recording, at the weakest ridge.

    Weights of a network do not enter: filters are read from the recording.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((5000, 3)) < 0.02).astype(np.uint8)
    >>> found = read_couplings(spikes, 0.001)
    >>> found.kernels.shape, found.influence.shape
    ((3, 3, 60), (3, 3))
    """
    past = Past(spikes.shape[1], bin_size, prior)
    for _ in past.read(spikes, np.zeros(len(spikes), dtype=bool), mask):
        pass
    # refits come at intervals, and the map is of all that was read
    weights = past.solve_filters()[_WEAKEST_RIDGE].astype(np.float64)
    decay = np.exp(-np.arange(LAG_BINS) / COUPLING_TAUS[:, None])
    kernels = np.einsum("stu,tl->usl", weights, decay)
    traces = _follow_traces(spikes, mask, bin_size)
    traces -= traces.mean(axis=0)
    covariance = np.einsum("nst,nsq->stq", traces, traces) / len(traces)
    # w' C w with C the covariance of a source's four traces: filters of opposite sign cancel as they do in
    # the hazard
    variance = np.einsum("stu,stq,squ->us", weights, covariance, weights, optimize=True)
    return Couplings(kernels, np.sqrt(np.maximum(variance, 0.0)))


def _follow_traces(
    spikes: UInt8[np.ndarray, "time unit"], mask: Mask, bin_size: float
) -> Float64[np.ndarray, "bin unit tau"]:
    """Return the traces that filters weigh, at every 20th bin."""
    needed = np.arange(len(spikes)) % _TRACE_STEP == 0
    shape = (spikes.shape[1], len(COUPLING_TAUS))
    inputs = np.zeros((int(needed.sum()), shape[0] * shape[1]), dtype=np.float32)
    seen = np.ones(spikes.shape, dtype=bool) if mask is None else mask
    counts = np.zeros(shape[0]), np.zeros(shape[0])
    decay = np.exp(-1.0 / COUPLING_TAUS)
    follow_traces(spikes, seen, needed, decay, prior_bins(bin_size), np.zeros(shape), *counts, inputs)
    return inputs.reshape(-1, *shape).astype(np.float64)
