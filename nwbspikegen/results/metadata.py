"""The subject and session fields without which an archive refuses a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nwbspikegen.errors import MetadataError
from nwbspikegen.metadata import require_metadata

_TEXTS = (
    "session_id", "session_description", "lab", "institution", "experiment_description", "notes",
    "pharmacology", "protocol", "slices", "surgery", "virus", "data_collection", "stimulus_notes",
)  # fmt: skip
_LISTS = ("experimenter", "keywords", "related_publications")
_REQUIRED = ("subject_id", "species", "sex", "age")
_SUBJECT_TEXTS = (*_REQUIRED, "description", "genotype", "strain", "weight", "age__reference")


def fill_metadata(nwbfile: Any, metadata: Mapping[str, Any]) -> None:
    """Write session and subject fields into a file in memory; what is given wins over what is there.

    Identifier and start time stay as they are: they say which recording this is.

    Raises
    ------
    MetadataError
        If what the archive requires is missing or invalid afterwards; it prints a template.
    """
    from pynwb.file import Subject

    given = _section(metadata, "NWBFile")
    for name in (*_TEXTS, *_LISTS):
        if name in given:
            value = given[name]
            listed = [value] if isinstance(value, str) else list(value) if name in _LISTS else value
            nwbfile.fields[name] = tuple(listed) if name in _LISTS else str(value)
            nwbfile.set_modified()
    wanted = {
        key: str(value) for key, value in _section(metadata, "Subject").items() if key in _SUBJECT_TEXTS
    }
    if nwbfile.subject is None:
        nwbfile.subject = Subject(**wanted)
    elif wanted:
        nwbfile.subject.fields.update(wanted)
        nwbfile.subject.set_modified()
    _drop_empty(nwbfile.subject)
    _require_complete(nwbfile)


def _drop_empty(subject: Any) -> None:
    """Take out fields that hold an empty text: they say nothing, and archives refuse some of them."""
    for name in [name for name, value in subject.fields.items() if isinstance(value, str) and not value]:
        subject.fields.pop(name)
        subject.set_modified()


def _section(metadata: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = metadata.get(name) or {}
    if not isinstance(section, Mapping):
        raise MetadataError(f"metadata whose {name} is not a mapping", f"fields below {name}:", "fill it in")
    return section


def _require_complete(nwbfile: Any) -> None:
    fields = ("session_start_time", "session_id")
    session = {name: getattr(nwbfile, name, None) for name in fields}
    # the schema makes every source have a description; archives take an empty one
    session["session_description"] = nwbfile.session_description or "none"
    subject = {name: getattr(nwbfile.subject, name, None) for name in (*_REQUIRED, "date_of_birth")}
    require_metadata({"NWBFile": session, "Subject": subject})
