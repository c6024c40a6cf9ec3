"""Checks of an NWB file and its units table before anything is read from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.errors import InputError

# a compressed chunk must fit, or every unit would decompress it anew
_CHUNK_CACHE_BYTES = 64 * 2**20


@contextlib.contextmanager
def open_nwb(path: Path) -> Iterator[h5py.File]:
    """Open an NWB (HDF5) file for reading, without a lock that would keep others from writing it."""
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}, which is not HDF5", "an NWB (HDF5) file", "pass the path of an .nwb file")
    try:
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=_CHUNK_CACHE_BYTES)
    except OSError as error:
        raise InputError(
            f"{path}, which HDF5 cannot open ({error})", "a whole file", "fetch it again"
        ) from error
    with file:
        if "nwb_version" not in file.attrs:
            raise InputError(
                f"{path}, an HDF5 file without nwb_version", "an NWB 2 file", "convert it to NWB first"
            )
        yield file


def require_units(file: h5py.File) -> h5py.Group:
    """Return the group `/units`, or raise `InputError` that names the units tables found elsewhere."""
    units = file.get("units")
    if not isinstance(units, h5py.Group):
        elsewhere = _find_units(file)
        found = f"units tables at {', '.join(elsewhere)} only" if elsewhere else "no units table"
        raise InputError(
            f"{found} in {file.filename}", "a table at /units", "pass a file with spike-sorted units"
        )
    for name in ("spike_times", "spike_times_index"):
        if not isinstance(units.get(name), h5py.Dataset) or units[name].ndim != 1:
            raise InputError(
                f"a units table without a column {name} in {file.filename}",
                "spike_times and spike_times_index",
                "write the spikes of each unit with add_unit(spike_times=...)",
            )
    return units


def _find_units(file: h5py.File) -> list[str]:
    found: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and "spike_times" in item:
            found.append(f"/{name}")

    file.visititems(note)
    return found


def read_offsets(units: h5py.Group) -> Int64[np.ndarray, " offset"]:
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
        f"a spike_times_index with {found} in {units.file.filename}",
        "one value per unit, never decreasing, the last the number of spike times",
        "the units table is malformed: write it again",
    )


def read_ids(units: h5py.Group, num_units: int) -> np.ndarray:
    """Return the unit ids, or their positions where the table has none."""
    return np.asarray(units["id"][:]) if "id" in units else np.arange(num_units)


def read_observed(units: h5py.Group) -> tuple[float | None, float | None]:
    """Return the earliest start and the latest stop among the observation intervals (s)."""
    intervals = units.get("obs_intervals")
    if not isinstance(intervals, h5py.Dataset) or intervals.ndim != 2 or not len(intervals):
        return None, None
    starts, stops = intervals[:, 0].astype(np.float64), intervals[:, 1].astype(np.float64)
    return _finite(starts, np.min), _finite(stops, np.max)


def _finite(values: Float64[np.ndarray, " interval"], choose: Any) -> float | None:
    return float(choose(values)) if np.isfinite(values).all() else None
