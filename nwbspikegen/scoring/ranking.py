"""How well spike probabilities rank bins with a spike above silent ones: pooled ROC and PR areas.

Spikes are rare, so bins with a spike and silent bins are sorted apart, and only the distinct
probabilities of spikes are looked up among the silent ones: a curve can turn nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Shaped

from nwbspikegen.core.large_arrays import empty_array, release

# thresholds handled together: the tables of all draws then stay within the processor's cache
_CHUNK = 2048


@dataclass(frozen=True)
class PooledRanking:
    """Areas over all bins and units together.

    Attributes
    ----------
    roc_auc : float
        P(probability at a spike > probability at a silent bin) + P(equal) / 2. Chance is 0.5,
        higher is better. NaN without a spike or without a silent bin.
    average_precision : float
        Sum over distinct probabilities, from the highest, of (increase of recall) x precision.
        Chance is the share of bins with a spike, higher is better. NaN without a spike.
    pr_auc : float
        Area under the precision-recall curve by trapezoids, from precision 1 at recall 0. Chance
        and sign as for `average_precision`.
    """

    roc_auc: float
    average_precision: float
    pr_auc: float


@dataclass(frozen=True)
class SortedBlocks:
    """The probabilities of each block, ascending, apart for bins with a spike and silent bins.

    Those of silent bins, nearly all, lie in one array.
    """

    spiking: list[Float[np.ndarray, " _spiking"]]
    silent: list[Float[np.ndarray, " _silent"]]


def sort_blocks(
    spike_probability: Float[np.ndarray, "..."],
    spikes: Shaped[np.ndarray, "..."],
    edges: Int64[np.ndarray, " edges"],
    observed: Bool[np.ndarray, "..."] | None = None,
) -> SortedBlocks:
    """Sort each block's probabilities, of observed bins; `edges` cut the first axis.

    A count above 0 is a spike.
    """
    spiking, silent, done = [], [], 0
    store = empty_array((spike_probability.size,), spike_probability.dtype)
    for start, stop in pairwise(edges):
        probability, spike = spike_probability[start:stop].ravel(), spikes[start:stop].ravel() > 0
        if observed is not None:
            seen = observed[start:stop].ravel()
            probability, spike = probability[seen], spike[seen]
        spiking.append(np.sort(probability[spike]))
        rest = probability[~spike]
        silent.append(store[done : done + len(rest)])
        silent[-1][:] = rest
        silent[-1].sort()
        done += len(rest)
        release(spike_probability, spikes, observed, store)
    return SortedBlocks(spiking, silent)


def rank_pooled(
    spike_probability: Float[np.ndarray, "*shape"], spikes: Shaped[np.ndarray, "*shape"]
) -> PooledRanking:
    """Compute ROC-AUC, average precision and PR-AUC over all bins and units, in one pass.

    Exact, with ties: equal to scikit-learn's `roc_auc_score`, `average_precision_score` and
    `auc` of `precision_recall_curve` to 1e-9.

    Parameters
    ----------
    spike_probability : array
        Any score that is higher where a spike is likelier; compared in its own precision.
    spikes : array
        Same shape; above 0 is a bin with a spike.

    Returns
    -------
    PooledRanking
        Formulas, chance levels and edge rules are given there.

    Examples
    --------
    >>> ranking = rank_pooled(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> ranking.roc_auc
    0.75
    """
    whole = np.array([0, spike_probability.size], dtype=np.int64)
    ordered = sort_blocks(spike_probability.ravel(), spikes.ravel(), whole)
    return PooledRanking(*rank_sorted(ordered, np.ones((1, 1)))[:, 0].tolist())


def rank_sorted(
    ordered: SortedBlocks, weights: Float64[np.ndarray, "draw block"]
) -> Float64[np.ndarray, "3 draw"]:
    """Return the areas of `PooledRanking`, in its order, for every row of block weights.

    A block of weight w counts as w copies of its bins, so each row equals the areas over the
    resampled bins exactly. Thresholds are walked from the highest in chunks, which bounds memory.
    """
    # of two blocks 200 draws are three, of five some 80: what is drawn twice is counted once
    weights, drawn = np.unique(weights, axis=0, return_inverse=True)
    num_spiking = weights @ [float(len(block)) for block in ordered.spiking]
    num_silent = weights @ [float(len(block)) for block in ordered.silent]
    # between two spikes' probabilities recall stands still: the curves go sideways (ROC) or down (PR)
    # there, which counts at the spikes tell already
    thresholds = np.unique(np.concatenate(ordered.spiking))
    sums = np.zeros((3, len(weights)))
    # of all draws at once: they share the counts, and a draw is one more row of a matrix product
    hits = np.zeros(len(weights))
    for stop in range(len(thresholds), 0, -_CHUNK):
        chunk = thresholds[max(0, stop - _CHUNK) : stop][::-1]
        hits = _add_chunk(sums, hits, _count_chunk(ordered, chunk), weights)
        release(*ordered.silent[:1])
    with np.errstate(invalid="ignore", divide="ignore"):
        # what was summed are pairs lost: silent bins above a spike, and half of those level with it
        sums[0] = 1 - sums[0] / (num_spiking * num_silent)
        sums[1:] /= num_spiking
    return sums[:, drawn]


_Counts = tuple[
    Float64[np.ndarray, "block threshold"],
    Float64[np.ndarray, "block threshold"],
    Float64[np.ndarray, "block threshold"],
]


def _count_chunk(ordered: SortedBlocks, descending: Float[np.ndarray, " threshold"]) -> _Counts:
    """Count per block the spikes at each threshold, and the silent bins at or above, and above it."""
    shape = (len(ordered.silent), len(descending))
    at, silent_reached, silent_above = np.empty(shape), np.empty(shape), np.empty(shape)
    ascending = np.ascontiguousarray(descending[::-1])
    for block, (spiking, silent) in enumerate(zip(ordered.spiking, ordered.silent, strict=True)):
        at[block] = np.diff(_edges_of(spiking, ascending), axis=0)[0, ::-1]
        below, reached = _edges_of(silent, ascending)
        silent_reached[block] = (len(silent) - below)[::-1]
        silent_above[block] = (len(silent) - reached)[::-1]
    return at, silent_reached, silent_above


def _edges_of(
    ordered: Float[np.ndarray, " value"], ascending: Float[np.ndarray, " threshold"]
) -> Int64[np.ndarray, "2 threshold"]:
    """Return how many values lie below, and how many at or below, each threshold."""
    start = int(np.searchsorted(ordered, ascending[0], side="left"))
    stop = int(np.searchsorted(ordered, ascending[-1], side="right"))
    # only what lies between the outermost thresholds is searched, which stays in cache
    within = ordered[start:stop]
    left = np.searchsorted(within, ascending, side="left")
    right = np.searchsorted(within, ascending, side="right")
    return np.stack([left, right]).astype(np.int64) + start


def _add_chunk(
    sums: Float64[np.ndarray, "3 draw"],
    hits_before: Float64[np.ndarray, " draw"],
    counts: _Counts,
    weights: Float64[np.ndarray, "draw block"],
) -> Float64[np.ndarray, " draw"]:
    """Add a chunk of descending thresholds to the three sums and return the hits so far."""
    at, reached, above = (weights @ table for table in counts)
    hits = np.cumsum(at, axis=1)
    hits += hits_before[:, None]
    earlier = hits - at
    # (reached + above) / 2 is the silent bins above plus half of those level, whose rank a coin would decide
    sums[0] += np.einsum("dt,dt->d", at, reached + above) / 2
    precision = _divide(hits, hits + reached)
    sums[1] += np.einsum("dt,dt->d", at, precision)
    # a trapezoid from the recall before this threshold to the one at it: precision at both ends, halved
    precision += _divide(earlier, earlier + above)
    sums[2] += np.einsum("dt,dt->d", at, precision) / 2
    return hits[:, -1]


def _divide(
    part: Float64[np.ndarray, "draw threshold"], whole: Float64[np.ndarray, "draw threshold"]
) -> Float64[np.ndarray, "draw threshold"]:
    """Return the precision, which is 1 where nothing has been called a spike yet."""
    # in draws that left out every block with so high a probability
    empty = whole == 0
    part = np.where(empty, 1.0, part)
    np.maximum(whole, 1.0, out=whole)
    part /= whole
    return part
