"""MATLAB files of version 7.3, which are HDF5 files with a header of MATLAB's own."""

from __future__ import annotations

import itertools
from pathlib import Path

import h5py
import numpy as np

from nwbspikegen.core.budget import require_affordable
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.hdf5 import find_dataset, open_hdf5, read_array, require_fitting

_NUMBERS = "biuf"
_CHARACTERS = b"char"


def is_mat73(path: Path) -> bool:
    """Return whether a file is HDF5, and not one that only has its mark by chance."""
    with path.open("rb") as stream:
        is_older = stream.read(10) == b"MATLAB 5.0"
    return not is_older and bool(h5py.is_hdf5(path))


def load_mat73(path: Path) -> tuple[dict[str, np.ndarray], dict[str, list[np.ndarray]]]:
    """Return the numeric arrays of a file, and its cell arrays of one row or column, as of older versions.

    Raises
    ------
    InputError
        The file is damaged, or larger unpacked than it can be.
    """
    plain: dict[str, np.ndarray] = {}
    cells: dict[str, list[np.ndarray]] = {}
    with open_hdf5(path, "a MATLAB file") as file:
        # what MATLAB keeps for itself, such as #refs#, begins with that mark
        for name in (name for name in file if not name.startswith("#")):
            item = file.get(name)
            if not isinstance(item, h5py.Dataset):
                continue
            if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
                if item.ndim == 2 and 1 in item.shape:
                    cells[name] = _read_cells(path, item)
            elif (values := _read_numbers(file, name)) is not None:
                plain[name] = values
    return plain, cells


def _read_cells(path: Path, cells: h5py.Dataset) -> list[np.ndarray]:
    """Return what the cells hold; what is no number becomes a text, which is no number either."""
    require_fitting(cells)
    # by name: many cells may point at one array, which is then read once
    known: dict[str, np.ndarray] = {}
    found, num_bytes = [], 0
    for reference in np.ravel(cells[()]):
        target = cells.file[reference] if reference else None
        name = getattr(target, "name", None)
        if name is not None and name not in known:
            values = _read_numbers(cells.file, name)
            known[name] = np.array("no numbers") if values is None else values
        # HDF5 still finds, by its address, what was deleted: it has no name any more
        found.append(known[name] if name is not None else np.array("no numbers"))
        # all together: many cells may point at one array
        num_bytes += found[-1].nbytes
        require_affordable(f"the cells of {path}", num_bytes, path.stat().st_size)
    _require_apart(path, cells.file, list(known))
    return found


def _require_apart(path: Path, file: h5py.File, names: list[str]) -> None:
    """Raise `InputError` for arrays that share bytes: the place of one is damaged."""
    arrays = [item for name in names if isinstance(item := file.get(name), h5py.Dataset)]
    # None for what lies in chunks, whose places are checked when they are unpacked
    places = [(item.id.get_offset(), item.id.get_storage_size()) for item in arrays]
    spans = sorted((start, start + size) for start, size in places if start is not None)
    if any(stop > following for (_, stop), (following, _) in itertools.pairwise(spans)):
        raise InputError(
            f"arrays that share their bytes in {path}", "an undamaged MATLAB file", "copy it again"
        )


def _read_numbers(file: h5py.File, name: str) -> np.ndarray | None:
    """Return the numbers of an array as MATLAB sees them, None for texts, structures and cells."""
    item = file.get(name)
    is_array = isinstance(item, h5py.Dataset) and item.dtype.kind in _NUMBERS
    if not is_array or item.attrs.get("MATLAB_class") == _CHARACTERS or find_dataset(file, name) is None:
        return None
    if item.chunks is None and item.id.get_storage_size() != item.size * item.dtype.itemsize:
        raise InputError(
            f"{item.name} of shape {item.shape} in {file.filename}, which is stored with another size",
            "an undamaged MATLAB file",
            "check that it was copied whole",
        )
    values: np.ndarray = read_array(file, name)
    if item.attrs.get("MATLAB_empty"):
        # its numbers are the sizes of its axes, of which one is 0
        return np.empty((1, 0), dtype=values.dtype)
    # MATLAB stores columns first
    return values.T
