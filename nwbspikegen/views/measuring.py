"""What the spike trains of a stretch of time are like, from one pass over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.binning import BinGrid
from nwbspikegen.views.lazy_spikes import binned_of
from nwbspikegen.views.observation import Observation
from nwbspikegen.views.spike_source import SpikeSource, Trains

SHORT_INTERVAL = 0.001 - 1e-6
"""Seconds: refractory periods last longer than 1 ms. A microsecond less: a tick of 1 ms is not short."""
# spikes read at most: a second of work; on the web 32 MiB, some ten seconds
_MOST_SPIKES = 2**25
_MOST_FETCHED = 2**22
# pieces of the stretch that are known to have spikes or not: of ten minutes, 0.15 s each, far below the
# silences that are told
_CELLS = 4096


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Some units of a source, from `start` up to `stop` (s, session clock)."""

    source: SpikeSource
    grid: BinGrid
    units: Int64[np.ndarray, " unit"]
    start: float
    stop: float
    observation: Observation

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.stop - self.start

    def observe(self) -> Observation:
        """Return when its units were observed in it, by their places in `units`."""
        return self.observation.of(self.units.tolist()).within(self.start, self.stop)


def stretch_of(units: xr.Dataset) -> Stretch:
    """Return the time and the units of a view.

    Raises
    ------
    InputError
        No bin, or a dataset that no longer knows its source.
    """
    binned, positions = binned_of(units)
    if not units.sizes["time"]:
        raise InputError("a view without bins", "at least one bin", "choose more of the recording")
    return Stretch(
        binned.source,
        binned.grid,
        np.array(positions, dtype=np.int64),
        float(units["time"][0]),
        float(units["time"][-1]) + binned.grid.bin_size,
        binned.observation,
    )


@dataclasses.dataclass(frozen=True)
class Measures:
    """What one pass over spike trains finds; every array but `read` is of the units that were read.

    Attributes
    ----------
    read : ndarray of bool, shape (unit,)
        Which units were read: all, unless they have more spikes than a survey reads.
    num_spikes, num_unseen, num_merged : ndarray of shape (read unit,)
        Spikes; those where the unit was not observed; those that share a bin with the one before.
    num_short, shortest_interval : ndarray of shape (read unit,)
        Intervals under 1 ms, and the shortest (s), infinite when there is none.
    long_intervals : float
        Interval (s) that 99 % of all are longer than, NaN when there are none.
    silence : (float, float)
        Longest stretch (s) without a spike of any unit, as far as some unit was observed.
    """

    read: Bool[np.ndarray, " unit"]
    num_spikes: Int64[np.ndarray, " read_unit"]
    num_unseen: Int64[np.ndarray, " read_unit"]
    num_merged: Int64[np.ndarray, " read_unit"]
    num_short: Int64[np.ndarray, " read_unit"]
    shortest_interval: Float64[np.ndarray, " read_unit"]
    long_intervals: float
    silence: tuple[float, float]


class _Pass:
    """Adds up what pieces of trains say."""

    def __init__(self, stretch: Stretch, num_units: int, observation: Observation) -> None:
        self._stretch, self._observation = stretch, observation
        self.num_spikes = np.zeros(num_units, dtype=np.int64)
        self.num_unseen, self.num_merged = self.num_spikes.copy(), self.num_spikes.copy()
        self.num_short = self.num_spikes.copy()
        self.shortest = np.full(num_units, np.inf)
        # intervals by their size, fifty classes to a factor of ten from 1 us to 100 million s: a quantile is
        # right to 5 %, and no interval has to be kept
        self.sizes = np.zeros(700, dtype=np.int64)
        self.has_spikes = np.zeros(_CELLS, dtype=bool)
        whole = [[stretch.start, stretch.stop]]
        parts = observation.within(stretch.start, stretch.stop)
        self._is_whole = [np.array_equal(each, whole) for each in parts.patterns]
        self._at = 0

    def add(self, piece: Trains) -> None:
        """Take in the trains of the next units."""
        times, counts = piece.times, piece.counts
        units = slice(self._at, self._at + len(counts))
        owner = np.repeat(np.arange(len(counts)), counts)
        self.num_spikes[units] += counts
        self.has_spikes[self._cells_of(times)] = True
        intervals = np.diff(times)
        is_within = owner[1:] == owner[:-1]
        intervals, whose = intervals[is_within], owner[1:][is_within]
        self.num_short[units] += np.bincount(whose[intervals < SHORT_INTERVAL], minlength=len(counts))
        # of units that have intervals: reduceat has no answer for those without
        starts = np.flatnonzero(np.diff(whose, prepend=-1))
        if len(starts):
            self.shortest[units.start + whose[starts]] = np.minimum.reduceat(intervals, starts)
        classes = 50 * (np.log10(np.maximum(intervals, 1e-6)) + 6)
        self.sizes += np.bincount(np.minimum(classes, 699).astype(np.int64), minlength=700)
        bins = self._stretch.grid.find_bins(times)
        merged = (np.diff(bins) == 0) & is_within
        self.num_merged[units] += np.bincount(owner[1:][merged], minlength=len(counts))
        self._note_unseen(piece)
        self._at += len(counts)

    def _note_unseen(self, piece: Trains) -> None:
        ends = np.cumsum(piece.counts)
        for place, (begin, end) in enumerate(zip(ends - piece.counts, ends, strict=True)):
            unit = self._at + place
            if not self._is_whole[int(self._observation.pattern_of[unit])]:
                seen = self._observation.is_seen(unit, piece.times[begin:end])
                self.num_unseen[unit] = int(end - begin) - int(np.count_nonzero(seen))

    def _cells_of(self, times: np.ndarray) -> np.ndarray:
        step = self._stretch.seconds / _CELLS
        cells = ((times - self._stretch.start) / step).astype(np.int64)
        clipped: np.ndarray = np.clip(cells, 0, _CELLS - 1)
        return clipped

    def find_long_intervals(self) -> float:
        """Return the interval that 99 % of all are longer than."""
        total = int(self.sizes.sum())
        if not total:
            return float("nan")
        place = int(np.searchsorted(np.cumsum(self.sizes), 0.01 * total, side="right"))
        return float(10.0 ** (place / 50 - 6))

    def find_silence(self) -> tuple[float, float]:
        """Return the longest run of cells without spikes in which some unit was observed (s)."""
        stretch = self._stretch
        step = stretch.seconds / _CELLS
        centres = stretch.start + (np.arange(_CELLS) + 0.5) * step
        seen = np.zeros(_CELLS, dtype=bool)
        for unit in np.unique(self._observation.pattern_of, return_index=True)[1].tolist():
            seen |= self._observation.is_seen(unit, centres)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], seen & ~self.has_spikes, [False]])))
        if not len(edges):
            return stretch.start, stretch.start
        begins, ends = edges[::2], edges[1::2]
        longest = int(np.argmax(ends - begins))
        return stretch.start + float(begins[longest]) * step, stretch.start + float(ends[longest]) * step


def measure(stretch: Stretch) -> Measures:
    """Pass once over the spikes of a stretch, or of evenly chosen units of it where they are too many."""
    read = _choose(stretch)
    chosen = stretch.units[read]
    each = _Pass(stretch, len(chosen), stretch.observation.of(chosen.tolist()))
    # an edge is part of the bin that starts there
    margin = stretch.grid.tolerance * stretch.grid.bin_size
    last = float(np.nextafter(stretch.stop - margin, -np.inf))
    for piece in stretch.source.read_trains(chosen.tolist(), stretch.start - margin, last):
        each.add(piece)
    begin, end = each.find_silence()
    if not read.all() and end > begin:
        # the others may have spiked then
        rest: Any = stretch.source.read_trains(stretch.units[~read].tolist(), begin, end)
        if any(len(piece.times) for piece in rest):
            begin = end
    return Measures(
        read,
        each.num_spikes,
        each.num_unseen,
        each.num_merged,
        each.num_short,
        each.shortest,
        each.find_long_intervals(),
        (begin, end),
    )


def count_in(source: SpikeSource, units: Sequence[int], start: float, stop: float) -> int:
    """Return how many spikes some units have from `start` to `stop` (s), both included."""
    if not stop >= start:
        return 0
    return sum(len(piece.times) for piece in source.read_trains(units, start, stop))


def _choose(stretch: Stretch) -> Bool[np.ndarray, " unit"]:
    """Return which units are read: all, or each n-th."""
    counts = stretch.source.count_spikes()[stretch.units]
    expected = float(counts.sum())
    most = _MOST_SPIKES if stretch.source.is_near else _MOST_FETCHED
    extent = stretch.source.read_extent() if stretch.source.is_near else None
    # as if spikes were spread evenly over the recording: only a pass over them would tell better
    if extent is not None and extent[1] > extent[0]:
        expected *= min(stretch.seconds / (extent[1] - extent[0]), 1.0)
    read = np.zeros(len(counts), dtype=bool)
    read[:: max(int(np.ceil(expected / most)), 1)] = True
    return read
