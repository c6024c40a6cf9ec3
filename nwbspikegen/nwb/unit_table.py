"""Checks of a units table before anything is read from it."""

from __future__ import annotations

import logging
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import find_array, find_group, to_text
from nwbspikegen.nwb.hdf5_walk import walk_objects

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
            f"{found} in {address}",
            f"a table at /{unit_table.strip('/')}",
            choice or "pass a file with spike-sorted units",
        )
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
    # columns may be ragged twice, as waveforms are
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
    # only for the message, and only where there is no table: it goes through the whole file
    if isinstance(root, h5py.Group):
        return sorted(
            f"/{path.decode('utf-8', 'replace')}"
            for path, item in walk_objects(root)
            if isinstance(item, h5py.h5g.GroupID) and b"spike_times" in item
        )
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
    # signed, so that an index that decreases is seen; the last value bounds what is ever read
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
