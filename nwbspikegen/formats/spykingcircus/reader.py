"""The format `spykingcircus`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nwbspikegen.formats.parameters import File, FileOrFolder
from nwbspikegen.formats.sampling import require_sorted_file

if TYPE_CHECKING:
    from nwbspikegen.formats.spykingcircus.sorting import SpykingCircusSorting


def read_spykingcircus_result(
    path: FileOrFolder,
    *,
    sampling_frequency: Annotated[float | None, "--sampling-rate"] = None,
    recording: File | None = None,
    well: str | None = None,
    rec: str | None = None,
    duration: Annotated[float | None, "--recording-duration"] = None,
) -> SpykingCircusSorting:
    """A SpyKING CIRCUS 1.x result, or the folder with it; curated results win, then merged ones.

    Parameters
    ----------
    path
        The result, the folder with it, or the folder above.
    sampling_frequency
        Samples per second; otherwise that of the .params file, or of the recording.
    recording
        The MaxWell file that was sorted: it gives rate, length and start, and electrodes without a .prb.
    well
        Well in it, such as well000, when there are several.
    rec
        Recording of that well, such as rec0000, when there are several.
    duration
        Seconds that were sorted; otherwise the length of the recording, or what the result says.
    """
    from nwbspikegen.formats.spykingcircus.sorting import SpykingCircusSorting

    require_sorted_file(recording, well=well, rec=rec)
    return SpykingCircusSorting(path, sampling_frequency, recording, well, rec, duration)
