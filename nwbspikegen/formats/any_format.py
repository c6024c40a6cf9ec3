"""Any format to NWB: ours, one of an installed package, or a function of one's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.register import find_format
from nwbspikegen.formats.writing import write_nwb


def convert_format(
    name: str | Callable[..., Any],
    source: Any,
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
    **parameters: Any,
) -> Path:
    """Write what a format's reader reads as NWB.

    Parameters
    ----------
    name : str or callable
        A format as `nwbspikegen.formats.find_format` knows it, or the function that reads one.
    source, **parameters
        What the reader takes: the source first.
    out, metadata, overwrite
        As for `convert_sorting`. What is given wins over what the source says of itself.

    Raises
    ------
    InputError, MetadataError, OutputError
        No such format, a source that cannot be read, metadata that archives require and that are
        missing, or an output that cannot be written.

    Examples
    --------
    >>> convert_format("asdf", "missing.mat", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing.mat; ...
    """
    reader = find_format(name) if isinstance(name, str) else name
    return write_nwb(reader, (source,), parameters, out, metadata, overwrite)
