"""The subject and session fields without which an archive refuses a file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from nwbspikegen.errors import MetadataError
from nwbspikegen.files import require_file

_AGE = r"P\d[\dYMWDTHS.]*(/(P\d[\dYMWDTHS.]*)?)?"
# field: (what is accepted, what to write, why)
_REQUIRED = {
    "subject_id": (r"[^/\\\s]+", "my-subject", "no slashes or spaces"),
    "species": (r"[A-Z][a-z]+ [a-z-]+.*|https?://purl\.obolibrary\.org/obo/NCBITaxon_\d+",
                "Mus musculus", "Latin binomial"),
    "sex": (r"[MFUO]", "U", "M, F, O, or U when unknown"),
    "age": (_AGE, "P90D", "ISO 8601 duration, or a range such as P3W/P5W"),
}  # fmt: skip
_TEXTS = (
    "session_id", "lab", "institution", "experiment_description", "notes", "pharmacology", "protocol",
    "slices", "surgery", "virus", "data_collection", "stimulus_notes",
)  # fmt: skip
_LISTS = ("experimenter", "keywords", "related_publications")
_SUBJECT_TEXTS = (*_REQUIRED, "description", "genotype", "strain", "weight", "age__reference")


def read_metadata(metadata: Mapping[str, Any] | str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return metadata in NeuroConv's layout from a mapping or a YAML file.

    Examples
    --------
    >>> read_metadata({"Subject": {"sex": "U"}})
    {'Subject': {'sex': 'U'}}
    """
    if metadata is None or isinstance(metadata, Mapping):
        return dict(metadata or {})
    path = require_file(Path(metadata))
    try:
        loaded = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MetadataError(f"{path}, which is not YAML", "a YAML file", "check its syntax") from error
    if not isinstance(loaded, dict):
        raise MetadataError(f"{path} without fields", "NWBFile: and Subject:", "fill it in")
    return loaded


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
    _require_complete(nwbfile)


def _section(metadata: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = metadata.get(name) or {}
    if not isinstance(section, Mapping):
        raise MetadataError(f"metadata whose {name} is not a mapping", f"fields below {name}:", "fill it in")
    return section


def _require_complete(nwbfile: Any) -> None:
    subject = nwbfile.subject
    lacking = [
        name
        for name, (pattern, *_) in _REQUIRED.items()
        if not re.fullmatch(pattern, str(getattr(subject, name) or ""))
        and not (name == "age" and getattr(subject, "date_of_birth", None) is not None)
    ]
    slashed = "/" in str(nwbfile.session_id or "")
    if not lacking and not slashed:
        return
    lines = ["NWBFile:", "  session_id: session-1  # no slashes"] if slashed else []
    if lacking:
        lines.append("Subject:")
        lines += [f"  {name}: {_REQUIRED[name][1]}  # {_REQUIRED[name][2]}" for name in lacking]
    named = ", ".join([*(["session_id"] if slashed else []), *lacking])
    raise MetadataError(
        f"missing or invalid {named}",
        "what the DANDI archive requires",
        "pass --metadata FILE.yaml (metadata= in Python) with\n" + "\n".join(lines),
    )
