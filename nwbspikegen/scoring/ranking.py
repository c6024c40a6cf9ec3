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
from nwbspikegen.core.threads import map_in_threads
from nwbspikegen.scoring.ranking_kernels import add_thresholds

# thresholds handled together: the tables of all draws then stay within the processor's cache
_CHUNK = 2048
# after so many chunks what they read of a large file is given back
_CHUNKS_HELD = 32


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
    row = spike_probability[:1].size
    store = empty_array((spike_probability.size,), spike_probability.dtype)

    def sort_block(block: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        start, stop = block
        probability, spike = spike_probability[start:stop].ravel(), spikes[start:stop].ravel() > 0
        if observed is not None:
            seen = observed[start:stop].ravel()
            probability, spike = probability[seen], spike[seen]
        rest = probability[~spike]
        # each block has its place in the store, which it need not fill
        silent = store[start * row : start * row + len(rest)]
        silent[:] = rest
        silent.sort()
        release(spike_probability, spikes, observed, store)
        return np.sort(probability[spike]), silent

    blocks = map_in_threads(sort_block, pairwise(edges.tolist()))
    return SortedBlocks([spiking for spiking, _ in blocks], [silent for _, silent in blocks])


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
    spiking = _Spiking.sort(ordered.spiking)
    sums = np.zeros((3, len(weights)))
    # of all draws at once: they share the counts, and a draw is one more row of a matrix product
    hits = np.zeros(len(weights))
    for number, stop in enumerate(range(len(spiking.thresholds), 0, -_CHUNK)):
        chunk = slice(max(0, stop - _CHUNK), stop)
        below, reached = _count_silent(ordered.silent, spiking.thresholds[chunk])
        at = weights @ spiking.count(chunk)
        silent_reached = num_silent[:, None] - weights @ below
        # most probabilities of spikes are none of a silent bin
        silent_above = silent_reached if reached is below else num_silent[:, None] - weights @ reached
        add_thresholds(at, silent_reached, silent_above, hits, sums)
        # what the next chunk needs lies beside what this one did: to read that anew takes most of the time
        if number % _CHUNKS_HELD == 0:
            release(*ordered.silent[:1])
    release(*ordered.silent[:1])
    with np.errstate(invalid="ignore", divide="ignore"):
        # what was summed are pairs lost: silent bins above a spike, and half of those level with it
        sums[0] = 1 - sums[0] / (num_spiking * num_silent)
        sums[1:] /= num_spiking
    return sums[:, drawn]


@dataclass(frozen=True)
class _Spiking:
    """Probabilities of all bins with a spike, and which blocks they are of.

    Attributes
    ----------
    thresholds : array (threshold,)
        Each once, ascending.
    edges : array (threshold + 1,)
        Place of the first spike of each threshold, in the order of thresholds, and how many spikes there are.
    block : array (spike,)
        Of each spike, in that order.
    num_blocks : int
    """

    thresholds: Float[np.ndarray, " threshold"]
    edges: Int64[np.ndarray, " edge"]
    block: Int64[np.ndarray, " spike"]
    num_blocks: int

    @classmethod
    def sort(cls, blocks: list[Float[np.ndarray, " _spiking"]]) -> _Spiking:
        probability = np.concatenate(blocks)
        order = np.argsort(probability)
        thresholds, first = np.unique(probability[order], return_index=True)
        block = np.repeat(np.arange(len(blocks)), [len(each) for each in blocks])[order]
        return cls(thresholds, np.append(first, len(order)), block, len(blocks))

    def count(self, chunk: slice) -> Float64[np.ndarray, "block threshold"]:
        """Return how many spikes each block has at some thresholds."""
        edges = self.edges[chunk.start : chunk.stop + 1]
        num_here = len(edges) - 1
        threshold = np.repeat(np.arange(num_here), np.diff(edges))
        places = self.block[edges[0] : edges[-1]] * num_here + threshold
        counts = np.bincount(places, minlength=self.num_blocks * num_here)
        return counts.reshape(self.num_blocks, num_here).astype(np.float64)


_Counts = Float64[np.ndarray, "block threshold"]


def _count_silent(
    blocks: list[Float[np.ndarray, " _silent"]], thresholds: Float[np.ndarray, " threshold"]
) -> tuple[_Counts, _Counts]:
    """Count per block the silent bins below, and up to, each threshold; one table for both without ties."""
    below = np.empty((len(blocks), len(thresholds)))
    reached = below
    for block, silent in enumerate(blocks):
        start = int(np.searchsorted(silent, thresholds[0], side="left"))
        stop = int(np.searchsorted(silent, thresholds[-1], side="right"))
        # only what lies between the outermost thresholds is searched, which stays in cache
        within = silent[start:stop]
        found = np.searchsorted(within, thresholds, side="left")
        below[block] = found + start
        if reached is not below:
            reached[block] = below[block]
        tied = np.flatnonzero(within[np.minimum(found, len(within) - 1)] == thresholds) if len(within) else ()
        if len(tied):
            if reached is below:
                reached = below.copy()
            reached[block, tied] = np.searchsorted(within, thresholds[tied], side="right") + start
    return below, reached
