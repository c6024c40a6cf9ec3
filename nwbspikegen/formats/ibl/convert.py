"""An IBL session to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.ibl.reader import read_ibl_session
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.writing import write_nwb


class IBLInterface(SourceInterface):
    """An IBL session as a NeuroConv data interface; parameters are those of `read_ibl_session`."""

    display_name = "IBL sorting"
    associated_suffixes = (".npy",)
    info = "Sorted spikes of an IBL session in the ALF layout."
    reader = staticmethod(read_ibl_session)


def convert_ibl(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
    **parameters: Any,
) -> Path:
    """Write an IBL session as NWB.

    Parameters
    ----------
    source, **parameters
        As for `nwbspikegen.formats.ibl.reader.read_ibl_session`.
    out, metadata, overwrite
        As for `convert_sorting`. What is given wins over what the source says of itself.

    Examples
    --------
    >>> convert_ibl("missing", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing, which is no address either; ...
    """
    return write_nwb(read_ibl_session, (source,), parameters, out, metadata, overwrite)
