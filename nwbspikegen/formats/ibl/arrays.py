"""Reading the arrays and tables of an ALF collection: whole, of one length, and never pickled."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core import table_files
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.npy_files import read_npy
from nwbspikegen.formats.ibl.folder import Collection

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger("nwbspikegen")


def read_alf_numbers(
    collection: Collection, name: str, columns: int = 0
) -> Float64[np.ndarray, "..."] | None:
    """Return an array of numbers as float64 (rows, or rows x `columns`), or None where there is no file."""
    path = collection.find(name)
    if path is None:
        return None
    array = read_npy(path)
    wanted = (len(array), columns) if columns and array.ndim else (array.size,)
    if array.dtype.kind not in "iuf" or array.shape != wanted:
        raise InputError(
            f"{array.dtype} of shape {array.shape} in {path}",
            f"numbers in {columns or 1} column{'s' * (columns > 1)}",
            "check the file",
        )
    return array.astype(np.float64)


def read_whole_numbers(collection: Collection, name: str) -> Int64[np.ndarray, " row"] | None:
    """Return an array of whole numbers (cluster numbers, rows of another table), or None."""
    path = collection.find(name)
    if path is None:
        return None
    array = read_npy(path)
    whole = array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and bool(np.isfinite(array).all() and (array == np.round(array)).all())
    )
    # beyond 2^53 a float64 is whole whatever it was meant to be
    if array.ndim != 1 or not whole or (array.size and np.abs(array.astype(np.float64)).max() > 2**53):
        raise InputError(f"{array.dtype} of shape {array.shape} in {path}", "whole numbers", "check the file")
    return array.astype(np.int64)


def read_names(collection: Collection, name: str) -> np.ndarray | None:
    """Return an array of strings; None where there is no file, or one of pickled objects, with a warning."""
    path = collection.find(name)
    if path is None:
        return None
    if path.suffix == ".csv":
        names = read_alf_table(path).iloc[:, 0]
        return names.astype(object).where(names.notna(), "").to_numpy(dtype=str)
    if _is_pickled(path):
        _LOG.warning("%s holds pickled objects, which could run code: it is not read", path)
        return None
    array = read_npy(path)
    if array.dtype.kind not in "US" or array.ndim != 1:
        raise InputError(f"{array.dtype} of shape {array.shape} in {path}", "names", "check the file")
    return array.astype(str)


def _is_pickled(path: Path) -> bool:
    # IBL files of acronyms may be arrays of objects; mapping one tells without loading it
    try:
        np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        return "Python objects" in str(error)
    return False


def read_alf_table(path: Path) -> pd.DataFrame:
    """Return a .pqt, .csv or .tsv file as a table; errors as in `core.table_files`."""
    return table_files.read_table(path, "ibl")


def require_one_length(folder: Path, arrays: dict[str, Any]) -> int | None:
    """Return the number of rows that all arrays have, None without arrays.

    Raises
    ------
    InputError
        If they contradict each other.

    Examples
    --------
    >>> require_one_length(Path("alf"), {"spikes.times": [0.5, 0.7], "spikes.clusters": [3]})
    Traceback (most recent call last):
    ...
    nwbspikegen.core.errors.InputError: found 2 rows of spikes.times, 1 of spikes.clusters in alf; ...
    """
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} of {name}" for name, length in lengths.items()).replace(
            " of", " rows of", 1
        )
        raise InputError(f"{found} in {folder}", "one length", "copy files of one sorting")
    return next(iter(lengths.values()), None)
