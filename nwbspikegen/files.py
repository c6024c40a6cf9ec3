"""Hashes of inputs and outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from nwbspikegen.errors import InputError, OutputError

_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux's renameat2, and RENAME_SWAP of macOS's renamex_np."""
_AT_CWD = -100


def hash_file(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file's bytes as 64 hexadecimal digits.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "empty")
    ...     path.touch()
    ...     hash_file(path)[:8]
    'e3b0c442'
    """
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_file(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a `Path`, or raise `InputError` when no file is there."""
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{found} at {path}", "a file", "check the path")
    return path


@contextlib.contextmanager
def write_whole(
    target: str | os.PathLike[str], *, overwrite: bool = False, marker: str | None = None
) -> Iterator[Path]:
    """Give a temporary path beside `target`, renamed to it when the block ends without an error.

    A file or a folder may be written there. The temporary name keeps the suffix of `target`, since
    HDF5 readers look at it. After an error the target is as it was and nothing is left over.

    Parameters
    ----------
    target : path
        Where the output is to appear.
    overwrite : bool, default: False
        Replace what is there. Otherwise an existing target raises `OutputError` before any work.
    marker : str, optional
        Given when a folder is written: a file that every such folder holds. Only a folder with it,
        or an empty one, is ever replaced; without a marker, only a file is.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with write_whole(pathlib.Path(folder, "a.txt")) as path:
    ...         _ = path.write_text("whole")
    ...     pathlib.Path(folder, "a.txt").read_text()
    'whole'
    """
    target = Path(target)
    require_absent(target, overwrite=overwrite, marker=marker)
    workplace = Path(tempfile.mkdtemp(prefix=".nwbspikegen-", dir=target.parent))
    try:
        temporary = workplace / target.name
        yield temporary
        # a folder cannot be renamed over one that holds files: the two change places
        if target.is_dir() and not target.is_symlink():
            exchange_folders(temporary, target)
        else:
            os.replace(temporary, target)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def exchange_folders(new: Path, old: Path) -> None:
    """Let two folders change places in one step, so that whoever looks finds one of them whole.

    Where the system or its file system knows no such step, the old one steps aside first.
    """
    if not _exchange_at_once(new, old):
        aside = new.with_name(f"{new.name}.replaced")
        os.rename(old, aside)
        os.rename(new, old)
        os.rename(aside, new)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Ask the C library to exchange two paths; False when it cannot."""
    if not sys.platform.startswith(("linux", "darwin")):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    try:
        if sys.platform == "darwin":
            return bool(library.renamex_np(*paths, _EXCHANGE) == 0)
        # absolute paths leave the folder that they would be relative to unread
        return bool(library.renameat2(_AT_CWD, paths[0], _AT_CWD, paths[1], _EXCHANGE) == 0)
    except AttributeError:
        return False


def require_absent(
    target: str | os.PathLike[str],
    *,
    overwrite: bool,
    marker: str | None = None,
    sources: Iterable[str | os.PathLike[str] | None] = (),
) -> None:
    """Raise `OutputError` when an output could not, or must not, be written to `target`.

    `overwrite` and `marker` are those of `write_whole`; none of `sources` may be the target.
    """
    target = Path(target)
    if target.exists():
        _require_replaceable(target, overwrite=overwrite, marker=marker)
        for source in sources:
            if source is not None and Path(source).exists() and target.samefile(source):
                raise OutputError(f"{target} as input and output", "two files", "choose another output")
    if not target.parent.is_dir():
        raise OutputError(f"no folder {target.parent}", "an existing folder", "create it first")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"{target.parent}, which is read-only", "a folder to write in", "choose another")


def _require_replaceable(target: Path, *, overwrite: bool, marker: str | None) -> None:
    if not overwrite:
        raise OutputError(f"{target}, which exists", "no file there", "pass --overwrite, or another name")
    if marker is None and target.is_dir():
        raise OutputError(f"{target}, which is a folder", "the name of a file", "choose another name")
    if marker is not None and not (
        target.is_dir() and ((target / marker).is_file() or not any(target.iterdir()))
    ):
        raise OutputError(
            f"{target}, which was not written by this command",
            f"nothing, or a folder with {marker}",
            "choose another name: nothing else is overwritten",
        )


def require_suffix(target: str | os.PathLike[str], suffix: str) -> None:
    """Raise `OutputError` when the name of an output does not end as readers expect."""
    if Path(target).suffix != suffix:
        raise OutputError(f"an output named {Path(target).name}", f"a name ending in {suffix}", "add it")
