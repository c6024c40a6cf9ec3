"""The two layouts of MaxWell files: MaxOne until 2016-07-04, and MaxOne and MaxTwo since."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.formats.maxwell.events import Events, read_events
from nwbspikegen.formats.maxwell.tables import describe_table, read_gain, read_mapping, read_spike_table
from nwbspikegen.formats.maxwell.wells import KIND, choose_recording
from nwbspikegen.nwb.hdf5 import find_dataset, open_hdf5, read_array, read_hdf5_text, read_number

# the rate of MaxOne then, which its files do not state; neo takes it as well
_OLD_RATE_HZ = 20_000.0
# 1,024 channels of the chip and four rows of its own, of which the last two count the frames
_OLD_SIGNAL_ROWS = 1028
# MaxOne has 20 kHz, MaxTwo 10 or 20: far around them, to catch damage
_RATES_HZ = (1e3, 1e5)
# 2000 to 2100, in ms: a clock outside was never set, or is damaged
_TIMES_MS = (946_684_800_000, 4_102_444_800_000)
_OLD_TIME = re.compile(r"(start|stop): (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


@dataclasses.dataclass(frozen=True)
class MaxWellRecording:
    """One recording of one well, as its file has it.

    Parameters
    ----------
    well, recording : str
        Their names; ``well000`` and ``rec0000`` in a file of the old layout.
    sampling_frequency : float
        Frames per second.
    first_frame : int or None
        Number of the first frame, None when the raw traces were not saved.
    num_frames : int or None
        Frames from the first to the last one.
    num_samples : int
        Saved samples of the raw traces: fewer than `num_frames` when there are gaps.
    start_time : str or None
        ISO 8601; without a time zone in the old layout.
    clock_duration : float or None
        Seconds between the clock times of start and stop.
    gain_uV : float or None
        Microvolts per least significant bit.
    mapping : mapping of str to ndarray, shape (electrode,)
        `channel`, `electrode`, `rel_x`, `rel_y` (um) of the routed electrodes.
    frames, channels : ndarray of int64, shape (spike,)
        When, as the chip counts, and where each spike was detected.
    amplitudes : ndarray of float64, shape (spike,)
        In least significant bits.
    description : str
        Plate, file version, filter and threshold of the detection.
    events : Events
        Stimulation, and what scripts note.
    """

    well: str
    recording: str
    sampling_frequency: float
    first_frame: int | None
    num_frames: int | None
    num_samples: int
    start_time: str | None
    clock_duration: float | None
    gain_uV: float | None
    mapping: Mapping[str, np.ndarray]
    frames: Int64[np.ndarray, " spike"]
    channels: Int64[np.ndarray, " spike"]
    amplitudes: Float64[np.ndarray, " spike"]
    description: str
    events: Events

    def measure_length(self, rate_hz: float) -> float | None:
        """Return how long the raw traces last (s) at a sampling rate, or None where none were saved.

        Raises
        ------
        InputError
            The traces have gaps.
        """
        if self.num_samples == 0:
            return None
        if self.num_frames != self.num_samples:
            raise InputError(
                "a recording whose traces have gaps",
                "one without",
                "leave it out: sample numbers lost their time",
            )
        return self.num_samples / rate_hz


def read_maxwell_recording(
    file_path: str | os.PathLike[str], well: str | None = None, recording: str | None = None
) -> MaxWellRecording:
    """Return what a MaxWell file holds of one recording, without its raw traces.

    Parameters
    ----------
    file_path : path
        A ``.raw.h5`` file.
    well, recording : str, optional
        Names of the well and the recording; the only one when there is only one.

    Raises
    ------
    InputError
        If the file is not MaxWell's or is damaged, or a choice has to be made.

    Examples
    --------
    >>> read_maxwell_recording("missing.raw.h5")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """
    path = require_file(file_path)
    with open_hdf5(path, KIND) as file:
        well, recording, group = choose_recording(path, file, well, recording)
        read = _read_old if group == file else _read_new
        return read(path, group, well, recording)


def _read_old(path: Path, file: h5py.File, well: str, recording: str) -> MaxWellRecording:
    first, num_frames, num_samples = _read_old_span(path, file)
    start, duration = _read_old_clock(read_hdf5_text(file, "time"))
    return MaxWellRecording(
        well,
        recording,
        _OLD_RATE_HZ,
        first,
        num_frames,
        num_samples,
        start,
        duration,
        read_gain(file),
        read_mapping(path, read_array(file, "mapping")),
        *read_spike_table(path, read_array(file, "proc0/spikeTimes")),
        describe_table(file, file, _OLD_RATE_HZ),
        read_events(file),
    )


def _read_new(path: Path, group: h5py.Group, well: str, recording: str) -> MaxWellRecording:
    rate_hz = read_number(group, "settings/sampling")
    if rate_hz is None or not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise InputError(
            f"a sampling rate of {rate_hz} Hz in {path}", "1 to 100 kHz", "check that the file is complete"
        )
    first, num_frames, num_samples = _read_new_span(group)
    start, duration = _read_new_clock(group)
    return MaxWellRecording(
        well,
        recording,
        rate_hz,
        first,
        num_frames,
        num_samples,
        start,
        duration,
        read_gain(group),
        read_mapping(path, read_array(group, "settings/mapping")),
        *read_spike_table(path, read_array(group, "spikes")),
        describe_table(group.file, group, rate_hz),
        read_events(group),
    )


def _read_old_span(path: Path, file: h5py.File) -> tuple[int | None, int | None, int]:
    """Return number of the first frame, frames and samples; the last two rows count the frames."""
    signal = find_dataset(file, "sig")
    if signal is None or signal.size == 0:
        return None, None, 0
    if signal.ndim != 2 or signal.shape[0] != _OLD_SIGNAL_ROWS or signal.dtype.kind not in "iu":
        raise InputError(
            f"/sig of shape {signal.shape} in {path}",
            f"{_OLD_SIGNAL_ROWS} rows, of which the last two count the frames",
            "pass the file as it was recorded",
        )
    # Python's integers: the file's have 16 bits, which shifting would overflow
    first, last = (high << 16 | low for low, high in (signal[-2:, place].tolist() for place in (0, -1)))
    return first, _count_frames(path, first, last, signal.shape[1]), signal.shape[1]


def _count_frames(path: Path, first: int, last: int, num_samples: int) -> int:
    """Return how many frames passed; raise `InputError` for fewer than were saved."""
    if last - first + 1 < num_samples:
        raise InputError(
            f"{num_samples} samples of frames {first} to {last} in {path}",
            "numbers that count the frames",
            "check that it was copied whole",
        )
    return last - first + 1


def _read_new_span(group: h5py.Group) -> tuple[int | None, int | None, int]:
    """Return number of the first frame, frames and samples, of any group of channels that was saved."""
    groups = group.get("groups", {})
    # the routed channels first; other groups of the same recording count the same frames
    for name in sorted(groups, key=lambda name: (name != "routed", name)):
        numbers = find_dataset(groups[name], "frame_nos")
        if numbers is not None and numbers.size and numbers.dtype.kind in "iu":
            first, last = int(numbers[0]), int(numbers[-1])
            frames = _count_frames(Path(group.file.filename), first, last, numbers.size)
            return first, frames, int(numbers.size)
    return None, None, 0


def _read_old_clock(text: str) -> tuple[str | None, float | None]:
    times = {name: datetime.fromisoformat(time) for name, time in _OLD_TIME.findall(text)}
    if "start" not in times:
        return None, None
    duration = (times["stop"] - times["start"]).total_seconds() if "stop" in times else None
    return times["start"].isoformat(), duration if duration and duration > 0 else None


def _read_new_clock(group: h5py.Group) -> tuple[str | None, float | None]:
    start_ms, stop_ms = read_number(group, "start_time"), read_number(group, "stop_time")
    if start_ms is None or not _TIMES_MS[0] <= start_ms <= _TIMES_MS[1]:
        return None, None
    start = datetime.fromtimestamp(start_ms / 1e3, UTC).isoformat(timespec="milliseconds")
    if stop_ms is None or not start_ms < stop_ms <= _TIMES_MS[1]:
        return start, None
    return start, (stop_ms - start_ms) / 1e3
