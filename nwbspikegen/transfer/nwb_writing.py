"""Files of a transfer study: one over all recordings, and one beside each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import xarray as xr

from nwbspikegen.core.addresses import hash_recording
from nwbspikegen.core.errors import InputError, MetadataError
from nwbspikegen.core.files import require_absent, require_suffix, write_whole
from nwbspikegen.core.metadata import read_metadata
from nwbspikegen.nwb.derived import require_source
from nwbspikegen.nwb.envelope import derive_file
from nwbspikegen.nwb.subject import fill_metadata
from nwbspikegen.nwb.tables import to_table
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.transfer.nwb_subject import describe_subjects, find_start, name_subjects
from nwbspikegen.transfer.nwb_tables import keep_session, list_pairs, list_scores

TRANSFER_MODULE = "spike_transfer"
_DESCRIPTION = "How well models of one recording's spiking predict another's."
SESSION_START = "session_start_time"
# nwbinspector takes what ends in _time for seconds, and fails on a text
STORED_START = "session_start"
SESSION_COLUMNS = (
    "session",
    "identifier",
    "source_sha256",
    "session_id",
    "subject_id",
    "species",
    "lab",
    "preparation",
    "session_start_time",
    "file_name",
)
_Metadata = Mapping[str, Any] | str | os.PathLike[str] | None


def write_study(
    path: str | os.PathLike[str],
    scores: xr.Dataset,
    *,
    layout_positions: pd.DataFrame | None = None,
    context_gains: pd.DataFrame | None = None,
    sessions: pd.DataFrame,
    metadata: _Metadata = None,
    overwrite: bool = False,
) -> Path:
    """Write the scores of a transfer study over several recordings to an NWB file of its own.

    Parameters
    ----------
    path : path
        NWB file to write. Archives want a name such as ``sub-GROUP_ses-spike-transfer.nwb``.
    scores : Dataset (train_session, test_session, predictor, metric, null)
        Of a transfer study.
    layout_positions : DataFrame, optional
        `Layout.table`: positions by session, indexed by session.
    context_gains : DataFrame, optional
        `TransferStudy.context_gains`, of a study with curves.
    sessions : DataFrame
        One row per tested session: the columns of `SESSION_COLUMNS`, and ``sex`` and ``age`` (ISO 8601)
        where they are known; a column that is not a text is stored as one.
    metadata : mapping or path of a YAML file, optional
        Fields in NeuroConv's layout (`NWBFile`, `Subject`); they win over what the sessions say.
    overwrite : bool, default: False
        Replace `path`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        Sessions and scores are not of the same recordings.
    MetadataError
        Archives require more, or the recordings are of several species and `Subject: species` does not
        say what holds them all.
    OutputError
        The file cannot be written there.

    Notes
    -----
    The file begins when the first session began. Archives take one subject: several are a group, as
    `describe_subjects` says.
    """
    require_suffix(path, ".nwb")
    # before tables are made, and once more as the file is written: another process may have been faster
    require_absent(path, overwrite=overwrite)
    tables = _make_tables(scores, sessions, layout_positions, gains=context_gains)
    nwbfile = _make_file(sessions, read_metadata(metadata))
    _add_tables(nwbfile.create_processing_module(TRANSFER_MODULE, _DESCRIPTION), tables)
    from pynwb import NWBHDF5IO

    # nothing of a recording is in it, so that it needs no export from one
    with write_whole(path, overwrite=overwrite) as temporary, NWBHDF5IO(str(temporary), "w") as io:
        io.write(nwbfile)
    return Path(path)


def write_transfer(
    path: str | os.PathLike[str],
    source: Any,
    scores: xr.Dataset,
    session: str,
    *,
    sessions: pd.DataFrame,
    layout_positions: pd.DataFrame | None = None,
    context_gains: pd.DataFrame | None = None,
    metadata: _Metadata = None,
    unit_table: str = UNITS,
    overwrite: bool = False,
) -> Path:
    """Write a file derived from one recording of a study, with its own row and column of the matrix.

    Metadata, subject, devices, electrodes, units and intervals of the source are kept, as by
    `write_results`; acquisition, stimulus and its processing modules are not.

    Parameters
    ----------
    path : path
        NWB file to write.
    source : path or address
        NWB file of the recording.
    scores, sessions, layout_positions, context_gains, metadata, overwrite
        As of `write_study`; all sessions and positions are stored, so that the partners are known.
    session : str
        The label of the recording in the study.
    unit_table : str, default: "units"
        Table of units of the source that becomes `/units`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        The source is no NWB file with units, or not the recording that the study calls `session`.
    MetadataError
        The archive requires more about subject or session; the message is a template to fill in.
    """
    # before the source is opened: what does not fit is told in a moment, without copying a recording
    tables = _make_tables(scores, sessions, layout_positions, session=session, gains=context_gains)
    _require_same_source(require_source(source, unit_table), sessions, session)
    with derive_file(
        path,
        source,
        TRANSFER_MODULE,
        _DESCRIPTION,
        metadata=metadata,
        unit_table=unit_table,
        overwrite=overwrite,
    ) as (_, module):
        _add_tables(module, tables)
    return Path(path)


def _make_tables(
    scores: xr.Dataset,
    sessions: pd.DataFrame,
    positions: pd.DataFrame | None,
    session: str | None = None,
    gains: pd.DataFrame | None = None,
) -> list[tuple[str, str, pd.DataFrame]]:
    """Return name, description and rows of each table, after checking that they fit each other."""
    _require_sessions(scores, sessions)
    pairs, rows = list_pairs(scores), list_scores(scores)
    if session is not None:
        pairs, rows = keep_session(pairs, rows, session)
    tables = [
        ("sessions", "Recordings of the study.", sessions.rename(columns={SESSION_START: STORED_START})),
        ("independence", "What each training row shares with each tested session.", pairs),
        (
            "transfer_scores",
            "Scores of models trained on one recording or several and tested on another, beside those of "
            "trivial predictors; one row per training row, tested session, predictor, metric and null.",
            rows,
        ),
    ]
    if not len(rows):
        raise InputError("no score in the study", "one or more", "run the study first")
    if gains is not None and len(gains):
        tables.append(_make_gains(gains, session))
    if positions is not None:
        unknown = set(map(str, positions.index)) - set(sessions["session"].astype(str))
        if unknown:
            raise InputError(f"a position of {min(unknown)}", "positions of the sessions", "lay out anew")
        frame = positions.rename_axis("session").reset_index()
        frame.attrs.update(positions.attrs)
        description = "Positions of the recordings: near are those between which models move well."
        tables.append(("layout", description, frame))
    return tables


def _make_gains(gains: pd.DataFrame, session: str | None) -> tuple[str, str, pd.DataFrame]:
    """Return the table of gains by context, or the row and column of one session."""
    if session is not None:
        gains = gains[(gains["train_session"] == session) | (gains["test_session"] == session)]
    description = (
        "Gain in bits per spike over the same model before training, when both have read so many seconds of "
        "the tested session's own past (context), and how many seconds of it the model before training needs "
        "to do as well (worth_seconds); one row per training row, tested session and context."
    )
    return "context_gains", description, gains.reset_index(drop=True)


def _require_sessions(scores: xr.Dataset, sessions: pd.DataFrame) -> None:
    missing = [name for name in SESSION_COLUMNS if name not in sessions]
    if missing:
        raise InputError(f"sessions without {', '.join(missing)}", "a column of each", "add them")
    listed, tested = list(sessions["session"].astype(str)), scores["test_session"].values.astype(str).tolist()
    if sorted(listed) != sorted(tested):
        odd = sorted(set(listed) ^ set(tested)) or ["a session twice"]
        raise InputError(
            f"sessions and scores that differ by {', '.join(odd[:5])}",
            "one row for each tested session",
            "pass the sessions of the same study",
        )


def _require_same_source(source: Path | str, sessions: pd.DataFrame, session: str) -> None:
    # of a remote recording there may be no hash: then its name has to do
    known = str(sessions.set_index("session")["source_sha256"].get(session, "") or "")
    found = hash_recording(source)
    if known and found != known:
        raise InputError(
            f"{source} with sha256 {found[:12]}...",
            f"{known[:12]}..., which the study calls {session}",
            "pass the file that the study read",
        )


def _make_file(sessions: pd.DataFrame, given: Mapping[str, Any]) -> Any:
    """Return an NWB file in memory that says who was recorded, and nothing else yet."""
    from pynwb import NWBFile
    from pynwb.file import Subject

    session = dict(given.get("NWBFile") or {})
    subject = describe_subjects(sessions, given.get("Subject") or {})
    labs = sorted({str(lab) for lab in sessions["lab"] if str(lab)})
    count = f"{len(sessions)} recordings of {len(name_subjects(sessions))} subject(s)"
    nwbfile = NWBFile(
        session_description=f"Transfer of spiking models between {count}: a study, not a recording.",
        identifier=str(session.get("identifier") or uuid4()),
        session_start_time=_require_start(session, sessions),
        session_id="spike-transfer",
        experiment_description="Models trained on each recording, and scored on each, without retraining.",
        keywords=["spiking", "transfer between recordings"],
        # NWB has one lab for a file; of several none is said, and the table of sessions has each
        lab=labs[0] if len(labs) == 1 else None,
    )
    # dates of birth and fields with a list of choices are handled where all files have them filled in
    nwbfile.subject = Subject(**{key: subject[key] for key in ("subject_id", "sex") if key in subject})
    fill_metadata(nwbfile, {"NWBFile": session, "Subject": subject})
    return nwbfile


def _require_start(given: Mapping[str, Any], sessions: pd.DataFrame) -> datetime:
    asked = given.get("session_start_time")
    start = find_start(sessions if asked is None else pd.DataFrame({"session_start_time": [str(asked)]}))
    if start is None:
        raise MetadataError(
            f"session_start_time {asked!r}" if asked else "no session_start_time in any session",
            "when the first session began",
            "pass --metadata FILE.yaml with NWBFile: session_start_time: 2021-05-11T14:00:00+09:00",
        )
    return start


def _add_tables(module: Any, tables: list[tuple[str, str, pd.DataFrame]]) -> None:
    for name, description, frame in tables:
        module.add(to_table(name, description, frame))
