"""Colours and words of the figures of a transfer study."""

from __future__ import annotations

# in the order in which groups are drawn
PREPARATIONS = {"in_vitro": "#0072B2", "in_vivo": "#D55E00", "mixed": "#882E72", "": "#4D4D4D"}
_SCORES = {
    "bits_per_spike": "Bits per spike",
    "roc_auc_pooled": "ROC-AUC, units pooled",
    "roc_auc_per_unit": "ROC-AUC, mean over units",
    "average_precision_pooled": "Average precision, units pooled",
    "pr_auc_pooled": "PR-AUC, units pooled",
    "calibration_error": "Calibration error",
}


def name_preparation(preparation: str) -> str:
    """Return a preparation in words.

    Examples
    --------
    >>> name_preparation("in_vitro")
    'in vitro'
    """
    return preparation.replace("_", " ") or "preparation unknown"


def name_score(metric: str, null: str) -> str:
    """Return a score in words, with its null.

    Examples
    --------
    >>> name_score("bits_per_spike", "mean_rate")
    'Bits per spike above mean_rate'
    """
    return _SCORES.get(metric, metric.replace("_", " ")) + (f" above {null}" if null else "")
