"""Groups and arrays of an NWB file, HDF5 or Zarr, looked at alike."""

from __future__ import annotations

import logging
from typing import Any

import h5py
import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.hdf5 import (
    require_fitting,
    require_own_dataset,
    require_own_link,
    require_plain,
    require_written,
)
from nwbspikegen.nwb.hdf5_walk import require_readable_chunks
from nwbspikegen.nwb.zarr_folders import require_whole_zarr

_log = logging.getLogger("nwbspikegen")
# texts are stored once and may be named often, so that a small file can stand for any number of letters: rows
# and letters (16 MiB) that are read at once, before what was read is counted
_ROWS = 256
_PART = 2**24
# letters that the shortest text counts as: an array of texts takes 4 bytes for each letter, and as many
# letters for each text as the longest has. So 1 GiB and 16 million texts are the most
_LEAST = 16
_MOST_TEXT = 2**28


def find_array(group: Any, name: str) -> Any:
    """Return an array of a group, or None when there is none that can be read.

    Zarr arrays that hold Python pickles, as hdmf-zarr writes references, are not read: unpickling
    runs whatever the file's author wrote.
    """
    item = _find(group, name)
    if not (hasattr(item, "shape") and hasattr(item, "dtype")):
        return None
    if isinstance(item, h5py.Dataset):
        require_own_dataset(item)
        require_fitting(item)
        if item.dtype.kind in "iuf":
            require_plain(item)
            require_written(item)
        require_readable_chunks(item)
    else:
        require_whole_zarr(item)
    return item


def find_group(parent: Any, name: str) -> Any:
    """Return a group within a group, or None."""
    item = _find(parent, name)
    return item if hasattr(item, "keys") and not hasattr(item, "shape") else None


def _find(group: Any, name: str) -> Any:
    """Return an item below a group, None when there is none; a damaged one raises."""
    item = group
    for part in name.split("/"):
        # names are listed: HDF5 says of a damaged object, too, that it is not there
        if not hasattr(item, "keys") or part not in set(item):
            return None
        item = _find_in_hdf5(item, part) if isinstance(item, h5py.Group) else _find_in_zarr(item, part)
    return item


def _find_in_hdf5(group: h5py.Group, name: str) -> Any:
    # a file on the web is not looked through when it is opened
    require_own_link(group, name)
    return group[name]


def _find_in_zarr(group: Any, name: str) -> Any:
    try:
        return group[name]
    except ValueError as error:
        _log.debug("%s is not read: %s", name, error)
        return None


def read_values(array: Any) -> np.ndarray | None:
    """Return numbers or texts of a one-dimensional array, references as the last part of their path.

    None for what is neither.
    """
    dtype = array.dtype
    if isinstance(array, h5py.Dataset):
        if h5py.check_ref_dtype(dtype) is not None:
            return _read_targets(array)
        if h5py.check_string_dtype(dtype) is not None:
            return np.array(_read_strings(array), dtype=np.str_)
    if dtype.kind in "biuf":
        return np.asarray(array[:])
    if dtype.kind not in "OUS":
        return None
    values = array[:]
    if not all(isinstance(value, str | bytes) for value in values.tolist()):
        return None
    return np.array([to_text(value) for value in values], dtype=np.str_)


def _read_strings(array: h5py.Dataset) -> list[str]:
    """Return texts, or raise `InputError` when there are more than anyone means to read."""
    texts: list[str] = []
    num_bytes = longest = 0
    # one row first: nobody knows yet how long they are
    at, rows = 0, 1
    while at < len(array):
        part = [to_text(value) for value in array[at : at + rows].ravel()]
        num_bytes += sum(map(len, part))
        longest = max([longest, *map(len, part)])
        texts += part
        at, rows = at + rows, max(1, min(_ROWS, _PART // max(longest, 1)))
        # an array of texts takes as much for each as for the longest
        if max(num_bytes, max(longest, _LEAST) * len(texts)) > _MOST_TEXT:
            raise InputError(
                f"more than {_MOST_TEXT} letters in {array.name}", "names and labels", "check the file"
            )
    return texts


def _read_targets(array: h5py.Dataset) -> np.ndarray | None:
    if h5py.check_ref_dtype(array.dtype) is not h5py.Reference:
        return None
    try:
        names = [array.file[each].name for each in array[:]]
    except (ValueError, KeyError, RuntimeError):
        return None
    # HDF5 still finds, by its address, what was deleted: it has no name any more
    if None in names:
        return None
    return np.array([name.rsplit("/", 1)[-1] for name in names], dtype=np.str_)


def read_text(group: Any, name: str) -> str:
    """Return a text, or the first of several, "" when there is none."""
    texts = read_texts(group, name)
    return texts[0] if texts else ""


def read_texts(group: Any, name: str) -> list[str]:
    """Return all texts of an array of any shape."""
    array = find_array(group, name)
    if array is None:
        return []
    if isinstance(array, h5py.Dataset) and array.ndim and h5py.check_string_dtype(array.dtype) is not None:
        return _read_strings(array)
    return [to_text(value) for value in np.ravel(array[()]).tolist()]


def to_text(value: Any) -> str:
    """Return a text as Python has it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
