"""Folders at addresses: the files that are asked for by name, fetched for as long as they are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nwbspikegen.core.addresses import Address, has_scheme
from nwbspikegen.core.errors import InputError, MissingExtraError, NWBSpikeGenError
from nwbspikegen.core.files import explaining_full_disks, make_scratch
from nwbspikegen.core.web_answers import Progress, open_bounded_session

# bytes of one file: a thousand times the weights of the largest model that was trained with this package,
# and short of what would fill a disk
_MOST_BYTES = 2**31
_PIECE = 2**20
_WEB = ("http", "https")
# answers that say so; what a server forbids, or fails to do, may be there
_NOT_THERE = (404, 410)
_DANDI = "dandi://"
# what reads an address comes with these extras; others are named by fsspec
_EXTRAS = {"hf": "hub", "http": "stream", "https": "stream"}


@contextlib.contextmanager
def open_folder(address: Address, names: Sequence[str]) -> Iterator[Path]:
    """Give a folder on this machine as it is, or the files of one at an address, fetched to read.

    Nothing but `names` is fetched, nothing is written to the address, and what was fetched is removed
    afterwards. Errors name the address.

    Parameters
    ----------
    address : path or address
        A folder, or what fsspec reads: ``hf://org/name``, ``https://``, ``s3://``, ``zip://``.
    names : sequence of str
        The first must be there; the others may be.

    Raises
    ------
    InputError
        Nothing is there, nothing can be read there, or a file has more than 2 GiB.
    MissingExtraError
        No package is installed that reads such addresses.

    Examples
    --------
    >>> import fsspec
    >>> fsspec.filesystem("memory").pipe({"/a/model.json": b"{}", "/a/other": b""})
    >>> with open_folder("memory://a", ["model.json", "weights"]) as folder:
    ...     [path.name for path in folder.iterdir()]
    ['model.json']
    """
    if not has_scheme(address):
        yield Path(address)
        return
    text = str(address)
    with make_scratch() as folder:
        _fetch(text, names, folder)
        try:
            yield folder
        except NWBSpikeGenError as error:
            # the temporary folder is gone when somebody reads of it
            told = [part.replace(str(folder), text) for part in (error.found, error.expected, error.remedy)]
            raise type(error)(*told) from error


def is_there(address: str, name: str) -> bool:
    """Return whether a folder at an address has a file of a name.

    Examples
    --------
    >>> is_there("memory://nowhere", "model.json")
    False
    """
    system, place = _find(address)
    with _explaining(address):
        return bool(system.isfile(_join(place, name)))


def _fetch(address: str, names: Sequence[str], folder: Path) -> None:
    """Copy the files of some names, in their order; the first is asked for before anything is read."""
    system, place = _find(address)
    for name in names:
        try:
            with _explaining(address), explaining_full_disks(folder):
                _copy(system, _join(place, name), folder / name, address)
        except FileNotFoundError as error:
            if (reason := _find_reason(system, error)) is not None:
                raise _unreadable(address, reason) from error
            if name == names[0]:
                raise InputError(
                    f"no {name} at {address}", "the address of a folder with it", "check the address"
                ) from error


def _find(address: str) -> tuple[Any, str]:
    """Return fsspec's file system of an address, and the place of the folder in it."""
    protocol = address.partition("://")[0]
    if address.startswith(_DANDI):
        raise InputError(
            address, "hf://, https://, s3:// or another address of a folder", "DANDI keeps recordings only"
        )
    if protocol in _WEB and ("?" in address or "#" in address):
        # names of files are put behind the address, where a query would swallow them
        raise InputError(f"{address}, which has a query", "the address of a folder", "leave the query out")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise _missing(protocol, "no package to stream it") from error
    try:
        with _explaining(address):
            # an archive on the web is another address than its own
            how = {"get_client": open_bounded_session} if protocol in _WEB else {}
            system, place = url_to_fs(address, **how)
            # what is there may have changed since somebody asked
            system.invalidate_cache()
    except ImportError as error:
        raise _missing(protocol, str(error).splitlines()[0][:120] if str(error) else "") from error
    except FileNotFoundError as error:
        raise InputError(f"nothing at {address}", "the address of a folder", "check the address") from error
    return system, str(place).rstrip("/")


def _join(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _copy(system: Any, place: str, target: Path, address: str) -> None:
    # with blocks of no size fsspec reads the answer as it comes: not every server gives parts of files
    how = {"block_size": 0} if set(_WEB) & set(_protocols(system)) else {}
    left, progress = _MOST_BYTES, Progress()
    with system.open(place, "rb", **how) as stream, target.open("wb") as copy:
        while piece := stream.read(_PIECE):
            progress.note(len(piece))
            left -= len(piece)
            if left < 0:
                raise InputError(
                    f"{target.name} of more than {_MOST_BYTES} bytes at {address}",
                    "a file of a model",
                    "check the address; a model that large can be fetched by hand and loaded from its folder",
                )
            copy.write(piece)


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


@contextlib.contextmanager
def _explaining(address: str) -> Iterator[None]:
    """Turn what file systems raise into one line, except that nothing is there or nothing is installed."""
    try:
        yield
    except (NWBSpikeGenError, FileNotFoundError, ImportError):
        raise
    # servers fail in as many ways as there are servers
    except Exception as error:
        raise _unreadable(address, error) from error


def _find_reason(system: Any, error: FileNotFoundError) -> BaseException | None:
    """Return what keeps the web from answering: fsspec calls that not found as well. None: it answered so."""
    if error.__cause__ is None or not set(_WEB) & set(_protocols(system)):
        return None
    return None if getattr(error.__cause__, "status", 0) in _NOT_THERE else error.__cause__


def _unreadable(address: str, error: BaseException) -> InputError:
    said = (str(error).splitlines() or [""])[0][:200]
    return InputError(
        f"{address}, which cannot be read ({type(error).__name__}: {said})",
        "the address of a folder",
        "check the address and the connection",
    )


def _missing(protocol: str, said: str) -> MissingExtraError:
    found = f"an address {protocol}:// and no package that reads it"
    if protocol not in _EXTRAS:
        return MissingExtraError(found, f"one ({said})", "install it, or fetch the folder and pass its path")
    other = ", or pass https://huggingface.co/ORG/NAME/resolve/main" if protocol == "hf" else ""
    extra = _EXTRAS[protocol]
    return MissingExtraError(found, f"the extra '{extra}'", f"pip install 'nwbspikegen[{extra}]'{other}")
