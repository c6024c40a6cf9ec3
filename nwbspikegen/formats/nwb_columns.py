"""Columns of tables that several interfaces write into."""

from __future__ import annotations

from typing import Any

import numpy as np

# what NeuroConv has no word for: a number that no count or place has, and what is not said to be so
_NULLS: dict[type, Any] = {int: -1, bool: False}


def to_shared(values: np.ndarray) -> np.ndarray:
    """Return a column's values as the next interface can add to them.

    NeuroConv fills a column that an interface does not have with NaN or an empty text, and knows nothing
    to put for whole numbers or truth values: these become floats.

    Examples
    --------
    >>> to_shared(np.array([3, 4])).tolist(), to_shared(np.array(["a"])).tolist()
    ([3.0, 4.0], ['a'])
    """
    values = np.asarray(values)
    return values.astype(np.float64) if values.dtype.kind in "biu" else values


def find_nulls(table: Any) -> dict[str, Any]:
    """Return what to put into the columns of others for which NeuroConv knows nothing: -1 and False.

    Examples
    --------
    >>> find_nulls(None)
    {}
    """
    from hdmf.common import VectorIndex

    if table is None or len(table) == 0:
        return {}
    nulls: dict[str, Any] = {}
    for name in table.colnames:
        column = table[name]
        if isinstance(column, VectorIndex) or not hasattr(column, "data"):
            continue
        first = column[0]
        first = first.item() if isinstance(first, np.generic) else first
        if type(first) in _NULLS:
            nulls[name] = _NULLS[type(first)]
    return nulls


def sort_columns(table: Any) -> None:
    """Order a table's columns by name: NeuroConv's order changes from process to process."""
    table.fields["colnames"] = tuple(sorted(table.colnames))
