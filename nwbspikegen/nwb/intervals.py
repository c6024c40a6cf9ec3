"""Named intervals of an NWB file: epochs, trials, and tables of intervals in processing modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nwbspikegen.nwb.groups import find_array, find_group, read_values

# a table with more names than this counts rows, it does not name intervals
_MOST_NAMES = 50


def find_named_intervals(root: Any, name: str) -> tuple[list[tuple[float, float]], list[str]]:
    """Return the start and stop (s) of every interval called `name`, and all names that there are.

    An interval is called by its table, or by any text in its row, tags included.
    """
    found: list[tuple[float, float]] = []
    names: dict[str, None] = {}
    for table_name, table in _walk_tables(root):
        starts, stops = (read_values(table[column]) for column in ("start_time", "stop_time"))
        if starts is None or stops is None or starts.shape != stops.shape:
            continue
        spans = list(zip(starts.tolist(), stops.tolist(), strict=True))
        names[table_name] = None
        labels = _read_labels(table, len(spans))
        known = {label for row in labels for label in row}
        if len(known) <= _MOST_NAMES:
            names |= dict.fromkeys(sorted(known))
        found += [span for span, row in zip(spans, labels, strict=True) if name in row or name == table_name]
    return found, list(names)


def _walk_tables(root: Any) -> Iterator[tuple[str, Any]]:
    parents = [find_group(root, "intervals")]
    processing = find_group(root, "processing")
    if processing is not None:
        parents += [find_group(processing, name) for name in sorted(processing)]
    for parent in parents:
        for name in () if parent is None else sorted(parent):
            table = find_group(parent, name)
            if table is not None and "start_time" in table and "stop_time" in table:
                yield name, table


def _read_labels(table: Any, num_rows: int) -> Sequence[set[str]]:
    """Return the texts of each row."""
    labels: list[set[str]] = [set() for _ in range(num_rows)]
    for name in sorted(table):
        column = find_array(table, name)
        values = None if column is None or column.ndim != 1 else read_values(column)
        # numbers name nothing: a trial would be called by the angle of its grating
        if values is None or values.dtype.kind != "U":
            continue
        index = find_array(table, f"{name}_index")
        ends = np.arange(1, len(values) + 1) if index is None else np.asarray(index[:], dtype=np.int64)
        if len(ends) != num_rows:
            continue
        begins = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        for row, begin, end in zip(labels, begins.tolist(), ends.tolist(), strict=True):
            row.update(values[begin:end].tolist())
    return labels
