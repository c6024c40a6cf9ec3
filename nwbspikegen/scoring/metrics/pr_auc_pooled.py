"""The area under the precision-recall curve over all bins of all units together."""

from __future__ import annotations

from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction


def _measure(scored: ScoredPrediction) -> list[Measured]:
    return [Measured("", scored.pooled_areas[2], scored.segment.num_units)]


PR_AUC_POOLED = Metric(
    name="pr_auc_pooled",
    title="Pooled PR-AUC",
    column="PR pooled",
    better="higher",
    unit="1",
    meaning="Area under the precision-recall curve, its points joined by straight lines, over all bins of "
    "all units; chance is the share of bins with a spike.",
    measure=_measure,
)
