"""A lab's files, or a sorting in memory, to NWB."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nwbspikegen.commands.write_sorting import write_nwb
from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.asdf.reader import read_asdf_file
from nwbspikegen.formats.ibl.reader import read_ibl_session
from nwbspikegen.formats.maxwell.reader import read_maxwell_file
from nwbspikegen.formats.register import find_format
from nwbspikegen.formats.spikes import to_sorting
from nwbspikegen.formats.spykingcircus.reader import read_spykingcircus_result


def convert_sorting(
    sorting: Any,
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
) -> Path:
    """Write a SpikeInterface sorting, or what an analyzer knows of one, as NWB.

    Spike times are the sorting's native seconds where it has them, unrounded; the resolution is one
    sample; properties become columns.

    Parameters
    ----------
    sorting : spikeinterface.BaseSorting or SortingAnalyzer
        Several segments are laid on one clock, an interval each (`nwbspikegen.core.joined_segments`). Of
        an analyzer, unit locations, quality metrics and electrodes are written as well. An annotation
        `observation_interval` (start, stop; s) becomes obs_intervals, and so does `obs_intervals`, a
        mapping of unit ids to (start, stop) pairs (s).
    out : path
        NWB file to write.
    metadata : mapping or path
        NeuroConv's layout, as a mapping or YAML file. DANDI names a file
        ``sub-<subject_id>/sub-<subject_id>_ses-<session_id>_ecephys.nwb``.
    overwrite : bool, default: False
        Replace `out`.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    MetadataError
        If something that archives require is missing; the message has a template to fill.
    InputError, OutputError
        If the sorting has no units, its segments no end, or `out` cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from nwbspikegen.simulation import metadata_of, simulate
    >>> simulation = simulate("in_vivo", num_units=3, duration=2.0, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = pathlib.Path(folder, "a.nwb")
    ...     convert_sorting(simulation.sorting, out, metadata=metadata_of(simulation)).name
    'a.nwb'
    """
    return write_nwb(to_sorting, (sorting,), {}, out, metadata, overwrite)


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
    # a function is taken as it is: the command that knows it need not find it again
    reader = find_format(name) if isinstance(name, str) else name
    return write_nwb(reader, (source,), parameters, out, metadata, overwrite)


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
