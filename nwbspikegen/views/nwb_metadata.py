"""Session, subject and per-unit columns of an NWB file, read with h5py."""

from __future__ import annotations

import contextlib
from typing import Any

import h5py
import numpy as np

_TEXTS = {
    "identifier": "identifier",
    "session_start_time": "session_start_time",
    "session_id": "general/session_id",
    "lab": "general/lab",
    "institution": "general/institution",
    "subject_id": "general/subject/subject_id",
    "species": "general/subject/species",
}
_PREPARATION = "preparation:"
# where a unit is, when each unit names one electrode
_PLACES = ("location", "rel_x", "rel_y", "rel_z", "x", "y", "z")


def read_session(file: h5py.File) -> dict[str, str]:
    """Return who, when and where, each a string, empty where the file does not say."""
    session = {name: _read_text(file, path) for name, path in _TEXTS.items()}
    session["preparation"] = ""
    for keyword in _read_keywords(file):
        if keyword.startswith(_PREPARATION):
            session["preparation"] = keyword.removeprefix(_PREPARATION).strip()
    return session


def _read_text(file: h5py.File, path: str) -> str:
    if path not in file:
        return ""
    return _to_text(np.ravel(file[path][()])[0]) if file[path].size else ""


def _read_keywords(file: h5py.File) -> list[str]:
    if "general/keywords" not in file:
        return []
    return [_to_text(keyword) for keyword in np.ravel(file["general/keywords"][()])]


def _to_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def read_columns(units: h5py.Group, num_units: int) -> dict[str, np.ndarray]:
    """Return the columns that hold one value per unit; electrodes give places when there is one each.

    Ragged and multi-dimensional columns are left out, and so are references, except that an electrode
    group becomes its name.
    """
    columns = {}
    for name in _order_columns(units):
        values = _read_column(units[name], num_units) if f"{name}_index" not in units else None
        if values is not None:
            columns[name] = values
    return {**_read_places(units, num_units), **columns}


def _order_columns(units: h5py.Group) -> list[str]:
    skipped = {"id", "spike_times", "electrodes"}
    names = [_to_text(name) for name in units.attrs.get("colnames", [])]
    names += [name for name in units if name not in names]
    return [name for name in names if name in units and name not in skipped and not name.endswith("_index")]


def _read_column(column: Any, num_rows: int) -> np.ndarray | None:
    if not isinstance(column, h5py.Dataset) or column.shape != (num_rows,):
        return None
    if h5py.check_ref_dtype(column.dtype) is not None:
        return _read_names(column)
    if h5py.check_string_dtype(column.dtype) is not None:
        return np.array([_to_text(value) for value in column[:]], dtype=np.str_)
    return column[:] if column.dtype.kind in "biuf" else None


def _read_names(column: h5py.Dataset) -> np.ndarray | None:
    if h5py.check_ref_dtype(column.dtype) is not h5py.Reference:
        return None
    with contextlib.suppress(ValueError, KeyError, RuntimeError):
        return np.array([column.file[each].name.rsplit("/", 1)[-1] for each in column[:]], dtype=np.str_)
    return None


def _read_places(units: h5py.Group, num_units: int) -> dict[str, np.ndarray]:
    rows = _read_column(units["electrodes"], num_units) if "electrodes" in units else None
    if rows is None or rows.dtype.kind not in "iu":
        return {}
    if "electrodes_index" in units and not np.array_equal(
        units["electrodes_index"][:], np.arange(1, num_units + 1)
    ):
        return {}
    electrodes = units.file.get("general/extracellular_ephys/electrodes")
    if electrodes is None or "id" not in electrodes or rows.max(initial=0) >= len(electrodes["id"]):
        return {}
    places = {
        name: _read_column(electrodes[name], len(electrodes["id"])) for name in _PLACES if name in electrodes
    }
    return {name: values[rows] for name, values in places.items() if values is not None}
