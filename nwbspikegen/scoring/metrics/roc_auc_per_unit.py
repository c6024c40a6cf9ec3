"""The ROC-AUC within units, which no firing rate can raise."""

from __future__ import annotations

import numpy as np

from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction
from nwbspikegen.scoring.unit_ranking import mean_over_units, rank_units


def _measure(scored: ScoredPrediction) -> list[Measured]:
    segment = scored.segment
    ranking = rank_units(scored.probability, segment.spikes, segment.edges, segment.observed)
    areas = ranking.areas(segment.weights)
    return [Measured("", mean_over_units(areas), int(np.isfinite(areas[0]).sum()))]


ROC_AUC_PER_UNIT = Metric(
    name="roc_auc_per_unit",
    title="ROC-AUC per unit",
    column="ROC per unit",
    better="higher",
    unit="1",
    meaning="Probability that a spike of a unit was thought likelier than a silent bin of the same unit, "
    "averaged over units.",
    chance=0.5,
    is_main=True,
    measure=_measure,
)
