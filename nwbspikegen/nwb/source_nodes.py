"""Groups and arrays of a recording with their links and references, HDF5 or Zarr, looked at alike."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Hashable, Iterator
from typing import Any

import h5py
import numpy as np

from nwbspikegen.nwb.hdf5 import (
    require_fitting,
    require_own_dataset,
    require_own_link,
    require_written,
)
from nwbspikegen.nwb.hdf5_walk import require_readable_chunks
from nwbspikegen.nwb.zarr_folders import require_whole_zarr

# attributes by which HDF5 and hdmf-zarr say how they store something
_OWN_ATTRIBUTES = {
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "CLASS",
    "NAME",
    "_Netcdf4Dimid",
    "_ARRAY_DIMENSIONS",
    "zarr_dtype",
    "zarr_link",
    "filters",
    ".specloc",
}


@dataclasses.dataclass(frozen=True)
class Reference:
    """What a link, an attribute or an element points at.

    Parameters
    ----------
    key : hashable or None
        What `key_of` gives of the object that is pointed at; None when it is nowhere.
    """

    key: Hashable | None


def is_group(item: Any) -> bool:
    """Return whether an object of a file is a group."""
    return hasattr(item, "keys") and not hasattr(item, "shape")


def key_of(item: Any) -> Hashable:
    """Return what tells an object of a file from all others, by whatever name it was reached."""
    if isinstance(item, h5py.Group | h5py.Dataset):
        # the address in the file: names differ between hard links
        about = h5py.h5o.get_info(item.id)
        return about.fileno, about.addr
    return _normalize(item.path)


def _normalize(path: str) -> str:
    return posixpath.normpath(f"/{path.strip('/')}")


def iterate_members(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and object of all that is in a group, a `Reference` for what is linked to.

    None stands for an array of which Zarr itself cannot make anything without loading pickles.
    """
    if isinstance(group, h5py.Group):
        for name in group:
            require_own_link(group, name)
            if isinstance(group.get(name, getlink=True), h5py.SoftLink):
                yield name, Reference(_follow(group, name))
            else:
                yield name, group[name]
        return
    for name in sorted(group):
        yield name, _find_in_zarr(group, name)
    # Zarr knows no links: hdmf-zarr lists them in an attribute
    for link in group.attrs.get("zarr_link", []):
        yield str(link["name"]), _to_reference(link)


def _find_in_zarr(group: Any, name: str) -> Any:
    import zarr

    try:
        return group[name]
    except (ValueError, zarr.errors.MetadataError):
        return None


def _follow(group: h5py.Group, name: str) -> Hashable | None:
    try:
        return key_of(group[name])
    except KeyError:
        return None


def _to_reference(pointer: Any) -> Reference:
    """Return what hdmf-zarr says is pointed at; what lies in another store is nowhere."""
    is_own = pointer.get("source", ".") in (".", "", None)
    path = pointer.get("path")
    return Reference(_normalize(path) if is_own and isinstance(path, str) else None)


def read_attributes(item: Any) -> dict[str, Any]:
    """Return the attributes of an object, references as `Reference`, without those of the storage."""
    return {
        name: value
        for name in sorted(item.attrs)
        if name not in _OWN_ATTRIBUTES and (value := _read_attribute(item, name)) is not None
    }


def _read_attribute(item: Any, name: str) -> Any:
    if not isinstance(item, h5py.Group | h5py.Dataset):
        value = item.attrs[name]
        if isinstance(value, dict):
            return _to_reference(value["value"]) if isinstance(value.get("value"), dict) else None
        return value
    value = item.attrs[name]
    if isinstance(value, h5py.Reference):
        return Reference(_dereference(item.file, value))
    holds_objects = isinstance(value, np.ndarray) and value.dtype.kind == "O"
    # parts of arrays are described by the places of another file, and what is empty says nothing
    if isinstance(value, h5py.Empty | h5py.RegionReference):
        return None
    return None if holds_objects and not all(isinstance(each, str | bytes) for each in value.flat) else value


def _dereference(file: h5py.File, reference: h5py.Reference) -> Hashable | None:
    try:
        found = file[reference]
        # HDF5 still finds, by its address, what was deleted: it has no name any more
        return None if found.name is None else key_of(found)
    except (ValueError, KeyError, RuntimeError, OSError):
        return None


def read_references(array: Any) -> list[Reference] | None:
    """Return what each element of an array points at; None for an array of anything else.

    hdmf-zarr stores references as Python pickles, which are never loaded: such an array is `is_opaque`.
    """
    if not isinstance(array, h5py.Dataset) or h5py.check_ref_dtype(array.dtype) is not h5py.Reference:
        return None
    return [Reference(_dereference(array.file, each)) for each in np.ravel(array[()])]


def is_opaque(array: Any) -> bool:
    """Return whether an array holds what cannot be copied to another file: pickles, parts of arrays."""
    if isinstance(array, h5py.Dataset):
        kinds = [array.dtype, *(field[0] for field in (array.dtype.fields or {}).values())]
        inner = [h5py.check_vlen_dtype(kind) for kind in kinds]
        points = any(h5py.check_ref_dtype(each) is not None for each in (*kinds, *filter(None, inner)))
        return points and h5py.check_ref_dtype(array.dtype) is not h5py.Reference
    return any(type(each).__name__ == "Pickle" for each in array.filters or [])


def require_whole(array: Any) -> None:
    """Raise `InputError` for an array that lies elsewhere, is larger than its file, or lacks parts."""
    if not isinstance(array, h5py.Dataset):
        require_whole_zarr(array)
        return
    require_own_dataset(array)
    require_fitting(array)
    if array.dtype.kind in "iufb":
        require_written(array)
    require_readable_chunks(array)
