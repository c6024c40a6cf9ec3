"""ASDF files to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pydantic import FilePath

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.asdf.sorting import ASDFSorting
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.writing import write_nwb


class ASDFInterface(SourceInterface):
    """An ASDF .mat file as a NeuroConv data interface; parameters are those of `ASDFSorting`."""

    display_name = "ASDF sorting"
    associated_suffixes = (".mat",)
    info = "Bin numbers per unit in a MATLAB cell array."
    units_description: ClassVar[str] = "Spike-sorted units of an ASDF file."

    # NeuroConv makes the source schema from this signature
    def __init__(
        self,
        file_path: FilePath,
        *,
        tick: float | None = None,
        positions: FilePath | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(verbose=verbose, file_path=file_path, tick=tick, positions=positions)

    @classmethod
    def get_extractor_class(cls) -> type[ASDFSorting]:
        """Return the SpikeInterface class that reads the file."""
        return ASDFSorting


def convert_asdf(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    tick: float | None = None,
    positions: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an ASDF .mat file as NWB; parameters as for `ASDFSorting` and `convert_sorting`.

    Examples
    --------
    >>> convert_asdf("missing.mat", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing.mat; ...
    """
    source = {
        "file_path": Path(path),
        "tick": tick,
        "positions": None if positions is None else Path(positions),
    }
    return write_nwb(ASDFInterface, source, out, metadata, overwrite)
