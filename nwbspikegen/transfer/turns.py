"""Processes that share a study take turns where two at once would get into each other's way."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def taking_turns(target: str | os.PathLike[str]) -> Iterator[None]:
    """Wait until no other process works on `target`, and keep others waiting while the block runs.

    The turn of a process that dies ends with it. Where the file system knows no locks, nobody waits.
    The mark, a hidden file beside `target`, stays: whoever waits holds it open.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with taking_turns(Path(folder, "model")):
    ...         print(os.listdir(folder))
    ['.model.turn']
    """
    target = Path(target)
    # not the target itself: that is replaced by renaming, which would take the lock away with it
    with open(target.with_name(f".{target.name}.turn"), "ab") as mark:
        with contextlib.suppress(ImportError, OSError):
            # flock belongs to the open file, so that it ends with the process, whatever ended that
            import fcntl

            fcntl.flock(mark, fcntl.LOCK_EX)
        yield
