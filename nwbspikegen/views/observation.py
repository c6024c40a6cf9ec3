"""When each unit was observed: what was not is not silence."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.views.binning import BinGrid
from nwbspikegen.views.indexing import ComputedArray

Intervals = Float64[np.ndarray, "_interval 2"]

# relative: intervals that touch are written by adding up, so that their ends agree to round-off
_TOUCHING = 1e-12


@dataclass(frozen=True)
class Observation:
    """The intervals in which units were observed; many units share one pattern of intervals.

    Parameters
    ----------
    patterns : tuple of arrays (interval, 2)
        Starts and stops (s, session clock), ascending, none touching the next. An end that nobody
        knows is infinite.
    pattern_of : array (unit,)
        Which pattern each unit has.

    Examples
    --------
    >>> both = Observation.of_units([[(0.0, 5.0), (5.0, 9.0)], [(0.0, 4.0)]])
    >>> both.without([(3.0, 6.0)]).patterns
    (array([[0., 3.],
           [6., 9.]]), array([[0., 3.]]))
    """

    patterns: tuple[Intervals, ...]
    pattern_of: Int64[np.ndarray, " unit"]

    @classmethod
    def of_units(cls, intervals: Iterable[Sequence[tuple[float, float]] | Intervals]) -> Observation:
        """Return the observation of units by their intervals, each in any order, touching or not."""
        patterns: dict[bytes, int] = {}
        kept: list[Intervals] = []
        pattern_of = []
        for each in intervals:
            # patterns are told apart by their bytes: hundreds of units mostly share one
            joined = join_intervals(each)
            place = patterns.setdefault(joined.tobytes(), len(patterns))
            if place == len(kept):
                kept.append(joined)
            pattern_of.append(place)
        return cls(tuple(kept), np.array(pattern_of, dtype=np.int64))

    @classmethod
    def always(cls, num_units: int) -> Observation:
        """Return the observation of units of which nothing is known: all of the time."""
        return cls((np.array([[-np.inf, np.inf]]),), np.zeros(num_units, dtype=np.int64))

    def without(self, excluded: Sequence[tuple[float, float]] | Intervals) -> Observation:
        """Return the observation less some intervals."""
        gone = join_intervals(excluded)
        # what is left lies between one gone stretch and the next
        edges = np.concatenate([[-np.inf], gone.ravel(), [np.inf]]).reshape(-1, 2)
        return self._each(lambda pattern: intersect_intervals(pattern, edges))

    def within(self, start: float, stop: float) -> Observation:
        """Return the part of the observation from `start` to `stop` (s)."""
        return self._each(lambda pattern: intersect_intervals(pattern, np.array([[start, stop]])))

    def extent(self) -> tuple[float, float]:
        """Return the first start and the last stop (s), infinite where unknown, NaN when there is none."""
        known = [pattern for pattern in self.patterns if len(pattern)]
        if not known:
            return math.nan, math.nan
        return min(float(each[0, 0]) for each in known), max(float(each[-1, 1]) for each in known)

    def of(self, units: Sequence[int]) -> Observation:
        """Return the observation of some units, by their positions."""
        used, places = np.unique(self.pattern_of[np.asarray(units, dtype=np.int64)], return_inverse=True)
        return Observation(tuple(self.patterns[each] for each in used.tolist()), places.astype(np.int64))

    def shared(self) -> Intervals:
        """Return when every unit was observed.

        Examples
        --------
        >>> Observation.of_units([[(0, 5), (8, 9)], [(3, 20)]]).shared().tolist()
        [[3.0, 5.0], [8.0, 9.0]]
        """
        used = [self.patterns[each] for each in np.unique(self.pattern_of).tolist()]
        return functools.reduce(intersect_intervals, used)

    def is_seen(self, unit: int, times: Float64[np.ndarray, " time"]) -> Bool[np.ndarray, " time"]:
        """Return at which times (s) a unit was observed, both ends of its intervals included."""
        edges = self._edges_of(unit)
        # an odd number of edges before, or at it
        seen: np.ndarray = np.searchsorted(edges, times, side="right") % 2 == 1
        seen |= np.searchsorted(edges, times) % 2 == 1
        return seen

    def count_by_unit(self, times: Float64[np.ndarray, " time"]) -> Int64[np.ndarray, " unit"]:
        """Return how many of some ascending times (s) lie where each unit was observed."""
        counts = [
            np.searchsorted(times, each[:, 1], side="right").sum() - np.searchsorted(times, each[:, 0]).sum()
            for each in self.patterns
        ]
        by_unit: np.ndarray = np.array(counts, dtype=np.int64)[self.pattern_of]
        return by_unit

    def _edges_of(self, unit: int) -> Float64[np.ndarray, " edge"]:
        return self.patterns[int(self.pattern_of[unit])].ravel()

    def _each(self, change: Any) -> Observation:
        return Observation(tuple(change(pattern) for pattern in self.patterns), self.pattern_of)


def join_intervals(intervals: Sequence[tuple[float, float]] | Intervals) -> Intervals:
    """Return intervals in order, those that overlap or touch joined, empty ones left out.

    Examples
    --------
    >>> join_intervals([(4.0, 6.0), (0.0, 1.0), (1.0, 2.0), (3.0, 3.0)]).tolist()
    [[0.0, 2.0], [4.0, 6.0]]
    """
    given = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    given = given[given[:, 1] > given[:, 0]]
    # with starts in order, the latest stop so far tells whether the next one touches
    given = given[np.argsort(given[:, 0], kind="stable")]
    if not len(given):
        return given
    reached = np.maximum.accumulate(given[:, 1])
    slack = _TOUCHING * np.where(np.isfinite(reached[:-1]), np.abs(reached[:-1]), 0.0)
    first = np.concatenate([[True], given[1:, 0] > reached[:-1] + slack])
    last = np.append(np.flatnonzero(first)[1:] - 1, len(given) - 1)
    return np.column_stack([given[first, 0], reached[last]])


def intersect_intervals(one: Intervals, other: Intervals) -> Intervals:
    """Return what two ascending lists of intervals share."""
    # each with each: recordings have some gaps and some excluded stretches, not thousands of both
    starts = np.maximum(one[:, None, 0], other[None, :, 0])
    stops = np.minimum(one[:, None, 1], other[None, :, 1])
    shared = stops > starts
    return np.column_stack([starts[shared], stops[shared]])


class ObservedBins(ComputedArray):
    """Which bins of which units were observed from end to end, worked out for the window asked for.

    Parameters
    ----------
    observation : Observation
        Of all units of the table.
    grid : BinGrid
        Bins counted from the start of observation.
    first, num_bins : int
        The bins of `grid` that this array spans.
    """

    dtype = np.dtype(bool)

    def __init__(self, observation: Observation, grid: BinGrid, first: int, num_bins: int) -> None:
        self.shape = (num_bins, len(observation.pattern_of))
        self._pattern_of = observation.pattern_of
        self._edges = [_to_bins(pattern, grid, first, num_bins) for pattern in observation.patterns]

    @property
    def is_complete(self) -> bool:
        """Whether every bin of every unit was observed."""
        whole = [np.array_equal(edges, [0, self.shape[0]]) for edges in self._edges]
        return all(whole[place] for place in np.unique(self._pattern_of))

    def _read(
        self, bins: range | Int64[np.ndarray, " bin"], units: Sequence[int]
    ) -> Bool[np.ndarray, "bin unit"]:
        wanted = np.asarray(bins, dtype=np.int64)
        patterns, column = np.unique(self._pattern_of[np.asarray(units, dtype=np.int64)], return_inverse=True)
        # an odd number of edges behind: within an interval
        by_pattern = [np.searchsorted(self._edges[each], wanted, side="right") % 2 == 1 for each in patterns]
        return np.stack(by_pattern, axis=1)[:, column] if by_pattern else np.zeros((len(wanted), 0), bool)


def _to_bins(pattern: Intervals, grid: BinGrid, first: int, num_bins: int) -> Int64[np.ndarray, " edge"]:
    """Return begin and end of the stretches of bins that lie in intervals as a whole."""
    places = (pattern - grid.origin) / grid.bin_size
    # inwards: a bin that was observed in part would make its spikes too few
    places[:, 0] = np.ceil(places[:, 0] - grid.tolerance)
    places[:, 1] = np.floor(places[:, 1] + grid.tolerance)
    edges = np.clip(places - first, 0, num_bins).astype(np.int64)
    return edges[edges[:, 1] > edges[:, 0]].ravel()
