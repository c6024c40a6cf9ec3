"""Hashes of inputs and outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.core.owners import HIDDEN, find_owner, lock_mark, read_owner, remove_mark, write_owner
from nwbspikegen.core.signals import holding_interruptions

# RENAME_EXCHANGE of Linux's renameat2, and RENAME_SWAP of macOS's renamex_np
_EXCHANGE = 2
# AT_FDCWD of <fcntl.h>
_AT_CWD = -100
# a file in a workplace that is locked for as long as its process lives
_OWNER = ".owner"
# its name before it is locked, and where nothing can be
_UNLOCKED = ".owner-unlocked"
_ASIDE = ".nwbspikegen-replaced"
# seconds in which an unlocked owner may still be about to lock, which takes a moment: a machine that stands
# still for a minute is the only one to lose its work
_YOUNG = 60.0
# seconds after which what another host has left is taken for abandoned: a week, longer than cluster jobs run
_LONG_AGO = 7 * 86400.0
# disk full, quota reached, larger than the file system takes, mounted read-only
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


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
    HDF5 readers look at it. After an error the target is as it was and nothing is left over. What a
    process that was killed has left over is removed by the next that writes into the same folder. A
    link stays a link: what it points at is replaced.

    Parameters
    ----------
    target : path
        Where the output is to appear.
    overwrite : bool, default: False
        Replace what is there. Otherwise an existing target raises `OutputError` before any work.
    marker : str, optional
        Given when a folder is written: a file that every such folder holds. Only a folder with it,
        or an empty one, is ever replaced; without a marker, only a file is.

    Raises
    ------
    OutputError
        The target is there, or cannot be written: the disk is full, the folder is read-only.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with write_whole(pathlib.Path(folder, "a.txt")) as path:
    ...         _ = path.write_text("whole")
    ...     pathlib.Path(folder, "a.txt").read_text()
    'whole'
    """
    require_absent(target, overwrite=overwrite, marker=marker)
    name = Path(target).name
    target = Path(target).resolve() if Path(target).exists() else Path(target)
    with explaining_full_disks(target), _make_workplace(target.parent) as workplace:
        # beside the target, since a rename is one step within a file system only
        temporary = workplace / name
        yield temporary
        # another process may have been faster
        require_absent(target, overwrite=overwrite, marker=marker)
        # a folder cannot be renamed over one that holds files: the two change places
        if target.is_dir():
            exchange_folders(temporary, target)
        else:
            os.replace(temporary, target)


@contextlib.contextmanager
def explaining_full_disks(target: str | os.PathLike[str] | None = None) -> Iterator[None]:
    """Turn what libraries raise on a full or read-only disk into one clear `OutputError`.

    HDF5 wraps the system's error into others, so causes are looked through as well.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = find_disk_problem(error)
        if reason is None:
            raise
        where = f" while writing {target}" if target else ""
        raise OutputError(
            f"{reason}{where}",
            "a disk that can be written and has space",
            "make space, or choose another folder; what was there is as it was",
        ) from error


def find_disk_problem(error: BaseException | None) -> str | None:
    """Return what the system said about a disk that cannot be written, None for any other error."""
    reasons = {code: os.strerror(code) for code in _CANNOT_WRITE}
    while error is not None:
        if isinstance(error, OSError) and error.errno in reasons:
            return reasons[error.errno]
        # h5py raises an OSError or RuntimeError with the system's words and without its number
        full = os.strerror(errno.ENOSPC), os.strerror(errno.EFBIG), os.strerror(errno.EDQUOT)
        said = next((text for text in full if text.lower() in str(error).lower()), None)
        if said:
            return said
        error = error.__cause__ or error.__context__
    return None


@contextlib.contextmanager
def _make_workplace(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to write in, and remove it, and those whose process is dead."""
    remove_abandoned(folder)
    with contextlib.ExitStack() as held:
        held.enter_context(holding_interruptions())
        workplace, owner = _open_workplace(folder)
        try:
            try:
                # an interruption that came while the folder was made is raised here, where it is removed
                held.close()
                yield workplace
            finally:
                _remove_workplace(workplace, owner)
        finally:
            # again: the interruption may have come between the block's end and the removal
            _remove_workplace(workplace, owner)


def _remove_workplace(workplace: Path, owner: IO[bytes]) -> None:
    with holding_interruptions():
        shutil.rmtree(workplace, ignore_errors=True)
        owner.close()
        # NFS keeps an open file, and so its folder, until it is closed
        shutil.rmtree(workplace, ignore_errors=True)


@contextlib.contextmanager
def make_scratch() -> Iterator[Path]:
    """Give an empty folder for what is not kept, where the system has such; those of the dead are removed.

    Examples
    --------
    >>> with make_scratch() as folder:
    ...     folder.is_dir()
    True
    """
    with _make_workplace(Path(tempfile.gettempdir())) as workplace:
        folder = workplace / "scratch"
        folder.mkdir()
        yield folder


def _open_workplace(folder: Path) -> tuple[Path, IO[bytes]]:
    """Make a hidden folder with a locked file in it, which the lock's file names last."""
    while True:
        try:
            workplace = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=folder))
        except PermissionError as error:
            raise _read_only(folder) from error
        # another process may have taken the empty folder for an abandoned one
        with contextlib.suppress(FileNotFoundError):
            owner = open(workplace / _UNLOCKED, "w+b")  # noqa: SIM115
            write_owner(owner)
            if lock_mark(owner):
                # locked before it has its name, so that nobody finds it unlocked
                os.rename(workplace / _UNLOCKED, workplace / _OWNER)
            return workplace, owner


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed have left in a folder; living ones keep theirs.

    What another user has left, or another host of late, is not touched.
    """
    for workplace in list(folder.glob(f"{HIDDEN}*")):
        with contextlib.suppress(OSError):
            if hasattr(os, "getuid") and workplace.lstat().st_uid != os.getuid():
                continue
            if workplace.is_file():
                remove_mark(workplace)
                continue
            if not any(workplace.iterdir()):
                workplace.rmdir()
                continue
            age = time.time() - workplace.stat().st_mtime
            is_young = age < _YOUNG
            mark = workplace / _OWNER
            if not mark.exists() and not is_young:
                mark = workplace / _UNLOCKED
            with open(mark, "r+b") as owner:
                known = read_owner(owner)
                # not every shared file system shows one host the locks of another
                if known is not None and known.host != find_owner().host and age < _LONG_AGO:
                    continue
                if not lock_mark(owner):
                    continue
                _put_back(workplace)
                shutil.rmtree(workplace, ignore_errors=True)
            shutil.rmtree(workplace, ignore_errors=True)


def _put_back(workplace: Path) -> None:
    """Return a folder that stepped aside for one that never came."""
    for aside in workplace.glob(f"*{_ASIDE}"):
        target = workplace.parent / aside.name.removesuffix(_ASIDE)
        if not target.exists():
            os.rename(aside, target)


def exchange_folders(new: Path, old: Path) -> None:
    """Let two folders change places in one step, so that whoever looks finds one of them whole.

    Where the system or its file system, such as NFS, knows no such step, the old one steps aside first;
    who is killed between the two steps leaves it aside, and the next that writes there puts it back.
    """
    if not _exchange_at_once(new, old):
        aside = new.with_name(f"{old.name}{_ASIDE}")
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
        raise _read_only(target.parent)


def _read_only(folder: Path) -> OutputError:
    return OutputError(f"{folder}, which is read-only", "a folder to write in", "choose another")


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
