"""Zarr folders, whose chunks are bounded before they are unpacked and which hold all that is read."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import lzma
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nwbspikegen.core.budget import get_budget, require_affordable, too_much
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_own_files

_METADATA = (".zarray", ".zgroup", ".zattrs", ".zmetadata")
# deflate reaches 1,032 to 1: smaller chunks need not be unpacked to know
_MOST_DEFLATED = 1032
# bytes that are unpacked at once to be counted
_PART = 2**20
_ZSTD_MAGIC = 0xFD2FB528
_GZIP_MAGIC = b"\x1f\x8b"


def open_zarr(path: Path) -> Any:
    """Return the root group of a Zarr folder of version 2, for reading.

    Raises
    ------
    InputError
        It is damaged, holds links that lead out of it, or is nested too deeply.
    """
    import zarr

    try:
        require_own_files(path, _METADATA)
        return zarr.open_group(_make_store(path), mode="r")
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path}, which Zarr cannot open ({error})", "a whole Zarr folder", "fetch it again"
        ) from error


def require_whole_zarr(array: Any) -> None:
    """Raise `InputError` for an array with missing parts, large chunks, or more values than its bytes give.

    Zarr would fill missing parts with zeros.
    """
    missing = array.nchunks - array.nchunks_initialized
    if missing > 0:
        raise InputError(
            f"/{array.path}, {missing} of whose {array.nchunks} chunks are missing,",
            "an undamaged Zarr folder",
            "check that it was copied whole",
        )
    num_bytes, most = math.prod(array.chunks) * array.dtype.itemsize, get_budget().chunk_bytes
    if num_bytes > most:
        raise too_much(f"chunks of {num_bytes} bytes in /{array.path}", f"at most {most}")
    require_affordable(f"/{array.path}", array.nbytes, max(0, array.nbytes_stored))
    packing = [each.codec_id for each in array.filters or [] if each.codec_id in _COUNTERS]
    if packing:
        raise InputError(
            f"/{array.path} with {packing[0]} as a filter", "it as the compressor", "write the folder again"
        )


def _make_store(path: Path) -> Any:
    import zarr

    class BoundedStore(zarr.DirectoryStore):  # type: ignore[misc, unused-ignore]
        """A folder of which no chunk unpacks to more than a chunk may take."""

        def __getitem__(self, key: str) -> bytes:
            content: bytes = super().__getitem__(key)
            place, _, name = key.rpartition("/")
            if name not in _METADATA:
                _require_small_chunk(content, _find_codec(Path(self.path, place)), key)
            return content

    return BoundedStore(str(path))


@functools.lru_cache(maxsize=1024)
def _find_codec(folder: Path) -> str:
    """Return the name of what packs the chunks of an array, "" where nothing does."""
    while not (folder / ".zarray").is_file():
        # chunks may lie in folders of their own, one for each axis
        if folder == folder.parent:
            return ""
        folder = folder.parent
    about = json.loads((folder / ".zarray").read_bytes()).get("compressor")
    return str(about.get("id", "")) if isinstance(about, dict) else ""


def _require_small_chunk(content: bytes, codec: str, key: str) -> None:
    """Raise `InputError` for a chunk that unpacks to more than a chunk may take."""
    most = get_budget().chunk_bytes
    count = _COUNTERS.get(codec)
    if count is None:
        return
    try:
        num_bytes = count(content, most)
    # a damaged chunk makes each library raise its own errors
    except Exception as error:
        raise InputError(
            f"chunk {key}, which cannot be unpacked ({type(error).__name__})",
            "an undamaged Zarr folder",
            "check that it was copied whole",
        ) from error
    if num_bytes > most:
        raise too_much(f"chunk {key}, which unpacks to more than {most} bytes", f"at most {most}")


def _count_deflated(content: bytes, most: int) -> int:
    if len(content) * _MOST_DEFLATED <= most:
        return 0
    if content[:2] == _GZIP_MAGIC:
        return _count_read(lambda stream: gzip.GzipFile(fileobj=stream), content, most)
    unpacking, number = zlib.decompressobj(), 0
    while content and number <= most:
        number += len(unpacking.decompress(content, _PART))
        content = unpacking.unconsumed_tail
    return number


def _count_read(open_file: Callable[[io.BytesIO], Any], content: bytes, most: int) -> int:
    """Return how much a packed file has, of which several may follow each other; a little more is enough."""
    number, stream = 0, open_file(io.BytesIO(content))
    while number <= most and (part := stream.read(_PART)):
        number += len(part)
    return number


def _read_size(content: bytes, place: int) -> int:
    """Return the size that stands in a header, 0 where it is cut off."""
    return int(struct.unpack_from("<I", content, place)[0]) if len(content) >= place + 4 else 0


def _count_zstd(content: bytes, most: int) -> int:
    """Return what a zstd frame says that it unpacks to; one that does not say is too large."""
    if len(content) < 6 or _read_size(content, 0) != _ZSTD_MAGIC:
        return 0
    # RFC 8878, 3.1.1.1: descriptor, window where it is no single segment, dictionary, then the size
    descriptor = content[4]
    is_single = bool(descriptor & 0x20)
    place = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    width = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    if width == 0:
        return most + 1
    size = int.from_bytes(content[place : place + width], "little")
    return size + 256 if width == 2 else size


_COUNTERS: dict[str, Callable[[bytes, int], int]] = {
    "blosc": lambda content, most: _read_size(content, 4),
    "lz4": lambda content, most: _read_size(content, 0),
    "zstd": _count_zstd,
    "zlib": _count_deflated,
    "gzip": _count_deflated,
    "bz2": functools.partial(_count_read, bz2.BZ2File),
    "lzma": functools.partial(_count_read, lzma.LZMAFile),
}
