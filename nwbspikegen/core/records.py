"""JSON files that a data class describes: written from it, and read back into it or refused by field.

A record is a class of typed fields. What is read is checked against them: a field that is missing,
unknown or of another type ends in one `InputError` that names it, so that no reader has to look after
each entry of a file by itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.json_files import read_bounded

# an error is one line of a terminal: of pydantic's message and of where the field is, the beginning tells
_MOST_CHARACTERS = 120
_MOST_PARTS = 8
# an error line shows where, not the whole of a damaged name
_MOST_NAME = 40


class Record(BaseModel):
    """What a JSON file of this package holds: immutable, every field known, no type converted in silence.

    A number written as text, or a truth value where a number belongs, is refused. JSON knows neither
    tuples nor paths, so a list is read into a tuple and a text into a path. NaN and infinity are written
    as Python's `json` writes them, and read back; a field that must be finite says so by
    ``pydantic.Field(allow_inf_nan=False)``.

    A field that newer versions added has a default, with which files of older versions are read.

    Examples
    --------
    >>> class Window(Record):
    ...     start: float
    ...     duration: float = 600.0
    >>> Window(start=2.0)
    Window(start=2.0, duration=600.0)
    """

    model_config = ConfigDict(
        # a name that damage changed is a field that nobody knows: `extra` makes it an error instead of a
        # default. The input is hidden since it may be megabytes
        frozen=True,
        extra="forbid",
        strict=True,
        ser_json_inf_nan="constants",
        hide_input_in_errors=True,
    )


AnyRecord = TypeVar("AnyRecord", bound=Record)


def write_record(path: str | os.PathLike[str], record: Record, *, overwrite: bool = False) -> None:
    """Write a record as JSON, whole or not at all.

    Raises
    ------
    OutputError
        The file is there and `overwrite` is False, or it cannot be written.
    """
    with write_whole(path, overwrite=overwrite) as temporary:
        temporary.write_text(record.model_dump_json(indent=1), encoding="utf-8")


def read_record(path: str | os.PathLike[str], kind: type[AnyRecord], called: str, remedy: str) -> AnyRecord:
    """Read what `write_record` wrote.

    Parameters
    ----------
    path : path
        The file.
    kind : type of record
        What it should hold.
    called : str
        What that is, for the error: "a transfer study".
    remedy : str
        What to do when the file is damaged: "restore it".

    Raises
    ------
    InputError
        The file is not there, larger than 256 MiB, no JSON, or not what `kind` describes; the error names
        the first field that is wrong.

    Examples
    --------
    >>> import tempfile
    >>> class Window(Record):
    ...     start: float
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_record(Path(folder, "a.json"), Window(start=2.0))
    ...     read_record(Path(folder, "a.json"), Window, "a window", "write it again")
    ...     _ = Path(folder, "b.json").write_text('{"start": "two"}')
    ...     read_record(Path(folder, "b.json"), Window, "a window", "write it again")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found ...b.json, whose start is wrong (input should be a valid
    number); expected a window; write it again
    """
    path = Path(path)
    content = read_bounded(path, called, remedy)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise InputError(f"{path}, {_describe_first(error)}", called, remedy) from error


def _describe_first(error: ValidationError) -> str:
    """Say in one line what is wrong with the first field that is."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    said = " ".join(first["msg"].split())[:_MOST_CHARACTERS]
    said = said[:1].lower() + said[1:]
    if first["type"] == "json_invalid":
        return f"which is not JSON ({said})"
    # names may come from the file: damaged ones neither break the line nor fill it
    parts = [str(part)[:_MOST_NAME] for part in first["loc"][:_MOST_PARTS]]
    name = ".".join(part if part.isprintable() else ascii(part) for part in parts)
    return f"whose {name} is wrong ({said})" if name else f"which is no such record ({said})"
