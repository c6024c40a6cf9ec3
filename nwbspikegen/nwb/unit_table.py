"""Checks of a units table before anything is read from it."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import find_array, find_group, to_text
from nwbspikegen.views.observation import Intervals, Observation

_log = logging.getLogger("nwbspikegen")
UNITS = "units"
"""Where NWB has its units, unless a file keeps them elsewhere."""


def require_units(root: Any, address: Address, unit_table: str = UNITS) -> Any:
    """Return a table of units, or raise `InputError` that names the tables of units that there are."""
    units = find_group(root, unit_table.strip("/"))
    if units is None:
        elsewhere = _find_units(root)
        found = f"units tables at {', '.join(elsewhere)} only" if elsewhere else "no units table"
        choice = f"choose one: --unit-table {elsewhere[0].lstrip('/')}" if elsewhere else ""
        raise InputError(
            f"{found} in {address}", f"a table at /{unit_table.strip('/')}",
            choice or "pass a file with spike-sorted units",
        )  # fmt: skip
    for name in ("spike_times", "spike_times_index"):
        array = find_array(units, name)
        if array is None or array.ndim != 1 or array.dtype.kind not in "iuf":
            raise InputError(
                f"a units table without a column {name} of numbers in {address}",
                "spike_times and spike_times_index",
                "write the spikes of each unit with add_unit(spike_times=...)",
            )
    return units


def require_columns(table: Any, *, strict: bool = False) -> list[str]:
    """Return the columns that a table lists, or raise `InputError` when one of them is not there.

    A table has a list of its columns: a name that damage has changed, in the list or of a column, is in
    one of them only. Columns that the list lacks are told in a warning, or are an error when `strict`.
    """
    listed = [to_text(name) for name in table.attrs.get("colnames", [])]
    there = set(table)
    gone = [name for name in listed if name not in there]
    indices = {f"{name}_index" for name in listed}
    indices |= {f"{name}_index" for name in indices if name in there}
    extra = sorted(there - {*listed, "id", *indices}) if listed or strict else []
    if gone or (extra and strict):
        raise InputError(
            f"{table.name} without {gone[0][:80]!r}, which it lists,"
            if gone
            else f"{extra[0][:80]!r} in {table.name}, which does not list it,",
            "the columns that the table lists",
            "the file is damaged: fetch or write it again",
        )
    if extra:
        _log.warning("%s does not list %s among its columns", table.name, ", ".join(map(repr, extra))[:200])
    return listed


def _find_units(root: Any) -> list[str]:
    found: list[str] = []

    def note(name: str, item: Any) -> None:
        if hasattr(item, "keys") and "spike_times" in item:
            found.append(f"/{name}")

    root.visititems(note)
    return found


def read_offsets(units: Any, address: Address) -> Int64[np.ndarray, " offset"]:
    """Return where each unit's spikes begin, then where the last ends, or raise when the index is wrong."""
    index = units["spike_times_index"][:]
    num_units = len(units["id"]) if "id" in units else len(index)
    num_spikes = len(units["spike_times"])
    offsets = np.concatenate([[0], index]).astype(np.int64)
    if len(index) != num_units:
        found = f"{len(index)} values for {num_units} units"
    elif np.any(np.diff(offsets) < 0):
        found = "values that decrease"
    elif offsets[-1] != num_spikes:
        found = f"a last value of {offsets[-1]} for {num_spikes} spike times"
    else:
        return offsets
    raise InputError(
        f"a spike_times_index with {found} in {address}",
        "one value per unit, never decreasing, the last the number of spike times",
        "the units table is malformed: write it again",
    )


def read_ids(units: Any, num_units: int) -> np.ndarray:
    """Return the unit ids, or their positions where the table has none."""
    ids = find_array(units, "id")
    return np.arange(num_units) if ids is None else np.asarray(ids[:])


def read_observation(units: Any, num_units: int, address: Address) -> Observation:
    """Return when each unit was observed, by its `obs_intervals`.

    A unit without intervals, in a table where others have some, has the extent of the others. Without
    the column, or where an end is no number, nothing is known.
    """
    column = find_array(units, "obs_intervals")
    if column is None or column.ndim != 2 or column.shape[1] != 2 or not len(column):
        return Observation.always(num_units)
    intervals = column[:].astype(np.float64)
    if np.isnan(intervals).any():
        _log.warning("obs_intervals of %s are not all numbers: they are not used", address)
        return Observation.always(num_units)
    if np.any(intervals[:, 1] < intervals[:, 0]):
        wrong = intervals[intervals[:, 1] < intervals[:, 0]][0]
        raise InputError(
            f"an observation from {wrong[0]:g} to {wrong[1]:g} s in {address}", "a start before a stop",
            "correct obs_intervals",
        )  # fmt: skip
    everyone = [(float(intervals[:, 0].min()), float(intervals[:, 1].max()))]
    ends = _read_ends(units, len(intervals), num_units, address)
    pieces = np.split(intervals, ends[:-1])
    return Observation.of_units([piece if len(piece) else everyone for piece in pieces])


def _read_ends(units: Any, num_rows: int, num_units: int, address: Address) -> Int64[np.ndarray, " unit"]:
    """Return behind which row of `obs_intervals` each unit's end."""
    index = find_array(units, "obs_intervals_index")
    ends = np.arange(1, num_rows + 1) if index is None else np.asarray(index[:]).astype(np.int64)
    if len(ends) != num_units or np.any(np.diff(ends, prepend=0) < 0) or ends[-1] != num_rows:
        raise InputError(
            f"obs_intervals of {num_rows} rows in {address} whose index does not fit {num_units} units",
            "an index that ascends to the number of rows", "the units table is malformed: write it again",
        )  # fmt: skip
    return ends


def read_invalid_times(root: Any) -> Intervals:
    """Return the intervals (s) of `/intervals/invalid_times`, NWB's place for time that is not to be used."""
    table = find_group(root, "intervals/invalid_times")
    columns = [] if table is None else [find_array(table, name) for name in ("start_time", "stop_time")]
    if not columns or any(column is None for column in columns):
        return np.zeros((0, 2))
    starts, stops = (np.asarray(column[:], dtype=np.float64) for column in columns)
    if starts.shape != stops.shape or np.isnan(starts).any() or np.isnan(stops).any():
        raise InputError(
            "invalid_times whose starts and stops do not fit", "a start and a stop in every row",
            "correct /intervals/invalid_times",
        )  # fmt: skip
    return np.column_stack([starts, stops])
