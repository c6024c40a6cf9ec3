"""Checks of a units table before anything is read from it."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.addresses import Address
from nwbspikegen.errors import InputError
from nwbspikegen.views.nwb_groups import find_array, find_group, to_text

_log = logging.getLogger("nwbspikegen")


def require_units(root: Any, address: Address) -> Any:
    """Return the group `/units`, or raise `InputError` that names the units tables found elsewhere."""
    units = find_group(root, "units")
    if units is None:
        elsewhere = _find_units(root)
        found = f"units tables at {', '.join(elsewhere)} only" if elsewhere else "no units table"
        raise InputError(f"{found} in {address}", "a table at /units", "pass a file with spike-sorted units")
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


def read_observed(units: Any, address: Address) -> tuple[float | None, float | None]:
    """Return the earliest start and the latest stop among the observation intervals (s).

    Where a unit has several intervals, a warning says that the time between them is taken for silence.
    """
    intervals = find_array(units, "obs_intervals")
    if intervals is None or intervals.ndim != 2 or not len(intervals):
        return None, None
    starts, stops = intervals[:, 0].astype(np.float64), intervals[:, 1].astype(np.float64)
    index = find_array(units, "obs_intervals_index")
    if index is not None:
        firsts = np.concatenate([[0], index[:-1]]).astype(np.int64)
        follows = np.ones(len(starts), dtype=bool)
        follows[firsts[firsts < len(starts)]] = False
        gaps = np.flatnonzero(follows[1:] & (starts[1:] > stops[:-1]))
        if len(gaps):
            _log.warning(
                "obs_intervals of %s leave %d gaps, the first after %g s: they count as silence; "
                "a named interval, --interval, or --start and --duration avoid them",
                address, len(gaps), stops[gaps[0]],
            )  # fmt: skip
    return _finite(starts, np.min), _finite(stops, np.max)


def _finite(values: Float64[np.ndarray, " interval"], choose: Any) -> float | None:
    return float(choose(values)) if np.isfinite(values).all() else None
