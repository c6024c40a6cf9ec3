"""Who a file over several recordings is about: metadata that an archive takes, made of theirs."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from nwbspikegen.core.errors import MetadataError
from nwbspikegen.nwb.groups import read_text
from nwbspikegen.nwb.opening import open_nwb

# mean lengths of the Julian calendar; only used to put ages in order, the texts themselves are kept
_DAYS = {"Y": 365.25, "M": 30.4375, "W": 7.0, "D": 1.0}
# DANDI makes folders of subject ids: no slash and no space
_NAMED = re.compile(r"[^/\s]+")


def describe_subjects(sessions: pd.DataFrame, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the one subject that a file may have, for all that were recorded.

    One subject stands for itself. Several are a group: ``subject_id`` is ``group-of-N-`` and the first
    eight digits of the sha256 of their names, ``sex`` is theirs when they are alike and otherwise U,
    ``age`` runs from the youngest to the oldest, ``species`` is theirs when they are alike. What is not
    known is left out, for the caller to refuse.

    Parameters
    ----------
    sessions : DataFrame
        One row per recording; ``subject_id``, ``species`` and, where known, ``sex`` and ``age``.
    given : mapping
        Fields of ``Subject`` that the user gave; they win.

    Raises
    ------
    MetadataError
        Several species, and none given for the group: an archive takes one.

    Examples
    --------
    >>> sessions = pd.DataFrame({"subject_id": ["a", "b"], "species": "Mus musculus", "age": ["P6D", "P3W"]})
    >>> describe_subjects(sessions, {})["age"]
    'P6D/P3W'
    """
    species = _distinct(sessions, "species")
    if len(species) > 1 and not given.get("species"):
        raise MetadataError(
            f"species {' and '.join(species)} in one study",
            "one species, or the taxon that holds them all: archives take one subject for a file",
            "pass --metadata FILE.yaml with Subject: species: http://purl.obolibrary.org/obo/NCBITaxon_N, "
            "N the taxon's number, such as 40674 for Mammalia",
        )
    names = name_subjects(sessions)
    sex = _distinct(sessions, "sex")
    fields = {
        "subject_id": _name_group(names),
        "species": "" if not species else species[0],
        # U stands for unknown, and for a group of both
        "sex": sex[0] if len(sex) == 1 and _is_full(sessions, "sex") else "U",
        "age": span_ages(_distinct(sessions, "age")) if _is_full(sessions, "age") else "",
        "description": f"{'One subject' if len(names) == 1 else f'A group of {len(names)} subjects'}, "
        f"recorded in {len(sessions)} sessions: {', '.join(names)}.",
    }
    fields |= {key: str(value) for key, value in given.items()}
    return {key: value for key, value in fields.items() if value}


def name_subjects(sessions: pd.DataFrame) -> list[str]:
    """Return the distinct subjects in order of name; one that has no name goes by its recording's."""
    return sorted(
        {str(row["subject_id"]) or f"unnamed:{row.get('identifier', '')}" for _, row in sessions.iterrows()}
    )


def span_ages(ages: list[str]) -> str:
    """Return the range from the youngest to the oldest of ages, themselves ISO 8601 durations or ranges.

    Months and years are counted as 30.4375 and 365.25 days to put them in order. An age of another
    form gives an empty text.

    Examples
    --------
    >>> span_ages(["P3W/P5W", "P6D"])
    'P6D/P5W'
    >>> span_ages(["P90D/", "P1Y"])
    'P90D/'
    """
    bounds = [(age.split("/") * 2)[:2] for age in ages]
    days = [[_count_days(bound) for bound in pair] for pair in bounds]
    if not ages or any(value is None for pair in days for value in pair):
        return ""
    # of ranges the ends that reach farthest, whoever they are of
    youngest = min(range(len(ages)), key=lambda row: days[row][0] or 0.0)
    oldest = max(range(len(ages)), key=lambda row: days[row][1] or 0.0)
    low, high = bounds[youngest][0], bounds[oldest][1]
    return low if days[youngest][0] == days[oldest][1] else f"{low}/{high}"


def read_subject(path: Any) -> dict[str, str]:
    """Return ``sex`` and ``age`` of a recording's subject, empty where its file does not say.

    An age that is not stated is counted in days, from the date of birth to the start of the session.

    Parameters
    ----------
    path : path or address
        NWB file of the recording.
    """
    with open_nwb(path) as root:
        told = {name: read_text(root, f"general/subject/{name}") for name in ("sex", "age", "date_of_birth")}
        start = read_text(root, "session_start_time")
    # an archive asks for an age or a date of birth; a group can have no date
    born = told.pop("date_of_birth")
    if not told["age"] and born and start:
        with contextlib.suppress(ValueError):
            days = (_to_moment(start) - _to_moment(born)).days
            told["age"] = f"P{days}D" if days >= 0 else ""
    return told


def find_start(sessions: pd.DataFrame) -> datetime | None:
    """Return when the first session began; a time without a zone is taken as UTC."""
    moments = []
    for text in _distinct(sessions, "session_start_time"):
        with contextlib.suppress(ValueError):
            moments.append(_to_moment(text))
    return min(moments, default=None)


def _to_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _name_group(names: list[str]) -> str:
    if len(names) == 1 and _NAMED.fullmatch(names[0]) and not names[0].startswith("unnamed:"):
        return names[0]
    # the same animals give the same name, in any order, and their names stay out of file names
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"group-of-{len(names)}-{digest[:8]}"


def _distinct(sessions: pd.DataFrame, column: str) -> list[str]:
    if column not in sessions:
        return []
    return sorted({str(value) for value in sessions[column] if pd.notna(value) and str(value)})


def _is_full(sessions: pd.DataFrame, column: str) -> bool:
    return column in sessions and bool((sessions[column].notna() & (sessions[column] != "")).all())


def _count_days(age: str) -> float | None:
    """Return the days of a duration, infinitely many of an open end, None of another text."""
    if not age:
        return float("inf")
    if not re.fullmatch(r"P(\d+(\.\d+)?[YMWD])+", age):
        return None
    return sum(float(count) * _DAYS[unit] for count, unit in re.findall(r"([\d.]+)([YMWD])", age))
