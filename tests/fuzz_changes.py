"""What damage did to a file, told without the package: to a value, to a name, or to more than these.

A value or a text that stands once in a file has no redundancy, and HDF5, JSON and CSV files have no
checksums: a bit that flips there is another value, which nothing can tell. Nor can anything tell the
name of a thing that may be there or not from the name of another such thing.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def find_payload(path: Path) -> np.ndarray:
    """Return, for every byte of a file, whether it is the value of a number or part of a text."""
    content = path.read_bytes()
    is_value = np.zeros(len(content), dtype=bool)
    if path.suffix == ".npy":
        is_value[128:] = True
    elif path.name == "whole.mat":
        # compressed variables have a checksum, these have none
        is_value[:] = True
    elif path.suffix == ".safetensors":
        is_value[8 + int.from_bytes(content[:8], "little") :] = True
    elif path.suffix in (".pqt", ".parquet"):
        _mark_chunks(path, is_value)
    elif h5py.is_hdf5(path):
        with h5py.File(path) as file:
            file.visititems(lambda _, item: _mark_values(item, is_value))
        # texts lie in heaps: letters that no layout needs
        at = content.find(b"GCOL")
        while at >= 0:
            is_value[at + 16 : at + 4096] = True
            at = content.find(b"GCOL", at + 1)
    return is_value


def _mark_values(item: Any, is_value: np.ndarray) -> None:
    if not isinstance(item, h5py.Dataset) or item.size == 0 or item.shape is None:
        return
    if item.chunks is None:
        start = item.id.get_offset()
        if start is not None:
            is_value[start : start + item.id.get_storage_size()] = True
        return
    for number in range(item.id.get_num_chunks()):
        chunk = item.id.get_chunk_info(number)
        is_value[chunk.byte_offset : chunk.byte_offset + chunk.size] = True


def _mark_chunks(path: Path, is_value: np.ndarray) -> None:
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    for group in map(about.row_group, range(about.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            first = column.dictionary_page_offset or column.data_page_offset
            is_value[first : first + column.total_compressed_size] = True


def describe_change(whole: bytes, path: Path) -> str:
    """Return "value", "name" or, when more changed than one of these, "wrong".

    Only what HDF5 itself reads as a file of the same structure is one of the first two.
    """
    if not (h5py.is_hdf5(path) and whole.startswith(b"\x89HDF")):
        return "wrong"
    try:
        with h5py.File(io.BytesIO(whole)) as file:
            expected = list_items(file)
        with h5py.File(path) as file:
            found = list_items(file)
    # h5py raises almost anything of damage
    except Exception:
        return "wrong"
    if expected.keys() == found.keys():
        same = all(expected[name][0] == found[name][0] for name in expected)
        return "value" if same else "wrong"
    gone, new = expected.keys() - found.keys(), found.keys() - expected.keys()
    moved = Counter(_say(expected[name]) for name in gone) == Counter(_say(found[name]) for name in new)
    return "name" if moved else "wrong"


def _say(item: Any) -> str:
    return json.dumps(item, default=repr)


def list_items(file: h5py.File) -> dict[str, tuple[Any, Any]]:
    """Return structure and value of every group, dataset and attribute, by a path in which names stand."""
    found: dict[str, tuple[Any, Any]] = {}

    def look(path: str, item: Any) -> None:
        for name in item.attrs:
            value = item.attrs[name]
            value = file[value].name if isinstance(value, h5py.Reference) else np.asarray(value)
            found[f"{path}@{name}"] = _describe(value)
        if isinstance(item, h5py.Dataset):
            created = item.id.get_create_plist()
            filters = [created.get_filter(at)[0] for at in range(created.get_nfilters())]
            kind = (str(item.dtype), item.shape, item.maxshape, item.chunks, filters)
            found[path] = (kind, _describe(item[()])[1])
        else:
            found[path] = ("group", None)
            for name in item:
                look(f"{path}/{name}", item[name])

    look("", file)
    return found


def _describe(value: Any) -> tuple[Any, Any]:
    array = np.asarray(value)
    if array.dtype.kind == "O":
        return ("objects", array.shape), repr([str(each) for each in array.ravel().tolist()])
    return (array.dtype.str, array.shape), array.tobytes().hex()
