"""Metadata in NeuroConv's layout: read, and checked for what an archive requires. Nothing is guessed."""

from __future__ import annotations

import copy
import functools
import logging
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError, MetadataError
from nwbspikegen.core.files import require_file
from nwbspikegen.core.yaml_files import read_yaml

_log = logging.getLogger("nwbspikegen")
# fields in words of one's own, and one that names a file rather than what was recorded
_FREE = (
    "session_description",
    "experiment_description",
    "notes",
    "stimulus_notes",
    "identifier",
    "description",
)
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
_OPTIONAL = {"NWBFile": {"session_id": "a name without a slash"}, "Subject": {}}
# nwbinspector's patterns, by which the archive decides: an ISO 8601 duration has something behind P, and
# behind T where there is one
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(
    r"P(?!$)"
    + "".join(f"({_NUMBER}{unit})?" for unit in "YMWD")
    + r"(T(?=\d)"
    + "".join(f"({_NUMBER}{unit})?" for unit in "HMS")
    + ")?"
)
_SPECIES = re.compile(r"[A-Z][a-z]* [a-z]+|http://purl\.obolibrary\.org/obo/NCBITaxon_\d+")
_WORM = "Caenorhabditis elegans"
_SEXES = {_WORM: ("XO", "XX"), "": ("M", "F", "O", "U")}
_NAME = re.compile(r"[^/\s]+")
# means of the Julian calendar, good enough to tell which end of a range of ages is the younger; minutes are
# called m, since M is taken by months
_DAYS = {"Y": 365.25, "M": 30.4375, "W": 7.0, "D": 1.0, "H": 1 / 24, "m": 1 / 1440, "S": 1 / 86400}

Metadata = Mapping[str, Any]


class StrictMetadata(dict[str, Any]):
    """Metadata that may say nothing else than the recording does: pass them wherever metadata are taken.

    What the recording lacks is filled; a value that contradicts one of its own is a `MetadataError`, not
    a warning.

    Parameters
    ----------
    metadata : mapping or path of a YAML file
        NeuroConv's layout.

    Raises
    ------
    InputError
        If a file is no YAML mapping.

    Examples
    --------
    >>> StrictMetadata({"Subject": {"sex": "U"}})
    {'Subject': {'sex': 'U'}}
    """

    def __init__(self, metadata: Metadata | str | os.PathLike[str]) -> None:
        super().__init__(read_metadata(metadata))


class StrictFile(type(Path())):  # type: ignore[misc]
    """The path of a YAML file that is read as `StrictMetadata`, wherever a path of metadata is taken.

    Examples
    --------
    >>> StrictFile("metadata.yaml").name
    'metadata.yaml'
    """


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
    if isinstance(metadata, StrictMetadata):
        return metadata
    if isinstance(metadata, Mapping):
        return _require_sections(copy.deepcopy(dict(metadata)), "the metadata")
    if not isinstance(metadata, str | os.PathLike):
        raise InputError(
            f"metadata that are a {type(metadata).__name__}", "a mapping or a path", "pass these"
        )
    path = require_file(metadata)
    read = _require_sections(read_yaml(path), str(path))
    return StrictMetadata(read) if isinstance(metadata, StrictFile) else read


def compare_metadata(own: Metadata, given: Metadata, *, kept: Iterable[str] = ()) -> None:
    """Warn of given values that contradict a recording's own, naming both; `StrictMetadata` is refused.

    What the recording does not say is filled, whatever it is; so are descriptions, which are in words of
    one's own.

    Parameters
    ----------
    own, given : mapping
        Metadata of the recording, and those that are given.
    kept : iterable of str
        Fields in which the recording's value is written all the same.

    Raises
    ------
    MetadataError
        Strict metadata contradict the recording's.

    Examples
    --------
    >>> compare_metadata({"Subject": {"sex": "M"}}, StrictMetadata({"Subject": {"sex": "F"}}))
    Traceback (most recent call last):
    nwbspikegen.core.errors.MetadataError: found Subject sex 'F' in the metadata and 'M' in the recording; ...
    """
    kept = set(kept)
    for section in _REQUIRED:
        there = own.get(section) or {}
        for name, value in (given.get(section) or {}).items():
            before = there.get(name)
            is_told = value not in (None, "") and before not in (None, "", []) and name not in _FREE
            if not is_told or _is_same(name, before, value):
                continue
            found = f"{section} {name} {str(value)!r} in the metadata and {str(before)!r} in the recording"
            if isinstance(given, StrictMetadata):
                raise MetadataError(
                    found, "values that agree", "correct the metadata, or leave the field out"
                )
            _say_once(f"{found}: {'the recording' if name in kept else 'the metadata'}'s is written")


def _is_same(name: str, one: Any, other: Any) -> bool:
    if name in ("session_start_time", "date_of_birth") and to_moment(one) is not None:
        return to_moment(one) == to_moment(other)
    lists = [list(value) if isinstance(value, list | tuple) else [value] for value in (one, other)]
    return [str(each).strip() for each in lists[0]] == [str(each).strip() for each in lists[1]]


@functools.lru_cache(maxsize=1024)
def _say_once(text: str) -> None:
    """Log a warning: commands try to write first, and would say it twice."""
    _log.warning("%s", text)


def _require_sections(metadata: Any, name: str) -> dict[str, Any]:
    if not isinstance(metadata, dict) or not all(
        isinstance(metadata.get(key) or {}, Mapping) for key in _REQUIRED
    ):
        raise MetadataError(
            f"{name} without NWBFile and Subject", "a mapping of both", f"write\n{write_template()}"
        )
    return metadata


def require_metadata(metadata: Metadata) -> None:
    """Raise `MetadataError`, with a template to fill, when an archive would refuse the file.

    Examples
    --------
    >>> require_metadata({"Subject": {"species": "mouse"}})
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.MetadataError: found no NWBFile session_description, ...
    """
    problems = []
    for section, required in _REQUIRED.items():
        given = metadata.get(section) or {}
        for field in required | _OPTIONAL[section]:
            value = given.get(field)
            if value in (None, ""):
                # with a date of birth the archive works the age out by itself
                if field in required and not (field == "age" and given.get("date_of_birth")):
                    problems.append(f"no {section} {field}")
            elif problem := _find_problem(field, value, given):
                problems.append(f"{section} {field} {str(value)!r}{problem}")
    if problems:
        raise MetadataError(
            ", ".join(problems),
            "what archives require of every file",
            f"pass --metadata FILE.yaml with\n{write_template(metadata)}",
        )


def _find_problem(field: str, value: Any, section: Metadata) -> str:
    """Return why an archive would refuse a value, as what follows it in a sentence; "" when it would not."""
    if field == "session_start_time":
        # YAML makes a date of what looks like one and is not in quotes; a datetime is a date as well
        is_moment = isinstance(value, date) or (isinstance(value, str) and read_moment(value) is not None)
        return "" if is_moment else " (a time such as 2021-05-11T14:00:00+09:00 is needed)"
    if not isinstance(value, str):
        return f" (a {_name_kind(value)}, which YAML needs in quotes to take as a text: {field}: '{value}')"
    if field in ("subject_id", "session_id"):
        return "" if _NAME.fullmatch(value) else " (a name has no slash and no space)"
    if field == "species":
        return "" if _SPECIES.fullmatch(value) else " (a Latin binomial or an address of NCBITaxon is needed)"
    if field == "sex":
        allowed = _SEXES.get(str(section.get("species")), _SEXES[""])
        return "" if value in allowed else f" (one of {', '.join(allowed)} is needed)"
    return _find_age_problem(value) if field == "age" else ""


def _name_kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) else "date" if isinstance(value, date) else "list"


def _find_age_problem(age: str) -> str:
    bounds = age.split("/")
    # either end of a range may be open, not both, and an age that is empty as a whole is none
    if len(bounds) > 2 or not all(_DURATION.fullmatch(each) or (not each and age != each) for each in bounds):
        return " (an ISO 8601 duration such as P28D or PT36H, or a range such as P3W/P5W or P90D/, is needed)"
    if len(bounds) == 2 and all(bounds) and _count_days(bounds[0]) >= _count_days(bounds[1]):
        return " (a range goes from the younger to the older)"
    return ""


def _count_days(duration: str) -> float:
    days, _, hours = duration[1:].partition("T")
    parts = re.findall(rf"({_NUMBER})([YMWD])", days)
    parts += re.findall(rf"({_NUMBER})([HmS])", hours.replace("M", "m"))
    return sum(float(number) * _DAYS[unit] for number, unit in parts)


def read_moment(text: str) -> datetime | None:
    """Return a time written as ISO 8601, with a zone only where it names one; None for any other text.

    Examples
    --------
    >>> read_moment("2021-05-11T14:00:00Z").tzinfo, read_moment("11.05.2021")
    (datetime.timezone.utc, None)
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def to_moment(value: Any) -> datetime | None:
    """Return a date, a time or a text of one as a time with a zone, UTC where none is named.

    The zone of the machine is never taken: the same file would mean another time elsewhere.

    Examples
    --------
    >>> to_moment("2021-05-11").isoformat()
    '2021-05-11T00:00:00+00:00'
    """
    moment = read_moment(str(value))
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def write_template(metadata: Metadata | None = None) -> str:
    """Return YAML with what is known, and a hint where something is missing or invalid.

    Examples
    --------
    >>> print(write_template({"Subject": {"sex": "U"}}).splitlines()[-1])
      sex: U
    """
    metadata = metadata or {}
    lines = []
    for section, fields in _REQUIRED.items():
        given = metadata.get(section) or {}
        lines.append(f"{section}:")
        for field, hint in (fields | _OPTIONAL[section]).items():
            value = given.get(field)
            if field in _OPTIONAL[section] and value in (None, ""):
                continue
            known = value not in (None, "") and not _find_problem(field, value, given)
            lines.append(f"  {field}: {value}" if known else f"  {field}:  # {hint}")
    return "\n".join(lines)
