"""MaxWell recordings to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pydantic import FilePath

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.maxwell.sorting import MaxWellSorting
from nwbspikegen.formats.writing import write_nwb


class MaxWellInterface(SourceInterface):
    """Spikes detected on chip as a NeuroConv data interface; parameters are those of `MaxWellSorting`."""

    display_name = "MaxWell on-chip spikes"
    associated_suffixes = (".h5",)
    info = "Spikes that a MaxOne or MaxTwo detected while recording."
    units_description: ClassVar[str] = (
        "Spikes detected on chip by threshold, one unit per channel that spiked; not sorted."
    )

    # NeuroConv makes the source schema from this signature
    def __init__(
        self,
        file_path: FilePath,
        *,
        well: str | None = None,
        recording: str | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(verbose=verbose, file_path=file_path, well=well, recording=recording)

    @classmethod
    def get_extractor_class(cls) -> type[MaxWellSorting]:
        """Return the SpikeInterface class that reads the file."""
        return MaxWellSorting


def convert_maxwell(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    well: str | None = None,
    recording: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the on-chip spikes of a MaxWell file as NWB.

    Parameters are those of `MaxWellSorting` and `convert_sorting`.

    Examples
    --------
    >>> convert_maxwell("missing.raw.h5", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """
    source = {"file_path": Path(path), "well": well, "recording": recording}
    return write_nwb(MaxWellInterface, source, out, metadata, overwrite)
