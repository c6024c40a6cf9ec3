"""Named intervals of a session, such as the passive protocol of the IBL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# names of DANDI:000409, so that files of the archive and converted ones are selected by the same --interval
MODULE = "passive_protocol"
TABLE = "passive_intervals"
INVALID = "invalid_times"


def add_intervals(nwbfile: Any, intervals: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Write named intervals (s) where DANDI:000409 has them: a row each, its name in `protocol_type`.

    `invalid_times` go where NWB has a place for them.
    """
    from pynwb.epoch import TimeIntervals

    for start, stop in sorted(intervals.get(INVALID, ())):
        nwbfile.add_invalid_time_interval(start_time=float(start), stop_time=float(stop))
    intervals = {name: spans for name, spans in intervals.items() if name != INVALID}
    if not intervals:
        return
    table = TimeIntervals(name=TABLE, description="When each part of the protocol began and ended.")
    table.add_column(name="protocol_type", description="Name of the part.")
    rows = [(start, stop, name) for name, spans in intervals.items() for start, stop in spans]
    for start, stop, name in sorted(rows):
        table.add_interval(start_time=float(start), stop_time=float(stop), protocol_type=name)
    module = nwbfile.create_processing_module(MODULE, "Parts of the session without a task.")
    module.add(table)
