"""Where a recording is: a file, a Zarr folder, or an address on the web or in the DANDI archive."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.core.files import hash_file, require_file

Address = str | os.PathLike[str]

_WEB = ("https://", "http://")
_DANDI = "dandi://"
# bytes fetched at once: an HDF5 file is read in many small steps, mostly near each other. 256 ranges of 256
# KiB are 64 MiB for each file, as much as HDF5's own cache of chunks has in `nwb.opening`
_RANGE = 2**18
_KEPT_RANGES = 256
# seconds that DANDI may take to answer at all: well above a slow connection, and short beside the client's
# own twelve tries
_PATIENCE = 30.0


class Asset(NamedTuple):
    """A file of the DANDI archive: where its bytes are, and their sha256 ("" when unknown)."""

    url: str
    sha256: str


def is_remote(address: object) -> bool:
    """Return whether an address leads to the web.

    Examples
    --------
    >>> is_remote("dandi://000409/sub-1/sub-1_ecephys.nwb"), is_remote("https.nwb")
    (True, False)
    """
    return isinstance(address, str) and address.startswith((*_WEB, _DANDI))


def has_scheme(path: object) -> bool:
    """Return whether a path is an address of any kind that fsspec may know.

    Examples
    --------
    >>> has_scheme("hf://org/name"), has_scheme("zip://model::https://a.org/b.zip"), has_scheme("a/b")
    (True, True, False)
    """
    return isinstance(path, str) and "://" in path


def require_recording(address: Address) -> Path | str:
    """Return the absolute path of a file or Zarr folder, or an address on the web as it is.

    Raises
    ------
    InputError
        Nothing is there, or a folder that holds no Zarr of version 2.
    """
    if is_remote(address):
        return str(address)
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
    """Return the last part of an address.

    Examples
    --------
    >>> name_of("https://example.org/a/b.nwb")
    'b.nwb'
    """
    return str(address).rstrip("/").rsplit("/", 1)[-1]


def hash_recording(address: Address) -> str:
    """Return the sha256 of a recording: of a Zarr folder, over its files; of a remote one as archived.

    An empty text for what is on the web outside DANDI: only fetching it whole would tell.
    """
    if is_remote(address):
        return _find_asset(str(address)).sha256
    if not is_zarr(address):
        return hash_file(address)
    digest = hashlib.sha256()
    # in the order of names, which file systems do not keep; names are hashed too, so that two chunks that
    # change places are seen
    for path in sorted(path for path in Path(address).rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(address).as_posix()} {hash_file(path)}\n".encode())
    return digest.hexdigest()


def open_remote(address: str) -> Any:
    """Return a remote file as a binary stream that fetches, and keeps, only the ranges that are read.

    The stream is shared within a process; leave it open.

    Raises
    ------
    InputError
        Nothing is there, or the server cannot serve parts of files.
    """
    return _WholeReads(_open_web(_find_asset(address).url, os.getpid()))


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
        # fsspec's default cache keeps one stretch of the file, which is lost at every jump of HDF5 between an
        # index and its chunks
        stream = fsspec.open(
            url, "rb", block_size=_RANGE, cache_type="blockcache", cache_options={"maxblocks": _KEPT_RANGES}
        ).open()
    except ImportError as error:
        raise _missing_extra() from error
    # servers fail in as many ways as there are servers
    except Exception as error:
        raise InputError(
            f"{url}, which cannot be opened ({type(error).__name__}: {error})",
            "a file on the web",
            "check the address and the connection",
        ) from error
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


@contextlib.contextmanager
def _silence_dandi() -> Iterator[None]:
    """Keep from the log what dandi's client says of a failure, for the error says it in one line."""
    logger = logging.getLogger("dandi")
    level = logger.level
    # beyond the gravest level there is: nothing passes
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


# opening a recording and hashing it both ask, and an answer takes several requests
@functools.lru_cache(maxsize=64)
def _find_asset(address: str) -> Asset:
    if not address.startswith(_DANDI):
        return Asset(address, "")
    try:
        import requests
        from dandi.dandiarchive import parse_dandi_url
    except ImportError as error:
        raise _missing_extra() from error
    first, _, rest = address.removeprefix(_DANDI).partition("/")
    # the archive's own addresses name an instance first; a dandiset alone means the main one
    full = f"{_DANDI}{first}/{rest}" if not first[:1].isdigit() else f"{_DANDI}dandi/{first}/{rest}"
    try:
        with _silence_dandi():
            parsed = parse_dandi_url(full)
            # without a connection, dandi's client alone would go on trying for a minute
            requests.head(parsed.instance.api, timeout=_PATIENCE)
            with parsed.navigate(strict=True) as (_, _, found):
                assets = list(found)
                if len(assets) == 1:
                    digests = assets[0].get_raw_metadata().get("digest", {})
                    # the archive's own address redirects to a signed one that expires; without its query it
                    # is the public one
                    url = assets[0].get_content_url(follow_redirects=True, strip_query=True)
                    return Asset(url, str(digests.get("dandi:sha2-256", "")))
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise InputError(
            f"no connection to DANDI ({type(error).__name__})",
            f"one, for {address}",
            "check it, or download the file and give its path",
        ) from error
    except Exception as error:
        raise InputError(
            f"{address}, which DANDI cannot find ({type(error).__name__}: {error})",
            "dandi://DANDISET[@VERSION]/PATH",
            "check it, and the connection",
        ) from error
    raise InputError(f"{len(assets)} files at {address}", "one NWB file", "pass the whole path of one file")
