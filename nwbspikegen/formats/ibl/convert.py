"""Sessions of the International Brain Laboratory (IBL) to NWB."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import DirectoryPath

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.metadata import Metadata, read_metadata
from nwbspikegen.formats.ibl.folder import find_session
from nwbspikegen.formats.ibl.one import ADDRESS_FORMS, find_in_cache, is_address
from nwbspikegen.formats.ibl.remote import download_session, open_remote
from nwbspikegen.formats.ibl.sorting import ALFSorting
from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.writing import write_nwb

_LOG = logging.getLogger("nwbspikegen")


class IBLInterface(SourceInterface):
    """A session's ALF arrays as a NeuroConv data interface; parameters are those of `ALFSorting`."""

    display_name = "IBL sorting"
    associated_suffixes = (".npy",)
    info = "Sorted spikes of an IBL session in the ALF layout."
    units_description: ClassVar[str] = "Spike-sorted units of an IBL session."

    # NeuroConv makes the source schema from this signature
    def __init__(
        self,
        session_path: DirectoryPath,
        *,
        probes: list[str] | None = None,
        collection: str | None = None,
        good_only: bool = False,
        namespace: str | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            verbose=verbose,
            session_path=session_path,
            probes=probes,
            collection=collection,
            good_only=good_only,
            namespace=namespace,
        )

    @classmethod
    def get_extractor_class(cls) -> type[ALFSorting]:
        """Return the SpikeInterface class that reads the session."""
        return ALFSorting


def convert_ibl(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    metadata: Metadata | str | os.PathLike[str] | None,
    session: str | None = None,
    probes: Sequence[str] | None = None,
    collection: str | None = None,
    good_only: bool = False,
    namespace: str | None = None,
    one_url: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an IBL session as NWB.

    Parameters
    ----------
    source : path or str
        A folder that `ALFSorting` reads; a local ONE cache, with `session`; or the address of a session
        (an eid, or lab/subject/date/number) in a remote ONE that was set up before.
    out, metadata, overwrite
        As for `convert_sorting`. What is given wins over ONE's records, and they over the folder's name.
    session : str, optional
        The session in the cache: an eid or lab/subject/date/number.
    probes, collection, good_only, namespace
        As for `ALFSorting`.
    one_url : str, optional
        Address of the remote ONE's database; the user's default one if left out.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    MetadataError
        If something that archives require is missing: age and sex are in no folder.
    InputError, OutputError
        If there is no such session, its files cannot be used, or `out` cannot be written.

    Examples
    --------
    >>> convert_ibl("missing", "out.nwb", metadata=None)
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found nothing at missing, which is no address either; ...
    """
    given = read_metadata(metadata)
    folder, known = _locate(source, session, probes, collection, one_url)
    merged = _merge(known, given)
    if not (merged.get("NWBFile") or {}).get("session_start_time") and find_session(folder) is not None:
        _LOG.warning(
            "session_start_time is not given: it is the midnight (UTC) of the day in the folder's name"
        )
    parameters = {
        "session_path": folder,
        "probes": None if probes is None else list(probes),
        "collection": collection,
        "good_only": good_only,
        "namespace": namespace,
    }
    return write_nwb(IBLInterface, parameters, out, merged, overwrite)


def _merge(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the sections of both; in a section, what is given wins."""
    sections = {name: {**fields, **(given.get(name) or {})} for name, fields in known.items()}
    return {**given, **sections}


def _locate(
    source: str | os.PathLike[str],
    session: str | None,
    probes: Sequence[str] | None,
    collection: str | None,
    one_url: str | None,
) -> tuple[Path, dict[str, Any]]:
    """Return the session's folder, and what ONE's records know of it."""
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
            f"a session's folder, or {ADDRESS_FORMS}", "check it",
        )  # fmt: skip
    return download_session(open_remote(one_url), str(source), probes, collection)
