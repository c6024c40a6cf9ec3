"""Arrays that may be larger than memory: above a size they lie in a file that goes with them.

Such an array is one of numpy's as any other. Pages of it that were touched count as memory of the process
until `release` gives them back: what goes through a whole array does so in pieces (`cut_rows`), and memory
then holds one of these, however long the recording.
"""

from __future__ import annotations

import contextlib
import errno
import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from nwbspikegen.core.errors import OutputError

# bytes: predictions of 2.5 min of 128 units take 77 MB, and some six arrays of that size are held at once
_MOST_HELD = 2**27
# bytes: what is made of a piece, in double precision, is a few times as large
_PIECE = 2**24
READ_AT_ONCE = 2**27
"""Bytes of a piece that is read from a file: each asks every unit for its spikes, of 1,000 half a second."""
_FOLDER: ContextVar[str | None] = ContextVar("folder of large arrays", default=None)


@contextlib.contextmanager
def large_arrays_in(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Let arrays that are made within the block lie in a folder, or the nearest above it that exists.

    Elsewhere they lie where temporary files do, which some machines keep in memory (TMPDIR says where).
    """
    there = Path(folder).absolute()
    while not there.is_dir():
        there = there.parent
    token = _FOLDER.set(str(there))
    try:
        yield
    finally:
        _FOLDER.reset(token)


def empty_array(shape: tuple[int, ...], dtype: Any) -> Shaped[np.ndarray, "..."]:
    """Return an array like that of `numpy.empty`: in memory, or in a file without a name if it is large.

    The file is gone when nothing uses the array any more, and when the process is killed.

    Raises
    ------
    OutputError
        There is no room for it where such files lie.

    Examples
    --------
    >>> empty_array((2, 3), np.float32).shape
    (2, 3)
    """
    num_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if num_bytes <= _MOST_HELD:
        return np.empty(shape, dtype)
    folder = _FOLDER.get() or tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file.fileno(), num_bytes)
            # the mapping keeps the file open
            mapping = mmap.mmap(file.fileno(), num_bytes)
    except OSError as error:
        raise OutputError(
            f"no room for {num_bytes / 2**30:.1f} GiB in {folder} ({error.strerror})",
            "a folder that takes an array too large for memory",
            "make room, write the output elsewhere, set TMPDIR, or take a shorter --duration",
        ) from error
    return np.ndarray(shape, dtype, buffer=mapping)


def _reserve(file: int, num_bytes: int) -> None:
    """Make a file as long as it will be, its blocks reserved where the system can do that."""
    if hasattr(os, "posix_fallocate"):
        try:
            # a disk that is full when a page is written kills the process; now it is an error
            os.posix_fallocate(file, 0, num_bytes)
        except OSError as error:
            # some network disks reserve nothing
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
    os.truncate(file, num_bytes)


def release(*arrays: Any) -> None:
    """Give back the memory of arrays that lie in a file; what they hold stays. None, and others, are left.

    Examples
    --------
    >>> release(np.zeros(3), None)
    """
    for array in arrays:
        owner = array
        while isinstance(owner, (np.ndarray, memoryview)):
            owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            owner.madvise(mmap.MADV_DONTNEED)


def cut_rows(*arrays: Any, num_bytes: int | None = None) -> Iterator[slice]:
    """Give the pieces in which rows of arrays of one length are worked on, in order; None is passed over.

    A piece, of so many bytes of the widest, is released when the next is asked for. Small arrays are one.

    Examples
    --------
    >>> list(cut_rows(np.zeros((5, 2)), None))
    [slice(0, 5, None)]
    """
    there = [array for array in arrays if array is not None]
    num_rows = len(there[0])
    most = max((math.prod(array.shape[1:]) * array.dtype.itemsize for array in there), default=1)
    step = max(1, (num_bytes or _PIECE) // max(most, 1))
    for start in range(0, num_rows, step):
        yield slice(start, min(start + step, num_rows))
        release(*there)
