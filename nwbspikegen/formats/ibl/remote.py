"""Sessions in a remote ONE that the user has set up: fetched into its cache, with the database's records."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.datasets import is_task
from nwbspikegen.formats.ibl.folder import Collection, choose_collections, find_probe
from nwbspikegen.formats.ibl.one import (
    ADDRESS,
    ADDRESS_FORMS,
    clear_errors,
    pad_number,
    require_one,
)

_CHECK = "check it in Python, with `from one.api import ONE; ONE()`"
_LOG = logging.getLogger("nwbspikegen")
# what a conversion reads, of gigabytes that a session has. Per channel, cluster and spike; depths of single
# spikes are large, and the clusters' say as much
_SORTED = re.compile(
    r"((_[A-Za-z0-9]+_)?(spikes\.(times|clusters)|clusters\.(channels|depths|uuids|metrics|curatedLabels))"
    r"|channels\.(localCoordinates|rawInd|mlapdv|brainLocation\w+))\.(npy|pqt|csv|tsv)"
)
_SITES = re.compile(r"electrodeSites\.(localCoordinates|mlapdv|brainLocation\w+)\.npy")
_PASSIVE = re.compile(r"_ibl_passivePeriods\.intervalsTable\.csv")
_TIMESTAMPS = re.compile(r"\w*ephysData\w*\.\w+\.timestamps\.npy")


def open_remote_session(url: str | None = None) -> Any:
    """Return the remote ONE that the user has set up, without ever asking for anything.

    Parameters
    ----------
    url : str, optional
        Address of the database; the user's default one if left out.

    Raises
    ------
    InputError
        If none is set up, or it cannot be opened.
    """
    require_one()
    import one.params
    from one.api import ONE

    # ONE writes a file of settings when it looks for one in vain, so it is looked for here
    path = Path(one.params.get_params_dir(), ".caches")
    with clear_errors(str(path), "run ONE.setup() again"):
        settings = json.loads(path.read_text()) if path.is_file() else {}
    clients = settings.get("CLIENT_MAP") or {}
    client = settings.get("DEFAULT") if url is None else _key_of(url)
    if client not in clients:
        raise InputError(
            f"no settings for {url or 'a remote ONE'}",
            "one that was set up before",
            "run `from one.api import ONE; ONE.setup()` once, or pass a session's folder or a local cache "
            "with --session",
        )
    with clear_errors(f"the remote ONE {client}", _CHECK):
        return ONE(base_url=url or one.params.get_default_client(), silent=True)


def _key_of(url: str) -> str:
    """Return the name under which ONE keeps the settings of a database."""
    return re.sub(r"[^.\w-]", "_", re.sub(r"^https?://", "", url).strip("/").lower())


def download_session(
    one: Any, session: str, probes: Sequence[str] | None = None, collection: str | None = None
) -> tuple[Path, dict[str, Any]]:
    """Fetch what a sorting needs of a session, and return its folder and its records' metadata.

    Parameters
    ----------
    one : one.api.One
        As `open_remote_session` gives it.
    session : str
        An eid or lab/subject/date/number.
    probes, collection
        As for `ALFSorting`.

    Raises
    ------
    InputError
        If ONE does not know the session, has no sorted spikes of it, or does not answer.
    """
    match = ADDRESS.fullmatch(session)
    if match is not None:
        lab = f"{match['lab']}/Subjects/" if match["lab"] else ""
        session = f"{lab}{match['subject']}/{match['day']}/{pad_number(match['number'])}"
    with clear_errors("ONE's answer", _CHECK):
        eid = one.to_eid(session)
        if eid is None:
            raise InputError(f"no session {session} in {one!r}", ADDRESS_FORMS, "choose another session")
        _LOG.warning("session %s is read from %r", session, one)
        names = [Path(str(name)) for name in one.list_datasets(eid)]
        for name in _choose_datasets(names, session, probes, collection):
            # without a revision in the name ONE takes the latest, as reading does
            one.load_dataset(eid, name.name, collection=name.parent.as_posix(), download_only=True)
        return Path(one.eid2path(eid)), _read_records(one, str(eid))


def _choose_datasets(
    names: list[Path], session: str, probes: Sequence[str] | None, collection: str | None
) -> list[Path]:
    """Return the datasets to fetch, as collection/name without a revision."""
    names = [_without_revision(name) for name in names]
    folders = sorted({name.parent for name in names if name.name == "spikes.times.npy"})
    if not folders:
        raise InputError(f"no sorted spikes of {session} in ONE", "spikes.times", "choose another session")
    found = [Collection(find_probe(folder), folder) for folder in folders]
    chosen = choose_collections(found, probes, collection, session)
    tasks = {name.parent for name in names if is_task(name.parent.name)}
    wanted = [(Path("alf"), _PASSIVE), *((folder, _PASSIVE) for folder in tasks)]
    for entry in chosen:
        wanted.append((entry.folder, _SORTED))
        wanted.append((Path("raw_ephys_data", entry.probe), _TIMESTAMPS))
        # the probe's folder may hold an older sorting beside the sites
        wanted += [(folder, _SITES) for folder in (entry.folder, entry.folder.parent)]
    return sorted({name for name in names if any(_is_wanted(name, *each) for each in wanted)})


def _is_wanted(name: Path, folder: Path, pattern: re.Pattern[str]) -> bool:
    return name.parent == folder and pattern.fullmatch(name.name) is not None


def _without_revision(name: Path) -> Path:
    return Path(*(part for part in name.parts if not part.startswith("#")))


def _read_records(one: Any, eid: str) -> dict[str, Any]:
    """Return what a database knows of session and subject; nothing for a ONE without a database."""
    alyx = getattr(one, "alyx", None)
    if alyx is None:
        return {}
    session = alyx.rest("sessions", "read", id=eid)
    subject = alyx.rest("subjects", "read", id=session["subject"])
    laboratory = alyx.rest("labs", "read", id=session["lab"]) if session.get("lab") else {}
    nwbfile = {
        "session_start_time": session.get("start_time"),
        "lab": session.get("lab"),
        "institution": laboratory.get("institution"),
        "notes": f"Session {eid} of the IBL's database.",
    }
    born = subject.get("birth_date")
    known = {
        "sex": subject.get("sex"),
        "strain": subject.get("strain"),
        # a day alone would be taken as midnight in the zone of this machine
        "date_of_birth": f"{born}T00:00:00+00:00" if born else None,
    }
    return {
        "NWBFile": {name: value for name, value in nwbfile.items() if value},
        "Subject": {name: value for name, value in known.items() if value},
    }
