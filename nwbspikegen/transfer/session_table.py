"""The recordings of a study as a table, for NWB."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nwbspikegen.core.addresses import name_of, require_recording
from nwbspikegen.core.errors import InputError
from nwbspikegen.transfer.nwb_subject import read_subject
from nwbspikegen.transfer.sessions import StudySession

_TOLD = ("identifier", "source_sha256", "session_id", "subject_id", "species", "lab", "preparation")


def tabulate_sessions(sessions: Sequence[StudySession]) -> pd.DataFrame:
    """Return one row per recording: `transfer.SESSION_COLUMNS`, and the subject's sex and age.

    Sex and age are read from the files, and empty where a file is not at hand.
    """
    return pd.DataFrame(
        [
            {
                "session": session.name,
                **{name: session.about[name] for name in _TOLD},
                "session_start_time": session.about["session_start_time"],
                "file_name": name_of(session.path),
                **_read_told(session.path),
            }
            for session in sessions
        ]
    )


def _read_told(path: str) -> dict[str, str]:
    try:
        return read_subject(require_recording(path))
    except (InputError, OSError):
        return {"sex": "", "age": ""}
