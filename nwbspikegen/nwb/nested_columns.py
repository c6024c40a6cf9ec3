"""Nested records as flat columns of a table, and back: NWB's tables hold no dictionaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

_SEPARATOR = "."
_JSON = "json_columns"
# what a column can hold as it is, if all rows have it
_PLAIN = (bool, int, float, str)
_LARGEST = 2**63


def flatten_records(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row for each record, one column for each value, ``outer.inner`` where records are nested.

    Lists, gaps and values of several types become JSON, in the columns that
    ``attrs["json_columns"]`` lists.

    Examples
    --------
    >>> table = flatten_records([{"width": 8, "split": {"train": [0.0, 2.5], "seed": 1}}])
    >>> table.loc[0].to_dict()
    {'width': 8, 'split.train': '[0.0, 2.5]', 'split.seed': 1}
    >>> restore_records(table)
    [{'width': 8, 'split': {'train': [0.0, 2.5], 'seed': 1}}]
    """
    rows = [_flatten(json.loads(json.dumps(dict(record), default=str))) for record in records]
    frame, as_json = pd.DataFrame(index=range(len(rows))), []
    for name in dict.fromkeys(key for row in rows for key in row):
        values = [row[name] for row in rows if name in row]
        kinds = {type(value) for value in values}
        is_plain = len(values) == len(rows) and len(kinds) == 1 and kinds <= set(_PLAIN)
        if is_plain and (kinds != {int} or max(map(abs, values)) < _LARGEST):
            frame[name] = values
            continue
        as_json.append(name)
        frame[name] = [json.dumps(row[name]) if name in row else "" for row in rows]
    if as_json:
        frame.attrs[_JSON] = as_json
    return frame


def restore_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the records that `flatten_records` was given, as JSON would give them back."""
    as_json = set(frame.attrs.get(_JSON, ()))
    records: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    for name in frame.columns:
        *outer, last = str(name).split(_SEPARATOR)
        for record, value in zip(records, frame[name].tolist(), strict=True):
            # no JSON is an empty text: the record of this row lacks the value
            if name in as_json and value == "":
                continue
            place = record
            for key in outer:
                place = place.setdefault(key, {})
            place[last] = json.loads(value) if name in as_json else value
    return records


def _flatten(record: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in record.items():
        inner = isinstance(value, dict) and value and all(_is_name(each) for each in value)
        if inner:
            found |= _flatten(value, f"{start}{key}{_SEPARATOR}")
        else:
            found[f"{start}{key}"] = value
    return found


def _is_name(key: str) -> bool:
    """Return whether a key can be part of a column's name: HDF5 takes a slash for a path."""
    return bool(key) and _SEPARATOR not in key and "/" not in key
