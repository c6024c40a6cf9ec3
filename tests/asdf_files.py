"""ASDF files for tests."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import scipy.io

TRAINS = ([3, 1, 250], [], [7])


def write_asdf(
    path: Path, trains=TRAINS, size=(3, 250), *, axis=0, dtype=np.uint8, name="asdf", do_compression=False
) -> Path:
    """Write an ASDF file; `size` is its last cell."""
    cells = [np.atleast_2d(np.asarray(train, dtype)) for train in trains]
    cells += [np.empty((1, 0)), np.atleast_2d(np.asarray(size))]
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    scipy.io.savemat(path, {name: np.expand_dims(array, 1 - axis)}, do_compression=do_compression)
    return path


def write_asdf73(path: Path, trains=TRAINS, size=(3, 250), *, axis=0, dtype=np.uint8, name="asdf") -> Path:
    """Write the same as MATLAB 7.3 does: an HDF5 file after 512 bytes, cells as references, columns first."""
    arrays = [np.atleast_2d(np.asarray(train, dtype)) for train in trains]
    arrays += [np.empty((0, 0)), np.atleast_2d(np.asarray(size, np.float64))]
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("#refs#")
        references = [_write_matrix(group, f"r{at}", array).ref for at, array in enumerate(arrays)]
        # MATLAB's rows are HDF5's columns
        shape = (1, len(references)) if axis == 0 else (len(references), 1)
        cells = file.create_dataset(name, shape, h5py.ref_dtype)
        cells[...] = np.array(references, dtype=object).reshape(shape)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        _write_matrix(file, "note", np.array([list(b"made by hand")], np.uint16)).attrs["MATLAB_class"] = (
            np.bytes_("char")
        )
        file.create_group("about").attrs["MATLAB_class"] = np.bytes_("struct")
    _write_header(path)
    return path


def write_matrices73(path: Path, **matrices) -> Path:
    """Write plain matrices as MATLAB 7.3 does."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in matrices.items():
            _write_matrix(file, name, np.atleast_2d(np.asarray(values)))
    _write_header(path)
    return path


def _write_matrix(group: h5py.Group, name: str, values: np.ndarray) -> h5py.Dataset:
    classes = {"f8": "double", "f4": "single", "u1": "uint8", "u2": "uint16", "i4": "int32", "i8": "int64"}
    if values.size:
        dataset = group.create_dataset(name, data=values.T)
    else:
        # an empty matrix is stored as its size
        dataset = group.create_dataset(name, data=np.array(values.shape, np.uint64))
        dataset.attrs["MATLAB_empty"] = np.uint8(1)
    dataset.attrs["MATLAB_class"] = np.bytes_(classes[values.dtype.str[1:]])
    return dataset


def _write_header(path: Path) -> None:
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5 schema 1.00 ."
    with path.open("r+b") as stream:
        stream.write(text.ljust(124) + b"\x00\x02IM")
