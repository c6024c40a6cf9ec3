"""Columns and tables of NWB as numpy, Python or pandas holds them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pandas as pd

from nwbspikegen.nwb.groups import find_array
from nwbspikegen.nwb.ids import LABELS
from nwbspikegen.nwb.names import split_attributes
from nwbspikegen.nwb.unit_table import require_columns


def read_column(column: h5py.Dataset) -> Any:
    """Return a column of a table: texts as str, truth values as bool, numbers as they are."""
    if h5py.check_string_dtype(column.dtype) is not None:
        return [decode_text(value) for value in column[:]]
    # h5py stores truth values as an enumeration of FALSE and TRUE
    if h5py.check_enum_dtype(column.dtype) is not None:
        return column[:].astype(bool)
    return column[:]


def require_array(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return an array of a group; `KeyError` when it is not there, `InputError` when it is damaged."""
    array = find_array(group, name)
    if array is None:
        raise KeyError(f"no array {name} in {group.name}")
    return array


def read_dynamic_table(table: h5py.Group) -> pd.DataFrame:
    """Return a table whose columns are all of one length, with the attributes of its description.

    Raises
    ------
    InputError, KeyError, ValueError
        The table lists other columns than it has.
    """
    names = require_columns(table, strict=True)
    frame = pd.DataFrame({name: read_column(require_array(table, name)) for name in names})
    if names and len(frame) != len(require_array(table, "id")):
        raise ValueError(f"{len(frame)} rows in {table.name} for {len(table['id'])} ids")
    frame.attrs.update(split_attributes(decode_text(table.attrs["description"])))
    return frame


def read_unit_ids(root: Any, rows: Any) -> np.ndarray:
    """Return the ids, or the labels, of some rows of /units; `IndexError` for rows that are not there."""
    ids, rows = require_array(root, "units/id")[:], np.asarray(rows)
    if find_array(root, f"units/{LABELS}") is not None:
        # the labels are what views and users call the units; the ids beside them are only their numbers
        ids = np.array(read_column(require_array(root, f"units/{LABELS}")), dtype=np.str_)
    if rows.size and (rows.min() < 0 or rows.max() >= len(ids)):
        raise IndexError(f"units in rows {rows.min()} to {rows.max()} of {len(ids)}")
    return np.asarray(ids[rows])


def name_units(units: Any) -> np.ndarray:
    """Return what names each unit of a table in memory: its label where it has one, else its id."""
    if LABELS in units.colnames:
        return np.array([decode_text(label) for label in units[LABELS][:]], dtype=np.str_)
    return np.asarray(units.id[:])


def decode_text(value: Any) -> str:
    """Return what HDF5 holds as bytes or str, as str."""
    return value.decode() if isinstance(value, bytes) else str(value)
