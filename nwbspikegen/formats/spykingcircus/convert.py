"""Results of SpyKING CIRCUS 1.x to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pydantic import DirectoryPath, FilePath

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.spykingcircus.sorting import SpykingCircusSorting
from nwbspikegen.formats.writing import write_nwb


class SpykingCircusInterface(SourceInterface):
    """A SpyKING CIRCUS result as a NeuroConv data interface; parameters of `SpykingCircusSorting`."""

    display_name = "SpyKING CIRCUS 1.x sorting"
    associated_suffixes = (".hdf5",)
    info = "Units of SpyKING CIRCUS 1.x, alone or beside the MaxWell file that was sorted."
    units_description: ClassVar[str] = "Units sorted by SpyKING CIRCUS 1.x."

    # NeuroConv makes the source schema from this signature
    def __init__(
        self,
        path: FilePath | DirectoryPath,
        *,
        sampling_frequency: float | None = None,
        recording: FilePath | None = None,
        well: str | None = None,
        rec: str | None = None,
        duration: float | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            verbose=verbose, path=path, sampling_frequency=sampling_frequency, recording=recording, well=well,
            rec=rec, duration=duration,
        )  # fmt: skip

    @classmethod
    def get_extractor_class(cls) -> type[SpykingCircusSorting]:
        """Return the SpikeInterface class that reads the result."""
        return SpykingCircusSorting


def convert_spykingcircus(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    sampling_frequency: float | None = None,
    recording: str | os.PathLike[str] | None = None,
    well: str | None = None,
    rec: str | None = None,
    duration: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a SpyKING CIRCUS 1.x result as NWB.

    Parameters are those of `SpykingCircusSorting` and `convert_sorting`.

    Examples
    --------
    >>> convert_spykingcircus("missing", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing; ...
    """
    source = {
        "path": Path(path),
        "sampling_frequency": sampling_frequency,
        "recording": None if recording is None else Path(recording),
        "well": well,
        "rec": rec,
        "duration": duration,
    }
    return write_nwb(SpykingCircusInterface, source, out, metadata, overwrite)
