"""A SpyKING CIRCUS 1.x result to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.spykingcircus.reader import read_spykingcircus_result
from nwbspikegen.formats.writing import write_nwb


class SpykingCircusInterface(SourceInterface):
    """A result as a NeuroConv data interface; parameters are those of `read_spykingcircus_result`."""

    display_name = "SpyKING CIRCUS 1.x sorting"
    associated_suffixes = (".hdf5",)
    info = "Units of SpyKING CIRCUS 1.x, alone or beside the MaxWell file that was sorted."
    reader = staticmethod(read_spykingcircus_result)


def convert_spykingcircus(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
    **parameters: Any,
) -> Path:
    """Write a SpyKING CIRCUS 1.x result as NWB.

    Parameters
    ----------
    source, **parameters
        As for `nwbspikegen.formats.spykingcircus.reader.read_spykingcircus_result`.
    out, metadata, overwrite
        As for `convert_sorting`. What is given wins over what the source says of itself.

    Examples
    --------
    >>> convert_spykingcircus("missing", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing; ...
    """
    return write_nwb(read_spykingcircus_result, (source,), parameters, out, metadata, overwrite)
