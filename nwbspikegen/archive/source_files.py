"""Where the recording lies that results were made from, whatever it is called by now."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nwbspikegen.core.addresses import hash_recording, is_zarr
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import read_text
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.provenance import NamedSource, list_modules

# folders of a dandiset are called so, and a study over several animals has a folder of its own
_SUBJECT_FOLDER = "sub-"


class FoundSource(NamedTuple):
    """A file that is the source, or was until its bytes changed.

    Attributes
    ----------
    path : Path
        Where it is.
    is_same : bool
        Whether it has the bytes that the results were made from.
    """

    path: Path
    is_same: bool


class _State(NamedTuple):
    """A file as it is now: what was read of it holds as long as these three do."""

    path: Path
    size: int
    modified_ns: int


def find_source(path: Path, named: NamedSource) -> FoundSource | None:
    """Return the source of some results among the files beside them, None when it is not there.

    It is known by its sha256 or its identifier, so that files may be renamed, as `dandi organize` does.
    Looked at are the folder of `path`, the one above it, and within a dandiset those of other subjects.

    Parameters
    ----------
    path : Path
        The file with the results.
    named : NamedSource
        What they say of their source.
    """
    others = []
    for place in _iterate_places(path, named.file_name):
        is_named = place.name == Path(named.file_name).name
        identifier, is_derived = _identify(_look_at(place))
        if not is_named and identifier != named.identifier:
            continue
        if named.sha256 and hash_once(place) == named.sha256:
            return FoundSource(place, is_same=True)
        # results of the same recording have its identifier in files of earlier versions
        if is_named or not is_derived:
            others.append(place)
    return FoundSource(others[0], is_same=False) if others else None


def hash_once(path: Path) -> str:
    """Return the sha256 of a file or Zarr folder; of a file, once for as long as it stays as it is."""
    return hash_recording(path) if path.is_dir() else _hash(_look_at(path))


def _iterate_places(path: Path, name: str) -> Iterator[Path]:
    """Give the files that may be the source: those of its name first, for most have kept it."""
    folders = [path.parent, path.parent.parent]
    if path.parent.name.startswith(_SUBJECT_FOLDER):
        folders += sorted(path.parent.parent.glob(f"{_SUBJECT_FOLDER}*/"))
    # by the last part of the name alone: a file must not lead to any place of this machine
    named = [folder / Path(name).name for folder in folders if Path(name).name]
    listed = [place for folder in folders for place in sorted(folder.glob("*.nwb"))]
    for place in dict.fromkeys([*named, *listed]):
        is_there = place.is_file() or is_zarr(place)
        if is_there and not place.name.startswith(".") and not place.samefile(path):
            yield place


def _look_at(path: Path) -> _State:
    stat = path.stat()
    return _State(path, stat.st_size, stat.st_mtime_ns)


# a folder of results is checked file by file, and all may be of one recording
@functools.lru_cache(maxsize=1024)
def _hash(state: _State) -> str:
    return hash_recording(state.path)


@functools.lru_cache(maxsize=4096)
def _identify(state: _State) -> tuple[str, bool]:
    """Return the identifier of a file, and whether it holds results; empty for what is no NWB file."""
    try:
        with open_nwb(state.path) as root, reading(state.path):
            return read_text(root, "identifier"), bool(list_modules(root))
    except InputError:
        return "", False
