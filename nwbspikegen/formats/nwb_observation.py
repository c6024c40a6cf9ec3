"""The column obs_intervals: when every unit was observed, so that silence is not absence."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

_LOG = logging.getLogger("nwbspikegen")
OBSERVED = "obs_intervals"

ObservedRows = Sequence[Sequence[Sequence[float]]]
"""Intervals (start, stop; s) of each unit."""


def find_observation(
    sorting: Any, interval: tuple[float, float] | None, of_units: Any
) -> ObservedRows | None:
    """Return when each unit was observed, None with a warning where the sorting does not say.

    Parameters
    ----------
    interval : (float, float) or None
        When all were (s).
    of_units : mapping of unit ids to intervals, or None
        When each was (s): it wins.
    """
    if of_units is not None:
        return [
            # a unit that was never observed has an empty interval: without a row nothing would be known of it
            np.asarray(of_units[unit], dtype=np.float64).reshape(-1, 2).tolist() or [[0.0, 0.0]]
            for unit in sorting.unit_ids.tolist()
        ]
    if interval is None:
        _LOG.warning("the sorting does not say when its units were observed: obs_intervals are left out")
        return None
    return [[list(map(float, interval))]] * len(sorting.unit_ids)


def cut_observation(rows: ObservedRows | None, shift: float, stop: float) -> ObservedRows | None:
    """Return intervals moved by `shift` and cut at `stop` (s), after which no spike is written."""
    if rows is None:
        return None
    moved = [[[start + shift, min(end + shift, stop)] for start, end in row] for row in rows]
    return [
        [pair for pair in row if pair[0] < pair[1]] or [[shift, shift]] if np.isfinite(stop) else row
        for row in moved
    ]


def span_spikes(trains: Sequence[Float64[np.ndarray, " _spike"]]) -> ObservedRows:
    """Return for each unit the time from the first spike of all to the last.

    This is what a table without `obs_intervals` says of its units, and must be written for those that
    share a table with units that have some: nwbinspector 0.7 fails on a unit without any.

    Examples
    --------
    >>> span_spikes([np.array([2.0, 3.0]), np.array([]), np.array([1.5])])
    [[[1.5, 3.0]], [[1.5, 3.0]], [[1.5, 3.0]]]
    """
    ends = [(float(np.min(train)), float(np.max(train))) for train in trains if len(train)]
    span = [min((start for start, _ in ends), default=0.0), max((stop for _, stop in ends), default=0.0)]
    return [[list(span)] for _ in trains]


def add_observation(table: Any, rows: ObservedRows) -> None:
    """Add the column obs_intervals to a table that has all its units, and let others be added."""
    ends: Int64[np.ndarray, " unit"] = np.cumsum([len(row) for row in rows])
    with warnings.catch_warnings():
        # hdmf 6.2 compares the index, a list as it has to be for cells of pairs, with True
        warnings.filterwarnings("ignore", message="Column 'obs_intervals' is predefined")
        table.add_column(
            name=OBSERVED,
            description="When the unit was observed, in seconds.",
            data=[list(pair) for row in rows for pair in row],
            index=ends.tolist(),
        )
    _accept_unknown(table)


def _accept_unknown(table: Any) -> None:
    """Let units be added of which nothing is known: they are taken as `span_spikes` takes them.

    NeuroConv 0.10 hands an empty list for their intervals, and pynwb 4.2 wants its shape to be (0, 2):
    without this, no sorting of NeuroConv's could follow one of ours.
    """
    add_unit, pairs, trains = table.add_unit, [], []

    def add(**columns: Any) -> None:
        is_unknown = len(columns.get(OBSERVED, (0.0, 0.0))) == 0
        if is_unknown:
            trains.append(np.asarray(columns["spike_times"]))
            columns[OBSERVED] = [[0.0, 0.0]]
        add_unit(**columns)
        if is_unknown:
            pairs.append(len(table[OBSERVED].target.data) - 1)
            for pair, row in zip(pairs, span_spikes(trains), strict=True):
                table[OBSERVED].target.data[pair] = row[0]

    table.add_unit = add
