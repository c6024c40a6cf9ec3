"""A file that HDF5 reads through, and that keeps it from damage over which it would never return.

Texts of variable length lie in global heaps. HDF5 goes through a heap object by object, and for ever
when one of them says that it has no size. It makes room for a text before it looks whether there is one
of that length, for up to 4 GiB.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

# signature, version 1 and three reserved bytes of a global heap (HDF5 File Format Specification, III.E); its
# header and that of each object in it have 16 bytes
_MARK = b"GCOL\x01\x00\x00\x00"
_HEADER = 16
# bytes looked through at once
_PART = 2**24


class GuardedFile(io.RawIOBase):
    """A file for `h5py.File` whose global heaps are looked through before HDF5 is given them.

    Parameters
    ----------
    path : Path
        The file.

    Examples
    --------
    >>> import tempfile, h5py
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.h5")
    ...     with h5py.File(path, "w") as file:
    ...         file["text"] = "four"
    ...     damaged = bytearray(path.read_bytes())
    ...     heap = damaged.index(b"GCOL")
    ...     damaged[heap + 48 : heap + 56] = bytes(8)
    ...     _ = path.write_bytes(damaged)
    ...     with GuardedFile(path) as guarded, h5py.File(guarded, "r") as file:
    ...         file["text"][()]
    Traceback (most recent call last):
    OSError: texts in a global heap that is damaged
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__()
        self._path = path
        # without a buffer of Python's: HDF5 reads in pieces of its own and keeps what it needs
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        self._size = os.fstat(self._file.fileno()).st_size
        self._place = 0

    def readinto(self, buffer: Any) -> int:
        """Read on from where `seek` went; raise `OSError` for a heap that HDF5 could not get through.

        HDF5 takes a buffer for full, whatever it is told: less than it asks for is an error as well.
        """
        view = memoryview(buffer).cast("B")
        number = self._read_into(view, self._place)
        if number < len(view):
            raise OSError("a file that ends before what is read of it")
        if view[: len(_MARK)] == _MARK:
            require_sound_heap(self._read_at, self._place, self._size)
        self._place += number
        return number

    def _read_into(self, view: memoryview, place: int) -> int:
        """Fill a buffer from a place on; a read of the system may give less than there is."""
        if not 0 <= place <= self._size:
            raise OSError("an address beyond the end of the file")
        self._file.seek(place)
        at = 0
        while at < len(view) and (number := self._file.readinto(view[at:])):
            at += number
        return at

    def _read_at(self, place: int, number: int) -> bytes:
        content = bytearray(number)
        return bytes(content[: self._read_into(memoryview(content), place)])

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read anywhere."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def __repr__(self) -> str:
        """Return the path, which HDF5 takes for the name of the file."""
        return str(self._path)


def require_sound_heap(read: Callable[[int, int], bytes], place: int, size: int) -> None:
    """Raise `OSError` when the objects of the global heap at `place` do not add up to it.

    Parameters
    ----------
    read : callable
        Gives so many bytes from a place of the file on.
    place, size : int
        Where the heap begins, and the size of the file (bytes).
    """
    num_bytes = int.from_bytes(read(place + 8, 8), "little")
    if not _HEADER <= num_bytes <= size - place:
        raise OSError("texts in a global heap that is larger than its file")
    heap = read(place, num_bytes)
    at = _HEADER
    while at + _HEADER <= num_bytes:
        # of an object: its number (2 bytes), how often it is named (2), reserved (4), its size (8), and its
        # bytes, filled up to a multiple of 8
        number = int.from_bytes(heap[at : at + 2], "little")
        length = int.from_bytes(heap[at + 8 : at + 16], "little")
        # object 0 is what is free, its header included
        step = length if number == 0 else _HEADER + -(-length // 8) * 8
        if step < _HEADER or at + step > num_bytes:
            raise OSError("texts in a global heap that is damaged")
        at += step


def require_sound_heaps(path: Path | str) -> None:
    """Raise `OSError` when a global heap anywhere in a file is damaged: for those who open it themselves."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size

        def read(place: int, number: int) -> bytes:
            file.seek(place)
            content = file.read(number)
            if len(content) < min(number, size - place):
                raise OSError("a file that ends before what is read of it")
            return content

        for place in range(0, size, _PART):
            # a mark may begin in one part and end in the next
            content = read(place, _PART + len(_MARK) - 1)
            at = content.find(_MARK)
            # chance makes data look like a mark in one of 2^64 places: such a file would be refused
            while at >= 0:
                require_sound_heap(read, place + at, size)
                at = content.find(_MARK, at + 1)


def has_sound_lengths(dataset: h5py.Dataset, path: Path | str) -> bool:
    """Return whether no text or list of an array is said to be longer than the file is.

    Looks at arrays of texts or lists that are not compressed; attributes have no address to look at.

    Parameters
    ----------
    dataset : h5py.Dataset
        An array in the file at `path`.
    path : path
        That file, read as it lies on the disk.
    """
    kind = dataset.id.get_type()
    if isinstance(kind, h5py.h5t.TypeVlenID):
        item = kind.get_super().get_size()
    elif isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
        item = 1
    else:
        return True
    # compressed chunks would have to be unpacked to be looked at
    if dataset.id.get_create_plist().get_nfilters():
        return True
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        for place, num_bytes in _list_spans(dataset):
            file.seek(place)
            # of each: its length, the address of its heap (8 bytes), its number there
            parts = np.frombuffer(file.read(min(num_bytes, size)), "<u4")
            if int(parts[::4].max(initial=0)) * item > size:
                return False
    return True


def _list_spans(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Return where the bytes of an array lie in its file, as address and number."""
    if dataset.chunks is None:
        place = dataset.id.get_offset()
        return [] if place is None else [(place, dataset.id.get_storage_size())]
    spans: list[tuple[int, int]] = []
    dataset.id.chunk_iter(lambda chunk: spans.append((chunk.byte_offset, chunk.size)))
    return spans
