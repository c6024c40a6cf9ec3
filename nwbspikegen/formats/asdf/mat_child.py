"""Reads a MATLAB file and writes its numbers to stdout; a program of its own.

SciPy's reader can take the whole process down with it on a damaged file, so it runs in another one, which
may take so much memory and no more. Nothing of this package is imported here: the program starts sooner.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from typing import Any

# of a file of version 5 or later: its header, the mark of the order of bytes at its end, and the kind of a
# compressed variable (MAT-File Format, MathWorks)
_HEADER = 128
_LITTLE = b"IM"
_COMPRESSED = 15
# bytes that are unpacked at once
_PART = 2**20
# of what is unpacked: SciPy's own arrays, the archive of them, and that archive as bytes; and what numpy and
# SciPy need themselves
_COPIES = 4
_PROGRAMS = 2**28


def print_arrays(path: str, most: int) -> int:
    """Write an .npz of numeric arrays: `name`, or `name/0`, `name/1`, ... for a row or column of cells.

    Exit status 3 for MATLAB 7.3, 4 for what cannot be read, 5 for what unpacks to more than `most` bytes;
    the reason goes to stderr.
    """
    if most and not _is_affordable(path, most):
        return 5
    import numpy as np
    import scipy.io

    if most:
        _limit_memory(_PROGRAMS + _COPIES * most)
    try:
        # SciPy compares how long compressed variables are with what the file says; what it calls not
        # implemented is MATLAB 7.3, which is HDF5 and was read elsewhere if it is whole
        variables = scipy.io.loadmat(path, verify_compressed_data_integrity=True)
    except NotImplementedError:
        return 3
    except MemoryError:
        return 5
    # a damaged file makes the reader raise almost anything
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
        return 4
    arrays: dict[str, Any] = {}
    for name, value in variables.items():
        if name.startswith("__") or not isinstance(value, np.ndarray):
            continue
        if value.dtype.kind in "biuf":
            arrays[name] = value
        elif value.dtype == object and value.ndim == 2 and 1 in value.shape:
            # what is no number becomes a text, which is no number either
            for place, cell in enumerate(value.ravel()):
                is_plain = isinstance(cell, np.ndarray) and cell.dtype.kind in "biuf"
                arrays[f"{name}/{place}"] = cell if is_plain else np.array("no numbers")
    buffer = io.BytesIO()
    # arrays without objects, which the parent reads without unpickling
    np.savez(buffer, **arrays)
    sys.stdout.buffer.write(buffer.getvalue())
    return 0


def _is_affordable(path: str, most: int) -> bool:
    """Return whether what the compressed variables of a file unpack to is not more than some bytes."""
    with open(path, "rb") as stream:
        order = "<" if stream.read(_HEADER)[-2:] == _LITTLE else ">"
        while len(tag := stream.read(8)) == 8:
            kind, length = struct.unpack(f"{order}2I", tag)
            end = stream.tell() + length
            if kind == _COMPRESSED:
                most -= _count_unpacked(stream, length, most)
                if most < 0:
                    return False
            # what is no file of this version has no tags: SciPy says so
            stream.seek(end)
    return True


def _count_unpacked(stream: Any, length: int, most: int) -> int:
    unpacking, number = zlib.decompressobj(), 0
    content = b""
    while number <= most and (content or length):
        if not content:
            content = stream.read(min(_PART, length))
            length -= len(content)
            if not content:
                break
        try:
            number += len(unpacking.decompress(content, _PART))
        except zlib.error:
            # damaged, which SciPy tells of
            break
        if unpacking.eof:
            break
        content = unpacking.unconsumed_tail
    return number


def _limit_memory(most: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    # Windows has no such limit, and no other system lets a process raise one that it has
    except (ImportError, ValueError, OSError):
        return


if __name__ == "__main__":
    sys.exit(print_arrays(sys.argv[1], int(sys.argv[2])))
