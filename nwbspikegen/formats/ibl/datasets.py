"""Which file holds a dataset of an ALF folder: formats, revisions and namespaces.

A dataset is called ``object.attribute``, such as ``spikes.clusters``. Whoever writes another one of that
name, as a curator does, puts a namespace before it (``_av_spikes.clusters.npy``); a later revision lies in a
folder such as ``#2024-05-06#``.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_inside

_LOG = logging.getLogger("nwbspikegen")
NO_NAMESPACE = "none"
"""What asks for the files of the pipeline rather than curated ones."""

# the IBL's own files have its namespace, or none
_OFFICIAL = ("", "ibl")
# a table that is there in two formats is read in the first of these
_SUFFIXES = ("pqt", "npy", "csv", "tsv")
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAME = re.compile(rf"(?:_([A-Za-z0-9]+)_)?([A-Za-z]\w*\.\w+)(?:\.({_UUID}))?\.({'|'.join(_SUFFIXES)})")
_REVISION = re.compile(r"#[\w.-]+#")
_TASK = re.compile(r"task_\d+")
_DATED = re.compile(r"#\d{4}-\d{2}-\d{2}.*#")
# what a curator changes; other files may have a namespace that says who recorded, such as _iblrig_
_CURATED = ("spikes.", "clusters.")


class _File(NamedTuple):
    path: Path
    namespace: str
    name: str
    has_uuid: bool
    suffix: str


def is_revision(name: str) -> bool:
    """Return whether a folder of that name holds a revision.

    Examples
    --------
    >>> is_revision("#2024-05-06#"), is_revision("pykilosort")
    (True, False)
    """
    return _REVISION.fullmatch(name) is not None


def is_task(name: str) -> bool:
    """Return whether a folder of that name holds what a task of the session gave.

    Examples
    --------
    >>> is_task("task_00"), is_task("probe00")
    (True, False)
    """
    return _TASK.fullmatch(name) is not None


def find_alf_dataset(folder: Path, name: str, namespace: str | None = None) -> Path | None:
    """Return the file of ``object.attribute`` in its latest revision, or None.

    Names as ONE keeps them are read too: a namespace before (``_ibl_``), a uuid before the suffix.

    Parameters
    ----------
    folder : Path
    name : str
    namespace : str, optional
        Files with it win over those without one, and others are not looked at; None takes what there is.

    Raises
    ------
    InputError
        If one folder has several files of that name that nothing tells apart, or the file is a link out of
        the session.
    """
    # where curated files win, what the curator did not write is still the sorter's
    order: list[tuple[str, ...] | None] = [None] if namespace is None else [_OFFICIAL]
    if namespace:
        order.insert(0, (namespace,))
    for wanted in order:
        for place in _places(folder):
            files = [
                file
                for file in _list_files(place)
                if file.name == name and (wanted is None or file.namespace in wanted)
            ]
            if files:
                return require_inside(_first_of(place, files), _bounds_of(folder))
    return None


def _bounds_of(folder: Path) -> Path:
    """Return the session of an ALF folder, which its files may be links into; else the folder."""
    return next((place.parent for place in (folder, *folder.parents) if place.name == "alf"), folder)


def namespace_of(path: Path) -> str:
    """Return the namespace in a dataset's name, "" for the IBL's own.

    Examples
    --------
    >>> namespace_of(Path("_av_spikes.clusters.npy")), namespace_of(Path("spikes.times.npy"))
    ('av', '')
    """
    match = _NAME.fullmatch(path.name)
    namespace = (match[1] or "") if match else ""
    return "" if namespace in _OFFICIAL else namespace


def list_namespaces(folder: Path) -> list[str]:
    """Return the namespaces of curated spikes and clusters in a folder and its revisions."""
    found = {
        file.namespace
        for place in _places(folder)
        for file in _list_files(place)
        if file.name.startswith(_CURATED) and file.namespace not in _OFFICIAL
    }
    return sorted(found)


def choose_namespace(folder: Path, asked: str | None) -> str:
    """Return whose files of a folder are read, "" for the IBL's own: curated ones win.

    A namespace that was asked for and is not there stands back for the IBL's own.

    Raises
    ------
    InputError
        If several curated and none was asked for.
    """
    there = list_namespaces(folder)
    if asked is not None:
        wanted = asked.strip("_")
        return wanted if wanted in there else ""
    if len(there) > 1:
        raise InputError(
            f"files of namespaces {', '.join(there)} in {folder}",
            "those of one curation",
            f"choose with --namespace {there[0]}, say, or --namespace {NO_NAMESPACE} for the sorter's own",
        )
    return there[0] if there else ""


def say_choice(folder: Path, namespace: str) -> None:
    """Log which files of a folder are read where there are several of one name."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for place in _places(folder):
        for file in _list_files(place):
            by_name[file.name].append(file.path)
    for name, paths in sorted(by_name.items()):
        taken = find_alf_dataset(folder, name, namespace) if len(paths) > 1 else None
        passed = [str(path.relative_to(folder)) for path in paths if path != taken]
        if taken is not None:
            _LOG.info("%s: %s is read, not %s", folder, taken.relative_to(folder), ", ".join(passed))


def _places(folder: Path) -> list[Path]:
    """Return a folder's revisions, the newest first, and the folder."""
    if not folder.is_dir():
        return []
    revisions = [entry for entry in folder.iterdir() if is_revision(entry.name) and entry.is_dir()]
    # dated ones by their dates, and before any that has a name alone, of which nobody knows when it was made
    revisions.sort(key=lambda entry: (_DATED.fullmatch(entry.name) is not None, entry.name), reverse=True)
    return [*revisions, folder]


def _list_files(folder: Path) -> Iterator[_File]:
    for entry in sorted(folder.iterdir()):
        match = _NAME.fullmatch(entry.name)
        if match is not None:
            yield _File(entry, match[1] or "", match[2], match[3] is not None, match[4])


def _first_of(folder: Path, files: list[_File]) -> Path:
    """Return the file in the preferred format, without a uuid if there is one."""
    # ONE adds a uuid to names in the archive, not in its cache: a file without one is what a laboratory works
    # with
    ranked = sorted((_SUFFIXES.index(file.suffix), file.has_uuid, file.path) for file in files)
    if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
        raise InputError(
            f"{ranked[0][2].name} and {ranked[1][2].name} in {folder}",
            "one file of that name",
            "move the older one away",
        )
    return ranked[0][2]
