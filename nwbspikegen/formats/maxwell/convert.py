"""The on-chip spikes of a MaxWell file to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.maxwell.reader import read_maxwell_file
from nwbspikegen.formats.writing import write_nwb


class MaxWellInterface(SourceInterface):
    """On-chip spikes as a NeuroConv data interface; parameters are those of `read_maxwell_file`."""

    display_name = "MaxWell on-chip spikes"
    associated_suffixes = (".h5",)
    info = "Spikes that a MaxOne or MaxTwo detected while recording."
    reader = staticmethod(read_maxwell_file)


def convert_maxwell(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
    **parameters: Any,
) -> Path:
    """Write the on-chip spikes of a MaxWell file as NWB.

    Parameters
    ----------
    source, **parameters
        As for `nwbspikegen.formats.maxwell.reader.read_maxwell_file`.
    out, metadata, overwrite
        As for `convert_sorting`. What is given wins over what the source says of itself.

    Examples
    --------
    >>> convert_maxwell("missing.raw.h5", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """
    return write_nwb(read_maxwell_file, (source,), parameters, out, metadata, overwrite)
