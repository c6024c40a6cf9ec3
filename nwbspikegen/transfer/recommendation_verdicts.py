"""What can be said of recommended rows, in plain words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.transfer.recommendation_cells import TRIVIAL

# of two the better one says little of what recordings in general would give
_FEWEST_ROWS = 3


def judge_rows(table: pd.DataFrame, best: int | None) -> list[str]:
    """Return a verdict on each row, from its intervals against the best row and the trivial predictors.

    Parameters
    ----------
    table : DataFrame
        As `recommend` returns it, before it is put in order.
    best : int or None
        The best of the rows that are independent of the target.
    """
    rivals = _find_rivals(table, best)
    return [_judge_row(row, index == best, table, best, rivals) for index, row in table.iterrows()]


def tell_limits(num_independent: int, has_draws: bool, is_reliable: bool) -> str:
    """Return what limits a recommendation, empty when nothing does.

    Examples
    --------
    >>> tell_limits(2, True, True)
    'only 2 independent rows: add recordings'
    """
    notes = []
    if num_independent == 0:
        notes.append("no row is independent of the target: nothing can be recommended")
    elif num_independent < _FEWEST_ROWS:
        rows = "row" if num_independent == 1 else "rows"
        notes.append(f"only {num_independent} independent {rows}: add recordings")
    if not has_draws:
        notes.append("no bootstrap draws: differences have no interval")
    elif not is_reliable:
        notes.append("fewer than 30 blocks of time: intervals are not to be relied on")
    return "; ".join(notes)


def _judge_row(row: Any, is_best: bool, table: pd.DataFrame, best: int | None, rivals: list[str]) -> str:
    if not np.isfinite(row["value"]):
        return "no score"
    if not row["independent"]:
        return f"not independent of the target ({row['shared'] or 'shared'})"
    # before any comparison between rows: the best of rows that are worth nothing is worth nothing
    for name in TRIVIAL:
        if f"against_{name}" in table and _is_no_better(row, name):
            return f"no better than {name}"
    if is_best:
        return _judge_best(row, table, rivals)
    if np.isnan(row["against_best_low"]):
        return "behind the best, how surely unknown"
    name = "" if best is None else str(table["train_session"].loc[best])
    return f"not distinguishable from {name}" if row["against_best_high"] >= 0.0 else f"worse than {name}"


def _is_no_better(row: Any, name: str) -> bool:
    low = row[f"against_{name}_low"]
    # without draws the difference itself has to do
    return bool(row[f"against_{name}"] <= 0.0 if np.isnan(low) else low <= 0.0)


def _judge_best(row: Any, table: pd.DataFrame, rivals: list[str]) -> str:
    if int(table["rank"].notna().sum()) == 1:
        return "the only independent row"
    if np.isnan(row["against_best_low"]):
        return "best, how surely unknown"
    return f"not distinguishable from {rivals[0]}" if rivals else "clearly best"


def _find_rivals(table: pd.DataFrame, best: int | None) -> list[str]:
    """Return the ranked rows whose paired interval to the best reaches zero, best first."""
    if best is None:
        return []
    # written with "not", so that a row whose interval is unknown counts as a rival
    rows = table[table["rank"].notna() & (table.index != best) & ~(table["against_best_high"] < 0.0)]
    return [str(name) for name in rows.sort_values("value", ascending=False)["train_session"]]
