"""Which version of this package wrote a folder, and what to do with one that is newer than the reader."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.records import Record, read_record

# an error is one line: a damaged name must neither break nor fill it
_MOST_NAME = 40

Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+!_-]{0,40}$")]
"""A version as packages have it, empty where none was recorded."""


class StoredBy(Record, extra="ignore"):
    """What a description says before the rest of it can be read.

    Attributes
    ----------
    format : str
        Kind of thing that is described.
    schema_version : int
        Of its fields. It rises when a reader that does not know the new ones would be wrong; files
        without it are the first.
    package_version : str
        Version of nwbspikegen that wrote it, empty where that was not recorded.
    """

    format: str
    schema_version: PositiveInt = 1
    package_version: Version = ""


def package_version() -> str:
    """Return the version of nwbspikegen.

    Examples
    --------
    >>> package_version().count(".")
    2
    """
    # it is there before any of its parts; an import from here would point up
    return str(vars(sys.modules["nwbspikegen"])["__version__"])


def require_known(path: Path, formats: dict[str, int], called: str, remedy: str) -> StoredBy:
    """Return who wrote a description, or raise `InputError` where this version cannot read it.

    Parameters
    ----------
    path : Path
        The JSON file.
    formats : dict of str to int
        Formats that can be read, each with its newest schema.
    called, remedy : str
        As for `read_record`.

    Raises
    ------
    InputError
        The file is no description, of another format, or of a newer schema.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.json")
    ...     _ = path.write_text('{"format": "a", "schema_version": 3, "package_version": "9.1.0"}')
    ...     require_known(path, {"a": 2}, "a model", "train again")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found ...model.json of schema 3, written by nwbspikegen 9.1.0;
    expected schema 2 at most, which nwbspikegen ... reads; pip install 'nwbspikegen>=9.1.0', or train again
    """
    stored = read_record(path, StoredBy, called, remedy)
    if stored.format not in formats:
        raise InputError(
            f"{path} of format {stored.format[:_MOST_NAME]!a}",
            f"{called}, of format {' or '.join(map(repr, formats))}",
            remedy,
        )
    if stored.schema_version > formats[stored.format]:
        wrote, newest = stored.package_version, formats[stored.format]
        raise InputError(
            f"{path} of schema {stored.schema_version}, written by nwbspikegen {wrote or '(a later one)'}",
            f"schema {newest} at most, which nwbspikegen {package_version()} reads",
            f"pip install 'nwbspikegen>={wrote}', or {remedy}"
            if wrote
            else f"upgrade nwbspikegen, or {remedy}",
        )
    return stored
