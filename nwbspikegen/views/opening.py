"""Opening the units of a recording as an xarray Dataset."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray.core.indexing import LazilyIndexedArray

from nwbspikegen.core.analyzers import is_analyzer, read_analyzer
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.open_files import find_address, is_open_file
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.views.binning import BinGrid
from nwbspikegen.views.findings import judge_clocks
from nwbspikegen.views.lazy_spikes import BinnedSpikes
from nwbspikegen.views.measuring import Stretch
from nwbspikegen.views.nwb_source import NWBSource
from nwbspikegen.views.observation import Observation, ObservedBins
from nwbspikegen.views.sorting_source import SortingSource
from nwbspikegen.views.spike_source import SpikeSource

_log = logging.getLogger("nwbspikegen")
# bytes of a dask chunk, which has all units, as windows ask for: four minutes of 128 units in bins of 1 ms,
# so that dask's own work is small beside the reading
_CHUNK_BYTES = 32 * 2**20
# 24 days of milliseconds; more are a damaged clock, and their times alone would fill 16 GiB
_MOST_BINS = 2**31


def open_units(
    source: Any,
    *,
    bin_size: float | int = 0.001,
    binary: bool = True,
    start: float | int = 0.0,
    duration: float | int | None = None,
    interval: str | None = None,
    exclude: Sequence[Sequence[float | int]] = (),
    unit_table: str = UNITS,
) -> xr.Dataset:
    """Open the units of a recording as binned spikes, lazily.

    Nothing is binned until it is sliced. Bin k starts at the start of observation + k * bin_size on the
    session clock, and a spike on an edge belongs to the bin that starts there. The observation runs from
    the earliest start to the latest stop of the observation intervals, or else over the spikes.

    What was not observed is not silence: `observed` tells for every bin and unit whether the unit was
    observed from the bin's start to its end, by its `obs_intervals`, less `/intervals/invalid_times`
    and what is excluded. It is there only when some bin was not. Spikes are given wherever there are
    some; training, prediction and scores leave out those in bins that were not observed.

    Parameters
    ----------
    source : path, address, open file, spikeinterface.BaseSorting or SortingAnalyzer
        An NWB file (HDF5 or Zarr) with a table of units; its address on the web, `https://...`, or in
        the archive, `dandi://DANDISET/PATH`, of which only the parts that are read are fetched; such a
        file that fsspec has opened, which is opened again wherever it is read and left as it is; a
        sorting, of which several segments are laid on one clock (`nwbspikegen.core.joined_segments`); or
        an analyzer of one, whose unit locations and quality metrics become columns.
    bin_size : float, default: 0.001
        Size of a bin (s).
    binary : bool, default: True
        Keep at most one spike per bin; `count_merged` says how many spikes that loses. Otherwise every
        spike is counted, and all spikes are passed over once to choose a dtype that holds every bin;
        on the web, the dtype would hold all spikes of a unit.
    start : float, default: 0.0
        Start of the window, counted from the start of observation (s), floored to a bin.
    duration : float or None, default: None
        Length of the window (s), floored to bins; None or more than there is means all.
    interval : str or None, default: None
        Take this interval for the observation: the name of a row of `/intervals` or of a table of
        intervals in a processing module, such as `spontaneousActivity`. Where several have the name,
        `name:0` is the first in time.
    exclude : sequence of (float, float), default: ()
        Stretches (from, to; s on the session clock) that are taken as not observed.
    unit_table : str, default: "units"
        Where the table of units is, such as `processing/ecephys/units`. Units of several probes that have
        equal ids are called by probe and id, as in `probe00_12`.

    Returns
    -------
    Dataset
        `spikes` (unsigned, dims `time` and `unit`), `observed` (bool, likewise, where it is needed),
        coordinates `time` (bin starts, session clock, s),
        `unit` (ids) and the table's scalar columns. `time[0]` stays true when the dataset is sliced;
        `attrs["start_time"]` tells of the dataset as it was opened or split.

    Raises
    ------
    InputError
        No such file, not NWB, no units table, a malformed one, fewer than two units, spike times that
        are NaN, or a window outside the recording.

    Examples
    --------
    >>> from spikeinterface.core import NumpySorting
    >>> trains = {"a": np.array([0, 150]), "b": np.array([30, 35, 90])}
    >>> sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=10_000.0)
    >>> units = open_units(sorting, bin_size=0.001)
    >>> units.sizes["time"], int(units.spikes.sum())
    (16, 4)
    """
    window = lay_window(
        source,
        bin_size=bin_size,
        start=start,
        duration=duration,
        interval=interval,
        exclude=exclude,
        unit_table=unit_table,
    )
    units = to_view(window, binary=binary, exclude=exclude)
    # on the web all spikes would have to be fetched to know how their clocks run
    if window.source.is_near:
        stretch = window.stretch
        for finding in judge_clocks(stretch, window.source.read_clocks(stretch.units.tolist())):
            if finding.severity != "note":
                _log.warning("%s", finding)
    return units


class Window(NamedTuple):
    """A stretch of a recording before it is binned: `num_bins` of `grid` from `first` on."""

    source: SpikeSource
    grid: BinGrid
    first: int
    num_bins: int
    observation: Observation

    @property
    def stretch(self) -> Stretch:
        """All units of the window's time."""
        start, stop = self.grid.starts(self.first, self.first + 1)[0], self.first + self.num_bins
        everyone = np.arange(len(self.source.table.ids))
        return Stretch(
            self.source,
            self.grid,
            everyone,
            float(start),
            float(self.grid.starts(stop, stop + 1)[0]),
            self.observation,
        )


def lay_window(
    source: Any,
    *,
    bin_size: float | int,
    start: float | int = 0.0,
    duration: float | int | None = None,
    interval: str | None = None,
    exclude: Sequence[Sequence[float | int]] = (),
    unit_table: str = UNITS,
) -> Window:
    """Open a recording and return where its window lies; the parameters are those of `open_units`."""
    spikes = _open_source(source, unit_table)
    ids, counts = np.unique(spikes.table.ids, return_counts=True)
    if (counts > 1).any():
        raise InputError(
            f"unit id {ids[counts > 1][0]} more than once",
            "ids that name one unit each, or a column probe or electrode_group that tells them apart",
            "number the units",
        )
    if len(spikes.table.ids) < 2:
        raise InputError(
            f"{len(spikes.table.ids)} units", "at least 2", "pass a recording of a population of units"
        )
    grid, total, stop = _lay_bins(spikes, bin_size, interval)
    first, num_bins = _place_window(grid, total, start, duration)
    observation = spikes.observation.without(spikes.invalid_times).without(require_stretches(exclude))
    if interval is not None:
        # a bin that the interval ends in was not seen from end to end
        observation = observation.within(grid.origin, stop)
    return Window(spikes, grid, first, num_bins, observation)


def open_view(source: Any, *, exclude: Sequence[Sequence[float | int]] = (), **how: Any) -> xr.Dataset:
    """Open a recording as `open_units` does, without a word of what is odd: a survey says it."""
    return to_view(lay_window(source, exclude=exclude, **{"bin_size": 0.001, **how}), exclude=exclude)


def to_view(
    window: Window, *, binary: bool = True, exclude: Sequence[Sequence[float | int]] = ()
) -> xr.Dataset:
    """Return a window as `open_units` does, without a word of what is odd about it."""
    spikes, grid, first, num_bins, observation = window
    if num_bins > _MOST_BINS:
        raise InputError(
            f"{num_bins} bins of {grid.bin_size} s",
            f"at most {_MOST_BINS}",
            "see what `nwbspikegen info` says of the recording's clock, or pass a shorter --duration",
        )
    dtype = np.uint8 if binary else _choose_dtype(spikes, grid)
    return _to_dataset(
        BinnedSpikes(spikes, grid, first, num_bins, binary=binary, dtype=dtype, observation=observation),
        ObservedBins(observation, grid, first, num_bins),
        exclude,
    )


def require_stretches(exclude: Sequence[Sequence[float | int]]) -> list[tuple[float, float]]:
    """Return stretches of time as pairs of float, or raise `InputError`.

    Examples
    --------
    >>> require_stretches([(3, 4.5)])
    [(3.0, 4.5)]
    """
    for stretch in exclude:
        if len(stretch) != 2 or not (all(map(math.isfinite, stretch)) and stretch[0] < stretch[1]):
            raise InputError(
                f"to exclude {'-'.join(f'{end:g}' for end in stretch)}",
                "a start before a stop, in seconds on the session clock",
                "pass --exclude 120-150, say",
            )
    return [(float(start), float(stop)) for start, stop in exclude]


def _open_source(source: Any, unit_table: str) -> SpikeSource:
    if isinstance(source, str | os.PathLike):
        return NWBSource(source, unit_table)
    if is_open_file(source):
        return NWBSource(find_address(source), unit_table)
    if is_analyzer(source):
        return SortingSource(read_analyzer(source))
    if hasattr(source, "get_unit_spike_train_in_seconds") and hasattr(source, "unit_ids"):
        return SortingSource(source)
    raise InputError(
        f"a {type(source).__name__}",
        "a path, an open file, or a SpikeInterface sorting or analyzer",
        "pass one of these",
    )


def _lay_bins(source: SpikeSource, bin_size: float | int, interval: str | None) -> tuple[BinGrid, int, float]:
    """Return the grid of a whole observation, how many bins it has, and where it ends (s)."""
    if not (math.isfinite(bin_size) and bin_size > 0):
        raise InputError(
            f"a bin size of {bin_size} s", "more than 0 s", "pass --bin-size 0.001, for instance"
        )
    start, stop, extent = _observe(source, float(bin_size))
    if interval is not None:
        start, stop = _narrow(source, interval, start, stop)
    # the later end has the coarser spacing of floats
    grid = BinGrid(start, float(bin_size), clock=max(abs(start), abs(stop)), time_type=source.time_type)
    margin = grid.tolerance * bin_size
    # a last bin within which the observation ends is kept for its spikes; `observed` says that it was not
    # seen whole
    total = max(math.ceil((stop - start) / bin_size - grid.tolerance), 0)
    if extent is not None and interval is None:
        last = extent[1]
        # a spike exactly at the end, where that is an edge, is observed and needs a bin of its own
        is_edge = grid.count_whole(stop - start) == total
        if is_edge and last >= stop - margin and _has_spike(source, stop, margin):
            total += 1
    if total < 1:
        raise InputError(f"an observation of {stop - start} s", "at least one bin", "check obs_intervals")
    return grid, total, stop


def _observe(source: SpikeSource, bin_size: float) -> tuple[float, float, tuple[float, float] | None]:
    """Return start and stop of the observation, and first and last spike where they are known."""
    extent = source.read_extent()
    start, stop = (end if math.isfinite(end) else None for end in source.observation.extent())
    if start is None or stop is None:
        if extent is None or math.isnan(extent[1]):
            raise InputError("no spikes", "at least one spike", "pass another recording")
        # on a multiple of the bin, with binning's tolerance, so that bins do not depend on where the first
        # spike lies in one
        start = math.floor(extent[0] / bin_size + 1e-6) * bin_size if start is None else start
        stop = extent[1] if stop is None else stop
    if not (math.isfinite(start) and math.isfinite(stop) and start <= stop):
        raise InputError(
            f"an observation from {start} to {stop} s", "a start before a stop", "correct the interval"
        )
    return start, stop, extent


def _narrow(source: SpikeSource, interval: str, start: float, stop: float) -> tuple[float, float]:
    """Return the part of the observation that lies in a named interval."""
    name, _, place = interval.rpartition(":")
    if not (name and place.isdigit()):
        name, place = interval, ""
    found, names = source.find_intervals(name)
    known = ", ".join(names) or "none"
    if not found:
        raise InputError(
            f"no interval {name!r}", f"one of those in the recording: {known}", "choose another --interval"
        )
    if len(found) > 1 and not place:
        raise InputError(
            f"{len(found)} intervals {name!r}", "one", f"choose, as in --interval {name}:0 for the first"
        )
    if place and int(place) >= len(found):
        raise InputError(
            f"{len(found)} intervals {name!r} and a choice of {place}", "a number below", "counting is from 0"
        )
    first, last = sorted(found)[int(place or 0)]
    if not (math.isfinite(first) and math.isfinite(last) and max(first, start) < min(last, stop)):
        raise InputError(
            f"interval {name!r} from {first:g} to {last:g} s and an observation from {start:g} to {stop:g} s",
            "an interval within the observation",
            "choose another --interval",
        )
    return max(first, start), min(last, stop)


def _has_spike(source: SpikeSource, time: float, margin: float) -> bool:
    everyone = range(len(source.table.ids))
    return any(len(times) > 0 for times, _ in source.read_trains(everyone, time - margin, time + margin))


def _place_window(
    grid: BinGrid, total: int, start: float | int, duration: float | int | None
) -> tuple[int, int]:
    """Return the first bin of a window and its number of bins."""
    length = total * grid.bin_size
    first = grid.count_whole(start) if math.isfinite(start) else -1
    if not 0 <= first < total:
        raise InputError(
            f"a window that starts at {start} s",
            f"a start within the {length:g} s recorded",
            "pass another --start",
        )
    if duration is None:
        return first, total - first
    wanted = grid.count_whole(duration) if math.isfinite(duration) else -1
    if wanted < 1:
        raise InputError(f"a window of {duration} s", "at least one bin", "pass a longer --duration")
    if first + wanted > total:
        _log.info("%g s asked for, %g s there: using all", duration, (total - first) * grid.bin_size)
    return first, min(wanted, total - first)


def _choose_dtype(source: SpikeSource, grid: BinGrid) -> np.dtype[Any]:
    most = int(source.count_spikes().max(initial=0))
    # a unit with fewer spikes in all cannot have more in one bin
    if most <= 255 or source.read_extent() is None:
        return np.min_scalar_type(most)
    most = 0
    for times, num_spikes in source.read_trains(range(len(source.table.ids)), -np.inf, np.inf):
        bins = grid.find_bins(times)
        # trains are sorted, so more than 255 in one bin show as equal bins 255 places apart
        for train in np.split(bins, np.cumsum(num_spikes)[:-1]):
            if len(train) > 255 and np.any(train[255:] == train[:-255]):
                most = max(most, int(np.bincount(train - train[0]).max()))
    return np.min_scalar_type(most)


def _to_dataset(
    spikes: BinnedSpikes, observed: ObservedBins, exclude: Sequence[Sequence[float | int]]
) -> xr.Dataset:
    num_bins, num_units = spikes.shape
    table, grid = spikes.source.table, spikes.grid
    time = grid.starts(spikes.first, spikes.first + num_bins)
    variable = xr.Variable(("time", "unit"), LazilyIndexedArray(spikes))
    bins_per_chunk = min(max(_CHUNK_BYTES // (num_units * spikes.dtype.itemsize), 1), num_bins)
    # the tie to the source, which `lazy_spikes.binned_of` asks for
    variable.encoding = {"binned": spikes, "preferred_chunks": {"time": bins_per_chunk, "unit": num_units}}
    variables = {"spikes": variable}
    if not observed.is_complete:
        variables["observed"] = xr.Variable(("time", "unit"), LazilyIndexedArray(observed))
        variables["observed"].encoding = dict(variable.encoding)
    reserved = ("time", "unit", "spikes", "observed")
    columns = {name: ("unit", values) for name, values in table.columns.items() if name not in reserved}
    attrs = {
        "bin_size": grid.bin_size,
        "start_time": float(time[0]),
        **table.attrs,
        "binary": int(spikes.binary),
    }
    if exclude:
        attrs["excluded"] = [list(stretch) for stretch in require_stretches(exclude)]
    coords = {"time": ("time", time, {"units": "s"}), "unit": ("unit", table.ids), **columns}
    return xr.Dataset(variables, coords=coords, attrs=attrs)
