"""MaxWell recordings (MaxOne, MaxTwo): the spikes that the chip detected, and its electrodes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.formats.maxwell.events import TimedEvents
from nwbspikegen.formats.maxwell.layouts import MaxWellRecording, read_maxwell_recording
from nwbspikegen.formats.segments import FrameSegment

_LOG = logging.getLogger("nwbspikegen")
_MANUFACTURER = "MaxWell Biosystems"


# frames, channels and amplitudes
_Spikes = tuple[Int64[np.ndarray, " spike"], Int64[np.ndarray, " spike"], Float64[np.ndarray, " spike"]]


class SilentWellError(InputError):
    """A recording without a spike that can be used, which is no damage."""


class MaxWellSorting(BaseSorting):  # type: ignore[misc]
    """The spikes detected on chip as a SpikeInterface sorting with native seconds.

    A unit is a routed channel on which the chip detected at least one spike, and its id is the channel's
    number: nothing is sorted. Time 0 is the first recorded frame. Spikes outside the recorded frames and
    on channels that are not routed are dropped and counted in the log; repeated ones are kept.

    Parameters
    ----------
    file_path, well, recording
        As for `nwbspikegen.formats.maxwell.reader.read_maxwell_file`.

    Attributes
    ----------
    observation_interval : (float, float)
        0 and the seconds from the first to the last frame, kept as an annotation as well.
    left_out : dict
        How many spikes were dropped for each reason, kept as an annotation as well.
    events : TimedEvents or None
        Stimulation, and what scripts note, within the recorded frames.
    electrodes : Electrodes
        All routed electrodes.
    units_description : str
        Of the units table.
    session_metadata : dict
        When the recording began, if the file says so, in NeuroConv's layout.
    property_descriptions : dict
        What the properties `channel`, `electrode` and `amplitude_uV` are. Others: `rel_x`, `rel_y` (um).

    Raises
    ------
    InputError
        If the file is damaged or not MaxWell's, holds no spikes, or a choice has to be made.

    Examples
    --------
    >>> MaxWellSorting("missing.raw.h5")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        well: str | None = None,
        recording: str | None = None,
    ) -> None:
        found = read_maxwell_recording(file_path, well, recording)
        (frames, channels, amplitudes), first, left_out = _align_spikes(found, Path(file_path))
        units, starts = np.unique(channels, return_index=True)
        trains = dict(zip(units.tolist(), np.split(frames, starts[1:]), strict=True))
        super().__init__(sampling_frequency=found.sampling_frequency, unit_ids=units)
        self.add_sorting_segment(FrameSegment(trains, found.sampling_frequency))
        self.observation_interval = (0.0, find_duration(found, int(frames.max())))
        self.annotate(observation_interval=self.observation_interval)
        self.left_out = left_out
        self.annotate(left_out=left_out)
        self.events = _time_events(found, first, self.observation_interval[1], Path(file_path))
        self.electrodes = describe_electrodes(found, units)
        self.units_description = (
            "Spikes detected on chip by threshold, one unit per channel that spiked; not sorted."
        )
        start = found.start_time
        self.session_metadata = {} if start is None else {"NWBFile": {"session_start_time": start}}
        for name in ("channel", "electrode", "rel_x", "rel_y"):
            self.set_property(name, self.electrodes.columns[name][self.electrodes.of_units])
        if found.gain_uV is not None:
            medians = [np.median(values) for values in np.split(amplitudes, starts[1:])]
            self.set_property("amplitude_uV", found.gain_uV * np.array(medians))
        self.property_descriptions = {
            "channel": "Channel of the recording system.",
            "electrode": "Electrode of the array, as its maker numbers it.",
            "amplitude_uV": "Median amplitude of the spikes as the chip measured them, in microvolts.",
        }
        self._kwargs = {
            "file_path": str(Path(file_path).absolute()),
            "well": well,
            "recording": recording,
        }


def _align_spikes(found: MaxWellRecording, path: Path) -> tuple[_Spikes, int, dict[str, int]]:
    """Return frames counted from the first one, channels and amplitudes, ordered by channel and frame.

    With them the number of the first frame, and how many spikes were dropped for each reason.
    """
    if len(found.frames) == 0:
        samples = f"{found.num_samples or 'no'} samples"
        raise SilentWellError(
            f"{samples} and no spikes in {path} ({found.well}, {found.recording})",
            "spikes detected on chip",
            "sort the raw traces instead" if found.num_samples else "check that something was recorded",
        )
    routed = np.isin(found.channels, found.mapping["channel"])
    first = found.first_frame
    if first is None:
        first = int(found.frames.min())
        _LOG.warning("%s has no raw traces: time 0 is its first spike", path)
    # the chip's count of frames does not begin with the recording
    frames = found.frames - np.int64(first)
    inside = frames >= 0
    if found.num_frames is not None:
        inside &= frames < found.num_frames
    left_out = {
        "outside the recorded frames": int((~inside).sum()),
        "on channels that are not routed": int((inside & ~routed).sum()),
    }
    for reason, number in left_out.items():
        if number:
            _LOG.warning("%s: %d of %d spikes are %s: dropped", path, number, len(frames), reason)
    # spikes are found on the chip, before the disk may miss some of the traces
    if found.num_frames is not None and found.num_frames > found.num_samples:
        missing = found.num_frames - found.num_samples
        _LOG.warning("%s lacks the raw traces of %d frames; its spikes are complete", path, missing)
    kept = np.flatnonzero(inside & routed)
    if len(kept) == 0:
        if inside.any() and not routed.any():
            raise SilentWellError(
                f"a silent well in {path} ({found.well}, {found.recording}): all of its {len(frames)} spikes "
                "are on channels that are not routed",
                "spikes on routed channels",
                "choose another with --well or --rec, or sort the raw traces instead",
            )
        raise InputError(
            f"{len(frames)} spikes in {path}, all outside the recorded frames or on channels not routed",
            "spikes of this recording",
            "check the file",
        )
    # by channel, then by frame: lexsort takes the last key first
    kept = kept[np.lexsort((frames[kept], found.channels[kept]))]
    return (frames[kept], found.channels[kept], found.amplitudes[kept]), first, left_out


def _time_events(found: MaxWellRecording, first: int, seconds: float, path: Path) -> TimedEvents | None:
    """Return the events within the recording on its clock, None without any."""
    times = (found.events.frames - np.int64(first)) / found.sampling_frequency
    inside = (times >= 0) & (times < seconds)
    if not inside.all():
        _LOG.warning(
            "%s: %d of %d events are outside the recorded frames: dropped", path, (~inside).sum(), len(times)
        )
    if not inside.any():
        return None
    return TimedEvents(times[inside], 1 / found.sampling_frequency, found.events.take(inside))


def find_duration(found: MaxWellRecording, last_frame: int) -> float:
    """Return the seconds that were recorded.

    They are those of the frames, or of the clock (whole seconds in old files) when no frames were saved,
    or else those until `last_frame`.
    """
    if found.num_frames is not None:
        return found.num_frames / found.sampling_frequency
    if found.clock_duration is None:
        _LOG.warning("the file does not say when the recording ended: its last spike is taken")
    return max(found.clock_duration or 0.0, (last_frame + 1) / found.sampling_frequency)


def describe_electrodes(found: MaxWellRecording, channels: Int64[np.ndarray, " unit"]) -> Electrodes:
    """Return all routed electrodes, and for each of `channels` the first electrode routed to it."""
    columns = dict(found.mapping)
    if found.gain_uV is not None:
        columns["gain_uV"] = np.full(len(columns["channel"]), found.gain_uV)
    known, rows = np.unique(columns["channel"], return_index=True)
    device = next((name for name in ("MaxOne", "MaxTwo") if name in found.description), "MaxWell array")
    groups = np.full(len(columns["channel"]), found.well)
    of_units = rows[np.searchsorted(known, channels)].astype(np.int64)
    return Electrodes(device, _MANUFACTURER, found.description, groups, columns, of_units)
