"""What a model's training recordings share with the recording that it is tested on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from nwbspikegen.scoring.audits import AuditRow
from nwbspikegen.views.observed import is_same_recording


def audit_independence(
    training: Mapping[str, Any], tested: Mapping[str, Any], interval: tuple[float, float]
) -> list[AuditRow]:
    """Say whether training and test share subject or session, and refuse shared time.

    Parameters
    ----------
    training : mapping
        The `training` record of a model: ``sources`` with ``identifier``, ``session_id`` and
        ``subject_id``, and ``split`` with the start and stop of their segments, s, of each source or
        of all.
    tested : mapping
        The same three of the recording that is tested.
    interval : (start, stop)
        The tested segment, s on the session clock.

    Returns
    -------
    list of AuditRow
        One row per training recording. The value is the shared time in seconds, which must be 0;
        the detail says what else is shared: a model tested within its session or subject has not
        shown that it moves to others.

    Examples
    --------
    >>> training = {"sources": [{"identifier": "a", "subject_id": "m1"}], "split": {"train": [0, 5]}}
    >>> audit_independence(training, {"identifier": "a", "subject_id": "m1"}, (4.0, 6.0))[0].value
    1.0
    """
    rows = []
    for source in training.get("sources", []):
        same_session = is_same_recording(source, tested, unknown=False)
        shared = [
            name
            for name, same in [("session", same_session), ("subject", _same(source, tested, "subject_id"))]
            if same
        ]
        seconds = (
            # older records of training say the segments of all sources together, newer ones of each
            sum(_overlap(segment, interval) for segment in source.get("split", training["split"]).values())
            if same_session
            else 0.0
        )
        detail = f"trained on {source.get('session_id') or source.get('identifier')}: "
        detail += (
            f"same {' and '.join(shared)} as the test"
            if shared
            else "no session or subject shared with the test"
        )
        rows.append(AuditRow("independence", seconds == 0, seconds, 0.0, detail))
    return rows


def compare_recordings(records: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Say what every pair of recordings shares, from their metadata.

    Parameters
    ----------
    records : mapping from name to mapping
        For each recording `identifier`, `source_sha256`, `session_id`, `subject_id`, `lab`,
        `session_start_time` (ISO 8601) and `window`, start and stop of what is used of it (s on the
        session clock); each may be missing.

    Returns
    -------
    DataFrame
        One row per ordered pair, a recording with itself included: ``one, other, same_session,
        same_subject, same_lab, overlap_s, independent, shared``. `overlap_s` is how long both windows
        last at once by the clock on the wall. A pair is not independent when it shares the session, the
        subject, or time (of two subjects known to differ, time at once is told and taken for a
        coincidence). A shared lab is told and does not make a pair dependent.

    Examples
    --------
    >>> records = {"a": {"subject_id": "m1", "lab": "X"}, "b": {"subject_id": "m2", "lab": "X"}}
    >>> compare_recordings(records).query("one == 'a' and other == 'b'").shared.item()
    'lab'
    """
    pairs = itertools.product(records.items(), repeat=2)
    rows = [
        {"one": name, "other": other_name, **_compare(one, other, itself=name == other_name)}
        for (name, one), (other_name, other) in pairs
    ]
    columns = (
        "one",
        "other",
        "same_session",
        "same_subject",
        "same_lab",
        "overlap_s",
        "independent",
        "shared",
    )
    return pd.DataFrame(rows, columns=list(columns))


def _compare(one: Mapping[str, Any], other: Mapping[str, Any], *, itself: bool) -> dict[str, Any]:
    same_session = itself or is_same_recording(one, other, unknown=False)
    # one animal cannot be two: a session that is shared has the subject shared, even where no file names it
    same_subject = same_session or _same(one, other, "subject_id")
    same_lab = itself or _same(one, other, "lab")
    seconds = _overlap(_on_the_wall(one), _on_the_wall(other))
    # two animals can be recorded at once, by two rigs or two labs; where no name says so, shared time may be
    # shared tissue
    subjects_differ = bool(one.get("subject_id") and other.get("subject_id")) and not same_subject
    facts = {"session": same_session, "subject": same_subject, "time": seconds > 0, "lab": same_lab}
    return {
        "same_session": same_session,
        "same_subject": same_subject,
        "same_lab": same_lab,
        "overlap_s": seconds,
        "independent": not (same_session or same_subject or (seconds > 0 and not subjects_differ)),
        "shared": ", ".join(name for name, is_shared in facts.items() if is_shared),
    }


def _on_the_wall(record: Mapping[str, Any]) -> tuple[float, float]:
    """Return start and stop of a window in seconds since 1970; an empty one when they are not known."""
    try:
        started = datetime.fromisoformat(str(record.get("session_start_time", "")))
    except ValueError:
        return 0.0, 0.0
    if started.tzinfo is None:
        # times without a zone can be compared with each other only if all are read alike
        started = started.replace(tzinfo=UTC)
    start, stop = record.get("window") or (0.0, 0.0)
    return started.timestamp() + float(start), started.timestamp() + float(stop)


def _same(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    return bool(one.get(key)) and one.get(key) == other.get(key)


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    # edges are multiples of a bin: anything below a nanosecond is rounding
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return float(shared) if shared > 1e-9 else 0.0
