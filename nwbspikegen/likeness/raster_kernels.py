"""Loops over kernels that are laid over a raster, compiled."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def pool_convolutions(
    unit: np.ndarray,
    at: np.ndarray,
    num_bins: int,
    weights: np.ndarray,
    taps: np.ndarray,
    dilations: np.ndarray,
    thresholds: np.ndarray,
) -> np.ndarray:
    """Return, of each kernel, the share of bins above its threshold, and the largest value (kernel, 2).

    A kernel weighs units, and then bins that lie a dilation apart; beyond the window nothing spikes. Spikes
    are given by their unit and bin.
    """
    num_kernels, num_taps = taps.shape
    pooled = np.empty((num_kernels, 2))
    mixed = np.empty(num_bins)
    for kernel in range(num_kernels):
        mixed[:] = 0.0
        for spike in range(len(unit)):
            mixed[at[spike]] += weights[kernel, unit[spike]]
        above, largest = 0, -np.inf
        for place in range(num_bins):
            value = 0.0
            for tap in range(num_taps):
                read = place + (tap - num_taps // 2) * dilations[kernel]
                if 0 <= read < num_bins:
                    value += taps[kernel, tap] * mixed[read]
            above += value > thresholds[kernel]
            largest = max(largest, value)
        pooled[kernel, 0] = above / num_bins
        pooled[kernel, 1] = largest
    return pooled
