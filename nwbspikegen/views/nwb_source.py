"""Spikes of the units table of an NWB file: HDF5 or Zarr, on disk or on the web."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.addresses import (
    Address,
    hash_recording,
    is_remote,
    is_zarr,
    require_recording,
)
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.ids import read_unique_ids
from nwbspikegen.nwb.intervals import find_named_intervals
from nwbspikegen.nwb.left_out import read_left_out
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.page_index import PageIndex, group_rows, list_rows, search_rows
from nwbspikegen.nwb.plain_rows import PlainRows
from nwbspikegen.nwb.session import read_session, read_unit_columns
from nwbspikegen.nwb.unit_table import UNITS, read_offsets, require_units
from nwbspikegen.views.nwb_observation import read_invalid_times, read_observation
from nwbspikegen.views.observation import Observation
from nwbspikegen.views.spike_source import (
    Clocks,
    Interval,
    SpikeSource,
    Trains,
    UnitTable,
    cut_by_size,
    require_numbers,
)

_log = logging.getLogger("nwbspikegen")
# bytes: a larger file is hashed when its hash is stored with a result, not whenever it is opened
_LARGE = 2**30


class NWBSource(SpikeSource):
    """Spikes of a table of units, read when asked for, without holding the file open.

    Opening a file on disk passes over all spikes once, in blocks, to know that every time is a number,
    which units ascend and where their pages begin; after that a window reads its own pages. On the web
    a unit is passed over when it is first read. A unit that does not ascend is read whole and sorted,
    so none of its spikes is lost.

    Parameters
    ----------
    address : path or str
        The NWB file, Zarr folder or web address.
    unit_table : str, default: "units"
        The table of units within it.

    Raises
    ------
    InputError
        There are no such units, or the file is not the same, or not whole, whenever it is read.
    """

    def __init__(self, address: Address, unit_table: str = UNITS) -> None:
        self._address = require_recording(address)
        self._unit_table = unit_table.strip("/")
        self._stamp = _stamp(self._address, self._unit_table)
        self.is_near = not is_remote(self._address)
        with (
            open_nwb(self._address) as root,
            reading(self._address),
            concurrent.futures.ThreadPoolExecutor(1) as beside,
        ):
            units = require_units(root, self._address, self._unit_table)
            # beside the passage over all spikes, which reads the same bytes: hashing lets other threads run
            digest = beside.submit(_hash_if_small, self._address)
            offsets = read_offsets(units, self._address)
            num_units = len(offsets) - 1
            session = read_session(root)
            columns = read_unit_columns(root, units, num_units)
            ids = read_unique_ids(root, units, num_units, columns)
            self._observation = read_observation(units, num_units, self._address)
            self.invalid_times = read_invalid_times(root)
            self.left_out = read_left_out(root)
            self.table = UnitTable(ids, columns, session)
            self._pages = PageIndex(offsets)
            is_local = not is_remote(self._address) and not is_zarr(self._address)
            # past HDF5, for which h5py holds one lock over all threads
            self._plain = _find_plain(units["spike_times"]) if is_local else None
            if units["spike_times"].dtype.kind == "f":
                self.time_type = np.dtype(units["spike_times"].dtype)
            if not is_remote(self._address):
                self._survey(units["spike_times"], np.arange(num_units))
            digested = digest.result()
            # what was hashed is what was read
            self._require_same()
            session |= {"source": str(self._address), "source_sha256": digested}
            if self._unit_table != UNITS:
                session["unit_table"] = self._unit_table

    @property
    def observation(self) -> Observation:
        """When each unit was observed, by its `obs_intervals`; infinite where there are none."""
        return self._observation

    def read_trains(self, units: Sequence[int], start: float, stop: float) -> Iterator[Trains]:
        """Yield the spikes within [start, stop] (s) of some unit positions, in pieces, no spike lost."""
        positions = np.asarray(units, dtype=np.int64)
        with self._open() as spike_times, reading(self._address):
            self._survey(spike_times, positions)
            begins, ends = self._pages.find_rows(positions, start, stop)
            plain = spike_times if isinstance(spike_times, PlainRows) else None
            for group in group_rows(begins, ends) if plain is None else cut_by_size(ends - begins):
                begin, end = begins[group], ends[group]
                if plain is None:
                    low = int(begin.min())
                    rows, begin, end = spike_times[low : int(end.max())], begin - low, end - low
                else:
                    # one read for each unit, laid end to end
                    rows, end = plain.take(begin, end), np.cumsum(end - begin)
                    begin = np.concatenate([[0], end[:-1]])
                yield from self._read_group(rows, positions[group], begin, end, start, stop)
        # after the last piece: whoever asked has not got it yet
        self._require_same()

    def _read_group(
        self,
        rows: np.ndarray,  # (row,) of any number
        units: Int64[np.ndarray, " unit"],
        begins: Int64[np.ndarray, " unit"],
        ends: Int64[np.ndarray, " unit"],
        start: float,
        stop: float,
    ) -> Iterator[Trains]:
        is_sorted = self._pages.is_sorted[units]
        whole = begins.copy(), ends.copy()
        # pages give a little more than was asked for
        begins[is_sorted] = search_rows(rows, whole[0][is_sorted], whole[1][is_sorted], start, side="left")
        ends[is_sorted] = search_rows(rows, begins[is_sorted], whole[1][is_sorted], stop, side="right")
        for piece in cut_by_size(ends - begins):
            times = rows[list_rows(begins[piece], ends[piece])].astype(np.float64, copy=False)
            counts = ends[piece] - begins[piece]
            yield (
                Trains(times, counts)
                if is_sorted[piece].all()
                else _sort_trains(times, counts, is_sorted[piece], start, stop)
            )

    def read_extent(self) -> Interval | None:
        """Return the times of the first and the last spike of all units; None when that costs much."""
        if is_remote(self._address):
            if np.isfinite(self._observation.extent()).all():
                return None
            _log.info("obs_intervals are missing: every spike time is fetched to find first and last")
            with self._open() as spike_times, reading(self._address):
                self._survey(spike_times, np.arange(len(self.table.ids)))
        first, last = self._pages.first.min(initial=np.inf), self._pages.last.max(initial=-np.inf)
        return (float(first), float(last)) if first <= last else (np.nan, np.nan)

    def count_spikes(self) -> Int64[np.ndarray, " unit"]:
        """Return how many spikes each unit has in the whole recording."""
        return np.diff(self._pages.offsets)

    def read_clocks(self, units: Sequence[int]) -> Clocks:
        """Return how the times of some unit positions run, before they are sorted."""
        positions = np.asarray(units, dtype=np.int64)
        if not self.is_near:
            with self._open() as spike_times, reading(self._address):
                self._survey(spike_times, positions)
        pages = self._pages
        return Clocks(
            np.diff(pages.offsets)[positions],
            pages.first[positions],
            pages.last[positions],
            pages.num_steps_back[positions],
            pages.largest_step_back[positions],
            pages.is_whole,
        )

    def find_intervals(self, name: str) -> tuple[Sequence[Interval], Sequence[str]]:
        """Return the start and stop (s) of every interval of a name, and all names that there are."""
        with open_nwb(self._address) as root, reading(self._address):
            return find_named_intervals(root, name)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """Give the array of spike times: read from the disk where it lies as it is, else as it is stored."""
        self._require_same()
        if self._plain is not None:
            offset, dtype = self._plain
            with PlainRows(Path(self._address), offset, dtype, int(self._pages.offsets[-1])) as rows:
                yield rows
            return
        with open_nwb(self._address) as root:
            yield root[f"{self._unit_table}/spike_times"]

    def _require_same(self) -> None:
        if self._stamp is not None and _stamp(self._address, self._unit_table) != self._stamp:
            raise InputError(
                f"{self._address}, which changed since it was opened", "the same file", "open its units again"
            )

    def _survey(self, spike_times: Any, units: Int64[np.ndarray, " unit"]) -> None:
        self._pages.survey(spike_times, units)
        offsets = self._pages.offsets
        for unit in units[~self._pages.has_numbers_only[units]].tolist():
            require_numbers(
                spike_times[int(offsets[unit]) : int(offsets[unit + 1])].astype(np.float64),
                self.table.ids[unit],
            )


def _sort_trains(
    times: np.ndarray, counts: np.ndarray, is_sorted: np.ndarray, start: float, stop: float
) -> Trains:
    """Sort the trains that are not, and cut them to [start, stop]."""
    trains = np.split(times, np.cumsum(counts)[:-1])
    for at in np.flatnonzero(~is_sorted).tolist():
        train = np.sort(trains[at])
        trains[at] = train[np.searchsorted(train, start) : np.searchsorted(train, stop, "right")]
    return Trains(np.concatenate(trains), np.array([len(train) for train in trains], dtype=np.int64))


def _stamp(address: Path | str, unit_table: str) -> tuple[int, int, int] | None:
    """Return what changes when a recording is written again; None where there is no such thing."""
    if is_remote(address):
        return None
    # a folder does not change when a file deep within it does
    paths = list((Path(address) / unit_table).rglob("*")) if is_zarr(address) else [Path(address)]
    try:
        states = [path.stat() for path in paths]
    except OSError:
        # gone, which is a change as well
        return 0, 0, 0
    size, newest = (
        sum(state.st_size for state in states),
        max((each.st_mtime_ns for each in states), default=0),
    )
    return size, newest, sum(state.st_ino for state in states)


def _hash_if_small(address: Path | str) -> str:
    is_large = isinstance(address, Path) and address.is_file() and address.stat().st_size > _LARGE
    return "" if is_large else hash_recording(address)


def _find_plain(spike_times: Any) -> tuple[int, np.dtype[Any]] | None:
    """Return where on disk an array lies as it is, and its type; None when it must be decoded."""
    if spike_times.id.get_offset() is None or spike_times.external or not len(spike_times):
        return None
    return int(spike_times.id.get_offset()), spike_times.dtype
