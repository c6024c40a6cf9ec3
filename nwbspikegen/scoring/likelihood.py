"""The headline score: how many bits each spike tells beyond a null."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float64, Int64, Real

from nwbspikegen.core.large_arrays import release
from nwbspikegen.core.threads import map_in_threads
from nwbspikegen.views.history import Mask

# a spike at the limit costs log2(1e6) = 20 bits; 1e-6 per 1 ms bin is one spike in a quarter of an hour,
# below any rate that a window of some minutes can tell from none
CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1, so that one spike cannot cost infinitely much."""

# in double precision 16 MB, a few times, in each thread
_VALUES_AT_ONCE = 2**21


def bits_per_spike(
    spike_probability: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    null: Float[np.ndarray, "time unit"],
) -> float:
    """Return the gain in log2-likelihood over a null, per spike.

    Formula: sum over bins and units of log2 L(y; p) - log2 L(y; p_null), over the number of bins
    with a spike, where L is the Bernoulli likelihood and both are clipped to [1e-6, 1 - 1e-6].
    Positive is better than the null. Edge rule: NaN when there is no spike.

    Parameters
    ----------
    spike_probability, null : array (time, unit)
        Probability of a spike in each bin.
    spikes : array (time, unit)
        Above 0 is a bin with a spike.

    Examples
    --------
    >>> spikes = np.array([[1], [0]], np.uint8)
    >>> bits_per_spike(np.array([[0.5], [0.5]]), spikes, np.array([[0.25], [0.5]]))
    1.0
    """
    num_spikes = int((spikes > 0).sum())
    whole = np.array([0, len(spikes)], dtype=np.int64)
    gain = sum_log2_likelihood(spike_probability, spikes, whole) - sum_log2_likelihood(null, spikes, whole)
    return float(gain[0] / num_spikes) if num_spikes else float("nan")


def sum_log2_likelihood(
    spike_probability: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    edges: Int64[np.ndarray, " edges"],
    observed: Mask = None,
) -> Float64[np.ndarray, " block"]:
    """Return the Bernoulli log2-likelihood of each block's observed bins, probabilities clipped."""
    step = max(1, _VALUES_AT_ONCE // max(spikes.shape[1], 1))

    def sum_block(block: tuple[int, int]) -> float:
        total, (begin, end) = 0.0, block
        for start in range(begin, end, step):
            rows = slice(start, min(start + step, end))
            probability, spike = spike_probability[rows], spikes[rows]
            if observed is not None:
                probability, spike = probability[observed[rows]], spike[observed[rows]]
            total += _log2_likelihood(probability, spike)
            release(spike_probability, spikes, observed)
        return total

    return np.array(map_in_threads(sum_block, pairwise(edges.tolist())), dtype=np.float64)


def sum_spikes(
    spikes: Real[np.ndarray, "time unit"], edges: Int64[np.ndarray, " edges"]
) -> Float64[np.ndarray, " block"]:
    """Return how many bins of each block have a spike."""
    counted = []
    for start, stop in pairwise(edges):
        counted.append(np.count_nonzero(spikes[start:stop] > 0))
        release(spikes)
    return np.array(counted, dtype=np.float64)


def weigh_bits(
    gain: Float64[np.ndarray, " block"],
    num_spikes: Float64[np.ndarray, " block"],
    weights: Float64[np.ndarray, "draw block"],
) -> Float64[np.ndarray, " draw"]:
    """Return bits per spike for every row of block weights; NaN where no spike was drawn."""
    with np.errstate(invalid="ignore", divide="ignore"):
        # a ratio of sums, not a mean of ratios: a block without a spike has a likelihood too
        bits: Float64[np.ndarray, " draw"] = (weights @ gain) / (weights @ num_spikes)
    bits[~np.isfinite(bits)] = np.nan
    return bits


def _log2_likelihood(
    spike_probability: Float[np.ndarray, "*shape"], spikes: Real[np.ndarray, "*shape"]
) -> float:
    probability = np.clip(spike_probability.astype(np.float64), CLIP, 1 - CLIP)
    spike = spikes > 0
    # spikes are rare: the logarithm for them is taken at their bins only
    at_spikes = probability[spike]
    probability[spike] = 0.0
    # log1p keeps what 1 - p rounds away where p is small, and every silent bin of a rare spike is small
    nats = np.log(at_spikes).sum() + np.log1p(-probability, out=probability).sum()
    return float(nats / np.log(2))
