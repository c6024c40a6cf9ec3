"""Files that somebody has opened, as addresses: they are opened again when, and where, they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError


class StreamedFile(str):
    """Address of a file in a file system of fsspec, which knows how to log in, unpack or fetch.

    Parameters
    ----------
    address : str
        What it is called, with the protocol.
    system : fsspec file system
        What opens it.
    path : str
        Its path within.
    """

    system: Any
    path: str

    def __new__(cls, address: str, system: Any = None, path: str = "") -> StreamedFile:
        """Return the address, which pickles with its file system."""
        new = super().__new__(cls, address)
        new.system, new.path = system, path
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what workers make it from."""
        return StreamedFile, (str(self), self.system, self.path)


def is_open_file(what: object) -> bool:
    """Return whether something is a file that was opened, or is about to be.

    Examples
    --------
    >>> import io
    >>> is_open_file(io.BytesIO()), is_open_file("a.nwb")
    (True, False)
    """
    return hasattr(what, "read") or (hasattr(what, "fs") and hasattr(what, "path"))


def find_address(file: Any) -> Path | StreamedFile:
    """Return where an open file is: a path, or a place in a file system of fsspec.

    Raises
    ------
    InputError
        It is nowhere, as in memory.

    Examples
    --------
    >>> import io
    >>> find_address(io.BytesIO())
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found a BytesIO, which has no path or address; ...
    """
    system, path = getattr(file, "fs", None), getattr(file, "path", None)
    if system is not None and isinstance(path, str):
        protocols = system.protocol if isinstance(system.protocol, tuple | list) else (system.protocol,)
        if "file" in protocols:
            return Path(path)
        return StreamedFile(system.unstrip_protocol(path), system, path)
    name = getattr(file, "name", None)
    # files of Python's own are named after their path
    if isinstance(name, str) and Path(name).is_file():
        return Path(name)
    raise InputError(
        f"a {type(file).__name__}, which has no path or address",
        "a file opened from disk or with fsspec",
        "write it to disk, or put it into fsspec's memory file system",
    )
