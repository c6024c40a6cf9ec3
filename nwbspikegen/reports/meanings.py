"""Rows of tables, and what their scores mean, for whoever points at the heading of a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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


def iterate_rows(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a table, with its columns as attributes, of whatever type they are.

    Examples
    --------
    >>> [row.a for row in iterate_rows(pd.DataFrame({"a": [1, 2]}))]
    [1, 2]
    """
    yield from table.itertuples()
