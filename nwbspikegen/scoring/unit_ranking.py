"""How well each unit's spikes are ranked in time, whatever its rate: ROC-AUC within units."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Real

from nwbspikegen.core.large_arrays import empty_array, release
from nwbspikegen.core.threads import map_in_threads
from nwbspikegen.scoring.ranking_kernels import count_wins
from nwbspikegen.views.history import Mask


@dataclass(frozen=True)
class UnitRanking:
    """What the ROC-AUC of each unit needs, summed by block.

    Attributes
    ----------
    pairs : array (unit, block, block)
        Over spikes in the first block and silent bins in the second: pairs in which the spike has
        the higher probability, ties counting half.
    spiking, silent : array (unit, block)
        Bins with a spike, and silent bins.
    """

    pairs: Float64[np.ndarray, "unit block block"]
    spiking: Float64[np.ndarray, "unit block"]
    silent: Float64[np.ndarray, "unit block"]

    def areas(self, weights: Float64[np.ndarray, "draw block"]) -> Float64[np.ndarray, "draw unit"]:
        """Return each unit's ROC-AUC per row of block weights; NaN where it is undefined."""
        # a draw counts the pairs of blocks a and b w(a) w(b) times, a quadratic form: areas are exact,
        # and no bin is sorted again
        concordant = np.stack([np.einsum("da,da->d", weights @ pairs, weights) for pairs in self.pairs])
        with np.errstate(invalid="ignore", divide="ignore"):
            areas = concordant / ((self.spiking @ weights.T) * (self.silent @ weights.T))
        return np.ascontiguousarray(areas.T)


def rank_units(
    spike_probability: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    edges: Int64[np.ndarray, " edges"],
    observed: Mask = None,
) -> UnitRanking:
    """Count, for each unit and pair of blocks, how often a spike is ranked above an observed silent bin."""
    num_units, num_blocks = spikes.shape[1], len(edges) - 1
    spiking, where = _spike_probabilities(spike_probability, spikes, edges)
    ranked = _rank_spikes(where, spiking)
    num_silent = np.empty_like(spiking)
    pairs = empty_array((num_units, num_blocks, num_blocks), np.float64)

    def count_block(second: int) -> None:
        start, stop = edges[second : second + 2]
        # what was not observed is neither a spike nor silence, and leaves both sides of a pair
        not_silent = spikes[start:stop] > 0
        if observed is not None:
            not_silent |= ~observed[start:stop]
        num_silent[:, second] = stop - start - np.count_nonzero(not_silent, axis=0)
        # all units at once, block by block: the sorted copy is of one block, not of the segment
        ordered = _sort_silent(spike_probability[start:stop], not_silent)
        count_wins(ordered, num_silent[:, second], *ranked, pairs[:, :, second])
        release(spike_probability, spikes, observed, pairs)

    map_in_threads(count_block, range(num_blocks))
    return UnitRanking(pairs, spiking.astype(np.float64), num_silent.astype(np.float64))


def roc_auc_per_unit(
    spike_probability: Float[np.ndarray, "time unit"], spikes: Real[np.ndarray, "time unit"]
) -> tuple[float, int]:
    """Return the mean over units of the ROC-AUC within each unit, and how many units that is.

    Formula: P(probability at a spike > at a silent bin of the same unit), ties count half, averaged
    over units with at least one spike and one silent bin. Chance, and any constant rate, is 0.5;
    higher is better. Edge rule: without such a unit the mean is NaN and the count 0.

    Examples
    --------
    >>> probability = np.array([[0.1, 0.5], [0.9, 0.5], [0.2, 0.5]])
    >>> roc_auc_per_unit(probability, np.array([[0, 1], [1, 0], [0, 0]]))
    (0.75, 2)
    """
    whole = np.array([0, len(spikes)], dtype=np.int64)
    areas = rank_units(spike_probability, spikes, whole).areas(np.ones((1, 1)))
    return float(mean_over_units(areas)[0]), int(np.isfinite(areas).sum())


def mean_over_units(areas: Float64[np.ndarray, "draw unit"]) -> Float64[np.ndarray, " draw"]:
    """Return the mean over the units whose area is defined; NaN where there is none."""
    defined = np.isfinite(areas)
    count = defined.sum(axis=1)
    total = np.where(defined, areas, 0.0).sum(axis=1)
    # not nanmean, which warns of a draw without a defined unit; that is no fault here
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _spike_probabilities(
    spike_probability: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    edges: Int64[np.ndarray, " edges"],
) -> tuple[Int64[np.ndarray, "unit block"], list[Float[np.ndarray, " _spiking"]]]:
    """Return each unit's bins with a spike by block, and the probabilities there, in the order of time."""
    spiking, parts = [], []
    for start, stop in pairwise(edges):
        spike = (spikes[start:stop] > 0).T
        spiking.append(np.count_nonzero(spike, axis=1))
        parts.append(np.split(spike_probability[start:stop].T[spike], np.cumsum(spiking[-1])[:-1]))
        release(spike_probability, spikes)
    return np.stack(spiking, axis=1), [np.concatenate(of_unit) for of_unit in zip(*parts, strict=True)]


class _Ranked(NamedTuple):
    """Each unit's probabilities at its spikes, ascending, one unit after the other, and the block of each."""

    begin: Int64[np.ndarray, " edge"]
    probability: Float[np.ndarray, " spike"]
    block: Int64[np.ndarray, " spike"]


def _rank_spikes(
    where: list[Float[np.ndarray, " _spiking"]], spiking: Int64[np.ndarray, "unit block"]
) -> _Ranked:
    orders = [np.argsort(probability) for probability in where]
    blocks = [np.repeat(np.arange(len(counts)), counts) for counts in spiking]
    begin: Int64[np.ndarray, " edge"] = np.concatenate([[0], np.cumsum(spiking.sum(axis=1))])
    ranked = [probability[order] for probability, order in zip(where, orders, strict=True)]
    block = [block[order] for block, order in zip(blocks, orders, strict=True)]
    return _Ranked(begin, np.concatenate(ranked), np.concatenate(block))


def _sort_silent(
    spike_probability: Float[np.ndarray, "bin unit"], not_silent: Bool[np.ndarray, "bin unit"]
) -> Float[np.ndarray, "unit bin"]:
    """Return each unit's probabilities ascending, those of bins not silent pushed to the end as infinite."""
    # a unit's bins lie together, where they are sorted in half the time
    silent = np.ascontiguousarray(np.where(not_silent, np.inf, spike_probability).T, spike_probability.dtype)
    silent.sort(axis=1)
    return silent
