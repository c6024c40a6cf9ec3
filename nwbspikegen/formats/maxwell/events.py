"""Events that MaxLab writes into a recording: pulses of stimulation, and what scripts note."""

from __future__ import annotations

import dataclasses
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.hdf5 import find_dataset

# rows that are read at once, and letters of all messages: texts are stored once and may be named often, so
# that a small file can stand for any number of letters
_ROWS = 256
_MOST_LETTERS = 2**24
_MESSAGE = "eventmessage"


@dataclasses.dataclass(frozen=True)
class Events:
    """What happened in a recording beside spikes, in the order of time.

    Attributes
    ----------
    frames : ndarray of int64, shape (event,)
        When, as the chip counts.
    types, ids : ndarray of int64, shape (event,)
        As the script that stimulated numbered them.
    messages : ndarray of str, shape (event,)
        What it wrote.
    """

    frames: Int64[np.ndarray, " event"]
    types: Int64[np.ndarray, " event"]
    ids: Int64[np.ndarray, " event"]
    messages: np.ndarray

    def take(self, kept: np.ndarray) -> Events:
        """Return some of the events, by a mask or positions."""
        return Events(self.frames[kept], self.types[kept], self.ids[kept], self.messages[kept])


@dataclasses.dataclass(frozen=True)
class TimedEvents:
    """Events on the session clock, as a sorting has them beside its spikes.

    Attributes
    ----------
    times : ndarray of float64, shape (event,)
        Seconds.
    resolution : float
        Seconds of one frame.
    events : Events
        What happened at each.
    """

    times: Float64[np.ndarray, " event"]
    resolution: float
    events: Events


def read_events(group: h5py.Group) -> Events:
    """Return the events of a recording, none where it has no table of them.

    Raises
    ------
    InputError
        The table has no frame numbers, or too many letters.
    """
    table = find_dataset(group, "events")
    if table is None or table.size == 0:
        nothing = np.empty(0, dtype=np.int64)
        return Events(nothing, nothing, nothing, np.empty(0, dtype=object))
    names = table.dtype.names or ()
    if table.ndim != 1 or "frameno" not in names or table.dtype["frameno"].kind not in "iu":
        raise InputError(
            f"a table of {table.dtype} of events in {group.file.filename}",
            "frame numbers, types, ids and messages",
            "check that the file is complete",
        )
    messages = _read_messages(table) if _MESSAGE in names else [""] * len(table)
    found = Events(
        table["frameno"].astype(np.int64),
        _read_numbers(table, "eventtype"),
        _read_numbers(table, "eventid"),
        np.array(messages, dtype=object),
    )
    return found.take(np.argsort(found.frames, kind="stable"))


def _read_messages(table: h5py.Dataset) -> list[str]:
    messages: list[str] = []
    num_letters, longest = 0, _MOST_LETTERS
    while len(messages) < len(table):
        # one row first: nobody knows yet how long they are
        rows = max(1, min(_ROWS, _MOST_LETTERS // max(longest, 1)))
        part = [_to_text(each) for each in table[len(messages) : len(messages) + rows][_MESSAGE]]
        longest = max(map(len, part))
        num_letters += sum(map(len, part))
        messages += part
        if num_letters > _MOST_LETTERS:
            raise InputError(
                f"more than {_MOST_LETTERS} letters of events in {table.file.filename}",
                "short messages",
                "check that it was copied whole",
            )
    return messages


def _read_numbers(table: h5py.Dataset, name: str) -> Int64[np.ndarray, " event"]:
    is_there = name in (table.dtype.names or ()) and table.dtype[name].kind in "iu"
    # what a file does not number has no number: -1 is none of MaxLab's
    return table[name].astype(np.int64) if is_there else np.full(len(table), -1, np.int64)


def _to_text(value: Any) -> str:
    return value.decode("utf-8", "replace").rstrip("\0") if isinstance(value, bytes) else str(value)
