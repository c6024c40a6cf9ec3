"""How far a prediction gets worse by a perturbation: intact minus perturbed, on the same draws of blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64, UInt8

from nwbspikegen.scoring.blocks import (
    FEWEST_RELIABLE_BLOCKS,
    Estimate,
    estimate,
    resample_blocks,
    split_blocks,
)
from nwbspikegen.scoring.evaluation import FEWEST_SPIKES
from nwbspikegen.scoring.likelihood import sum_log2_likelihood, sum_spikes, weigh_bits
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT, ROC_AUC_POOLED
from nwbspikegen.scoring.ranking import rank_sorted, sort_blocks
from nwbspikegen.scoring.unit_ranking import mean_over_units, rank_units
from nwbspikegen.views.history import Mask

METRICS = (BITS_PER_SPIKE.name, ROC_AUC_POOLED.name, ROC_AUC_PER_UNIT.name)


@dataclass(frozen=True)
class Scored:
    """Bins that predictions are scored on.

    Attributes
    ----------
    spikes : uint8 array (bin, unit)
        Recorded.
    mean_rate : array (unit,)
        Null of bits per spike.
    edges : array
        Where blocks of 10 s begin and end among the bins.
    seed, resamples : int
        Of the bootstrap.
    mask : bool array (bin, unit) or None
        Whether the unit was observed in the bin; None: always.
    """

    spikes: UInt8[np.ndarray, "bin unit"]
    mean_rate: Float[np.ndarray, " unit"]
    edges: Int64[np.ndarray, " edges"]
    seed: int = 0
    resamples: int = 200
    mask: Mask = None

    @property
    def num_spikes(self) -> int:
        """Bins with a spike."""
        return int((self.spikes > 0).sum())

    @property
    def is_reliable(self) -> bool:
        """Whether there are enough blocks for intervals."""
        return len(self.edges) > FEWEST_RELIABLE_BLOCKS

    def draws(
        self, spike_probability: Float[np.ndarray, "bin unit"]
    ) -> dict[str, Float64[np.ndarray, " draw"]]:
        """Return each metric for every draw of blocks; the first counts every block once.

        NaN with fewer than 20 spikes: one more or less would make another number.
        """
        if self.num_spikes < FEWEST_SPIKES:
            return {metric: np.full(1, np.nan) for metric in METRICS}
        weights = resample_blocks(len(self.edges) - 1, self.resamples, self.seed)
        null = np.broadcast_to(self.mean_rate, self.spikes.shape)
        # sums per block, so that a draw of blocks is a product of weights and sums and scores nothing again
        gain = sum_log2_likelihood(spike_probability, self.spikes, self.edges, self.mask)
        gain = gain - sum_log2_likelihood(null, self.spikes, self.edges, self.mask)
        areas = rank_units(spike_probability, self.spikes, self.edges, self.mask).areas(weights)
        pooled = rank_sorted(sort_blocks(spike_probability, self.spikes, self.edges, self.mask), weights)
        return {
            BITS_PER_SPIKE.name: weigh_bits(gain, sum_spikes(self.spikes, self.edges), weights),
            ROC_AUC_POOLED.name: pooled[0],
            ROC_AUC_PER_UNIT.name: mean_over_units(areas),
        }


def target_edges(
    targets: Int64[np.ndarray, " target"], first: int, num_bins: int, bin_size: float, mask: Mask = None
) -> Int64[np.ndarray, " edges"]:
    """Return where blocks of 10 s of a segment begin and end among sampled bins of it.

    Blocks without a sampled bin are left out.

    Examples
    --------
    >>> target_edges(np.array([5, 8_000, 12_000]), 0, 20_000, 0.001).tolist()
    [0, 2, 3]
    """
    seen = None if mask is None else mask[first:]
    # sampled bins keep the blocks of the segment they were drawn from: bins of one block depend on each other
    edges = np.searchsorted(targets, first + split_blocks(num_bins - first, bin_size, seen))
    return np.unique(edges).astype(np.int64)


def find_drops(
    intact: dict[str, Float64[np.ndarray, " draw"]], perturbed: dict[str, Float64[np.ndarray, " draw"]]
) -> dict[str, tuple[Estimate, Estimate]]:
    """Return the value of each metric, and how far it drops: above 0 the perturbation does harm."""
    return {
        metric: (estimate(perturbed[metric]), estimate(intact[metric] - perturbed[metric]))
        for metric in METRICS
    }
