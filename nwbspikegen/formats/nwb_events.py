"""Events of a recording, such as pulses of stimulation, as a table of events."""

from __future__ import annotations

from typing import Any

TABLE = "recording_events"


def add_events(nwbfile: Any, timed: Any, shift: float = 0.0) -> None:
    """Add a row for each event: `timestamp` (s), `annotation`, `event_type` and `event_id`.

    Parameters
    ----------
    nwbfile : pynwb.NWBFile
        The file. A second source's events follow the first's.
    timed : nwbspikegen.formats.maxwell.events.TimedEvents or None
        The events.
    shift : float, default: 0.0
        Seconds added to their times.
    """
    if timed is None:
        return
    from pynwb.event import EventsTable

    table = (nwbfile.events or {}).get(TABLE)
    if table is None:
        table = EventsTable(
            name=TABLE,
            description="Events that were written into the recording, such as pulses of stimulation.",
            source_description="Acquisition system",
        )
        table.timestamp.resolution = timed.resolution
        for name, what in (("event_type", "Type"), ("event_id", "Number")):
            table.add_column(name=name, description=f"{what} of the event, as the script numbered it.")
        nwbfile.add_events_table(table)
    events = timed.events
    for time, kind, number, message in zip(
        (timed.times + shift).tolist(),
        events.types.tolist(),
        events.ids.tolist(),
        events.messages.tolist(),
        strict=True,
    ):
        table.add_event(timestamp=time, annotation=message, event_type=kind, event_id=number)
