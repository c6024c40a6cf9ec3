"""An ASDF .mat file to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.asdf.reader import read_asdf_file
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.writing import write_nwb


class ASDFInterface(SourceInterface):
    """An ASDF .mat file as a NeuroConv data interface; parameters are those of `read_asdf_file`."""

    display_name = "ASDF sorting"
    associated_suffixes = (".mat",)
    info = "Bin numbers per unit in a MATLAB cell array."
    reader = staticmethod(read_asdf_file)


def convert_asdf(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
    **parameters: Any,
) -> Path:
    """Write an ASDF .mat file as NWB.

    Parameters
    ----------
    source, **parameters
        As for `nwbspikegen.formats.asdf.reader.read_asdf_file`.
    out, metadata, overwrite
        As for `convert_sorting`. What is given wins over what the source says of itself.

    Examples
    --------
    >>> convert_asdf("missing.mat", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing.mat; ...
    """
    return write_nwb(read_asdf_file, (source,), parameters, out, metadata, overwrite)
