"""What scores mean, for whoever points at the heading of a column."""

from __future__ import annotations

import pandas as pd

from nwbspikegen.scoring.metrics import METRICS


def tell_metrics(table: pd.DataFrame) -> str:
    """Return what each score of a table with a column `metric` means.

    Examples
    --------
    >>> tell_metrics(pd.DataFrame({"metric": ["of_another_package"]}))
    ''
    """
    names = dict.fromkeys(table["metric"]) if "metric" in table else {}
    return " ".join(f"{name}: {METRICS[name].meaning}" for name in names if name in METRICS)
