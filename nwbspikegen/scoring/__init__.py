"""How good a prediction is, beside trivial ones, with intervals; and whether it could have cheated."""

from nwbspikegen.core.draws import draw_spikes
from nwbspikegen.scoring.audits import (
    assemble_audits,
    audit_causality,
    audit_permutation,
    audit_splits,
)
from nwbspikegen.scoring.baselines import BASELINES, make_baseline, require_baselines
from nwbspikegen.scoring.blocks import Estimate
from nwbspikegen.scoring.calibration import calibration_error
from nwbspikegen.scoring.context_curves import ContextCurve, join_curves
from nwbspikegen.scoring.context_files import read_curve, write_curve
from nwbspikegen.scoring.correction import correct_by_holm
from nwbspikegen.scoring.curves import Curve, precision_recall_curve, roc_curve
from nwbspikegen.scoring.evaluation import paired_difference, score_predictions
from nwbspikegen.scoring.likelihood import bits_per_spike
from nwbspikegen.scoring.metrics import METRICS, Metric, find_metric, list_metrics, metric
from nwbspikegen.scoring.metrics.isi_distance import isi_distance
from nwbspikegen.scoring.metrics.rate_correlation import rate_correlation
from nwbspikegen.scoring.metrics.rate_log_ratio import rate_log_ratio
from nwbspikegen.scoring.ranking import PooledRanking, rank_pooled
from nwbspikegen.scoring.statistics import check_stationarity, spike_statistics
from nwbspikegen.scoring.summary import ScoreSummary, summarise
from nwbspikegen.scoring.table import score
from nwbspikegen.scoring.trains import compare_trains
from nwbspikegen.scoring.unit_ranking import roc_auc_per_unit

__all__ = [
    "BASELINES",
    "METRICS",
    "ContextCurve",
    "Curve",
    "Estimate",
    "Metric",
    "PooledRanking",
    "ScoreSummary",
    "assemble_audits",
    "audit_causality",
    "audit_permutation",
    "audit_splits",
    "bits_per_spike",
    "calibration_error",
    "check_stationarity",
    "compare_trains",
    "correct_by_holm",
    "draw_spikes",
    "find_metric",
    "isi_distance",
    "join_curves",
    "list_metrics",
    "make_baseline",
    "metric",
    "paired_difference",
    "precision_recall_curve",
    "rank_pooled",
    "rate_correlation",
    "rate_log_ratio",
    "read_curve",
    "require_baselines",
    "roc_auc_per_unit",
    "roc_curve",
    "score",
    "score_predictions",
    "spike_statistics",
    "summarise",
    "write_curve",
]
