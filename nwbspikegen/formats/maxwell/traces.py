"""Raw traces of MaxWell recordings as SpikeInterface recordings; nothing is downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int64
from spikeinterface.core import BaseRecording, BaseRecordingSegment

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.formats.maxwell.layouts import MaxWellRecording, read_maxwell_recording
from nwbspikegen.formats.maxwell.wells import KIND, choose_recording
from nwbspikegen.nwb.hdf5 import find_dataset, open_hdf5, read_array


def read_maxwell_traces(
    file_path: str | os.PathLike[str], well: str | None = None, recording: str | None = None
) -> Any:
    """Return the raw traces as a SpikeInterface recording.

    SpikeInterface's own `read_maxwell` reads them where its rows are those of the mapping. It takes
    others in files of the old layout, and fails on electrodes that stimulate: `MaxWellTraces` reads those.

    Parameters
    ----------
    file_path, well, recording
        As for `MaxWellSorting`.

    Raises
    ------
    InputError
        As for `MaxWellSorting`; if there are no raw traces; and if they are compressed and MaxWell's
        decompression plug-in is missing: the message says where it is and how to install it.

    Examples
    --------
    >>> read_maxwell_traces("missing.raw.h5")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """
    path = require_file(file_path)
    found = read_maxwell_recording(path, well, recording)
    if not _find_rows(path, found)[2]:
        return MaxWellTraces(path, well, recording)
    # neo is slow to import
    from spikeinterface.extractors import read_maxwell

    try:
        return read_maxwell(
            path, stream_id=found.well, rec_name=found.recording, install_maxwell_plugin=False
        )
    # neo reads all wells, and raises almost anything on one that it does not expect
    except Exception as error:
        raise InputError(
            f"{path}, whose raw traces SpikeInterface cannot read ({type(error).__name__}: {error})",
            "wells that it can read",
            "read it with MaxWellTraces",
        ) from error


class MaxWellTraces(BaseRecording):  # type: ignore[misc]
    """The raw traces of the routed channels, each from its own row.

    Parameters
    ----------
    file_path, well, recording
        As for `MaxWellSorting`.

    Raises
    ------
    InputError
        As for `read_maxwell_traces`.

    Examples
    --------
    >>> MaxWellTraces("missing.raw.h5")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """

    def __init__(
        self, file_path: str | os.PathLike[str], well: str | None = None, recording: str | None = None
    ) -> None:
        path = require_file(file_path).absolute()
        found = read_maxwell_recording(path, well, recording)
        name, rows, _ = _find_rows(path, found)
        channels, once = np.unique(found.mapping["channel"], return_index=True)
        super().__init__(found.sampling_frequency, [str(channel) for channel in channels], "uint16")
        self.add_recording_segment(_TraceSegment(path, name, rows[once], found))
        places = np.stack([found.mapping[axis][once] for axis in ("rel_x", "rel_y")], axis=1)
        self.set_dummy_probe_from_locations(places)
        self.set_property("electrode", found.mapping["electrode"][once])
        if found.gain_uV is not None:
            self.set_channel_gains(found.gain_uV)
            self.set_channel_offsets(0.0)
        self._kwargs = {"file_path": str(path), "well": well, "recording": recording}


class _TraceSegment(BaseRecordingSegment):  # type: ignore[misc]
    """The one segment of a file, opened for every chunk so that it can be sent to other processes."""

    def __init__(
        self, path: Path, name: str, rows: Int64[np.ndarray, " channel"], found: MaxWellRecording
    ) -> None:
        super().__init__(sampling_frequency=found.sampling_frequency)
        self._path, self._name, self._rows = path, name, rows
        self._num_samples = found.num_samples

    def get_num_samples(self) -> int:
        return self._num_samples

    def get_traces(
        self, start_frame: int | None = None, end_frame: int | None = None, channel_indices: Any = None
    ) -> np.ndarray:
        rows = self._rows if channel_indices is None else self._rows[channel_indices]
        with open_hdf5(self._path, KIND) as file:
            # all rows, then those wanted: h5py takes lists of rows in ascending order only, and one by one
            return np.asarray(file[self._name][:, start_frame:end_frame][rows].T)


def _find_rows(path: Path, found: MaxWellRecording) -> tuple[str, Int64[np.ndarray, " electrode"], bool]:
    """Return the traces' name, the row of each electrode, and whether neo takes these rows."""
    with open_hdf5(path, KIND) as file:
        group = choose_recording(path, file, found.well, found.recording)[2]
        old = group == file
        saved_group, name = (group, "sig") if old else _find_saved_group(group)
        traces = None if saved_group is None else find_dataset(saved_group, name)
        if saved_group is None or traces is None or traces.size == 0:
            raise InputError(f"no raw traces in {path}", "saved ones", "record with raw traces")
        # the old layout has a row for every channel of the chip
        num_rows = traces.shape[0]
        saved = np.arange(num_rows) if old else _read_saved(saved_group, found)
        num_listed = 0 if old else len(read_array(group, "settings/mapping"))
        place = str(traces.name)
    # a channel may be routed to several electrodes: rows are found by its number, not by its place in the
    # mapping
    order = np.argsort(saved, kind="stable")
    places = np.minimum(np.searchsorted(saved[order], found.mapping["channel"]), len(saved) - 1)
    rows = order[places]
    if not (saved[rows] == found.mapping["channel"]).all() or rows.max(initial=0) >= num_rows:
        raise InputError(
            f"{num_rows} rows of raw traces for {len(found.mapping['channel'])} electrodes in {path}",
            "a row for each routed channel",
            "check the file",
        )
    # neo takes row k for line k of the mapping, whatever channel it is of
    is_neos = place.endswith("/groups/routed/raw") and place.startswith("/wells/")
    return place, rows, is_neos and num_listed == num_rows and np.array_equal(rows, np.arange(num_rows))


def _find_saved_group(group: h5py.Group) -> tuple[h5py.Group | None, str]:
    """Return the group of channels whose traces were saved: the routed ones, or what a script called so."""
    groups = group.get("groups", {})
    names = sorted((name for name in groups if "raw" in groups[name]), key=lambda name: name != "routed")
    return (groups[names[0]] if names else None), "raw"


def _read_saved(group: h5py.Group, found: MaxWellRecording) -> np.ndarray:
    """Return the channel of each saved row."""
    saved = read_array(group, "channels")
    if saved is None or saved.size == 0 or saved.dtype.kind not in "iu":
        return np.asarray(found.mapping["channel"])
    return np.asarray(saved.astype(np.int64).ravel())
