"""Many recordings by one name: a folder, a pattern, or a text file that lists them."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nwbspikegen.core.addresses import has_scheme, is_remote, is_zarr
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.provenance import list_modules

_LOG = logging.getLogger("nwbspikegen")
Place = str | os.PathLike[str]
_LIST = ".txt"


def find_recordings(places: Sequence[Place]) -> list[Place]:
    """Return the recordings that files, addresses, folders, patterns and lists stand for.

    Parameters
    ----------
    places : sequence of path or address
        A folder stands for the ``.nwb`` files in it and below it, a pattern with ``*``, ``?`` or ``[`` for
        what it matches, a ``.txt`` file for its lines: paths from its own folder, addresses, patterns or
        folders; lines that are empty or begin with ``#`` are passed over. What they stand for is there once;
        a file or address that is named again itself is there again. From folders and patterns, hidden
        files and files that hold results of this package are left out.

    Raises
    ------
    InputError
        A folder, a pattern or a list without a recording.

    Examples
    --------
    >>> find_recordings(["a.nwb", "dandi://000409/sub-1/sub-1_ecephys.nwb"])
    ['a.nwb', 'dandi://000409/sub-1/sub-1_ecephys.nwb']
    """
    found: list[Place] = []
    listed: set[str] = set()
    for place in places:
        if _is_one(place):
            # named twice it stays there twice, for the commands to refuse or not
            found += [] if _key(place) in listed else [place]
            continue
        named = {_key(each) for each in found}
        more = {_key(each): each for each in _expand(place) if _key(each) not in named}
        found += more.values()
        listed |= set(more)
    return found


def stands_for_many(places: Sequence[Place]) -> bool:
    """Return whether some places are more than one file or address.

    Examples
    --------
    >>> stands_for_many(["a.nwb"]), stands_for_many(["a.nwb", "b.nwb"]), stands_for_many(["wells/*.nwb"])
    (False, True, True)
    """
    return len(places) != 1 or not _is_one(places[0])


def _is_one(place: Place) -> bool:
    if is_remote(place) or has_scheme(place):
        return True
    path = Path(place)
    if path.is_dir():
        return is_zarr(path)
    return path.suffix != _LIST and not _is_pattern(path)


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not path.exists()


def _key(place: Place) -> str:
    return str(place) if is_remote(place) or has_scheme(place) else os.path.abspath(place)


def _expand(place: Place, *, is_listed: bool = False) -> Iterator[Place]:
    if _is_one(place):
        yield place
        return
    path = Path(place)
    if path.suffix == _LIST and not path.is_dir() and not _is_pattern(path) and not is_listed:
        yield from _read_list(path)
        return
    matches = path.rglob("*.nwb") if path.is_dir() else map(Path, glob.iglob(str(path), recursive=True))
    found = [each for each in sorted(matches) if not _is_hidden(each, path) and not _has_results(each)]
    if not found:
        raise InputError(f"no recording in {path}", "one .nwb file or several", "check the path")
    yield from found


def _is_hidden(place: Path, within: Path) -> bool:
    inner = place.relative_to(within) if place.is_relative_to(within) else place
    return any(part.startswith(".") and part not in (".", "..") for part in inner.parts)


def _has_results(path: Path) -> bool:
    """Return whether a file was written by this package from a recording; what is no NWB file is not."""
    try:
        with open_nwb(path) as root, reading(path):
            is_derived = bool(list_modules(root))
    except InputError:
        # it is said of the file when it is opened, as one of those that failed
        return False
    if is_derived:
        _LOG.info("%s is passed over: it holds results", path)
    return is_derived


def _read_list(path: Path) -> Iterator[Place]:
    if not path.is_file():
        raise InputError(f"no file at {path}", "a text file with a recording in each line", "check the path")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, which is no text", "a recording in each line", "check the file") from error
    kept = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if not kept:
        raise InputError(f"no line in {path}", "a recording in each line", "fill the file")
    for line in kept:
        if is_remote(line) or has_scheme(line):
            yield line
        elif line.endswith(_LIST):
            raise InputError(f"the list {line} in {path}", "recordings", "write its lines into the file")
        else:
            yield from _expand(path.parent / line, is_listed=True)
