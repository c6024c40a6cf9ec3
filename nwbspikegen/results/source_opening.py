"""Opening the recording that a file is derived from, wherever it is."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from nwbspikegen.addresses import hash_recording, is_remote, is_zarr, open_remote, require_recording
from nwbspikegen.errors import InputError
from nwbspikegen.hdf5 import require_own_data
from nwbspikegen.hdf5_heaps import require_sound_heaps
from nwbspikegen.results.metadata import fill_metadata
from nwbspikegen.results.source_file import reduce_to_units
from nwbspikegen.views.nwb_opening import open_nwb, reading
from nwbspikegen.views.nwb_table import require_units


def require_source(source: Any) -> Path | str:
    """Return the path or address of an NWB file with units, or raise `InputError`."""
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            f"a {type(source).__name__} as source",
            "the path of an NWB file",
            "write it to NWB with nwbspikegen.convert_sorting first",
        )
    address = require_recording(source)
    with open_nwb(address) as root, reading(address):
        require_units(root, address)
    return address


@contextlib.contextmanager
def read_reduced(source: Path | str, given: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Give the open source and, in memory, the part of it that a derived file keeps."""
    with warnings.catch_warnings():
        # sources of any age are read: neither their cached specifications nor fields that have become
        # old-fashioned say anything about what is written
        warnings.filterwarnings("ignore", message="Ignoring.* cached namespace", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*field is deprecated", category=DeprecationWarning)
        with _open_io(source) as io:
            nwbfile = _read(io, source)
            reduce_to_units(nwbfile)
            fill_metadata(nwbfile, given)
            yield io, nwbfile


@contextlib.contextmanager
def holding_still(source: Path | str, expected: str = "") -> Iterator[None]:
    """Raise `InputError` if the sha256 of a source is not `expected`, or not the same at the end."""
    before = hash_recording(source)
    _require_equal(source, expected or before, before)
    yield
    _require_equal(source, before, hash_recording(source))


def _require_equal(source: Path | str, one: str, other: str) -> None:
    if one != other:
        raise InputError(
            f"{source}, which changed while it was worked on", "the same bytes from the beginning to the end",
            "give the same command again when nothing writes to it",
        )  # fmt: skip


@contextlib.contextmanager
def _open_io(source: Path | str) -> Iterator[Any]:
    from pynwb import NWBHDF5IO

    if is_zarr(source):
        from hdmf_zarr.nwb import NWBZarrIO

        with NWBZarrIO(str(source), mode="r") as io:
            yield io
    elif is_remote(source):
        with h5py.File(open_remote(str(source)), "r") as file:
            require_own_data(file)
            with NWBHDF5IO(file=file, mode="r") as io:
                yield io
    else:
        with open_nwb(source), reading(source):
            # pynwb follows every link of a file, which is looked through when it is opened, and reads all
            require_sound_heaps(source)
        with NWBHDF5IO(str(source), "r") as io:
            yield io


def _read(io: Any, source: Path | str) -> Any:
    try:
        return io.read()
    except Exception as error:
        if not is_zarr(source):
            raise
        # numcodecs refuses, rightly, to unpickle the references that hdmf-zarr writes
        raise InputError(
            f"{source}, a Zarr folder that pynwb cannot read ({type(error).__name__}: {error})",
            "one that holds no Python pickles, or an HDF5 file",
            "export it to HDF5, or, if you trust its author, set NUMCODECS_ALLOW_UNSAFE_PICKLE_DECODE=1",
        ) from error
