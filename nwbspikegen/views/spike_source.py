"""Where spikes come from: the one interface behind which files and sortings look alike."""

from __future__ import annotations

import abc
import dataclasses
import functools
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.observation import Intervals, Observation

# spikes handed over at once (2 MiB of times), so that a long window costs little more memory than its bins
_PIECE = 2**18

Interval = tuple[float, float]


class Trains(NamedTuple):
    """Spike trains of consecutive units, end to end.

    Attributes
    ----------
    times : ndarray of shape (spike,)
        Spike times (s), sorted within each unit.
    counts : ndarray of shape (unit,)
        How many spikes each unit has.
    """

    times: Float64[np.ndarray, " spike"]
    counts: Int64[np.ndarray, " unit"]


@dataclasses.dataclass(frozen=True)
class Clocks:
    """How the times of some units run, as they are stored.

    Attributes
    ----------
    counts : ndarray of shape (unit,)
        Spikes in the whole recording.
    first, last : ndarray of shape (unit,)
        Earliest and latest time (s), infinite where there is none.
    num_steps_back, largest_step_back : ndarray of shape (unit,)
        How often a time is before the one that precedes it, and by how much at most (s).
    is_whole : bool
        Whether all times are whole numbers.
    """

    counts: Int64[np.ndarray, " unit"]
    first: Float64[np.ndarray, " unit"]
    last: Float64[np.ndarray, " unit"]
    num_steps_back: Int64[np.ndarray, " unit"]
    largest_step_back: Float64[np.ndarray, " unit"]
    is_whole: bool


@dataclasses.dataclass(frozen=True)
class UnitTable:
    """What is known of the units besides their spikes.

    Parameters
    ----------
    ids : ndarray of shape (unit,)
        Unit ids, numbers or strings.
    columns : mapping of str to ndarray of shape (unit,)
        The columns that hold one value per unit.
    attrs : mapping of str to str
        Session, subject and origin.
    """

    ids: np.ndarray
    columns: Mapping[str, np.ndarray]
    attrs: Mapping[str, str]


class SpikeSource(abc.ABC):
    """Gives the spikes of any unit in any window, sorted, in seconds of the session clock.

    Sources are read-only and pickle without open handles, so that they travel to dask workers.
    """

    table: UnitTable
    time_type: np.dtype[Any] = np.dtype(np.float64)
    """How spike times are stored."""
    invalid_times: Intervals = np.zeros((0, 2))
    """Intervals (s) that the source calls invalid, whatever unit was observed in them."""
    left_out: Mapping[str, int] = types.MappingProxyType({})
    """How many spikes of what the source was made from it has not, by reason."""
    is_near: bool = True
    """Whether spikes are at hand, and not on the web."""

    @abc.abstractmethod
    def read_trains(self, units: Sequence[int], start: float, stop: float) -> Iterator[Trains]:
        """Yield the spikes within [start, stop] (s) of some unit positions, in pieces, no spike lost."""

    @abc.abstractmethod
    def read_extent(self) -> Interval | None:
        """Return the times (s) of the first and the last spike of all units, NaN when there is none.

        None when only reading every spike would tell, and the observation is known without.
        """

    @abc.abstractmethod
    def count_spikes(self) -> Int64[np.ndarray, " unit"]:
        """Return how many spikes each unit has in the whole recording."""

    @abc.abstractmethod
    def read_clocks(self, units: Sequence[int]) -> Clocks:
        """Return how the times of some unit positions run, before they are sorted."""

    @property
    @abc.abstractmethod
    def observation(self) -> Observation:
        """When each unit was observed; an end that the source does not tell is infinite."""

    @abc.abstractmethod
    def find_intervals(self, name: str) -> tuple[Sequence[Interval], Sequence[str]]:
        """Return the start and stop (s) of every interval of a name, and all names that there are."""

    def __deepcopy__(self, memo: dict[int, Any]) -> SpikeSource:
        # sources are read-only, and xarray copies encodings deeply, with all spikes
        return self

    @functools.cached_property
    def positions(self) -> dict[Any, int]:
        """Position in the table of each unit id."""
        return {unit: position for position, unit in enumerate(self.table.ids.tolist())}


def join_trains(trains: Iterable[Float64[np.ndarray, " _spike"]]) -> Iterator[Trains]:
    """Yield trains of single units end to end, in pieces of a handy size."""
    piece: list[np.ndarray] = []
    size = 0
    for train in trains:
        if piece and size + len(train) > _PIECE:
            yield _join(piece)
            piece, size = [], 0
        piece.append(train)
        size += len(train)
    if piece:
        yield _join(piece)


def _join(piece: Sequence[np.ndarray]) -> Trains:
    return Trains(np.concatenate(piece), np.array([len(train) for train in piece], dtype=np.int64))


def cut_by_size(counts: Int64[np.ndarray, " unit"]) -> Iterator[slice]:
    """Yield slices of units that together have few enough spikes to hand over at once."""
    ends = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = int(ends[begin - 1]) if begin else 0
        # a unit with more spikes than a piece is handed over as a whole
        stop = max(int(np.searchsorted(ends, before + _PIECE, "right")), begin + 1)
        yield slice(begin, stop)
        begin = stop


def require_numbers(times: Float64[np.ndarray, " spike"], unit: object) -> None:
    """Raise `InputError` when a spike time is NaN or infinite."""
    bad = int(np.count_nonzero(~np.isfinite(times)))
    if bad:
        raise InputError(
            f"{bad} NaN or infinite spike times in unit {unit}",
            "every spike time to be a number of seconds",
            "remove them from the units table before opening it",
        )
