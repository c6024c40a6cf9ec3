"""Metadata in NeuroConv's layout: read, and checked for what an archive requires. Nothing is guessed."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from nwbspikegen.errors import InputError, MetadataError
from nwbspikegen.files import require_file
from nwbspikegen.yaml_files import read_yaml

_REQUIRED = {
    "NWBFile": {
        "session_description": "what was recorded, in a sentence",
        "session_start_time": "such as 2021-05-11T14:00:00+09:00",
    },
    "Subject": {
        "subject_id": "a name without a slash",
        "species": "Latin binomial, such as Mus musculus",
        "age": "ISO 8601 duration such as P28D, or a range such as P3W/P5W",
        "sex": "M, F, O or U for unknown",
    },
}
_AGE = re.compile(r"P(?=\d)(\d+(\.\d+)?[YMWD])*(/(P(?=\d)(\d+(\.\d+)?[YMWD])*)?)?")
_SPECIES = re.compile(r"[A-Z][a-z]+ [a-z]+(-[a-z]+)?|http://purl\.obolibrary\.org/obo/NCBITaxon_\d+")
_OPTIONAL = {"NWBFile": {"session_id": "a name without a slash"}, "Subject": {}}
_VALID = {
    "subject_id": re.compile(r"[^/\s]+"),
    "session_id": re.compile(r"[^/\s]+"),
    "species": _SPECIES,
    "age": _AGE,
    "sex": re.compile("[MFOU]"),
}

Metadata = Mapping[str, Any]


def read_metadata(metadata: Metadata | str | os.PathLike[str] | None) -> dict[str, Any]:
    """Return metadata from a mapping or a YAML file; an empty one for None.

    Parameters
    ----------
    metadata : mapping or path, optional
        NeuroConv's layout: ``NWBFile``, ``Subject``, ``Ecephys``, ...

    Raises
    ------
    InputError
        If the file is no YAML mapping.

    Examples
    --------
    >>> read_metadata({"Subject": {"sex": "U"}})["Subject"]["sex"]
    'U'
    """
    if metadata is None:
        return {}
    if isinstance(metadata, Mapping):
        return _require_sections(copy.deepcopy(dict(metadata)), "the metadata")
    if not isinstance(metadata, str | os.PathLike):
        raise InputError(
            f"metadata that are a {type(metadata).__name__}", "a mapping or a path", "pass these"
        )
    path = require_file(metadata)
    return _require_sections(read_yaml(path), str(path))


def _require_sections(metadata: Any, name: str) -> dict[str, Any]:
    if not isinstance(metadata, dict) or not all(
        isinstance(metadata.get(key) or {}, Mapping) for key in _REQUIRED
    ):
        raise InputError(
            f"{name} without NWBFile and Subject", "a mapping of both", f"write\n{_template({})}"
        )
    return metadata


def require_metadata(metadata: Metadata) -> None:
    """Raise `MetadataError`, with a template to fill, when an archive would refuse the file.

    Examples
    --------
    >>> require_metadata({"Subject": {"species": "mouse"}})
    Traceback (most recent call last):
    ...
    nwbspikegen.errors.MetadataError: found no NWBFile session_description, ...
    """
    problems = []
    for section, required in _REQUIRED.items():
        given = metadata.get(section) or {}
        for field in required | _OPTIONAL[section]:
            value = given.get(field)
            if value in (None, ""):
                if field in required and not (field == "age" and given.get("date_of_birth")):
                    problems.append(f"no {section} {field}")
            elif not _is_valid(field, value):
                problems.append(f"{section} {field} {str(value)!r}")
    if problems:
        raise MetadataError(
            ", ".join(problems),
            "what archives require of every file",
            f"pass --metadata FILE.yaml with\n{_template(metadata)}",
        )


def _is_valid(field: str, value: Any) -> bool:
    if field == "session_start_time":
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                return False
        return isinstance(value, date)
    pattern = _VALID.get(field)
    return isinstance(value, str) and (pattern is None or pattern.fullmatch(value) is not None)


def _template(metadata: Metadata) -> str:
    """Return YAML with what is known, and a hint where something is missing or invalid."""
    lines = []
    for section, fields in _REQUIRED.items():
        given = metadata.get(section) or {}
        lines.append(f"{section}:")
        for field, hint in (fields | _OPTIONAL[section]).items():
            value = given.get(field)
            if field in _OPTIONAL[section] and value in (None, ""):
                continue
            known = value not in (None, "") and _is_valid(field, value)
            lines.append(f"  {field}: {value}" if known else f"  {field}:  # {hint}")
    return "\n".join(lines)
