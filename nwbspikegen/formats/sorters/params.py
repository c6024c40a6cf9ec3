"""The file params.py of a phy folder: a Python program, which is read and never run."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.json_files import read_bounded


def read_params(path: Path | None) -> dict[str, Any]:
    """Return what a params.py assigns as literal texts, numbers and lists; nothing where there is no file.

    What would have to be computed is left out.

    Raises
    ------
    InputError
        The file is no Python.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "params.py")
    ...     _ = place.write_text("import os\\nsample_rate = 30000.\\ndat_path = os.getcwd()\\n")
    ...     read_params(place)
    {'sample_rate': 30000.0}
    """
    if path is None:
        return {}
    expected, what_to_do = "assignments, such as sample_rate = 30000", "correct it, or pass --sampling-rate"
    content = read_bounded(path, expected, what_to_do)
    try:
        tree = ast.parse(content)
    # too deep a nesting is one of the last two
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{path}, which is no Python ({type(error).__name__})", expected, what_to_do
        ) from error
    found: dict[str, Any] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
    return found
