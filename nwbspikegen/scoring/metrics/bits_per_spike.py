"""The headline score: bits per spike above a null."""

from __future__ import annotations

from nwbspikegen.scoring.likelihood import sum_spikes, weigh_bits
from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction


def _measure(scored: ScoredPrediction) -> list[Measured]:
    segment = scored.segment
    reached = scored.log2_likelihood
    num_spikes = sum_spikes(segment.spikes, segment.edges)
    return [
        Measured(null, weigh_bits(reached - null_sum, num_spikes, segment.weights), segment.num_units)
        for null, null_sum in segment.null_sums.items()
    ]


BITS_PER_SPIKE = Metric(
    name="bits_per_spike",
    title="Bits per spike",
    column="bits/spike",
    better="higher",
    unit="bits",
    meaning="How many bits of log2-likelihood each spike gains over a null; above 0 is better than the null.",
    needs="null",
    chance=0.0,
    is_main=True,
    measure=_measure,
)
