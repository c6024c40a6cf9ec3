"""The average precision over all bins of all units together."""

from __future__ import annotations

from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction


def _measure(scored: ScoredPrediction) -> list[Measured]:
    return [Measured("", scored.pooled_areas[1], scored.segment.num_units)]


AVERAGE_PRECISION_POOLED = Metric(
    name="average_precision_pooled",
    title="Pooled average precision",
    column="AP pooled",
    better="higher",
    unit="1",
    meaning="Precision averaged over recall, over all bins of all units; chance is the share of bins "
    "with a spike.",
    measure=_measure,
)
