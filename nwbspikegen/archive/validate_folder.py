"""A folder of files as an archive looks at it: each by itself, and all together."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from nwbspikegen.archive.validate import validate_file
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import read_text
from nwbspikegen.nwb.opening import open_nwb, reading

_COLUMNS = ["file", "tool", "severity", "message", "where"]


def validate_folder(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Check all NWB files of a folder, and those below it, as `validate_file` does, and across files.

    Across files: no two have one identifier, which nwbinspector calls critical for a folder. A file
    that cannot be read is an error, and the others are checked.

    Parameters
    ----------
    path : path
        A folder. Hidden files and folders are passed over.

    Returns
    -------
    DataFrame
        The columns of `validate_file` behind ``file``: its path within the folder, or several.

    Raises
    ------
    InputError
        No such folder, or no ``.nwb`` file in it.
    MissingExtraError
        dandi or nwbinspector is not installed.

    Examples
    --------
    >>> validate_folder("a_folder_that_is_not_there")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found no folder at a_folder_that_is_not_there; ...
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"no folder at {path}", "a folder with NWB files", "check the path")
    found = [place for place in sorted(path.rglob("*.nwb")) if not _is_hidden(place.relative_to(path))]
    if not found:
        raise InputError(f"no .nwb file in {path}", "one or several", "check the path")
    parts = [_validate(place).assign(file=str(place.relative_to(path))) for place in found]
    parts.append(pd.DataFrame(_compare_identifiers(path, found), columns=_COLUMNS))
    return pd.concat([part[_COLUMNS] for part in parts], ignore_index=True)


def _is_hidden(place: Path) -> bool:
    return any(part.startswith(".") for part in place.parts)


def _validate(place: Path) -> pd.DataFrame:
    try:
        return validate_file(place)
    except InputError as error:
        row = {"tool": "nwbspikegen", "severity": "error", "message": str(error), "where": ""}
        return pd.DataFrame([row])


def _compare_identifiers(folder: Path, places: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Give an error for each identifier that several files have."""
    named = defaultdict(list)
    for place in places:
        try:
            with open_nwb(place) as root, reading(place):
                named[read_text(root, "identifier")].append(str(place.relative_to(folder)))
        except InputError:
            # said of the file itself
            continue
    for identifier, names in named.items():
        if len(names) > 1:
            message = (
                f"the identifier {identifier} is that of {len(names)} files: write the derived ones again"
            )
            yield ", ".join(names), "nwbspikegen", "error", message, "identifier"
