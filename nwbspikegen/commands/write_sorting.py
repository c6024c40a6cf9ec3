"""Writing a sorting as NWB: whole or not at all."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError, MetadataError
from nwbspikegen.core.files import require_absent, require_suffix, write_whole
from nwbspikegen.core.metadata import (
    Metadata,
    compare_metadata,
    read_metadata,
    require_metadata,
    to_moment,
)
from nwbspikegen.core.progress import show_progress
from nwbspikegen.formats.interface import LoneSortingInterface
from nwbspikegen.formats.spikes import to_sorting
from nwbspikegen.views import survey
from nwbspikegen.views.opening import lay_window
from nwbspikegen.views.survey_text import log_survey

_LOG = logging.getLogger("nwbspikegen")
# columns of a units table that are made from something else than properties
_TAKEN = ("id", "spike_times", "obs_intervals", "electrodes", "electrode_group")


def write_nwb(
    reader: Callable[..., Any],
    source: tuple[Any, ...],
    parameters: Mapping[str, Any],
    out: str | os.PathLike[str],
    metadata: Metadata | str | os.PathLike[str] | None,
    overwrite: bool,
) -> Path:
    """Write what a reader reads as NWB, and return `out`.

    Parameters
    ----------
    reader : callable
        What returns a SpikeInterface sorting or `nwbspikegen.formats.Spikes`.
    source : tuple
        Its arguments; paths among them cannot be the output.
    parameters : mapping
        What it is given by name, likewise.
    out, metadata, overwrite
        As for `convert_sorting`; what is given wins over what the source says of itself.
    """
    from pynwb import NWBHDF5IO

    out = Path(out)
    require_suffix(out, ".nwb")
    given_files = [metadata if isinstance(metadata, str | os.PathLike) else None]
    given_files += [
        value for value in (*source, *parameters.values()) if isinstance(value, str | os.PathLike)
    ]
    # the source must not be its own output: it would be gone when a reader that is lazy asks for it
    require_absent(out, overwrite=overwrite, sources=given_files)
    given = read_metadata(metadata)
    with show_progress("reading the source", 3, at_once=True, stages=True) as work:
        sorting = to_sorting(reader(*source, **parameters))
        work.reach(1, "checking the units")
        nwbfile = _make_file(sorting, given)
        work.reach(2, "writing NWB")
        with write_whole(out, overwrite=overwrite) as temporary, NWBHDF5IO(temporary, "w") as io:
            io.write(nwbfile)
    # a single unit has no population that a survey could judge
    if len(nwbfile.units) > 1:
        log_survey(survey(out))
    return out


def _make_file(sorting: Any, given: Metadata) -> Any:
    """Return in memory what is to be written."""
    from jsonschema import ValidationError
    from neuroconv.tools.nwb_helpers import make_nwbfile_from_metadata
    from neuroconv.utils import dict_deep_update

    # nwbinspector crashes on a units table without a spike, and `dandi validate` with it
    _refuse_silence(sorting)
    _require_writable(sorting)
    if len(sorting.unit_ids) > 1:
        # what could not be opened again is refused before it is written
        lay_window(sorting, bin_size=0.001)
    interface = LoneSortingInterface(sorting)
    _say_assumed(sorting, given)
    own = interface.get_metadata()
    compare_metadata(own, given)
    # NeuroConv's own merging, so that lists such as experimenters are joined as its users know it
    merged = dict_deep_update(own, given)
    require_metadata(merged)
    session = merged["NWBFile"]
    session["session_start_time"] = _with_time_zone(_find_start(sorting, given, session))
    # a new file is a new recording to every index, even of the same source
    session.setdefault("identifier", str(uuid.uuid4()))
    born = to_moment((merged.get("Subject") or {}).get("date_of_birth"))
    if born is not None:
        merged["Subject"]["date_of_birth"] = born
    try:
        nwbfile = make_nwbfile_from_metadata(metadata=merged)
    except ValidationError as error:
        raise MetadataError(
            f"metadata at {'/'.join(map(str, error.path)) or 'its top'}: {error.message}",
            "NeuroConv's layout",
            "correct the metadata",
        ) from error
    interface.add_to_nwbfile(nwbfile, merged)
    return nwbfile


def _say_assumed(sorting: Any, given: Metadata) -> None:
    """Warn of metadata that a source could only assume, and that nobody has given."""
    for name, text in getattr(sorting, "assumed_metadata", {}).items():
        if not (given.get("NWBFile") or {}).get(name):
            _LOG.warning("%s is not given: %s", name, text)


def _find_start(sorting: Any, given: Metadata, session: Metadata) -> str | date:
    """Return the start as it was given or as the source has it, so that a missing time zone is said."""
    known = getattr(sorting, "session_metadata", {})
    for place in (given, known):
        start = (place.get("NWBFile") or {}).get("session_start_time")
        if start:
            return start  # type: ignore[no-any-return]
    return session["session_start_time"]  # type: ignore[no-any-return]


def _require_writable(sorting: Any) -> None:
    """Raise `InputError` for properties that cannot be columns of a units table."""
    for name in sorting.get_property_keys():
        values = np.asarray(sorting.get_property(name))
        if name in _TAKEN or "/" in name:
            # a slash would be a group of HDF5 inside the table
            found = f"a property {name!r} of the sorting"
        elif values.dtype == object and not all(isinstance(value, str) for value in values.ravel().tolist()):
            found = f"a property {name!r} that holds neither numbers nor texts"
        else:
            continue
        raise InputError(
            found,
            f"numbers or texts under another name than {', '.join(_TAKEN)}",
            "rename or delete it: sorting.delete_property(...)",
        )


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
    # YAML reads 2021-05-11 as a date
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        _LOG.warning("session_start_time %s names no time zone: it is taken as UTC", moment)
        return moment.replace(tzinfo=UTC)
    return moment
