"""Whether probabilities mean what they say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float64, Int64, Real

from nwbspikegen.core.large_arrays import release
from nwbspikegen.scoring.ranking import SortedBlocks, sort_blocks
from nwbspikegen.views.history import Mask

# groups of 5 %: of equal mass, since of equal width the first would hold all bins of a rare spike
NUM_GROUPS = 20


def calibration_error(
    spike_probability: Float[np.ndarray, "*shape"], spikes: Real[np.ndarray, "*shape"]
) -> float:
    """Return the expected calibration error over groups of equal mass.

    Formula: all pairs of bin and unit are ordered by probability and cut into 20 groups of equal
    size; the error is the mean over groups, weighted by size, of |mean probability - share of bins
    with a spike|. Zero is perfect, lower is better; it has no null. Edge rule: equal probabilities
    stay in one group, so a group may be larger than its share or empty.

    Examples
    --------
    >>> calibration_error(np.full(4, 0.75), np.array([0, 0, 1, 1]))
    0.25
    """
    whole = np.array([0, spike_probability.size], dtype=np.int64)
    ordered = sort_blocks(spike_probability.ravel(), spikes.ravel(), whole)
    return float(weigh_calibration(sum_groups(ordered), np.ones((1, 1)))[0])


def group_by_probability(
    spike_probability: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    observed: Mask = None,
) -> Float64[np.ndarray, "2 group"]:
    """Return mean probability and share of bins with a spike of groups of equal mass, NaN behind the last.

    Groups as for `calibration_error`, over what was observed.

    Examples
    --------
    >>> group_by_probability(np.full((4, 1), 0.75), np.array([[0], [0], [1], [1]]))[:, 0].tolist()
    [0.75, 0.5]
    """
    whole = np.array([0, len(spike_probability)], dtype=np.int64)
    size, expected, counted = sum_groups(sort_blocks(spike_probability, spikes, whole, observed))[:, 0]
    found = np.full((2, NUM_GROUPS), np.nan)
    kept = size > 0
    found[:, : kept.sum()] = expected[kept] / size[kept], counted[kept] / size[kept]
    return found


def sum_groups(ordered: SortedBlocks) -> Float64[np.ndarray, "3 block group"]:
    """Return, per block and group, how many bins, the sum of their probabilities, and their spikes.

    Groups are those of the whole segment and are not drawn again with the blocks.
    """
    # drawn again, the limits would move with every draw and the interval would hold their noise as well
    limits = _equal_mass_limits(ordered)
    spiking = np.stack([_count_and_sum(block, limits) for block in ordered.spiking], axis=1)
    silent = np.stack([_count_and_sum(block, limits) for block in ordered.silent], axis=1)
    return np.stack([spiking[0] + silent[0], spiking[1] + silent[1], spiking[0]])


def weigh_calibration(
    sums: Float64[np.ndarray, "3 block group"], weights: Float64[np.ndarray, "draw block"]
) -> Float64[np.ndarray, " draw"]:
    """Return the expected calibration error for every row of block weights."""
    # a group's |mean p - share of spikes| times its size is |sum of p - spikes|: no empty group divides
    size, expected, observed = (weights @ part for part in sums)
    error: Float64[np.ndarray, " draw"] = np.abs(expected - observed).sum(axis=1) / size.sum(axis=1)
    return error


def _equal_mass_limits(ordered: SortedBlocks) -> Float[np.ndarray, " limit"]:
    """Return the least probability of each group but the first."""
    blocks = [block for block in (*ordered.spiking, *ordered.silent) if len(block)]
    size = sum(len(block) for block in blocks)
    places = size * np.arange(1, NUM_GROUPS) // NUM_GROUPS
    # equal limits fall together: a predictor with one value for all has one group, not twenty halves of it
    return np.unique(_find_at(blocks, places))


def _find_at(
    blocks: list[Float[np.ndarray, " _value"]], places: Int64[np.ndarray, " place"]
) -> Float[np.ndarray, " place"]:
    """Return which values would stand at some places if all sorted blocks were sorted together.

    Found by halving what lies between, which takes no copy of the values. Of floats that are not negative the
    bits are integers in the same order.

    Examples
    --------
    >>> _find_at([np.array([0.1, 0.4]), np.array([0.2])], np.array([0, 1, 2])).tolist()
    [0.1, 0.2, 0.4]
    """
    kind = blocks[0].dtype
    bits = np.dtype(f"i{kind.itemsize}")
    # -0.0 has the sign's bit, and is 0
    low = np.full(len(places), int(min(abs(block[0]) for block in blocks).view(bits)))
    high = np.full(len(places), int(max(abs(block[-1]) for block in blocks).view(bits)))
    while (low < high).any():
        middle = low + (high - low) // 2
        values = middle.astype(bits).view(kind)
        reached = np.zeros(len(places), dtype=np.int64)
        for block in blocks:
            reached += np.searchsorted(block, values, side="right")
            # a search reads pages far apart, and the system more around each
            release(block)
        is_beyond = reached > places
        low, high = np.where(is_beyond, low, middle + 1), np.where(is_beyond, middle, high)
    found: Float[np.ndarray, " place"] = low.astype(bits).view(kind)
    return found


def _count_and_sum(
    block: Float[np.ndarray, " value"], limits: Float[np.ndarray, " limit"]
) -> Float64[np.ndarray, "2 group"]:
    cuts: Int64[np.ndarray, " cut"] = np.concatenate([[0], np.searchsorted(block, limits), [len(block)]])
    # millions of float32 below 1e-3: their sum in float32 would lose the last of them
    sums = [block[start:stop].sum(dtype=np.float64) for start, stop in pairwise(cuts)]
    release(block)
    return np.stack([np.diff(cuts).astype(np.float64), np.array(sums)])
