"""Spikes as a lab's own reader has them at hand, and the SpikeInterface sorting made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.analyzers import is_analyzer
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.segments import join_segments
from nwbspikegen.formats.segments import NativeSegment


@dataclasses.dataclass(frozen=True)
class Spikes:
    """Spikes of all units, in any order: the simplest thing that a format's reader can return.

    Attributes
    ----------
    times : array (spike,)
        Seconds on the session clock.
    units : array (spike,)
        The unit of each spike, a number or a text.
    resolution : float
        Seconds from one possible time to the next: one sample, or one bin.
    unit_ids : sequence, optional
        All units, silent ones too; those that spiked by default, in ascending order.
    columns : mapping of name to sequence
        One value per unit, in the order of `unit_ids`: `location`, `rel_x`, `rel_y`, `depth`, `quality`...
    observed : sequence of (start, stop), optional
        When all units were observed (s). What is not observed is not silence.
    metadata : mapping
        What the files say of session and subject, in NeuroConv's layout.

    Examples
    --------
    >>> spikes = Spikes([0.5, 0.1, 0.2], [7, 7, 4], resolution=0.1, observed=[(0.0, 1.0)])
    >>> spikes.to_sorting().get_unit_spike_train_in_seconds(7).tolist()
    [0.1, 0.5]
    """

    times: Any
    units: Any
    resolution: float
    unit_ids: Sequence[Any] | None = None
    columns: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    observed: Sequence[tuple[float, float]] | None = None
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_sorting(self) -> BaseSorting:
        """Return the spikes as a SpikeInterface sorting with native seconds.

        Raises
        ------
        InputError
            Arrays that do not belong together, times that are no numbers, or an interval that ends
            before it begins.
        """
        return _SpikesSorting(self)


def to_sorting(found: Any) -> Any:
    """Return what a reader has returned as a SpikeInterface sorting.

    Raises
    ------
    InputError
        It is neither `Spikes` nor a sorting, or an analyzer of one, with units.
    """
    if isinstance(found, Spikes):
        return found.to_sorting()
    if is_analyzer(found):
        # only here: the other formats need none of its imports
        from nwbspikegen.formats.sorters.saved import read_analyzer_in_memory

        found = read_analyzer_in_memory(found)
    if not hasattr(found, "get_num_segments") or not hasattr(found, "unit_ids"):
        raise InputError(
            f"a {type(found).__name__}",
            "a SpikeInterface sorting or analyzer, or nwbspikegen.formats.Spikes",
            "read it with spikeinterface first",
        )
    if len(found.unit_ids) == 0:
        raise InputError("a sorting without a unit", "at least one", "check what was loaded")
    return join_segments(found)


class _SpikesSorting(BaseSorting):  # type: ignore[misc]
    """Spikes as a sorting; what is known beside them lies where writing looks for it."""

    def __init__(self, spikes: Spikes) -> None:
        times, units = np.asarray(spikes.times, dtype=np.float64), np.asarray(spikes.units)
        ids = np.unique(units) if spikes.unit_ids is None else np.asarray(spikes.unit_ids)
        _require_fitting(spikes, times, units, ids)
        super().__init__(sampling_frequency=1.0 / spikes.resolution, unit_ids=ids)
        order = np.argsort(times, kind="stable")
        times, units = times[order], units[order]
        trains = {unit: times[units == unit] for unit in ids.tolist()}
        self.add_sorting_segment(_SecondsSegment(trains, spikes.resolution))
        for name, values in spikes.columns.items():
            self.set_property(name, np.asarray(values))
        if spikes.observed is not None:
            # intervals of each unit and not one interval of all: only these can have gaps
            self.obs_intervals = dict.fromkeys(ids.tolist(), np.asarray(spikes.observed, np.float64))
        self.session_metadata = dict(spikes.metadata)


class _SecondsSegment(NativeSegment):
    """Trains in seconds; the frames are the nearest ones."""

    def __init__(self, trains: Mapping[Any, Float64[np.ndarray, " _spike"]], resolution: float) -> None:
        super().__init__()
        self._trains = dict(trains)
        self._resolution = resolution

    def read_frames(self, unit_id: Any) -> Int64[np.ndarray, " spike"]:
        """Return the frames nearest to a unit's spikes."""
        # to the nearest: 0.3 / 0.1 is 2.9999999999999996
        frames: np.ndarray = np.rint(self.read_seconds(unit_id) / self._resolution).astype(np.int64)
        return frames

    def read_seconds(self, unit_id: Any) -> Float64[np.ndarray, " spike"]:
        """Return the times of a unit (s)."""
        train: np.ndarray = self._trains[unit_id.item() if isinstance(unit_id, np.generic) else unit_id]
        return train


def _require_fitting(spikes: Spikes, times: np.ndarray, units: np.ndarray, ids: np.ndarray) -> None:
    """Raise `InputError` for what no sorting could be made of."""
    short = [name for name, values in spikes.columns.items() if len(values) != len(ids)]
    observed = np.empty((0, 2)) if spikes.observed is None else np.asarray(spikes.observed, np.float64)
    checks = (
        (
            times.ndim == 1 and times.shape == units.shape,
            f"{times.shape} times of {units.shape} units",
            "as many of both, in one row",
        ),
        (bool(np.isfinite(times).all()), "times that are no finite numbers", "seconds"),
        (spikes.resolution > 0, f"a resolution of {spikes.resolution} s", "a positive number of seconds"),
        (len(set(ids.tolist())) == len(ids), "a unit id that is there twice", "each once"),
        (bool(np.isin(units, ids).all()), "spikes of units that are not in unit_ids", "all units"),
        (not short, f"a column {short[:1]} of another length", f"{len(ids)} values, one per unit"),
        (
            observed.ndim == 2 and observed.shape[1] == 2 and bool((observed[:, 0] < observed[:, 1]).all()),
            f"observed {spikes.observed}",
            "pairs (start, stop; s), a start before a stop",
        ),
    )
    for is_fitting, found, expected in checks:
        if not is_fitting:
            raise InputError(found, expected, "correct what the reader returns")
