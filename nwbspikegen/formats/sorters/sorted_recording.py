"""The recording that was sorted: how fast it was sampled, and how long it lasted."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.formats.maxwell.layouts import MaxWellRecording, read_maxwell_recording
from nwbspikegen.formats.sampling import choose_sampling_rate
from nwbspikegen.formats.sorters.phy_folder import PhyFolder

_LOG = logging.getLogger("nwbspikegen")
# suffixes of flat binary files, whose length is that of the recording
_FLAT = (".bin", ".dat", ".raw")
_MAXWELL = (".h5", ".hdf5")


@dataclasses.dataclass(frozen=True)
class SortedRecording:
    """What is known of the recording that was sorted.

    Attributes
    ----------
    sampling_frequency : float
        Samples per second.
    duration : float or None
        Seconds that were sorted, None when nothing says so.
    told_by : str
        What says so.
    start_time : str or None
        When it began, ISO 8601.
    """

    sampling_frequency: float
    duration: float | None
    told_by: str
    start_time: str | None


def find_sorted_recording(
    folder: PhyFolder,
    sampling_frequency: float | None,
    recording: str | os.PathLike[str] | None,
    well: str | None,
    rec: str | None,
    duration: float | None,
) -> SortedRecording:
    """Return what is given, else what the recording or `params.py` says, of rate and length.

    Raises
    ------
    InputError
        No rate, one that is contradicted, or a recording that cannot be read.
    """
    given = None if recording is None else require_file(recording)
    is_maxwell = given is not None and given.suffix in _MAXWELL
    if given is not None and not is_maxwell and (well is not None or rec is not None):
        raise InputError(
            f"a well or recording within {given}", "them for a MaxWell file (.h5) only", "leave them out"
        )
    maxwell = read_maxwell_recording(given, well, rec) if given is not None and is_maxwell else None
    rate_hz = choose_sampling_rate(
        sampling_frequency,
        _list_rates(folder, maxwell),
        of=folder.path,
        expected="one, as sample_rate in params.py or from a MaxWell recording",
        example=30000,
        remedy="pass --sampling-rate",
    )
    length, told_by = duration, "the recording" if duration is None else "the given duration"
    if length is None and maxwell is not None:
        length = maxwell.measure_length(rate_hz)
    elif length is None:
        flat = _find_flat(folder) if given is None else [given]
        length = _measure_flat(folder, flat, rate_hz, is_given=given is not None)
    start = None if maxwell is None else maxwell.start_time
    return SortedRecording(rate_hz, length, told_by, start)


def _list_rates(folder: PhyFolder, maxwell: MaxWellRecording | None) -> list[float]:
    stated: Any = folder.params.get("sample_rate")
    # two sources that disagree are two rates, which is an error
    rates = [] if maxwell is None else [maxwell.sampling_frequency]
    return [*rates, float(stated)] if _is_positive(stated) else rates


def _find_flat(folder: PhyFolder) -> list[Path]:
    """Return the flat binary files that `params.py` names, none unless all of them are there."""
    stated = folder.params.get("dat_path", ())
    names = [stated] if isinstance(stated, str) else stated
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return []
    found = []
    for name in names:
        # folders are often copied to another computer, and the recording with them
        last = PureWindowsPath(name).name
        places = [folder.path / name, folder.path / last, folder.path.absolute().parent / last]
        found += [place for place in places if place.suffix in _FLAT and place.is_file()][:1]
    return found if len(found) == len(names) else []


def _measure_flat(folder: PhyFolder, files: list[Path], rate_hz: float, *, is_given: bool) -> float | None:
    """Return the seconds that flat binary files last, None where nothing tells their layout."""
    layout = _read_layout(folder)
    if is_given and layout is None:
        raise InputError(
            f"no n_channels_dat and dtype for {files[0]}",
            "a MaxWell file, or a flat binary one and its layout in params.py",
            "pass --recording-duration",
        )
    if layout is None or not files:
        return None
    frame_bytes, offset = layout
    num_frames = sum(max(file.stat().st_size - offset, 0) // frame_bytes for file in files)
    _LOG.info("%s lasts %g s", ", ".join(str(file) for file in files), num_frames / rate_hz)
    return num_frames / rate_hz if num_frames else None


def _read_layout(folder: PhyFolder) -> tuple[int, int] | None:
    """Return the bytes of a frame and those before the first, or None."""
    num_channels: Any = folder.params.get("n_channels_dat")
    offset: Any = folder.params.get("offset", 0)
    try:
        # a text such as "i8,i8" would be several numbers
        itemsize = np.dtype(str(folder.params["dtype"])).itemsize
    except (KeyError, TypeError, ValueError, SyntaxError):
        return None
    is_layout = isinstance(num_channels, int) and num_channels > 0 and isinstance(offset, int) and offset >= 0
    return (num_channels * itemsize, offset) if is_layout and itemsize else None


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value)) and value > 0
