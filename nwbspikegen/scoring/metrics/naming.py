"""How tables and figures name a score, one that is not known here included."""

from __future__ import annotations

from nwbspikegen.scoring.metrics.record import Metric
from nwbspikegen.scoring.metrics.register import METRICS, list_metrics

_DIRECTIONS = {"higher": "", "lower": ", lower is better", "nearer_zero": ", nearer 0 is better"}


def name_score(metric: str, null: str = "") -> str:
    """Return the label of a score on a figure: title, null, unit, and which way is better unless upward.

    A stored table may hold scores of a package that is not installed: those have their name in words.

    Examples
    --------
    >>> name_score("bits_per_spike", "mean_rate"), name_score("of_another_package")
    ('Bits per spike above mean_rate', 'Of another package')
    >>> name_score("isi_distance")
    'Distance of inter-spike intervals (s), lower is better'
    """
    list_metrics()
    known = METRICS.get(metric)
    title = known.title if known else metric.replace("_", " ").capitalize()
    above = f" above {null}" if null else ""
    return f"{title}{above}{_name_unit(known)}{_DIRECTIONS[known.better] if known else ''}"


def _name_unit(metric: Metric | None) -> str:
    """Return the unit in brackets, unless it is a pure number or stands in the title."""
    if metric is None or metric.unit == "1" or metric.unit.lower() in metric.title.lower().split():
        return ""
    return f" ({metric.unit})"
