"""HDF5 files of recording systems and sorters, read so that damage becomes one clear error."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nwbspikegen.errors import InputError

# what h5py raises on damaged files, depending on which byte it is
_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)
# deflate reaches 1,032 to 1; an array larger than that cannot come from the file
_MOST_COMPRESSION = 1100
_PLUGIN = (
    "get MaxWell's plug-in from https://share.mxwbio.com/d/7f2d1e98a1724a1b8b35, and call "
    "h5py.h5pl.prepend('FOLDER OF THE PLUG-IN') before anything is read"
)
_PLAIN = [
    getattr(h5py.h5t, f"{kind}{bits}{order}")
    for kind, sizes in (("STD_I", (8, 16, 32, 64)), ("STD_U", (8, 16, 32, 64)), ("IEEE_F", (16, 32, 64)))
    for bits in sizes
    for order in ("LE", "BE")
]


@contextlib.contextmanager
def open_hdf5(path: Path, kind: str) -> Iterator[h5py.File]:
    """Give an HDF5 file for the block; what h5py raises of damage becomes `InputError`.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What it should be, such as "a MaxWell recording".

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.h5")
    ...     _ = path.write_text("no HDF5")
    ...     with open_hdf5(path, "a recording") as file:
    ...         pass
    Traceback (most recent call last):
    nwbspikegen.errors.InputError: found ...a.h5, which cannot be read (OSError: ...); expected a recording...
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__}: {reason})",
            f"{kind}, undamaged",
            "check that it was copied whole",
        ) from error


def find_dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return a dataset that can be read, or None when the group has none of that name.

    Raises
    ------
    InputError
        If its numbers are stored as nothing stores them, or it is compressed by a filter that is missing.
    """
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        return None
    require_plain(dataset)
    filters = dataset.id.get_create_plist()
    codes = [filters.get_filter(index)[0] for index in range(filters.get_nfilters())]
    missing = [code for code in codes if not h5py.h5z.filter_avail(code)]
    if missing:
        raise InputError(
            f"{dataset.name} of {group.file.filename} compressed by HDF5 filter {missing[0]}",
            "a decompression plug-in for it",
            _PLUGIN,
        )
    return dataset


def require_plain(dataset: h5py.Dataset) -> None:
    """Raise `InputError` for numbers stored as nothing stores them."""
    if not _is_plain(dataset.id.get_type()):
        raise InputError(
            f"{dataset.name} of {dataset.file.filename} in a number format that no computer has",
            "an undamaged file",
            "check that it was copied whole",
        )


def require_written(dataset: h5py.Dataset) -> None:
    """Raise `InputError` when parts of an array are missing, which HDF5 would fill with zeros."""
    if dataset.chunks is None:
        return
    expected = int(
        np.prod([-(-size // part) for size, part in zip(dataset.shape, dataset.chunks, strict=True)])
    )
    if dataset.id.get_num_chunks() < expected:
        raise InputError(
            f"{dataset.name} of {dataset.file.filename}, parts of which are missing",
            "an undamaged file",
            "check that it was copied whole",
        )


def _is_plain(kind: h5py.h5t.TypeID) -> bool:
    """Return whether HDF5 can convert a type: it writes outside its memory for some damaged ones."""
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        members = range(kind.get_nmembers())
        spans = [(kind.get_member_offset(at), kind.get_member_type(at)) for at in members]
        ends = [offset + member.get_size() for offset, member in sorted(spans, key=lambda span: span[0])]
        starts = [*sorted(offset for offset, _ in spans)[1:], kind.get_size()]
        apart = all(end <= start for end, start in zip(ends, starts, strict=True))
        return apart and all(_is_plain(member) for _, member in spans)
    return isinstance(kind, h5py.h5t.TypeStringID) or any(kind.equal(plain) for plain in _PLAIN)


def read_array(group: h5py.Group, name: str) -> Any:
    """Return all of a dataset as an array, or None when the group has none of that name.

    Raises
    ------
    InputError
        As for `find_dataset`, and if the dataset is larger than its file can hold.
    """
    dataset = find_dataset(group, name)
    if dataset is None:
        return None
    num_bytes = int(np.prod(dataset.shape, dtype=np.float64) * dataset.dtype.itemsize)
    if num_bytes > _MOST_COMPRESSION * os.path.getsize(group.file.filename):
        raise InputError(
            f"{dataset.name} of {num_bytes} bytes in {group.file.filename}, which is smaller than that",
            "an undamaged file",
            "check that it was copied whole",
        )
    return np.atleast_1d(dataset[()])


def to_floats(values: np.ndarray) -> np.ndarray:
    """Return numbers as float64; those that are none stay so, without a warning."""
    with np.errstate(invalid="ignore", over="ignore"):
        return values.astype(np.float64)


def read_number(group: h5py.Group, name: str) -> float | None:
    """Return the first number of a dataset, or None when there is none that is finite."""
    values = read_array(group, name)
    if values is None or values.size == 0 or values.dtype.kind not in "iuf":
        return None
    number = float(to_floats(values).flat[0])
    return number if np.isfinite(number) else None


def read_text(group: h5py.Group, name: str) -> str:
    """Return the first text of a dataset, an empty one when there is none."""
    values = read_array(group, name)
    if values is None or values.size == 0:
        return ""
    value = values.flat[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
