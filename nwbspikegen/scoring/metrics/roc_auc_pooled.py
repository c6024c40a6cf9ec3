"""The ROC-AUC over all bins of all units together."""

from __future__ import annotations

from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction


def _measure(scored: ScoredPrediction) -> list[Measured]:
    return [Measured("", scored.pooled_areas[0], scored.segment.num_units)]


ROC_AUC_POOLED = Metric(
    name="roc_auc_pooled",
    title="Pooled ROC-AUC",
    column="ROC pooled",
    better="higher",
    unit="1",
    meaning="Probability that a spike of any unit was thought likelier than a silent bin of any unit: mostly "
    "which units are busy.",
    chance=0.5,
    is_main=True,
    measure=_measure,
)
