"""What the sessions that a row was trained on share with the session it is tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nwbspikegen.scoring.independence import compare_recordings
from nwbspikegen.transfer.plan import StudyPlan

_ORDER = ("session", "subject", "time", "lab")


def compare_rows(plan: StudyPlan, columns: Sequence[str]) -> pd.DataFrame:
    """Return one row per row and column of the matrix, rows first.

    Columns as in `scoring.independence.compare_recordings`, with `train_session` and `test_session`. A
    row that was trained on several sessions shares what any of them shares.
    """
    about = {session.name: session.about for session in (*plan.sessions, *plan.visitors)}
    wanted = {name: about[name] for name in dict.fromkeys((*plan.names, *columns))}
    # once for all sessions: rows of mixtures look their members up
    pairs = compare_recordings(wanted).set_index(["one", "other"])
    rows = []
    for row in plan.rows():
        for tested in columns:
            names = plan.trained_on(row, tested)
            shared = pairs.loc[[(name, tested) for name in names]]
            facts = {fact for text in shared["shared"] for fact in text.split(", ")}
            rows.append(
                {
                    "train_session": row,
                    "test_session": tested,
                    "same_session": bool(shared["same_session"].any()),
                    "same_subject": bool(shared["same_subject"].any()),
                    "same_lab": bool(shared["same_lab"].any()),
                    "overlap_s": float(shared["overlap_s"].max()) if names else 0.0,
                    # one shared animal in a mixture is enough to have seen the target's
                    "independent": bool(shared["independent"].all()),
                    "shared": ", ".join(fact for fact in _ORDER if fact in facts),
                }
            )
    return pd.DataFrame(rows)


def find_preparation(names: Sequence[str], about: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the preparation of sessions, "mixed" when they differ.

    Examples
    --------
    >>> find_preparation("ab", {"a": {"preparation": "in_vivo"}, "b": {"preparation": "in_vitro"}})
    'mixed'
    """
    found = {str(about[name]["preparation"]) for name in names}
    return found.pop() if len(found) == 1 else "mixed"


def find_subject(names: Sequence[str], about: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the subjects of sessions, joined by "+"."""
    return "+".join(dict.fromkeys(str(about[name]["subject_id"]) for name in names))
