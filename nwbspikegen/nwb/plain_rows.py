"""Rows of an array that lies on disk as it is, read so that a file that is cut is an error.

A mapped file would be as fast, but whoever cuts it kills the process that looks at it, or has it read zeros.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError


class PlainRows:
    """An open file's one-dimensional array of numbers.

    Parameters
    ----------
    path : Path
        The file.
    place : int
        Where in it the array begins (bytes).
    dtype : dtype
        Of its numbers.
    size : int
        How many there are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "numbers")
    ...     _ = path.write_bytes(np.arange(10.0).tobytes())
    ...     with PlainRows(path, 8, np.dtype(float), 9) as rows:
    ...         rows[2:4].tolist(), rows.take(np.array([0, 7]), np.array([2, 8])).tolist()
    ([3.0, 4.0], [1.0, 2.0, 8.0])
    """

    def __init__(self, path: Path, place: int, dtype: np.dtype[Any], size: int) -> None:
        self._path, self._place, self._dtype, self._size = path, place, dtype, size
        # without the flag, which other systems have not, Windows would read lines
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def __enter__(self) -> PlainRows:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, rows: slice) -> np.ndarray:
        begin, end, _ = rows.indices(self._size)
        return self.take(np.array([begin]), np.array([max(begin, end)]))

    def take(self, begins: Int64[np.ndarray, " part"], ends: Int64[np.ndarray, " part"]) -> np.ndarray:
        """Return the rows of all stretches [begin, end), one stretch after the other.

        Raises
        ------
        InputError
            The file ends before.
        """
        found = np.empty(int((ends - begins).sum()), dtype=self._dtype)
        view, width, at = found.view(np.uint8).data, self._dtype.itemsize, 0
        # stretches that touch are read at once
        is_new = np.ones(len(begins), dtype=bool)
        is_new[1:] = begins[1:] != ends[:-1]
        firsts = np.flatnonzero(is_new)
        lasts = ends[np.append(firsts[1:], len(begins)) - 1]
        places, sizes = begins[firsts] * width + self._place, (lasts - begins[firsts]) * width
        for place, size in zip(places.tolist(), sizes.tolist(), strict=True):
            # one call of the system for each stretch, straight into the result. A second of 10,000 units
            # takes 42 ms so, where a mapped file took 9 (docs/benchmarks/views.md)
            if _read_into(self._file, view[at : at + size], place) != size:
                self._read_on(view[at : at + size], place)
            at += size
        return found

    def _read_on(self, view: memoryview, place: int) -> None:
        """Fill a buffer for which one read was too little: the system gives at most 2 GiB at once."""
        at = 0
        while at < len(view):
            number = _read_into(self._file, view[at:], place + at)
            if not number:
                raise InputError(
                    f"{self._path}, which ends within its spike times",
                    "the file that was opened",
                    "give the same command again when nothing writes to it",
                )
            at += number


def _read_into(file: int, view: memoryview, place: int) -> int:
    """Fill a buffer from a place in an open file; return how many bytes there were."""
    if hasattr(os, "preadv"):
        return os.preadv(file, (view,), place)
    # Windows has none
    os.lseek(file, place, os.SEEK_SET)
    read = os.read(file, len(view))
    view[: len(read)] = read
    return len(read)
