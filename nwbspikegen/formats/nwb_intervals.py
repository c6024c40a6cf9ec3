"""Named intervals of a session, such as the passive protocol of the IBL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

# names of DANDI:000409, so that files of the archive and converted ones are selected by the same --interval
MODULE = "passive_protocol"
TABLE = "passive_intervals"
INVALID = "invalid_times"

Intervals: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]


def add_intervals(nwbfile: Any, intervals: Intervals) -> None:
    """Write named intervals (s) where DANDI:000409 has them: a row each, its name in `protocol_type`.

    `invalid_times` go where NWB has a place for them. What is there already, as two probes of a session
    say it, is not written again.
    """
    table = nwbfile.invalid_times
    there = set() if table is None else set(zip(table["start_time"][:], table["stop_time"][:], strict=True))
    for start, stop in sorted(set(intervals.get(INVALID, ())) - there):
        nwbfile.add_invalid_time_interval(start_time=float(start), stop_time=float(stop))
    intervals = {name: spans for name, spans in intervals.items() if name != INVALID}
    if intervals:
        _add_parts(nwbfile, {(start, stop, name) for name in intervals for start, stop in intervals[name]})


def move_intervals(intervals: Intervals, shift: float) -> Intervals:
    """Return named intervals moved by some seconds.

    Examples
    --------
    >>> move_intervals({"a": [(1.0, 2.0)]}, 0.5)
    {'a': [(1.5, 2.5)]}
    """
    return {
        name: [(float(start) + shift, float(stop) + shift) for start, stop in spans]
        for name, spans in intervals.items()
    }


def _add_parts(nwbfile: Any, rows: set[tuple[float, float, str]]) -> None:
    """Add parts of the protocol to the table of DANDI:000409, which is made where it is not there."""
    from pynwb.epoch import TimeIntervals

    module = nwbfile.processing.get(MODULE)
    if module is None:
        module = nwbfile.create_processing_module(MODULE, "Parts of the session without a task.")
    table = module.data_interfaces.get(TABLE)
    if table is None:
        table = TimeIntervals(name=TABLE, description="When each part of the protocol began and ended.")
        table.add_column(name="protocol_type", description="Name of the part.")
        module.add(table)
    columns = [table[name][:] for name in ("start_time", "stop_time", "protocol_type")]
    for start, stop, name in sorted(rows - set(zip(*columns, strict=True))):
        table.add_interval(start_time=start, stop_time=stop, protocol_type=name)
