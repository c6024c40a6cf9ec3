"""Where a recording is: a file, a Zarr folder, or an address on the web or in the DANDI archive."""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nwbspikegen.core.dandi_assets import Asset, find_asset
from nwbspikegen.core.dandi_places import find_place, write_place
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.core.files import hash_file, require_file
from nwbspikegen.core.garbage import without_collection
from nwbspikegen.core.open_files import StreamedFile
from nwbspikegen.core.web_answers import open_bounded_session
from nwbspikegen.core.web_secrets import cut_secrets

Address = str | os.PathLike[str]

_WEB = ("https://", "http://")
_DANDI = "dandi://"
# bytes fetched at once: an HDF5 file is read in many small steps, mostly near each other. 256 ranges of 256
# KiB are 64 MiB for each file, as much as HDF5's own cache of chunks has in `nwb.opening`
_RANGE = 2**18
_KEPT_RANGES = 256
# fsspec's default cache keeps one stretch of the file, which is lost at every jump of HDF5 between an index
# and its chunks
_STREAMING: dict[str, Any] = {
    "block_size": _RANGE,
    "cache_type": "blockcache",
    "cache_options": {"maxblocks": _KEPT_RANGES},
}


# what opens an address, by the address without it: in memory only, for nothing else may be told or kept
_ACCESS: dict[str, str] = {}


def is_remote(address: object) -> bool:
    """Return whether an address leads to the web, ``DANDI:000409/...`` too.

    Examples
    --------
    >>> is_remote("dandi://000409/sub-1/sub-1_ecephys.nwb"), is_remote("https.nwb")
    (True, False)
    """
    if isinstance(address, StreamedFile):
        return True
    if not isinstance(address, str):
        return False
    return address.startswith((*_WEB, _DANDI)) or find_place(address) is not None


def hide_access(address: str) -> str:
    """Return an address on the web without user, password, query and fragment, which this process keeps.

    What is returned is opened as if it were whole, here and in the tasks of `core.tasks`. Of a file of
    the DANDI archive it is the ``dandi://`` address, however the file was named.

    Examples
    --------
    >>> hide_access("https://me:word@example.org/a.nwb?sig=0123")
    'https://example.org/a.nwb'
    >>> hide_access("https://dandiarchive.org/dandiset/000409/draft/files?location=sub-1%2Fa.nwb")
    'dandi://000409@draft/sub-1/a.nwb'
    """
    place = find_place(address)
    if place is not None:
        return write_place(place)
    bare = cut_secrets(address)
    if bare == address or _ACCESS.get(bare) == address:
        return bare
    # two files that differ by what was cut must not be read as one
    number, own = 1, bare
    while _ACCESS.get(own, address) != address:
        number, own = number + 1, f"{bare}#{number + 1}"
    _ACCESS[own] = address
    return own


def list_access() -> dict[str, str]:
    """Return what opens the addresses that this process was given, for the processes that work for it."""
    return dict(_ACCESS)


def restore_access(access: Mapping[str, str]) -> None:
    """Take over what another process returned from `list_access`."""
    if any(_ACCESS.get(bare) != address for bare, address in access.items()):
        _ACCESS.update(access)
        _find_asset.cache_clear()


def has_scheme(path: object) -> bool:
    """Return whether a path is an address of any kind that fsspec may know.

    Examples
    --------
    >>> has_scheme("hf://org/name"), has_scheme("zip://model::https://a.org/b.zip"), has_scheme("a/b")
    (True, True, False)
    """
    return isinstance(path, str) and "://" in path


def require_recording(address: Address) -> Path | str:
    """Return the absolute path of a file or Zarr folder, or an address on the web as `hide_access` does.

    Raises
    ------
    InputError
        Nothing is there, or a folder that holds no Zarr of version 2.
    """
    if is_remote(address):
        return address if isinstance(address, StreamedFile) else hide_access(str(address))
    path = Path(address)
    if (path / "zarr.json").is_file():
        raise InputError(
            f"{path}, a Zarr folder of version 3",
            "version 2, as hdmf-zarr writes NWB, or HDF5",
            "export it to HDF5",
        )
    if not is_zarr(path):
        require_file(path)
    return path.absolute()


def is_zarr(path: Address) -> bool:
    """Return whether a path is a folder with a Zarr (version 2) group."""
    return not is_remote(address=path) and (Path(path) / ".zgroup").is_file()


def name_of(address: Address) -> str:
    """Return the last part of an address, without what opens it.

    Examples
    --------
    >>> name_of("https://example.org/a/b.nwb")
    'b.nwb'
    """
    text = hide_access(address) if isinstance(address, str) and is_remote(address) else str(address)
    return cut_secrets(text).rstrip("/").rsplit("/", 1)[-1]


def hash_recording(address: Address) -> str:
    """Return the sha256 of a recording: of a Zarr folder, over its files; of a remote one as archived.

    An empty text for what is on the web outside DANDI: only fetching it whole would tell.
    """
    if is_remote(address):
        return _find_asset(hide_access(str(address))).sha256
    if not is_zarr(address):
        return hash_file(address)
    digest = hashlib.sha256()
    # in the order of names, which file systems do not keep; names are hashed too, so that two chunks that
    # change places are seen
    for path in sorted(path for path in Path(address).rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(address).as_posix()} {hash_file(path)}\n".encode())
    return digest.hexdigest()


def open_remote(address: Address) -> Any:
    """Return a remote file as a binary stream that fetches, and keeps, only the ranges that are read.

    The stream is shared within a process; leave it open.

    Raises
    ------
    InputError
        Nothing is there, or the server cannot serve parts of files.
    """
    if isinstance(address, StreamedFile):
        return _WholeReads(_open_streamed(address.system, address.path, os.getpid()))
    return _WholeReads(_open_web(_find_asset(hide_access(str(address))).url, os.getpid()))


class _WholeReads(io.RawIOBase):
    """A stream of which a read that gives too little is an error: HDF5 would take its buffer for full.

    Parameters
    ----------
    stream : binary stream
        What is read, and left open.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from where `seek` went."""
        view = memoryview(buffer).cast("B")
        # fsspec hands on what the server sent of a range, however short or long that is
        with without_collection():
            content = self._stream.read(len(view))
        if len(content) != len(view):
            raise OSError(f"{len(content)} of {len(view)} bytes from the web")
        view[:] = content
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._stream.tell())

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read anywhere."""
        return True

    def __repr__(self) -> str:
        """Return that of the stream, which HDF5 takes for the name of the file."""
        return repr(self._stream)


# a process is part of the key: connections, and the thread in which fsspec waits for them, do not outlive a
# fork. Eight streams keep half a GiB at most
@functools.lru_cache(maxsize=8)
def _open_web(url: str, process: int) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise _missing_extra() from error
    try:
        stream = fsspec.open(
            url,
            "rb",
            **_STREAMING,
            # a signature is of the letters that were signed
            encoded="?" in url,
            get_client=open_bounded_session,
        ).open()
    except ImportError as error:
        raise _missing_extra() from error
    # servers fail in as many ways as there are servers; `from None`: what they raise holds the request, and
    # with it what opens the address
    except Exception as error:
        raise InputError(
            f"{url}, which cannot be opened ({type(error).__name__}: {error})",
            "a file on the web",
            "check the address and the connection",
        ) from None
    return _require_ranges(url, stream)


@functools.lru_cache(maxsize=8)
def _open_streamed(system: Any, path: str, process: int) -> Any:
    try:
        stream = system.open(path, "rb", **_STREAMING)
    # file systems fail in as many ways as there are file systems
    except Exception as error:
        raise InputError(
            f"{path}, which {type(system).__name__} cannot open ({type(error).__name__}: {error})",
            "a file of it",
            "check the path and the connection",
        ) from error
    return _require_ranges(path, stream)


def _require_ranges(url: str, stream: Any) -> Any:
    if not stream.seekable():
        raise InputError(
            f"{url} on a server that does not serve parts of files",
            "a server with range requests",
            "fetch the file and pass its path",
        )
    return stream


def _missing_extra() -> MissingExtraError:
    return MissingExtraError(
        "an address on the web and no package to stream it",
        "the extra 'stream'",
        "pip install 'nwbspikegen[stream]'",
    )


# opening a recording and hashing it both ask, and an answer takes several requests
@functools.lru_cache(maxsize=64)
def _find_asset(address: str) -> Asset:
    place = find_place(address)
    if place is None:
        return Asset(_ACCESS.get(address, address), "")
    try:
        import dandi  # noqa: F401
        import requests  # noqa: F401
    except ImportError as error:
        raise _missing_extra() from error
    return find_asset(place, address)
