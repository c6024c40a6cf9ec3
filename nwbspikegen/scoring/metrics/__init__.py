"""The register of scores, one file each: what tables, commands, figures and reports know of a score."""

from nwbspikegen.scoring.metrics.naming import name_score
from nwbspikegen.scoring.metrics.record import Better, Measured, Metric
from nwbspikegen.scoring.metrics.register import (
    AVERAGE_PRECISION_POOLED,
    BITS_PER_SPIKE,
    CALIBRATION_ERROR,
    ISI_DISTANCE,
    METRICS,
    PR_AUC_POOLED,
    RATE_CORRELATION,
    RATE_LOG_RATIO,
    ROC_AUC_PER_UNIT,
    ROC_AUC_POOLED,
    find_metric,
    list_added,
    list_metrics,
    metric,
)

__all__ = [
    "AVERAGE_PRECISION_POOLED",
    "BITS_PER_SPIKE",
    "CALIBRATION_ERROR",
    "ISI_DISTANCE",
    "METRICS",
    "PR_AUC_POOLED",
    "RATE_CORRELATION",
    "RATE_LOG_RATIO",
    "ROC_AUC_PER_UNIT",
    "ROC_AUC_POOLED",
    "Better",
    "Measured",
    "Metric",
    "find_metric",
    "list_added",
    "list_metrics",
    "metric",
    "name_score",
]
