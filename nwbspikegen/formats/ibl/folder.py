"""Where the arrays of an IBL session lie: sessions, probes, collections (the ALF layout).

A session is ``[<lab>/Subjects/]<subject>/<date>/<number>``; its sorted spikes are in collections such as
``alf/probe00/pykilosort`` (`nwbspikegen.formats.ibl.datasets` says which files of these are read).
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.datasets import (
    NO_NAMESPACE,
    choose_namespace,
    find_alf_dataset,
    is_revision,
    list_namespaces,
    namespace_of,
    say_choice,
)

_LOG = logging.getLogger("nwbspikegen")
_PROBE = re.compile(r"probe_?\d+\w*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# ONE writes 001, people write 1
_NUMBER = re.compile(r"\d{1,3}")
_UNNAMED_PROBE = "probe"
# the IBL's own order of choice among the sorters of a probe
_SORTERS = ("iblsorter", "pykilosort")
# from alf: a probe, and a sorter within it
_DEEPEST = 2


@dataclasses.dataclass(frozen=True)
class Session:
    """A session as its folder names it; `lab` is empty where the folder does not tell."""

    folder: Path
    lab: str
    subject: str
    day: date
    number: str


@dataclasses.dataclass(frozen=True)
class Collection:
    """A folder with one probe's sorted spikes, of which curated files win when they have a `namespace`."""

    probe: str
    folder: Path
    namespace: str = ""

    def find(self, name: str) -> Path | None:
        """Return the file of a dataset, None when there is none."""
        return find_alf_dataset(self.folder, name, self.namespace)

    def is_curated(self, name: str) -> bool:
        """Return whether a dataset is there in the namespace."""
        path = self.find(name)
        return path is not None and namespace_of(path) != ""


def find_session(path: str | os.PathLike[str]) -> Session | None:
    """Return the session that a folder is, or lies in; None when its path names no date and number.

    Examples
    --------
    >>> session = find_session("lab1/Subjects/M1/2021-04-14/001/alf/probe00")
    >>> session.lab, session.subject, session.day.isoformat(), session.number
    ('lab1', 'M1', '2021-04-14', '001')
    """
    parts = Path(path).absolute().parts
    # from the end: a folder above may be called by a date, too
    for place in range(len(parts) - 2, 1, -1):
        if _DATE.fullmatch(parts[place]) and _NUMBER.fullmatch(parts[place + 1]):
            lab = parts[place - 3] if place > 3 and parts[place - 2] == "Subjects" else ""
            folder = Path(*parts[: place + 2])
            return Session(folder, lab, parts[place - 1], _day_of(parts[place], folder), parts[place + 1])
    return None


def _day_of(text: str, folder: Path) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"the date {text} in {folder}", "a day of the calendar", "correct it") from None


def find_alf_root(path: str | os.PathLike[str]) -> Path:
    """Return the `alf` folder inside a folder or around it, or else the folder itself."""
    path = Path(path).absolute()
    if (path / "alf").is_dir():
        return path / "alf"
    return next((folder for folder in (path, *path.parents) if folder.name == "alf"), path)


def find_collections(
    path: str | os.PathLike[str],
    probes: Sequence[str] | None = None,
    collection: str | None = None,
    namespace: str | None = None,
) -> list[Collection]:
    """Return one collection for every probe, in the order of the probes' names.

    Parameters
    ----------
    path : path
        A session, its `alf` folder, a probe, a collection, or any folder with the two arrays.
    probes : sequence of str, optional
        Names of the probes to return; all by default.
    collection : str, optional
        Name of the sorter's folder, such as ``pykilosort``. By default ``iblsorter``, then
        ``pykilosort``, then the folder nearest to the probe's, which is the IBL's order.
    namespace : str, optional
        Whose files win, such as ``av`` for ``_av_spikes.clusters.npy``; ``none`` for the sorter's own. By
        default the only one there is: curated results win, and the log says so.

    Raises
    ------
    InputError
        If there are no spikes, or none of such a probe, collection or namespace.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise InputError(
            f"{'a file' if path.exists() else 'nothing'} at {path}", "a folder", "pass a session's folder"
        )
    found = [Collection(find_probe(folder), folder) for folder in _walk(_base_of(path), _DEEPEST)]
    if not found:
        raise InputError(
            f"no spikes.times.npy in {path}",
            "an IBL session, its alf folder, a probe or a collection",
            "pass such a folder; in a ONE cache, name the session with --session lab/subject/date/number",
        )
    chosen = choose_collections(found, probes, collection, str(path))
    _require_namespace(chosen, namespace, path)
    spaces = [choose_namespace(entry.folder, namespace) for entry in chosen]
    for entry, space in zip(chosen, spaces, strict=True):
        say_choice(entry.folder, space)
    return [dataclasses.replace(entry, namespace=space) for entry, space in zip(chosen, spaces, strict=True)]


def _require_namespace(chosen: Sequence[Collection], asked: str | None, path: Path) -> None:
    there = sorted({space for entry in chosen for space in list_namespaces(entry.folder)})
    if asked is not None and asked.strip("_") not in (*there, NO_NAMESPACE):
        raise InputError(
            f"no file of the namespace {asked!r} in {path}",
            f"one of {', '.join([*there, NO_NAMESPACE])}",
            "choose one with --namespace",
        )


def choose_collections(
    found: Sequence[Collection], probes: Sequence[str] | None, collection: str | None, place: str
) -> list[Collection]:
    """Return one of the collections found at `place` for every probe; as `find_collections` chooses."""
    known = sorted({entry.probe for entry in found})
    missing = sorted(set(probes or ()) - set(known))
    if missing:
        raise InputError(f"no probe {missing[0]!r} in {place}", f"one of {', '.join(known)}", "choose one")
    return [
        _choose([entry for entry in found if entry.probe == name], collection)
        for name in known
        if not probes or name in probes
    ]


def _base_of(path: Path) -> Path:
    return path / "alf" if (path / "alf").is_dir() else path


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Give the folders with spikes down to `depth`."""
    if any(find_alf_dataset(folder, "spikes.times", space) for space in ("", *list_namespaces(folder))):
        yield folder
    if depth > 0:
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not is_revision(entry.name):
                yield from _walk(entry, depth - 1)


def find_probe(folder: Path) -> str:
    """Return the probe that a folder's path names, ``probe`` when it names none."""
    # the innermost: what a folder far above is called says nothing of the probe
    return next((part for part in reversed(folder.parts) if _PROBE.fullmatch(part)), _UNNAMED_PROBE)


def _choose(found: list[Collection], collection: str | None) -> Collection:
    """Return the collection that was asked for, or the one that the IBL would take."""
    probe = found[0].probe
    if collection is not None:
        wanted = Path(collection).parts
        found = [entry for entry in found if entry.folder.parts[-len(wanted) :] == wanted]
        if not found:
            raise InputError(
                f"no collection {collection!r} of {probe}", "a folder with spikes.times", "choose another"
            )
    ranks = {name: rank for rank, name in enumerate(_SORTERS)}
    ordered = sorted(
        found, key=lambda entry: (ranks.get(entry.folder.name, len(ranks)), len(entry.folder.parts))
    )
    if len(ordered) > 1:
        _LOG.info("%s has %d collections: %s is read", probe, len(ordered), ordered[0].folder)
    return ordered[0]
