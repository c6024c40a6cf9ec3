"""What an IBL session's folder tells beside the spikes: named intervals, observation, session, subject."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_inside
from nwbspikegen.core.npy_files import read_npy
from nwbspikegen.formats.ibl.arrays import read_alf_table
from nwbspikegen.formats.ibl.datasets import find_alf_dataset, is_task
from nwbspikegen.formats.ibl.folder import Session
from nwbspikegen.formats.ibl.probe import ProbeUnits

_BOUNDS = ["start", "stop"]
_LOG = logging.getLogger("nwbspikegen")


def read_named_intervals(alf_root: Path) -> dict[str, list[tuple[float, float]]]:
    """Return the parts of the passive protocol (s, session clock), without those that were not run.

    They are in `alf`, or in a folder of each task that was run, such as ``alf/task_01``. Where both say when
    a part was, the task's folder does: today's pipeline writes there.

    Raises
    ------
    InputError
        If a table is damaged, or a part ends before it begins.
    """
    intervals: dict[str, list[tuple[float, float]]] = {}
    for folder in [*_list_task_folders(alf_root), alf_root]:
        path = find_alf_dataset(folder, "passivePeriods.intervalsTable")
        for name, (start, stop) in _read_periods(path).items() if path is not None else ():
            known = intervals.setdefault(name, [])
            if all(stop <= other_start or other_stop <= start for other_start, other_stop in known):
                known.append((start, stop))
            elif (start, stop) not in known:
                _LOG.warning("%s from %s to %s s is left out of %s: %s", name, start, stop, path, known)
    return {name: sorted(spans) for name, spans in intervals.items()}


def _list_task_folders(alf_root: Path) -> list[Path]:
    """Return the folders of the tasks of a session, in the order in which they were run."""
    folders = alf_root.iterdir() if alf_root.is_dir() else ()
    return sorted(folder for folder in folders if is_task(folder.name) and folder.is_dir())


def _read_periods(path: Path) -> dict[str, tuple[float, float]]:
    table = read_alf_table(path)
    # the first column has no name in the file: its rows are called start and stop
    table = table.set_axis(table.iloc[:, 0].astype(str), axis=0).iloc[:, 1:]
    if list(table.index) != _BOUNDS or any(table[name].dtype.kind not in "iuf" for name in table):
        raise InputError(
            f"rows {list(table.index)[:4]} in {path}", "numbers in the rows start and stop", "check the file"
        )
    periods = {}
    for name in table:
        start, stop = table[name].to_numpy(np.float64).tolist()
        if np.isnan([start, stop]).all():
            continue
        if not (np.isfinite([start, stop]).all() and start < stop):
            raise InputError(
                f"{name} from {start} to {stop} s in {path}", "a start before a stop", "correct it"
            )
        periods[str(name)] = (start, stop)
    return periods


def read_observation_interval(session: Session, probes: Sequence[ProbeUnits]) -> tuple[float, float] | None:
    """Return when all probes were recording (s, session clock), or None where the folder does not tell.

    The tables of synchronisation beside the raw data (rows: sample number, session time) tell: a
    recording begins at sample 0 and lasts at least to its last row and its last spike. The first and the
    last spike alone are no observation: a silent minute before them may have been recorded.
    """
    bounds = []
    for probe in probes:
        folder = session.folder / "raw_ephys_data" / probe.probe
        files = sorted(folder.glob("*ephysData*.timestamps*.npy")) if folder.is_dir() else []
        if len(files) != 1:
            return None
        rows = read_npy(require_inside(files[0], session.folder))
        if rows.dtype.kind not in "iuf" or rows.ndim != 2 or rows.shape[1] != 2 or len(rows) < 2:
            raise InputError(f"shape {rows.shape} in {files[0]}", "samples and seconds", "copy it again")
        if not (np.isfinite(rows).all() and (np.diff(rows.astype(np.float64), axis=0) > 0).all()):
            raise InputError(f"times that do not ascend in {files[0]}", "ascending rows", "copy it again")
        (sample, time), (next_sample, next_time) = rows[:2].astype(np.float64).tolist()
        # sample 0 lies on the line through the first two rows: clocks hardly drift against each other that
        # long
        start = time - sample * (next_time - time) / (next_sample - sample)
        last_spikes = [float(times[-1]) for times in probe.times if len(times)]
        bounds.append((start, max([float(rows[-1, 1]), *last_spikes])))
    # the time in which all were recording, since units of one are silent while it was not
    start, stop = max(start for start, _ in bounds), min(stop for _, stop in bounds)
    return (start, stop) if start < stop else None


def describe_session(session: Session) -> dict[str, Any]:
    """Return what the folder's name says, in NeuroConv's layout; age and sex are not in it.

    The folder tells the day only: the session starts at its midnight, in UTC.
    """
    name = "/".join(filter(None, (session.lab, session.subject, session.day.isoformat(), session.number)))
    nwbfile = {
        "session_description": f"Spike-sorted units of session {name}, from the IBL's ALF arrays.",
        "session_id": f"{session.day.isoformat()}-{session.number}",
        "session_start_time": f"{session.day.isoformat()}T00:00:00+00:00",
        "keywords": ["preparation:in_vivo"],
    }
    if session.lab:
        nwbfile["lab"] = session.lab
    # every subject of the IBL is a mouse
    return {"NWBFile": nwbfile, "Subject": {"subject_id": session.subject, "species": "Mus musculus"}}
