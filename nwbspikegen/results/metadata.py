"""The subject and session fields without which an archive refuses a file."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nwbspikegen.errors import MetadataError
from nwbspikegen.metadata import StrictMetadata, require_metadata, to_moment

_log = logging.getLogger("nwbspikegen")

_TEXTS = (
    "session_id", "session_description", "lab", "institution", "experiment_description", "notes",
    "pharmacology", "protocol", "slices", "surgery", "virus", "data_collection", "stimulus_notes",
)  # fmt: skip
_LISTS = ("experimenter", "keywords", "related_publications")
_REQUIRED = ("subject_id", "species", "sex", "age")
# these two say which recording it is
_KEPT = ("session_start_time", "identifier")
_MOMENTS = ("session_start_time", "date_of_birth")
# in words of one's own, which nothing contradicts
_FREE = ("session_description", "experiment_description", "notes", "stimulus_notes")
_SUBJECT_TEXTS = (*_REQUIRED, "description", "genotype", "strain", "weight", "age__reference")


def fill_metadata(nwbfile: Any, metadata: Mapping[str, Any]) -> None:
    """Write session and subject fields into a file in memory.

    What is missing is filled. Where a value contradicts one that is there, a warning names both, and the
    given one is written; `StrictMetadata` makes it an error. Identifier and start time stay as they are:
    they say which recording this is.

    Raises
    ------
    MetadataError
        If what the archive requires is missing or invalid afterwards; it prints a template.
    """
    from pynwb.file import Subject

    _compare(nwbfile, metadata)
    given = metadata.get("NWBFile") or {}
    for name in (*_TEXTS, *_LISTS):
        if name in given:
            nwbfile.fields[name] = _to_texts(name, given[name]) if name in _LISTS else str(given[name])
            nwbfile.set_modified()
    subject = metadata.get("Subject") or {}
    wanted: dict[str, Any] = {key: str(value) for key, value in subject.items() if key in _SUBJECT_TEXTS}
    if "date_of_birth" in subject:
        wanted["date_of_birth"] = _to_moment(subject["date_of_birth"])
    if nwbfile.subject is None:
        nwbfile.subject = Subject(**wanted)
    elif wanted:
        nwbfile.subject.fields.update(wanted)
        nwbfile.subject.set_modified()
    _drop_empty(nwbfile.subject)
    _require_complete(nwbfile)


def _compare(nwbfile: Any, metadata: Mapping[str, Any]) -> None:
    """Say which given values contradict the recording's own; raise `MetadataError` when that is strict."""
    session, subject = (metadata.get(name) or {} for name in ("NWBFile", "Subject"))
    told = {"NWBFile": nwbfile, "Subject": nwbfile.subject}
    pairs = [("NWBFile", name, session.get(name)) for name in (*_TEXTS, *_KEPT) if name not in _FREE]
    pairs += [("Subject", name, subject.get(name)) for name in (*_SUBJECT_TEXTS, "date_of_birth")]
    for section, name, value in pairs:
        there = getattr(told[section], name, None)
        if value in (None, "") or there in (None, "") or _is_same(name, there, value):
            continue
        written = "the recording's is kept" if name in _KEPT else "the given one is written"
        found = f"{section} {name} {str(value)!r} in the metadata and {str(there)!r} in the recording"
        if isinstance(metadata, StrictMetadata):
            raise MetadataError(found, "values that agree", "correct the metadata, or leave the field out")
        _say_once(str(nwbfile.identifier), f"{found}: {written}")


@functools.lru_cache(maxsize=1024)
def _say_once(identifier: str, text: str) -> None:
    """Log a warning about a recording: commands try to write first, and would say it twice."""
    _log.warning("%s", text)


def _is_same(name: str, there: Any, value: Any) -> bool:
    if name in _MOMENTS:
        return bool(to_moment(there) == to_moment(value))
    return str(there).strip() == str(value).strip()


def _to_texts(name: str, value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple):
        raise MetadataError(f"NWBFile {name} {value!r}", "a text or a list of texts", "correct the metadata")
    return tuple(map(str, values))


def _to_moment(value: Any) -> datetime:
    moment = to_moment(value)
    if moment is None:
        raise MetadataError(
            f"Subject date_of_birth {value!r}", "a date such as 2021-05-11", "correct the metadata"
        )
    return moment


def _drop_empty(subject: Any) -> None:
    """Take out fields that hold an empty text: they say nothing, and archives refuse some of them."""
    for name in [name for name, value in subject.fields.items() if isinstance(value, str) and not value]:
        subject.fields.pop(name)
        subject.set_modified()


def _require_complete(nwbfile: Any) -> None:
    fields = ("session_start_time", "session_id")
    session = {name: getattr(nwbfile, name, None) for name in fields}
    # the schema makes every source have a description; archives take an empty one
    session["session_description"] = nwbfile.session_description or "none"
    subject = {name: getattr(nwbfile.subject, name, None) for name in (*_REQUIRED, "date_of_birth")}
    require_metadata({"NWBFile": session, "Subject": subject})
