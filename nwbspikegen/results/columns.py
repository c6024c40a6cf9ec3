"""Columns of NWB tables as numpy or Python holds them."""

from __future__ import annotations

from typing import Any

import h5py


def read_column(column: h5py.Dataset) -> Any:
    """Return a column of a table: texts as str, truth values as bool, numbers as they are."""
    if h5py.check_string_dtype(column.dtype) is not None:
        return [to_text(value) for value in column[:]]
    if h5py.check_enum_dtype(column.dtype) is not None:
        return column[:].astype(bool)
    return column[:]


def to_text(value: Any) -> str:
    """Return what HDF5 holds as bytes or str, as str."""
    return value.decode() if isinstance(value, bytes) else str(value)
