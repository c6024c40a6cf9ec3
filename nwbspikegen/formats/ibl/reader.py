"""The format `ibl`: sessions of the International Brain Laboratory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.parameters import Folder

if TYPE_CHECKING:
    from nwbspikegen.formats.ibl.sorting import ALFSorting


def read_ibl_session(
    session_path: Folder,
    *,
    session: str | None = None,
    probes: Annotated[Sequence[str] | None, "--probe"] = None,
    collection: str | None = None,
    good_only: bool = False,
    namespace: str | None = None,
    one_url: str | None = None,
) -> ALFSorting:
    """A session of the IBL, with what ONE's records say of it.

    SOURCE is a session's folder, its alf folder or a probe; a local ONE cache, with --session; or the
    address of a session in a remote ONE that you have set up: an eid or lab/subject/date/number.

    Parameters
    ----------
    session_path
        Where the session is.
    session
        In a ONE cache: an eid or lab/subject/date/number.
    probes
        Probe to read, such as probe00; all by default.
    collection
        Which sorter's folder of the probe to read. By default iblsorter, then pykilosort, then the folder
        nearest to the probe's.
    good_only
        Keep good units only: those of label 1, which pass all three of the IBL's quality criteria, or which
        a curator calls good.
    namespace
        Whose curated files win, such as av for _av_spikes.clusters.npy; none for the sorter's own. By
        default the only namespace there is.
    one_url
        Database of a remote ONE that you have set up.
    """
    from nwbspikegen.formats.ibl.sorting import ALFSorting

    folder, records = _locate(session_path, session, probes, collection, one_url)
    sorting = ALFSorting(folder, probes, collection, good_only, namespace)
    # the folder's name tells the day alone, ONE's records the time
    if (records.get("NWBFile") or {}).get("session_start_time"):
        sorting.assumed_metadata = {}
    own = getattr(sorting, "session_metadata", {})
    # the database's word wins: the folder's name is made from it
    sorting.session_metadata = {
        name: {**(own.get(name) or {}), **(records.get(name) or {})} for name in {**own, **records}
    }
    return sorting


def _locate(
    source: str | os.PathLike[str],
    session: str | None,
    probes: Sequence[str] | None,
    collection: str | None,
    one_url: str | None,
) -> tuple[Path, dict[str, Any]]:
    """Return the session's folder, and what ONE's records know of it."""
    from nwbspikegen.formats.ibl.one import ADDRESS_FORMS, find_in_cache, is_address
    from nwbspikegen.formats.ibl.remote import download_session, open_remote_session

    if session is not None:
        if one_url is not None:
            raise InputError("--session and --one-url", "a local cache or a remote one", "leave one out")
        return find_in_cache(source, session), {}
    path = Path(source)
    if one_url is None and path.exists():
        if not path.is_dir():
            raise InputError(f"a file at {path}", "a folder", "pass the folder that it is in")
        return path, {}
    if not is_address(str(source)):
        raise InputError(
            f"nothing at {source}, which is no address either" if one_url is None else f"an address {source}",
            f"a session's folder, or {ADDRESS_FORMS}",
            "check it",
        )
    return download_session(open_remote_session(one_url), str(source), probes, collection)
