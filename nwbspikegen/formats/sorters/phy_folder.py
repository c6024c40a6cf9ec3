"""The folder that phy reads, and Kilosort writes: where it is, and the arrays in it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_inside
from nwbspikegen.core.npy_files import read_npy
from nwbspikegen.formats.sorters.params import read_params

TIMES = "spike_times.npy"


@dataclasses.dataclass(frozen=True)
class PhyFolder:
    """A folder with `spike_times.npy`, and what its `params.py` says, if it has one."""

    path: Path
    params: Mapping[str, Any]

    def find(self, *names: str) -> Path | None:
        """Return the first file of these names that is there."""
        found = next((place for name in names if (place := self.path / name).is_file()), None)
        return None if found is None else require_inside(found, self.path)

    def read_whole_numbers(self, *names: str) -> Int64[np.ndarray, " row"] | None:
        """Return a vector of whole numbers from the first of some files that is there, or None."""
        place = self.find(*names)
        return None if place is None else _to_whole(place, read_npy(place))

    def read_floats(self, name: str, num_dims: int) -> Float64[np.ndarray, "..."] | None:
        """Return an array of numbers that has so many dimensions, or None where there is no file."""
        place = self.find(name)
        if place is None:
            return None
        array = read_npy(place)
        # a single column of a matrix was made a vector
        array = array[:, None] if num_dims == 2 and array.ndim == 1 else array
        if array.dtype.kind not in "iuf" or array.ndim != num_dims:
            raise InputError(
                f"{array.dtype} of shape {array.shape} in {place}",
                f"numbers in {num_dims} dimensions",
                "check the file",
            )
        return array.astype(np.float64)


def find_phy_folder(source: str | os.PathLike[str]) -> PhyFolder:
    """Return the folder with the spikes: the source, the folder of a `params.py`, or the only one within.

    Raises
    ------
    InputError
        There is none, or several.

    Examples
    --------
    >>> find_phy_folder("missing")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing; ...
    """
    source = Path(source)
    path = source.parent if source.is_file() and source.name == "params.py" else source
    if not path.is_dir():
        raise InputError(
            f"{'another file' if path.exists() else 'nothing'} at {source}",
            f"a folder with {TIMES}, or its params.py",
            "check the path",
        )
    # Kilosort 4 and SpikeInterface write a folder of their own within the one that the user names
    inside = sorted(place.parent for place in path.glob(f"*/{TIMES}"))
    folders = [path] if (path / TIMES).is_file() else inside
    if len(folders) != 1:
        names = ", ".join(folder.name for folder in folders)
        raise InputError(
            f"{len(folders)} folders with {TIMES} in {path}{': ' if names else ''}{names}",
            "one, as phy or Kilosort leave it",
            "pass the folder itself" if names else "pass the folder that the sorter wrote",
        )
    params = folders[0] / "params.py"
    return PhyFolder(folders[0], read_params(params if params.is_file() else None))


def _to_whole(place: Path, array: np.ndarray) -> Int64[np.ndarray, " row"]:
    # MATLAB's versions of Kilosort write doubles and unsigned numbers
    if array.ndim != 1 or array.dtype.kind not in "iuf" or not _is_whole(array):
        raise InputError(
            f"{array.dtype} of shape {array.shape} in {place}", "a row of whole numbers", "check the file"
        )
    return array.astype(np.int64)


def _is_whole(array: np.ndarray) -> bool:
    if array.dtype.kind == "f":
        # beyond 2^53 a float64 is whole whatever it was meant to be
        return bool((array == np.round(array)).all() and (np.abs(array) < 2**53).all())
    return array.size == 0 or int(array.max()) < 2**62
