"""JSON files of this package: bounded, and read without an error of Python's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file

# bytes: nothing that is stored so comes near, and Python's objects take several times as much as their text
_MOST_BYTES = 2**28


def read_json(path: Path, expected: str, what_to_do: str) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Parameters
    ----------
    path : Path
        The file.
    expected, what_to_do : str
        What it should be, and what to do when it is not.

    Raises
    ------
    InputError
        The file is not there, no JSON, no object, nested too deeply, or larger than 256 MiB.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.json").write_text("[" * 100_000)
    ...     read_json(Path(folder, "a.json"), "a study", "restore it")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found ...a.json, which is not JSON (RecursionError); ...
    """
    content = read_bounded(path, expected, what_to_do)
    try:
        stored = json.loads(content.decode("utf-8"))
    # too deep a nesting is a RecursionError
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}, which is not JSON ({type(error).__name__})", expected, what_to_do
        ) from error
    if not isinstance(stored, dict):
        raise InputError(f"{path}, which holds no JSON object", expected, what_to_do)
    return stored


def read_bounded(path: Path, expected: str, what_to_do: str) -> bytes:
    """Return the bytes of a file, or raise `InputError` where none is, or one of more than 256 MiB.

    Parameters are those of `read_json`.
    """
    path = require_file(path)
    try:
        # before reading: a file of zeros that takes no room on the disk would fill the memory
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}, which has more than {_MOST_BYTES} bytes", expected, what_to_do)
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__})", expected, what_to_do
        ) from error
