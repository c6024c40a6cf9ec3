"""Archives of arrays, read whole or refused: no pickles, no bombs, no members that an archive hides."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np

from nwbspikegen.core.errors import InputError

# bytes unpacked, of which an archive can claim a thousand times its own: nothing that is stored so comes near
_MOST_BYTES = 2**30
# bytes of what stands before each member and at the end, both without their names and comments (PKWARE's
# APPNOTE, 4.3.7 and 4.3.16)
_LOCAL_HEADER = 30
_END = 22


def read_npz(path: Path, what_to_do: str = "save it again, or restore the file") -> dict[str, np.ndarray]:
    """Return all arrays of an archive that `numpy.savez` or `savez_compressed` wrote, by name.

    Every member has a checksum, and the members fill the file: damage anywhere is seen.

    Parameters
    ----------
    path : Path
        The archive.
    what_to_do : str
        Said when it is damaged.

    Raises
    ------
    InputError
        The archive is damaged, holds Python objects or more than 1 GiB, or anything but arrays.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder, "a.npz"), rate=np.array([2.5]))
    ...     read_npz(Path(folder, "a.npz"))
    {'rate': array([2.5])}
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            num_bytes = sum(member.file_size for member in members)
            if num_bytes > _MOST_BYTES:
                raise InputError(f"{num_bytes} bytes in {path}", f"at most {_MOST_BYTES}", what_to_do)
            _require_full(path, archive, members)
            arrays = {_name(member): _read_member(archive, member) for member in members}
        if len(arrays) < len(members):
            raise ValueError("two arrays of one name")
    except InputError:
        raise
    # a damaged archive makes zipfile, zlib and numpy raise almost anything
    except Exception as error:
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__}: {str(error)[:120]})",
            "arrays as they were saved",
            what_to_do,
        ) from error
    return arrays


def _require_full(path: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Raise `ValueError` unless members follow each other from the first byte on, and are all listed."""
    at = 0
    with path.open("rb") as stream:
        for member in members:
            stream.seek(member.header_offset)
            header = stream.read(_LOCAL_HEADER)
            if member.header_offset != at or len(header) < _LOCAL_HEADER:
                raise ValueError("members that do not follow each other")
            name, extra = struct.unpack("<2H", header[26:30])
            at += _LOCAL_HEADER + name + extra + member.compress_size
        size = stream.seek(0, io.SEEK_END)
        stream.seek(size - _END)
        end = stream.read(_END)
    # signature, disk, disk, members here, members, size and place of the directory, comment
    _, _, _, here, number, _, place, comment = struct.unpack("<4s4H2LH", end)
    # the directory follows the last member at once: nothing can hide between them
    if not here == number == len(members) or place != at or comment or archive.start_dir != at:
        raise ValueError("a directory that lists other members than there are")
    # of the flags, 0x0800 alone says nothing of the bytes: the name is UTF-8
    if any(member.extra or member.comment or member.flag_bits & ~0x0800 for member in members):
        raise ValueError("members with more than an array")


def _name(member: zipfile.ZipInfo) -> str:
    name, dot, suffix = member.filename.rpartition(".")
    if suffix != "npy" or not dot:
        raise ValueError("a member that is no array")
    return name


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    # read to its end, where zipfile compares the checksum
    stream = io.BytesIO(archive.read(member))
    array = np.lib.format.read_array(stream, allow_pickle=False)
    if stream.read(1):
        raise ValueError("bytes after an array")
    return array
