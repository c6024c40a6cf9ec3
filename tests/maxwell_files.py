"""Small MaxWell files in each layout, and SpyKING CIRCUS results, as the real ones are built."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

MAPPING_DTYPE = np.dtype([("channel", "<i4"), ("electrode", "<i4"), ("x", "<f8"), ("y", "<f8")])
SPIKE_DTYPE = np.dtype([("frameno", "<i8"), ("channel", "<i4"), ("amplitude", "<f4")])
# channel, electrode, x, y
ROUTED = [
    (0, 12145, 787.5, 962.5),
    (3, 14261, 3167.5, 1120.0),
    (7, 12360, 700.0, 980.0),
    (12, 13600, 3150.0, 1067.5),
]
EVENT_DTYPE = np.dtype(
    [("frameno", "<u8"), ("eventtype", "<u4"), ("eventid", "<u4"), ("eventmessage", h5py.string_dtype())]
)
# frame after the first one, type, id, message: unsorted, and one too early
EVENTS = [(200, 1, 7, "pulse: 30 mV"), (100, 1, 6, "pulse: 10 mV"), (-5, 2, 1, "baseline")]
# a channel without an electrode, and one that is listed twice because it stimulates
MAPPING = [*ROUTED[:3], (9, -1, 0.0, 0.0), ROUTED[1], ROUTED[3]]
# the low 16 bits overflow when they are shifted as the file has them
FIRST_FRAME = 5 * 65536 + 40_000
NUM_FRAMES = 4000
# frame after the first one, channel, amplitude: unsorted, doubled, too early, too late, not routed
SPIKES = [
    (100, 3, -20.0),
    (40, 3, -30.0),
    (40, 3, -10.0),
    (3999, 0, -12.0),
    (0, 7, -15.0),
    (-1, 7, -15.0),
    (4000, 7, -15.0),
    (50, 9, -9.0),
    (60, 500, -9.0),
    (200, 7, -25.0),
]
TRAINS = {0: [3999], 3: [40, 40, 100], 7: [0, 200]}
START_MS = 1_634_676_905_250
LSB_VOLTS = 6.2942504e-06
# Python, as probe files are; sites are the channels in the order of `channels`
PROBE = """total_nb_channels = 4
radius = 100
channel_groups = {1: {'channels': [2, 0], 'geometry': {0: [0, 10], 2: [17.5, 20]}, 'graph': []},
                  2: {'channels': list(range(5, 7)), 'geometry': {5: [5, 1, 0], 6: [6, 2, 0]}}}
"""


def spike_table(spikes=SPIKES, first_frame=FIRST_FRAME) -> np.ndarray:
    """Return the spikes as MaxWell stores them."""
    return np.array([(frame + first_frame, channel, size) for frame, channel, size in spikes], SPIKE_DTYPE)


def write_old_maxone(path: Path, spikes=SPIKES, *, num_frames=NUM_FRAMES, rows=1028, mapping=MAPPING) -> Path:
    """Write the layout of version 20160704; the last two rows of the signal count the frames."""
    with h5py.File(path, "w") as file:
        file["version"] = np.array([b"20160704"])
        file["time"] = np.array([b"start: 2021-10-19 20:55:05;\nstop: 2021-10-19 20:56:51\n"])
        file["mapping"] = np.array(mapping, MAPPING_DTYPE)
        file["settings/gain"] = np.array([512.0])
        file["settings/hpf"] = np.array([300.0])
        file["settings/lsb"] = np.array([LSB_VOLTS])
        file["wellplate/version"] = np.array([b"MaxOne Single Well MEA"])
        signal = file.create_dataset(
            "sig", (rows, num_frames), np.uint16, chunks=(2, max(num_frames, 1)), maxshape=(rows, None)
        )
        if num_frames:
            numbers = FIRST_FRAME + np.arange(num_frames)
            signal[-2:] = np.stack([numbers & 0xFFFF, numbers >> 16])
            for channel in (3, 12):
                signal[channel] = 500 + channel
        file.create_group("proc0")
        if spikes:
            file["proc0/spikeTimes"] = spike_table(spikes)
    return path


def write_new_maxwell(
    path: Path,
    recordings=(("well000", "rec0000"),),
    *,
    plate=b"MaxOne Single Well MEA",
    is_linked=True,
    silent=(),
    **kwargs,
) -> Path:
    """Write the layout since 2019, with a recording per pair of well and recording, some without spikes."""
    with h5py.File(path, "w") as file:
        file["version"] = np.array([b"20190530"])
        file["wellplate/version"] = np.array([plate])
        for index, (well, recording) in enumerate(recordings):
            group = file.create_group(f"data_store/data{index:04}")
            _write_store(group, **{**kwargs, **({"spikes": []} if well in silent else {})})
            group["well_id"] = np.array([int(well[-3:])])
            group["recording_id"] = np.array([int(recording[-4:])])
            if not is_linked:
                continue
            # both are hard links
            file[f"wells/{well}/{recording}"] = group
            file[f"recordings/{recording}/{well}"] = group
    return path


def _write_store(
    group: h5py.Group,
    *,
    rate_hz=20_000.0,
    spikes=SPIKES,
    num_frames=NUM_FRAMES,
    gap=0,
    clock=True,
    mapping=MAPPING,
    events=None,
    saved="routed",
) -> None:
    """Write one recording; `gap` frames in the middle were not saved, and the rest in the group `saved`."""
    if clock:
        group["start_time"], group["stop_time"] = np.array([START_MS]), np.array([START_MS + 60_000])
    group["settings/sampling"] = np.array([rate_hz])
    group["settings/mapping"] = np.array(mapping, MAPPING_DTYPE)
    group["settings/hpf"] = np.array([300.0])
    group["settings/spike_threshold"] = np.array([5.0])
    group["settings/gain"], group["settings/lsb"] = np.array([512.0]), np.array([LSB_VOLTS])
    group["spikes"] = spike_table(spikes)
    if events is not None:
        rows = [(frame + FIRST_FRAME, *others) for frame, *others in events]
        group["events"] = np.array(rows, EVENT_DTYPE)
    groups = group.create_group("groups")
    if num_frames:
        numbers = FIRST_FRAME + np.arange(num_frames, dtype=np.uint64)
        numbers[num_frames // 2 :] += np.uint64(gap)
        groups[f"{saved}/frame_nos"] = numbers
        channels = np.array([row[0] for row in ROUTED], np.uint16)
        groups[f"{saved}/channels"] = channels
        groups[f"{saved}/raw"] = np.repeat(500 + channels[:, None], num_frames, axis=1)


def write_circus(
    folder: Path, trains, *, merged=None, rate_hz=20_000, probe=None, best=None, duration=None, num_sites=4
) -> Path:
    """Write what SpyKING CIRCUS leaves of ``slice.h5``: parameters, and a folder of results and templates."""
    inside = folder / "slice"
    inside.mkdir(parents=True, exist_ok=True)
    mapping = "" if probe is None else "mapping = slice.prb  # where the sites are\n"
    rate = "" if rate_hz is None else f"sampling_rate  = {rate_hz} # Hz\n"
    (folder / "slice.params").write_text(f"[data]\nfile_format = maxwell\n{mapping}{rate}")
    if probe is not None:
        (folder / "slice.prb").write_text(probe)
    for suffix, units in (("", trains), ("-merged", merged)):
        if units is None:
            continue
        with h5py.File(inside / f"slice.result{suffix}.hdf5", "w") as file:
            for unit, frames in units.items():
                file[f"spiketimes/temp_{unit}"] = np.array(frames, np.uint32)
                file[f"amplitudes/temp_{unit}"] = np.ones((len(frames), 2), np.float32)
            if duration is not None:
                file["info/duration"] = np.array([duration], np.uint64)
        if best is not None:
            write_templates(inside / f"slice.templates{suffix}.hdf5", best, num_sites)
    return folder


def write_templates(path: Path, best, num_sites: int, num_samples: int = 5) -> None:
    """Write sparse templates, largest (and negative) at the site in `best`, with second components."""
    entries = []
    for template, site in enumerate(best):
        entries += [(other * num_samples + 2, template, 1.0) for other in range(num_sites) if other != site]
        entries += [(site * num_samples + 1, template, -9.0), (0, template + len(best), 50.0)]
    place, template, size = zip(*entries, strict=True)
    with h5py.File(path, "w") as file:
        file["temp_x"] = np.array(place, np.uint32)
        file["temp_y"] = np.array(template, np.uint32)
        file["temp_data"] = np.array(size, np.float32)
        file["temp_shape"] = np.array([num_sites, num_samples, 2 * len(best)], np.int32)
