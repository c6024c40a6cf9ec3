"""The format `maxwell`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nwbspikegen.formats.parameters import File

if TYPE_CHECKING:
    from nwbspikegen.formats.maxwell.sorting import MaxWellSorting


def read_maxwell_file(
    file_path: File, *, well: str | None = None, recording: Annotated[str | None, "--rec"] = None
) -> MaxWellSorting:
    """The spikes detected on chip in a MaxWell .raw.h5 file: one unit per channel that spiked.

    Parameters
    ----------
    file_path
        A .raw.h5 file of MaxOne (either layout) or MaxTwo.
    well
        Such as well000, when there are several.
    recording
        Recording of that well, such as rec0000, when there are several.
    """
    from nwbspikegen.formats.maxwell.sorting import MaxWellSorting

    return MaxWellSorting(file_path, well, recording)
