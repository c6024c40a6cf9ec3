"""The subject and session fields without which an archive refuses a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nwbspikegen.core.errors import MetadataError
from nwbspikegen.core.metadata import compare_metadata, require_metadata, to_moment
from nwbspikegen.nwb.groups import to_text

_TEXTS = (
    "session_id",
    "session_description",
    "lab",
    "institution",
    "experiment_description",
    "notes",
    "pharmacology",
    "protocol",
    "slices",
    "surgery",
    "virus",
    "data_collection",
    "stimulus_notes",
)
_LISTS = ("experimenter", "keywords", "related_publications")
_REQUIRED = ("subject_id", "species", "sex", "age")
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

    compare_metadata(_read_own(nwbfile), metadata, kept=["session_start_time"])
    given = metadata.get("NWBFile") or {}
    for name in (*_TEXTS, *_LISTS):
        if name in given:
            # past pynwb's attributes, which can be set once only; without `set_modified`, export writes what
            # was read
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


def _read_own(nwbfile: Any) -> dict[str, dict[str, Any]]:
    """Return what a recording says of itself."""
    session = {name: getattr(nwbfile, name, None) for name in (*_TEXTS, *_LISTS, "session_start_time")}
    subject = {name: getattr(nwbfile.subject, name, None) for name in (*_SUBJECT_TEXTS, "date_of_birth")}
    lists = {name: [to_text(each) for each in session[name] or ()] for name in _LISTS}
    return {"NWBFile": session | lists, "Subject": subject}


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
