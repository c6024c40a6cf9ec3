"""Loops over time that only look back, compiled.

Kernels take spikes as (unit, time), so that one unit's past is contiguous, and carry their state in
arrays that they update: a recording can be given in pieces and the result is the same.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, parallel=True, nogil=True)
def running_rate_kernel(spikes, first, prior_bins, out):  # type: ignore[no-untyped-def]
    """Fill out (unit, predicted) with (k + 1/2) / (n + prior_bins) over the n bins before each."""
    for unit in numba.prange(spikes.shape[0]):
        count = 0
        for t in range(spikes.shape[1]):
            if t >= first:
                out[unit, t - first] = (count + 0.5) / (t + prior_bins)
            count += spikes[unit, t]


@numba.njit(cache=True, parallel=True, nogil=True)
def online_hazard_kernel(spikes, first, prior_bins, age_class, prior_weight, out):  # type: ignore[no-untyped-def]
    """Fill out (unit, predicted) with the smoothed hazard of the age since the last spike."""
    oldest = age_class.size - 1
    num_classes = age_class[oldest] + 1
    for unit in numba.prange(spikes.shape[0]):
        fired = np.zeros(num_classes)
        seen = np.zeros(num_classes)
        count = 0
        age = oldest
        for t in range(spikes.shape[1]):
            cls = age_class[age]
            if t >= first:
                rate = (count + 0.5) / (t + prior_bins)
                out[unit, t - first] = (fired[cls] + prior_weight * rate) / (seen[cls] + prior_weight)
            seen[cls] += 1.0
            spike = spikes[unit, t]
            fired[cls] += min(spike, 1)
            count += spike
            age = 1 if spike else min(age + 1, oldest)


@numba.njit(cache=True, parallel=True, nogil=True)
def trace_kernel(spikes, first, decay, out):  # type: ignore[no-untyped-def]
    """Fill out (unit, predicted, tau) with exponential traces of the past, unit gain."""
    for unit in numba.prange(spikes.shape[0]):
        trace = np.zeros(decay.size)
        for t in range(spikes.shape[1]):
            for i in range(decay.size):
                if t >= first:
                    out[unit, t - first, i] = trace[i]
                trace[i] = decay[i] * trace[i] + (1.0 - decay[i]) * spikes[unit, t]
