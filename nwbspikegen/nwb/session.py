"""Session, subject and per-unit columns of an NWB file."""

from __future__ import annotations

import functools
import logging
from datetime import UTC
from typing import Any

import numpy as np

from nwbspikegen.core.metadata import read_moment
from nwbspikegen.nwb.groups import (
    find_array,
    find_group,
    read_text,
    read_texts,
    read_values,
    to_text,
)
from nwbspikegen.nwb.names import RESULT_MODULES
from nwbspikegen.nwb.unit_table import require_columns

_log = logging.getLogger("nwbspikegen")

_TEXTS = {
    "identifier": "identifier",
    "session_start_time": "session_start_time",
    "session_id": "general/session_id",
    "lab": "general/lab",
    "institution": "general/institution",
    "subject_id": "general/subject/subject_id",
    "species": "general/subject/species",
}
# NWB has no field for it: it is a keyword, such as preparation:in_vitro
_PREPARATION = "preparation:"
# where a unit is, when each unit names one electrode
_PLACES = ("location", "rel_x", "rel_y", "rel_z", "x", "y", "z")


def read_session(root: Any) -> dict[str, str]:
    """Return who, when and where, each a text, empty where the file does not say.

    ``identifier`` is the recording's: that of the source in a derived file, whose units are the source's.
    """
    session = {name: read_text(root, path) for name, path in _TEXTS.items()}
    session["session_start_time"] = _with_zone(session["session_start_time"])
    session["identifier"] = read_recording_identifier(root)
    session["preparation"] = ""
    for keyword in read_texts(root, "general/keywords"):
        if keyword.startswith(_PREPARATION):
            session["preparation"] = keyword.removeprefix(_PREPARATION).strip()
    return session


def read_recording_identifier(root: Any) -> str:
    """Return the identifier of the recording that a file is, or that it is derived from."""
    for module in RESULT_MODULES:
        # a file that was derived from a derived one names both; files written before had one name for all
        for column in ("recording_identifier", "identifier"):
            text = read_text(root, f"processing/{module}/sources/{column}")
            if text:
                return text
    return read_text(root, "identifier")


@functools.lru_cache(maxsize=256)
def _with_zone(text: str) -> str:
    """Return a time with a zone: UTC, which is logged once, where it names none."""
    moment = read_moment(text)
    if moment is None or moment.tzinfo is not None:
        return text
    _log.warning("session_start_time %s names no time zone: it is taken as UTC", text)
    return moment.replace(tzinfo=UTC).isoformat()


def read_unit_columns(root: Any, units: Any, num_units: int) -> dict[str, np.ndarray]:
    """Return the columns that hold one value per unit; electrodes give places when there is one each.

    Ragged and multi-dimensional columns are left out, and so are references, except that an electrode
    group becomes its name.
    """
    columns = {}
    require_columns(units)
    # what units say of themselves wins over what their electrodes say
    for name in _order_columns(units):
        values = _read_column(units, name, num_units) if f"{name}_index" not in units else None
        if values is not None:
            columns[name] = values
    return {**_read_places(root, units, num_units), **columns}


def _order_columns(units: Any) -> list[str]:
    skipped = {"id", "spike_times", "electrodes"}
    # in the file's order, then columns that the list lacks, by name: so that no hash decides
    names = [to_text(name) for name in units.attrs.get("colnames", [])]
    names += [name for name in sorted(units) if name not in names]
    return [name for name in names if name in units and name not in skipped and not name.endswith("_index")]


def _read_column(table: Any, name: str, num_rows: int) -> np.ndarray | None:
    column = find_array(table, name)
    return None if column is None or column.shape != (num_rows,) else read_values(column)


def _read_places(root: Any, units: Any, num_units: int) -> dict[str, np.ndarray]:
    rows = _read_electrodes(units, num_units)
    if rows is None:
        return {}
    electrodes = find_group(root, "general/extracellular_ephys/electrodes")
    if electrodes is None:
        _log.warning("the units name electrodes, but there is no table of electrodes: they have no places")
        return {}
    require_columns(electrodes)
    ids = find_array(electrodes, "id")
    if ids is None or rows.max(initial=0) >= len(ids) or rows.min(initial=0) < 0:
        _log.warning("units name electrodes that the table of electrodes has not: they have no places")
        return {}
    places = {name: _read_column(electrodes, name, len(ids)) for name in _PLACES if name in electrodes}
    for name in (name for name, values in places.items() if values is None):
        _log.warning("%s of the electrodes has not one value each: it is left out", name)
    return {name: values[rows] for name, values in places.items() if values is not None}


def _read_electrodes(units: Any, num_units: int) -> np.ndarray | None:
    """Return the row of each unit's electrode, None when units have none, or several."""
    named, index = find_array(units, "electrodes"), find_array(units, "electrodes_index")
    if named is None and index is None:
        return None
    rows = None if named is None else read_values(named)
    ends = np.arange(1, num_units + 1) if index is None else read_values(index)
    if rows is None or ends is None or not _fit(rows, ends, num_units):
        _log.warning("what the units say of their electrodes does not fit them: they have no places")
        return None
    return rows if np.array_equal(ends, np.arange(1, num_units + 1)) else None


def _fit(rows: np.ndarray, ends: np.ndarray, num_units: int) -> bool:
    """Return whether the rows of all units end where the index says."""
    if rows.dtype.kind not in "iu" or ends.dtype.kind not in "iu" or ends.shape != (num_units,):
        return False
    # signed: differences of unsigned numbers that decrease would be huge instead of negative
    steps = np.diff(ends.astype(np.int64), prepend=0)
    return bool(np.all(steps >= 0)) and int(steps.sum()) == len(rows)
