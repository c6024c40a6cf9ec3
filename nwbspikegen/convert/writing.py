"""Writing a sorting as NWB: whole or not at all."""

from __future__ import annotations

import logging
import os
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from nwbspikegen.convert.interfaces import ASDFInterface, SortingInterface
from nwbspikegen.errors import InputError, MetadataError
from nwbspikegen.files import require_absent, require_suffix, write_whole
from nwbspikegen.metadata import Metadata, read_metadata, require_metadata

_LOG = logging.getLogger("nwbspikegen")


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
        One segment. An annotation `observation_interval` (start, stop; s) becomes obs_intervals.
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
    if sorting.get_num_segments() != 1 or len(sorting.unit_ids) == 0:
        raise InputError(
            f"{sorting.get_num_segments()} segments and {len(sorting.unit_ids)} units",
            "one segment with units",
            "pass one segment at a time",
        )
    return _write(SortingInterface, {"sorting": sorting}, out, metadata, overwrite)


def convert_asdf(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    tick: float = 0.001,
    positions: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an ASDF .mat file as NWB; parameters as for `ASDFSorting` and `convert_sorting`.

    Examples
    --------
    >>> convert_asdf("missing.mat", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.errors.InputError: found nothing at missing.mat; ...
    """
    source = {
        "file_path": Path(path),
        "tick": tick,
        "positions": None if positions is None else Path(positions),
    }
    return _write(ASDFInterface, source, out, metadata, overwrite)


def _write(
    interface_class: Any,
    source: dict[str, Any],
    out: str | os.PathLike[str],
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool,
) -> Path:
    from jsonschema import ValidationError
    from neuroconv.tools.nwb_helpers import make_nwbfile_from_metadata
    from neuroconv.utils import dict_deep_update
    from pynwb import NWBHDF5IO

    out = Path(out)
    require_suffix(out, ".nwb")
    given_files = [metadata if isinstance(metadata, str | os.PathLike) else None]
    given_files += [value for value in source.values() if isinstance(value, str | os.PathLike)]
    require_absent(out, overwrite=overwrite, sources=given_files)
    given = read_metadata(metadata)
    interface = interface_class(**source)
    _refuse_silence(interface.sorting_extractor)
    require_metadata(given)
    given["NWBFile"]["session_start_time"] = _with_time_zone(given["NWBFile"]["session_start_time"])
    given["NWBFile"].setdefault("identifier", str(uuid.uuid4()))
    merged = dict_deep_update(interface.get_metadata(), given)
    try:
        nwbfile = make_nwbfile_from_metadata(metadata=merged)
    except ValidationError as error:
        raise MetadataError(
            f"metadata at {'/'.join(map(str, error.path)) or 'its top'}: {error.message}",
            "NeuroConv's layout",
            "correct the metadata",
        ) from error
    interface.add_to_nwbfile(nwbfile, merged)
    with write_whole(out, overwrite=overwrite) as temporary, NWBHDF5IO(temporary, "w") as io:
        io.write(nwbfile)
    return out


def _refuse_silence(sorting: Any) -> None:
    if not any(len(sorting.get_unit_spike_train(unit, segment_index=0)) for unit in sorting.unit_ids):
        raise InputError(
            f"no spike in any of {len(sorting.unit_ids)} units",
            "at least one: archives refuse an empty units table",
            "check the source",
        )


def _with_time_zone(moment: str | date) -> datetime:
    """Return the session's start; without a time zone it is taken as UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        _LOG.warning("session_start_time %s names no time zone: it is taken as UTC", moment)
        return moment.replace(tzinfo=UTC)
    return moment
