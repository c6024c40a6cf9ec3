"""Any SpikeInterface sorting to NWB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nwbspikegen.core.metadata import Metadata
from nwbspikegen.formats.spikes import to_sorting
from nwbspikegen.formats.writing import write_nwb


def convert_sorting(
    sorting: Any,
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool = False,
) -> Path:
    """Write a SpikeInterface sorting as NWB.

    Spike times are the sorting's native seconds where it has them, unrounded; the resolution is one
    sample; properties become columns.

    Parameters
    ----------
    sorting : spikeinterface.BaseSorting
        One segment. An annotation `observation_interval` (start, stop; s) becomes obs_intervals, and so
        does `obs_intervals`, a mapping of unit ids to (start, stop) pairs (s).
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
        If the sorting has several segments or no units, or `out` cannot be written.

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
