"""The register of scores, one file each: what tables, commands, figures and reports know of a score."""

from nwbspikegen.scoring.metrics.average_precision_pooled import AVERAGE_PRECISION_POOLED
from nwbspikegen.scoring.metrics.bits_per_spike import BITS_PER_SPIKE
from nwbspikegen.scoring.metrics.calibration_error import CALIBRATION_ERROR
from nwbspikegen.scoring.metrics.isi_distance import ISI_DISTANCE
from nwbspikegen.scoring.metrics.naming import name_score
from nwbspikegen.scoring.metrics.pr_auc_pooled import PR_AUC_POOLED
from nwbspikegen.scoring.metrics.rate_correlation import RATE_CORRELATION
from nwbspikegen.scoring.metrics.rate_log_ratio import RATE_LOG_RATIO
from nwbspikegen.scoring.metrics.record import Better, Measured, Metric
from nwbspikegen.scoring.metrics.register import METRICS, find_metric, list_added, list_metrics, metric
from nwbspikegen.scoring.metrics.roc_auc_per_unit import ROC_AUC_PER_UNIT
from nwbspikegen.scoring.metrics.roc_auc_pooled import ROC_AUC_POOLED

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
