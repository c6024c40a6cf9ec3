"""What a model's training recordings share with the recording that it is tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def _same(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    return bool(one.get(key)) and one.get(key) == other.get(key)


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    # edges are multiples of a bin: anything below a nanosecond is rounding
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return float(shared) if shared > 1e-9 else 0.0
