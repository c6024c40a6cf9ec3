"""The formats `phy`, `kilosort` and `spikeinterface`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from nwbspikegen.formats.parameters import File, FileOrFolder, Folder
from nwbspikegen.formats.sampling import require_sorted_file

if TYPE_CHECKING:
    from nwbspikegen.formats.sorters.phy import PhySorting
    from nwbspikegen.formats.sorters.saved import SavedSorting


def read_phy_folder(
    path: FileOrFolder,
    *,
    sampling_frequency: Annotated[float | None, "--sampling-rate"] = None,
    recording: File | None = None,
    well: str | None = None,
    rec: str | None = None,
    duration: Annotated[float | None, "--recording-duration"] = None,
) -> PhySorting:
    """A phy folder: clusters as they were curated, labels, and where units are.

    Parameters
    ----------
    path
        The folder, its params.py, or the folder above.
    sampling_frequency
        Samples per second; otherwise that of params.py, or of the recording.
    recording
        The recording that was sorted, flat binary or MaxWell's; otherwise the one that params.py names.
    well
        Well in a MaxWell file, such as well000, when there are several.
    rec
        Recording of that well, such as rec0000, when there are several.
    duration
        Seconds that were sorted; otherwise the length of the recording.
    """
    return _read(path, sampling_frequency, recording, well, rec, duration, "phy")


def read_kilosort_folder(
    path: FileOrFolder,
    *,
    sampling_frequency: Annotated[float | None, "--sampling-rate"] = None,
    recording: File | None = None,
    well: str | None = None,
    rec: str | None = None,
    duration: Annotated[float | None, "--recording-duration"] = None,
) -> PhySorting:
    """What Kilosort 2, 2.5, 3 or 4 wrote: labels, and where units are; curation in phy counts.

    Parameters
    ----------
    path
        The folder with spike_times.npy, or the folder above.
    sampling_frequency
        Samples per second; otherwise that of params.py, or of the recording.
    recording
        The recording that was sorted, flat binary or MaxWell's; otherwise the one that params.py names.
    well
        Well in a MaxWell file, such as well000, when there are several.
    rec
        Recording of that well, such as rec0000, when there are several.
    duration
        Seconds that were sorted; otherwise the length of the recording.
    """
    return _read(path, sampling_frequency, recording, well, rec, duration, "kilosort")


def _read(
    path: Any,
    sampling_frequency: float | None,
    recording: Any,
    well: str | None,
    rec: str | None,
    duration: float | None,
    sorter: str,
) -> PhySorting:
    from nwbspikegen.formats.sorters.phy import PhySorting

    require_sorted_file(recording, well=well, rec=rec)
    return PhySorting(path, sampling_frequency, recording, well, rec, duration, sorter)


def read_saved_sorting(
    path: Folder, *, duration: Annotated[float | None, "--recording-duration"] = None
) -> SavedSorting:
    """A sorting or sorting analyzer that SpikeInterface saved, as a folder or as Zarr.

    Parameters
    ----------
    path
        The folder, or the .zarr folder, of sorting.save or analyzer.save_as.
    duration
        Seconds that were sorted; otherwise what the analyzer knows of its recording.
    """
    from nwbspikegen.formats.sorters.saved import SavedSorting

    return SavedSorting(path, duration)
