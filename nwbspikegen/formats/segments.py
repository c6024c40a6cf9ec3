"""The one segment of a source's sorting: frames and native seconds of each unit."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSortingSegment


class NativeSegment(BaseSortingSegment, abc.ABC):  # type: ignore[misc]
    """Spike trains in frames, and in seconds that are not made from them."""

    @abc.abstractmethod
    def read_frames(self, unit_id: Any) -> Int64[np.ndarray, " spike"]:
        """Return the sorted frames of a unit."""

    @abc.abstractmethod
    def read_seconds(self, unit_id: Any) -> Float64[np.ndarray, " spike"]:
        """Return the sorted times of a unit (s)."""

    def get_unit_spike_train(
        self,
        unit_id: Any,
        start_frame: SupportsIndex | None = None,
        end_frame: SupportsIndex | None = None,
    ) -> Int64[np.ndarray, " spike"]:
        """Return the frames of a unit from one on and before another."""
        return _cut(self.read_frames(unit_id), start_frame, end_frame)

    def get_unit_spike_train_in_seconds(
        self,
        unit_id: Any,
        start_time: SupportsFloat | None = None,
        end_time: SupportsFloat | None = None,
    ) -> Float64[np.ndarray, " spike"]:
        """Return the times of a unit (s) from one on and before another."""
        return _cut(self.read_seconds(unit_id), start_time, end_time)


def _cut(values: np.ndarray, start: Any, stop: Any) -> np.ndarray:
    # SpikeInterface's ends are exclusive, in frames and in seconds
    first = 0 if start is None else int(np.searchsorted(values, start))
    last = len(values) if stop is None else int(np.searchsorted(values, stop))
    return values[first:last]


class FrameSegment(NativeSegment):
    """Spike trains counted in frames of a recording; native seconds are frame / sampling frequency.

    Parameters
    ----------
    trains : mapping of int or str to ndarray of int64, shape (spike,)
        Sorted frames of each unit, by its id, counted from the start of the recording.
    sampling_frequency : float
        Frames per second.

    Examples
    --------
    >>> segment = FrameSegment({7: np.array([0, 20, 30])}, 20_000.0)
    >>> segment.get_unit_spike_train_in_seconds(7, start_time=0.001).tolist()
    [0.001, 0.0015]
    """

    def __init__(self, trains: Mapping[Any, Int64[np.ndarray, " _spike"]], sampling_frequency: float) -> None:
        super().__init__()
        self._trains = dict(trains)
        self._rate_hz = sampling_frequency

    def read_frames(self, unit_id: Any) -> Int64[np.ndarray, " spike"]:
        """Return the sorted frames of a unit."""
        # numbers and texts of NumPy are not those of the mapping
        train: np.ndarray = self._trains[unit_id.item() if isinstance(unit_id, np.generic) else unit_id]
        return train

    def read_seconds(self, unit_id: Any) -> Float64[np.ndarray, " spike"]:
        """Return the sorted times of a unit (s)."""
        seconds: np.ndarray = self.read_frames(unit_id) / self._rate_hz
        return seconds
