"""Who works on an output: a locked file that names host and process, for as long as that process lives."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from nwbspikegen.core.errors import OutputError

HIDDEN = ".nwbspikegen-"
"""How names begin of what is there only while a command runs."""
_MOST_BYTES = 4096


class Owner(NamedTuple):
    """A process: the host it runs on, and its number there."""

    host: str
    process: int

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"process {self.process} on {self.host}"


def find_owner() -> Owner:
    """Return this process.

    Examples
    --------
    >>> find_owner().process == os.getpid()
    True
    """
    return Owner(socket.gethostname(), os.getpid())


def read_owner(stream: IO[bytes]) -> Owner | None:
    """Return who has written a mark; None where nothing, or something else, stands in it."""
    stream.seek(0)
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        stored = json.loads(stream.read(_MOST_BYTES))
        return Owner(str(stored["host"]), int(stored["process"]))
    return None


def write_owner(stream: IO[bytes]) -> None:
    """Write who this process is into a mark."""
    stream.seek(0)
    stream.truncate()
    stream.write(json.dumps(find_owner()._asdict()).encode())
    stream.flush()


def lock_mark(stream: IO[bytes]) -> bool:
    """Lock a file until it is closed or the process ends; False where another has, or nothing can."""
    try:
        import fcntl

        # the kernel lets go of it however a process ends, SIGKILL included: a process id alone would stay,
        # and be another's by then
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


@contextlib.contextmanager
def hold_alone(target: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes from working on an output while the block runs.

    A hidden file beside it says who does, and is gone afterwards; one that a process has left that was
    killed holds nobody up.

    Raises
    ------
    OutputError
        Another process works on it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with hold_alone(Path(folder, "model")):
    ...         print(os.listdir(folder))
    ...     print(os.listdir(folder))
    ['.nwbspikegen-model.lock']
    []
    """
    mark = Path(target).absolute()
    mark = mark.with_name(f"{HIDDEN}{mark.name}.lock")
    stream = _take_mark(mark, Path(target))
    if stream is None:
        # a file system that knows no locks: nobody can be kept away
        yield
        return
    with stream:
        try:
            yield
        finally:
            # while it is still locked: who opens it from now on makes it anew
            mark.unlink(missing_ok=True)


def _take_mark(mark: Path, target: Path) -> IO[bytes] | None:
    while True:
        try:
            stream = open(mark, "a+b")  # noqa: SIM115
        except OSError as error:
            raise OutputError(
                f"{mark.parent}, in which nothing can be written ({error.strerror})",
                "an existing folder to write in",
                "create it, or choose another",
            ) from error
        if not lock_mark(stream):
            owner = read_owner(stream)
            stream.close()
            if owner is None and not _can_lock(mark.parent):
                mark.unlink(missing_ok=True)
                return None
            raise OutputError(
                f"{target}, on which {owner or 'another process'} works",
                "one process for one output",
                "wait until it is done, stop it, or choose another --out",
            )
        # whoever held it may have removed it since it was opened
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(stream.fileno()), os.stat(mark)):
                write_owner(stream)
                return stream
        stream.close()


def remove_mark(mark: Path) -> None:
    """Remove the mark of a process that was killed; that of a living one stays."""
    with open(mark, "r+b") as stream:
        if lock_mark(stream) and os.path.samestat(os.fstat(stream.fileno()), os.stat(mark)):
            mark.unlink()


def _can_lock(folder: Path) -> bool:
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as stream:
        return lock_mark(stream)
