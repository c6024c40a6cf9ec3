"""When the units of an NWB file were observed."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import find_array, find_group
from nwbspikegen.views.observation import Intervals, Observation

_log = logging.getLogger("nwbspikegen")


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
            f"an observation from {wrong[0]:g} to {wrong[1]:g} s in {address}",
            "a start before a stop",
            "correct obs_intervals",
        )
    # no row says nothing; a unit that was never observed has an empty interval, as `convert` writes it
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
            "an index that ascends to the number of rows",
            "the units table is malformed: write it again",
        )
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
            "invalid_times whose starts and stops do not fit",
            "a start and a stop in every row",
            "correct /intervals/invalid_times",
        )
    return np.column_stack([starts, stops])
