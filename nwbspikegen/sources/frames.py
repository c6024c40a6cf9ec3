"""Spike trains counted in frames of a recording, as a segment of a SpikeInterface sorting."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, SupportsFloat, SupportsIndex

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSortingSegment


class FrameSegment(BaseSortingSegment):  # type: ignore[misc]
    """Spike trains with native seconds: frame / sampling frequency.

    Parameters
    ----------
    trains : mapping of int to ndarray of int64, shape (spike,)
        Sorted frames of each unit, counted from the start of the recording.
    sampling_frequency : float
        Frames per second.

    Examples
    --------
    >>> segment = FrameSegment({7: np.array([0, 20, 30])}, 20_000.0)
    >>> segment.get_unit_spike_train_in_seconds(7, start_time=0.001).tolist()
    [0.001, 0.0015]
    """

    def __init__(self, trains: Mapping[int, Int64[np.ndarray, " _spike"]], sampling_frequency: float) -> None:
        super().__init__()
        self._trains = dict(trains)
        self._rate_hz = sampling_frequency

    def get_unit_spike_train(
        self,
        unit_id: SupportsIndex,
        start_frame: SupportsIndex | None = None,
        end_frame: SupportsIndex | None = None,
    ) -> Int64[np.ndarray, " spike"]:
        return cut_train(self._trains[operator.index(unit_id)], start_frame, end_frame)

    def get_unit_spike_train_in_seconds(
        self,
        unit_id: SupportsIndex,
        start_time: SupportsFloat | None = None,
        end_time: SupportsFloat | None = None,
    ) -> Float64[np.ndarray, " spike"]:
        return cut_train(self._trains[operator.index(unit_id)] / self._rate_hz, start_time, end_time)


def cut_train(values: np.ndarray, start: Any, stop: Any) -> np.ndarray:
    """Return sorted values from `start` on and before `stop`; None is no limit."""
    first = 0 if start is None else int(np.searchsorted(values, start))
    last = len(values) if stop is None else int(np.searchsorted(values, stop))
    return values[first:last]
