"""Spikes of a SpikeInterface sorting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.segments import join_segments
from nwbspikegen.core.sortings import read_attribute
from nwbspikegen.views.observation import Observation, join_intervals
from nwbspikegen.views.spike_source import (
    Clocks,
    Interval,
    SpikeSource,
    Trains,
    UnitTable,
    join_trains,
    require_numbers,
)

_TEXTS = (
    "session_id",
    "subject_id",
    "session_start_time",
    "lab",
    "institution",
    "species",
    "preparation",
    "identifier",
    "source",
    "source_sha256",
)


class SortingSource(SpikeSource):
    """Spikes of a sorting, in its native seconds where it has them.

    Several segments are laid on one clock as `nwbspikegen.core.joined_segments.JoinedSorting` says.
    The observation is, by what is there first: `obs_intervals`, a mapping of unit ids to arrays
    (interval, 2) of starts and stops (s), an attribute or an annotation of the sorting;
    `observation_interval` (start, stop; s), likewise; its attribute `num_samples`; its registered
    recording; its spikes. Its `named_intervals`, where it has some, may hold `invalid_times`, and
    `left_out` says how many spikes it has not, by reason.

    Parameters
    ----------
    sorting : spikeinterface.BaseSorting
        The sorting. Its per-unit properties become columns, its annotations attributes.
    """

    def __init__(self, sorting: Any) -> None:
        self._sorting = sorting = join_segments(sorting)
        self._trains: dict[int, np.ndarray] = {}
        self._steps: dict[int, tuple[int, float]] = {}
        texts = _read_texts(sorting)
        self.table = UnitTable(np.asarray(sorting.unit_ids), _read_properties(sorting), texts)
        texts["identifier"] = texts["identifier"] or self._hash_spikes()
        self.left_out = read_attribute(sorting, "left_out") or {}
        self.invalid_times = join_intervals(self.find_intervals("invalid_times")[0])

    def __getstate__(self) -> dict[str, Any]:
        # workers read the trains again: with them each task would carry the whole recording
        return {**self.__dict__, "_trains": {}, "_steps": {}}

    @property
    def observation(self) -> Observation:
        """When each unit was observed, an end infinite where the sorting does not say."""
        of_units = read_attribute(self._sorting, "obs_intervals")
        if of_units is not None:
            return Observation.of_units(
                _require_intervals(of_units, unit) for unit in self.table.ids.tolist()
            )
        start, stop = self._find_extent()
        interval = (-np.inf if start is None else start, np.inf if stop is None else stop)
        if not interval[0] <= interval[1]:
            raise InputError(
                f"an observation from {start} to {stop} s", "a start before a stop", "correct the interval"
            )
        return Observation.of_units([[interval]] * len(self.table.ids))

    def _find_extent(self) -> tuple[float | None, float | None]:
        """Return start and stop of the observation (s), None where the sorting does not say."""
        sorting = self._sorting
        start = float(sorting.get_start_time(segment_index=0))
        interval = read_attribute(sorting, "observation_interval")
        if interval is not None:
            return float(interval[0]), float(interval[1])
        if isinstance(num_samples := getattr(sorting, "num_samples", None), int | np.integer):
            return start, start + int(num_samples) / sorting.sampling_frequency
        if sorting.has_recording():
            # SpikeInterface's end is the time of the last sample, which lasts one more
            stop = sorting.get_end_time(segment_index=0) + 1 / sorting.sampling_frequency
            return float(sorting.sample_index_to_time(0, segment_index=0)), float(stop)
        # frames count from the start of a recording; native seconds say nothing about it
        is_native = hasattr(sorting.segments[0], "get_unit_spike_train_in_seconds")
        return (None if is_native else start), None

    def read_trains(self, units: Sequence[int], start: float, stop: float) -> Iterator[Trains]:
        """Yield the spikes within [start, stop] (s) of some unit positions, in pieces, no spike lost."""
        return join_trains(self._cut_train(unit, start, stop) for unit in units)

    def _cut_train(self, unit: int, start: float, stop: float) -> Float64[np.ndarray, " spike"]:
        times = self._read_train(unit)
        first, last = np.searchsorted(times, start), np.searchsorted(times, stop, "right")
        return times[first:last]

    def read_extent(self) -> Interval | None:
        """Return the times (s) of the first and the last spike of all units; NaN when there is none."""
        trains = [train for unit in range(len(self.table.ids)) if len(train := self._read_train(unit))]
        firsts, lasts = [float(train[0]) for train in trains], [float(train[-1]) for train in trains]
        return min(firsts, default=np.nan), max(lasts, default=np.nan)

    def count_spikes(self) -> Int64[np.ndarray, " unit"]:
        """Return how many spikes each unit has in the whole recording."""
        counts = [len(self._read_train(unit)) for unit in range(len(self.table.ids))]
        return np.array(counts, dtype=np.int64)

    def read_clocks(self, units: Sequence[int]) -> Clocks:
        """Return how the times of some unit positions run, before they are sorted."""
        trains = [self._read_train(unit) for unit in units]
        return Clocks(
            np.array([len(train) for train in trains], dtype=np.int64),
            np.array([train[0] if len(train) else np.inf for train in trains]),
            np.array([train[-1] if len(train) else -np.inf for train in trains]),
            np.array([self._steps[unit][0] for unit in units], dtype=np.int64),
            np.array([self._steps[unit][1] for unit in units], dtype=np.float64),
            all(np.array_equal(train, np.floor(train)) for train in trains),
        )

    def find_intervals(self, name: str) -> tuple[Sequence[Interval], Sequence[str]]:
        """Return the start and stop (s) of every interval of a name, and all names that there are.

        The sorting has them as its attribute `named_intervals`, a mapping of names to intervals.
        """
        named = getattr(self._sorting, "named_intervals", {})
        return [(float(start), float(stop)) for start, stop in named.get(name, ())], list(named)

    def _hash_spikes(self) -> str:
        """Return what tells this sorting from another that says nothing of where it comes from."""
        digest = hashlib.sha256()
        for unit in range(len(self.table.ids)):
            # with a mark between trains: a spike that changes from one unit to the next changes the hash as
            # well
            digest.update(self._read_train(unit).tobytes() + b"|")
        return digest.hexdigest()

    def _read_train(self, unit: int) -> Float64[np.ndarray, " spike"]:
        if unit not in self._trains:
            unit_id = self.table.ids[unit]
            train = self._sorting.get_unit_spike_train_in_seconds(unit_id, segment_index=0)
            times = np.asarray(train, dtype=np.float64)
            require_numbers(times, unit_id)
            steps = -np.diff(times)
            # before sorting, which hides that a clock started again
            self._steps[unit] = int(np.count_nonzero(steps > 0)), float(steps.max(initial=0.0))
            self._trains[unit] = np.sort(times)
        return self._trains[unit]


def _read_properties(sorting: Any) -> dict[str, np.ndarray]:
    properties = {key: np.asarray(sorting.get_property(key)) for key in sorting.get_property_keys()}
    return {
        # SpikeInterface has texts as objects; criteria look for them among texts
        key: values.astype(np.str_) if values.dtype.kind == "O" else values
        for key, values in properties.items()
        if values.ndim == 1 and values.dtype.kind in "biufUO"
    }


def _require_intervals(of_units: Any, unit: object) -> np.ndarray:
    """Return a unit's intervals (interval, 2), or raise `InputError`."""
    try:
        intervals = np.asarray(of_units[unit], dtype=np.float64).reshape(-1, 2)
    except (KeyError, ValueError, TypeError):
        intervals = np.full((1, 2), np.nan)
    if not (intervals[:, 0] <= intervals[:, 1]).all():
        raise InputError(
            f"obs_intervals of unit {unit} that are none",
            "pairs (start, stop; s), a start before a stop",
            "correct the sorting's obs_intervals",
        )
    return intervals


def _read_texts(sorting: Any) -> dict[str, str]:
    known = set(sorting.get_annotation_keys())
    return {name: str(sorting.get_annotation(name)) if name in known else "" for name in _TEXTS}
