"""Whether probabilities mean what they say."""

from __future__ import annotations

from nwbspikegen.scoring.calibration import sum_groups, weigh_calibration
from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction


def _measure(scored: ScoredPrediction) -> list[Measured]:
    segment = scored.segment
    error = weigh_calibration(sum_groups(scored.ordered), segment.weights)
    return [Measured("", error, segment.num_units)]


CALIBRATION_ERROR = Metric(
    name="calibration_error",
    title="Calibration error",
    column="calib. error",
    better="lower",
    unit="1",
    meaning="How far predicted probabilities are, on average over 20 groups of bins, from the share of bins "
    "with a spike.",
    measure=_measure,
)
