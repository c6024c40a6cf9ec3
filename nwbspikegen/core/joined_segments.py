"""Several segments of a SpikeInterface sorting on one clock."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSorting, BaseSortingSegment

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.sortings import read_attribute

_LOG = logging.getLogger("nwbspikegen")
# no model reads across it as if nothing were missing, and bins of every common size begin where they would
# in the segment alone
_GAP = 1.0
# what readers set beside spikes and properties
_ATTRIBUTES = ("session_metadata", "property_descriptions", "units_description", "electrodes")
_OBSERVATION = ("obs_intervals", "observation_interval")


class JoinedSorting(BaseSorting):  # type: ignore[misc]
    """The segments of a sorting as one, observed in each segment and not between.

    Segments whose times follow each other, each beginning when the one before has ended or later, are on
    one clock and stay where they are. Otherwise (SpikeInterface begins every segment at 0) each begins at
    the first whole second, counted from the start of the first, that is a second or more after the end of
    the one before.

    Parameters
    ----------
    sorting : BaseSorting
        Of several segments.
    intervals : sequence of (float, float), optional
        Start and stop of each segment (s). By default, by what is there first: its attribute or annotation
        `observation_interval`, a pair for each segment; its registered recording; its spikes.
    from_frames : bool, default: False
        Count times from the start of each interval, whatever clock the sorting has.

    Attributes
    ----------
    obs_intervals : dict
        Of each unit, the intervals of all segments (s).
    segment_starts : list of float
        When each segment begins (s).

    Raises
    ------
    InputError
        Intervals that are none, or `obs_intervals` of single units on a clock that has to be changed.

    Examples
    --------
    >>> from spikeinterface.core import NumpySorting
    >>> twice = NumpySorting.from_unit_dict([{"a": np.array([5])}, {"a": np.array([2, 7])}], 10.0)
    >>> joined = JoinedSorting(twice, intervals=[(0.0, 1.5), (0.0, 1.0)])
    >>> joined.get_unit_spike_train_in_seconds("a").tolist(), joined.obs_intervals["a"]
    ([0.5, 3.2, 3.7], [[0.0, 1.5], [3.0, 4.0]])
    """

    def __init__(
        self,
        sorting: BaseSorting,
        intervals: Sequence[Sequence[float]] | None = None,
        from_frames: bool = False,
    ) -> None:
        super().__init__(sampling_frequency=sorting.sampling_frequency, unit_ids=sorting.unit_ids)
        found = _require_intervals(sorting, intervals or read_segment_intervals(sorting))
        self.segment_starts = lay_segments(found)
        laid = [
            [begin, begin + (stop - start)]
            for begin, (start, stop) in zip(self.segment_starts, found, strict=True)
        ]
        shifts = [begin - start for begin, (start, _) in zip(self.segment_starts, found, strict=True)]
        self._sorting = sorting
        self.add_sorting_segment(
            _JoinedSegment(
                _read_trains(sorting, shifts, laid if from_frames else None), self.sampling_frequency
            )
        )
        kept = [key for key in sorting.get_annotation_keys() if key not in _OBSERVATION]
        self.annotate(**{key: sorting.get_annotation(key) for key in kept})
        for key in sorting.get_property_keys():
            self.set_property(key, sorting.get_property(key))
        for name in _ATTRIBUTES:
            if hasattr(sorting, name):
                setattr(self, name, getattr(sorting, name))
        self.obs_intervals = _observe(sorting, laid, is_moved=any(shifts))
        self._kwargs = {"sorting": sorting, "intervals": found, "from_frames": from_frames}

    def read_segment_frames(self, unit: Any, segment: int) -> Int64[np.ndarray, " spike"]:
        """Return the spikes of a unit in one segment, in frames of that segment."""
        frames = self._sorting.get_unit_spike_train(unit, segment_index=segment)
        return np.asarray(frames, dtype=np.int64)


class _JoinedSegment(BaseSortingSegment):  # type: ignore[misc]
    """Trains in seconds; frames count from time 0."""

    def __init__(
        self, trains: Mapping[Any, Float64[np.ndarray, " _spike"]], sampling_frequency: float
    ) -> None:
        super().__init__()
        self._trains, self._rate_hz = dict(trains), sampling_frequency

    def get_unit_spike_train(
        self, unit_id: Any, start_frame: int | None = None, end_frame: int | None = None
    ) -> Int64[np.ndarray, " spike"]:
        frames = np.rint(self._trains[unit_id] * self._rate_hz).astype(np.int64)
        first = 0 if start_frame is None else int(np.searchsorted(frames, start_frame))
        last = None if end_frame is None else int(np.searchsorted(frames, end_frame))
        cut: np.ndarray = frames[first:last]
        return cut

    def get_unit_spike_train_in_seconds(
        self, unit_id: Any, start_time: float | None = None, end_time: float | None = None
    ) -> Float64[np.ndarray, " spike"]:
        times: np.ndarray = self._trains[unit_id]
        first = 0 if start_time is None else int(np.searchsorted(times, start_time))
        last = None if end_time is None else int(np.searchsorted(times, end_time))
        return times[first:last]


def lay_segments(intervals: Sequence[Sequence[float]]) -> list[float]:
    """Return when each segment begins on one clock (s), by the rule of `JoinedSorting`.

    Examples
    --------
    >>> lay_segments([(10.0, 20.0), (25.0, 30.0)])
    [10.0, 25.0]
    >>> lay_segments([(0.5, 10.0), (0.5, 3.0)])
    [0.5, 11.5]
    """
    starts = [float(start) for start, _ in intervals]
    if all(start >= before[1] for start, before in zip(starts[1:], intervals, strict=False)):
        return starts
    laid, stop = [starts[0]], float(intervals[0][1])
    for start, end in intervals[1:]:
        laid.append(starts[0] + math.ceil(stop - starts[0] + _GAP))
        stop = laid[-1] + float(end) - float(start)
    return laid


def read_segment_intervals(sorting: Any) -> list[tuple[float, float]]:
    """Return start and stop of each segment (s); the last spike of a segment ends it if nothing else does."""
    number = sorting.get_num_segments()
    told = read_attribute(sorting, "observation_interval")
    if told is not None and np.shape(told) == (number, 2):
        return [(float(start), float(stop)) for start, stop in told]
    step = 1 / sorting.sampling_frequency
    if sorting.has_recording():
        return [
            # SpikeInterface's end is the time of the last sample, which lasts one more
            (
                float(sorting.sample_index_to_time(0, segment_index=segment)),
                float(sorting.get_end_time(segment_index=segment)) + step,
            )
            for segment in range(number)
        ]
    _LOG.warning("the sorting does not say when its %d segments ended: their last spikes are taken", number)
    found = []
    for segment in range(number):
        trains = [
            sorting.get_unit_spike_train_in_seconds(unit, segment_index=segment) for unit in sorting.unit_ids
        ]
        last = max((float(np.max(train)) for train in trains if len(train)), default=math.nan)
        found.append((float(sorting.get_start_time(segment_index=segment)), last + step))
    return found


def _require_intervals(sorting: Any, intervals: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return start and stop of each segment as JSON has them, or raise `InputError`."""
    found = [[float(start), float(stop)] for start, stop in intervals]
    wrong = [pair for pair in found if not (all(map(math.isfinite, pair)) and pair[0] < pair[1])]
    if wrong or len(found) != sorting.get_num_segments():
        raise InputError(
            f"{sorting.get_num_segments()} segments observed in {wrong[:1] or found}",
            "a start before a stop for each, in seconds",
            "register the recording, or annotate observation_interval=[(start, stop), ...]",
        )
    return found


def _read_trains(
    sorting: Any, shifts: Sequence[float], laid: Sequence[Sequence[float]] | None
) -> dict[Any, Float64[np.ndarray, " _spike"]]:
    """Return the times of each unit on the one clock (s), from frames where `laid` says their start."""
    trains = {}
    for unit in sorting.unit_ids.tolist():
        pieces = [
            sorting.get_unit_spike_train_in_seconds(unit, segment_index=segment) + shift
            if laid is None
            else sorting.get_unit_spike_train(unit, segment_index=segment) / sorting.sampling_frequency
            + laid[segment][0]
            for segment, shift in enumerate(shifts)
        ]
        trains[unit] = np.concatenate(pieces).astype(np.float64)
    return trains


def _observe(sorting: Any, laid: list[list[float]], *, is_moved: bool) -> dict[Any, Any]:
    of_units = read_attribute(sorting, "obs_intervals")
    if of_units is None:
        return dict.fromkeys(sorting.unit_ids.tolist(), laid)
    if is_moved:
        raise InputError(
            "obs_intervals of a sorting whose segments are not on one clock",
            "segments that follow each other in time",
            "shift them: sorting.shift_times(seconds, segment_index=1)",
        )
    return dict(of_units)
