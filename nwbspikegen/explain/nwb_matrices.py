"""Arrays with two dimensions or more as `LabeledMatrix`, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.nwb_axes import describe_axis, read_axis
from nwbspikegen.nwb.columns import require_array
from nwbspikegen.nwb.names import join_attributes, split_attributes

# LabeledMatrix names up to four axes, the last two always
_AXES = ("book", "page", "row", "column")
# 512 x 512 in single precision are 1 MiB, what HDF5 caches of a dataset by default
_CHUNK_PLACES = 512
_KNOWN = ("description", "measure", "units")


def to_matrix(name: str, array: xr.DataArray, units: Any, attrs: Mapping[Any, Any]) -> Any:
    """Return an array as `LabeledMatrix`; what NWB has no place for is in its description.

    Raises
    ------
    InputError
        More than four dimensions, or values that are no numbers.
    """
    from ndx_spikegen import LabeledMatrix

    if array.ndim > len(_AXES) or array.dtype.kind not in "iuf" or not array.size:
        raise InputError(
            f"{name} of dims {array.dims} and type {array.dtype}",
            "two to four dims of integers or floats, and at least one place along each",
            "convert or leave out the variable",
        )
    axes: dict[str, Any] = {}
    grids: dict[str, Any] = {}
    for axis, dim in zip(_AXES[-array.ndim :], map(str, array.dims), strict=True):
        given, grid = describe_axis(axis, array, dim, units, attrs)
        axes.update(given)
        grids.update({} if grid is None else {dim: grid})
    known, rest = split_known(name, array.attrs)
    return LabeledMatrix(
        name=name,
        description=join_attributes(known["description"], {"attrs": rest, "grids": grids}),
        measure=known["measure"],
        unit=known["units"],
        axis_names=list(map(str, array.dims)),
        values=_compressed(array),
        **axes,
    )


def split_known(name: str, attrs: Mapping[Any, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return description, measure and units, filled in where they are missing, and the other attributes."""
    filled = {"description": f"The variable {name}.", "measure": name, "units": "1"}
    known = {key: str(attrs.get(key, default)) for key, default in filled.items()}
    return known, {str(key): value for key, value in attrs.items() if key not in _KNOWN}


def read_matrix(group: h5py.Group) -> xr.DataArray:
    """Return what `to_matrix` made."""
    values = require_array(group, "values")[:]
    text = _text(group.attrs["description"])
    stored = split_attributes(text)
    dims = [_text(name) for name in group.attrs["axis_names"]]
    coords = {
        dim: (dim, read_axis(group, axis, stored["grids"].get(dim), size))
        for axis, dim, size in zip(_AXES[-values.ndim :], dims, values.shape, strict=True)
    }
    known = {"description": plain_description(text), "measure": _text(group.attrs["measure"])}
    return xr.DataArray(
        values, coords, dims, attrs={**known, "units": _text(group.attrs["unit"]), **stored["attrs"]}
    )


def plain_description(text: str) -> str:
    """Return a description without the attributes that `join_attributes` put behind it."""
    return text.rpartition(" Attributes as JSON: ")[0] or text


def _compressed(array: xr.DataArray) -> Any:
    """Return the values as HDF5 takes them: in chunks of one matrix, compressed, lazy ones by blocks."""
    from hdmf.backends.hdf5 import H5DataIO

    # a reader looks at one head at a time
    chunks = (1,) * (array.ndim - 2) + tuple(min(size, _CHUNK_PLACES) for size in array.shape[-2:])
    lazy = array.chunks is not None
    data = _blocks(array, chunks) if lazy else array.values
    return H5DataIO(
        data, compression="gzip", compression_opts=4, shuffle=True, **({} if lazy else {"chunks": chunks})
    )


def _blocks(array: xr.DataArray, chunks: tuple[int, ...]) -> Any:
    """Return an iterator that computes a lazy array block by block while it is written."""
    from hdmf.data_utils import GenericDataChunkIterator

    class Blocks(GenericDataChunkIterator):  # type: ignore[misc]
        def _get_data(self, selection: tuple[slice, ...]) -> np.ndarray:
            return np.asarray(array[selection].values)

        def _get_maxshape(self) -> tuple[int, ...]:
            return array.shape

        def _get_dtype(self) -> np.dtype[Any]:
            return array.dtype

    # whole dask blocks would be best, but buffers must be multiples of chunks
    buffer = tuple(
        min(size, max(chunk, chunk * (block[0] // chunk)))
        for size, chunk, block in zip(array.shape, chunks, array.chunks or (), strict=True)
    )
    return Blocks(chunk_shape=chunks, buffer_shape=buffer)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def iterate_matrices(module: h5py.Group) -> Iterator[tuple[str, xr.DataArray]]:
    """Give the name and the array of every matrix of a module."""
    for name, group in module.items():
        if _text(group.attrs.get("neurodata_type", "")) == "LabeledMatrix":
            yield name, read_matrix(group)
