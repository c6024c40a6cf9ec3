"""Finding a window in long spike trains without reading them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

# spikes: 4 KiB, what the system reads at least
PAGE = 512
# spikes read at once: 4 MiB
BLOCK = 2**19

Rows = Int64[np.ndarray, " unit"]


class PageIndex:
    """The first spike time of every page of 512 spikes, unit by unit.

    NWB does not promise that times ascend, and a page that looks right does not tell of a late spike
    hidden in another: a unit is surveyed whole before a window of it is read by pages.

    Parameters
    ----------
    offsets : ndarray of shape (unit + 1,)
        Row of `spike_times` where each unit begins, then where the last one ends.

    Attributes
    ----------
    first, last : ndarray of shape (unit,)
        Earliest and latest time (s), infinite where there is none.
    num_steps_back, largest_step_back : ndarray of shape (unit,)
        How often a time is before the one in the row above, and by how much at most (s).
    is_whole : bool
        Whether all times that were surveyed are whole numbers.
    """

    def __init__(self, offsets: Int64[np.ndarray, " offset"]) -> None:
        self.offsets = offsets
        num_units = len(offsets) - 1
        num_pages = -(-np.diff(offsets) // PAGE)
        self._first_page = np.concatenate([[0], np.cumsum(num_pages)])
        place = np.arange(self._first_page[-1]) - np.repeat(self._first_page[:-1], num_pages)
        self._page_rows = np.repeat(offsets[:-1], num_pages) + place * PAGE
        self._edges = np.empty(len(self._page_rows))
        self.first = np.full(num_units, np.inf)
        self.last = np.full(num_units, -np.inf)
        self.is_sorted = np.ones(num_units, dtype=bool)
        self.has_numbers_only = np.ones(num_units, dtype=bool)
        self.num_steps_back = np.zeros(num_units, dtype=np.int64)
        self.largest_step_back = np.zeros(num_units)
        self.is_whole = True
        self._is_known = np.diff(offsets) == 0

    def survey(self, dataset: Any, units: Int64[np.ndarray, " unit"]) -> None:
        """Read the trains of units that are not known yet, block by block."""
        unknown = np.unique(units[~self._is_known[units]])
        # neighbours are read together
        for run in np.split(unknown, np.flatnonzero(np.diff(unknown) > 1) + 1):
            if len(run):
                self._survey_rows(dataset, int(self.offsets[run[0]]), int(self.offsets[run[-1] + 1]))
        self._is_known[unknown] = True

    def _survey_rows(self, dataset: Any, begin: int, end: int) -> None:
        # the row before the first is another unit's: it counts as a step back here, and as none below
        previous = np.inf
        for at in range(begin, end, BLOCK):
            times = dataset[at : min(at + BLOCK, end)].astype(np.float64, copy=False)
            self._note_block(at, times, previous)
            previous = float(times[-1])

    def _note_block(self, at: int, times: Float64[np.ndarray, " spike"], previous: float) -> None:
        """Take in the rows from `at` on; `previous` is the time in the row before."""
        stop = at + len(times)
        pages = slice(*np.searchsorted(self._page_rows, [at, stop]))
        self._edges[pages] = times[self._page_rows[pages] - at]
        # negated, so that NaN, which compares as False, counts as a step back as well
        descends = np.flatnonzero(~(times[1:] >= times[:-1])) + 1
        if not times[0] >= previous:
            descends = np.concatenate([[0], descends])
        units = self._unit_of(descends + at)
        # the first spike of a unit is no step back
        within = self.offsets[units] != descends + at
        self._note_steps(units[within], times, descends[within], previous)
        # one time of a page tells of nearly all recordings
        if self.is_whole and _are_whole(self._edges[pages]):
            self.is_whole = _are_whole(times)
        else:
            self.is_whole = False
        wrong = np.flatnonzero(~np.isfinite(times))
        self.has_numbers_only[self._unit_of(wrong + at)] = False
        here = np.arange(self._unit_of(np.array([at]))[0], self._unit_of(np.array([stop - 1]))[0] + 1)
        # reduceat gives the next unit's value for a unit without spikes
        here = here[self.offsets[here + 1] > self.offsets[here]]
        begins = np.maximum(self.offsets[here], at) - at
        self.first[here] = np.minimum(self.first[here], np.minimum.reduceat(times, begins))
        self.last[here] = np.maximum(self.last[here], np.maximum.reduceat(times, begins))

    def _note_steps(self, units: Rows, times: np.ndarray, descends: Rows, previous: float) -> None:
        """Take in steps back of units, each from the row before `descends`."""
        self.is_sorted[units] = False
        np.add.at(self.num_steps_back, units, 1)
        before = np.where(descends == 0, previous, times[descends - 1])
        # times that are no numbers are refused later
        with np.errstate(invalid="ignore"):
            np.maximum.at(self.largest_step_back, units, before - times[descends])

    def _unit_of(self, rows: Int64[np.ndarray, " row"]) -> Int64[np.ndarray, " row"]:
        units: np.ndarray = np.searchsorted(self.offsets, rows, side="right") - 1
        return units

    def find_rows(self, units: Rows, start: float, stop: float) -> tuple[Rows, Rows]:
        """Return the rows [begin, end) of each unit whose pages may hold times in [start, stop].

        The whole train for a unit that does not ascend.
        """
        firsts, lasts = self._first_page[units], self._first_page[units + 1]
        pages_before = search_rows(self._edges, firsts, lasts, start, side="left")
        pages_until = search_rows(self._edges, firsts, lasts, stop, side="right")
        # one page more: the last page that begins before `start` may hold spikes after it
        begins = self.offsets[units] + np.maximum(pages_before - firsts - 1, 0) * PAGE
        ends = np.minimum(self.offsets[units] + (pages_until - firsts) * PAGE, self.offsets[units + 1])
        is_sorted = self.is_sorted[units]
        begins = np.where(is_sorted, np.minimum(begins, ends), self.offsets[units])
        return begins, np.where(is_sorted, ends, self.offsets[units + 1])


def _are_whole(times: Float64[np.ndarray, " spike"]) -> bool:
    return bool((times == np.floor(times)).all())


def search_rows(values: Any, begins: Rows, ends: Rows, wanted: float, *, side: str) -> Rows:
    """Return, as `numpy.searchsorted` does, where `wanted` belongs in each of many ascending stretches.

    All stretches [begin, end) of `values` are halved together.

    Examples
    --------
    >>> values = np.array([1.0, 3.0, 5.0, 0.0, 2.0])
    >>> search_rows(values, np.array([0, 3]), np.array([3, 5]), 2.0, side="left").tolist()
    [1, 4]
    """
    # as many steps as the longest stretch needs, log2 of it, instead of a call of numpy for each of 10,000
    # units
    low, high = begins.copy(), ends.copy()
    active = np.flatnonzero(low < high)
    while len(active):
        middle = (low[active] + high[active]) // 2
        # in the precision of the wanted time: a narrower type would round it
        found = np.asarray(values[middle], dtype=np.float64)
        is_before = found < wanted if side == "left" else found <= wanted
        low[active[is_before]] = middle[is_before] + 1
        high[active[~is_before]] = middle[~is_before]
        active = active[low[active] < high[active]]
    return low


def list_rows(begins: Rows, ends: Rows) -> Int64[np.ndarray, " row"]:
    """Return the rows of all stretches [begin, end), one stretch after the other.

    Examples
    --------
    >>> list_rows(np.array([0, 7]), np.array([2, 9])).tolist()
    [0, 1, 7, 8]
    """
    counts = ends - begins
    shift = begins - (np.cumsum(counts) - counts)
    rows: np.ndarray = np.arange(int(counts.sum())) + np.repeat(shift, counts)
    return rows


def group_rows(begins: Rows, ends: Rows) -> Iterator[slice]:
    """Yield slices of stretches that lie close enough together to be read as one."""
    first = 0
    low = high = -1
    for at, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if begin == end:
            continue
        # a page read in vain is 4 KiB, and spares a call of HDF5
        is_near = low >= 0 and low <= begin <= high + PAGE and max(end, high) - low <= BLOCK
        if low >= 0 and not is_near:
            yield slice(first, at)
            first, low, high = at, begin, end
        else:
            low, high = (begin if low < 0 else low), max(end, high)
    if low >= 0:
        yield slice(first, len(begins))
    elif len(begins):
        yield slice(0, len(begins))
