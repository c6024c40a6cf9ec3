"""Opening NWB, whatever it is stored in."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nwbspikegen.core.addresses import Address, is_remote, is_zarr, open_remote
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.nwb.groups import to_text
from nwbspikegen.nwb.hdf5 import open_guarded
from nwbspikegen.nwb.zarr_folders import open_zarr

# a compressed chunk must fit, or every unit would decompress it anew: HDF5's own cache has 1 MiB
_CHUNK_CACHE_BYTES = 64 * 2**20


@contextlib.contextmanager
def open_nwb(address: Address) -> Iterator[Any]:
    """Open an NWB file for reading as its root group, an `h5py.File` or a `zarr.Group`.

    HDF5 files are not locked, which would keep others from writing them.

    Raises
    ------
    InputError
        Not HDF5 or Zarr, not whole, not NWB 2, or one that reads from other files.
    """
    if is_zarr(address):
        yield _require_nwb(open_zarr(Path(address)), address)
        return
    if not is_remote(address) and not h5py.is_hdf5(require_file(address)):
        is_packed = zipfile.is_zipfile(str(address))
        raise InputError(
            f"{address}, which is {'a zip archive' if is_packed else 'not HDF5'}",
            "an NWB (HDF5 or Zarr) file",
            "unpack it, and pass the folder" if is_packed else "pass the path of an .nwb file",
        )
    with contextlib.ExitStack() as stack:
        try:
            if is_remote(address):
                place: Any = open_remote(address)
                file = stack.enter_context(h5py.File(place, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES))
            else:
                file = stack.enter_context(
                    # HDF5 locks a file that it only reads, too, and cannot on some shared file systems
                    open_guarded(str(address), rdcc_nbytes=_CHUNK_CACHE_BYTES, locking=False)
                )
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            _refuse_whole_files(address, error)
            raise InputError(
                f"{address}, which HDF5 cannot open ({error})", "a whole file", "fetch it again"
            ) from error
        yield _require_nwb(file, address)


def _require_nwb(root: Any, address: Address) -> Any:
    with reading(address):
        is_nwb = "nwb_version" in root.attrs
        version = "" if is_nwb else _read_old_version(root)
    if version:
        raise InputError(
            f"{address}, a file of NWB 1.x ({version})",
            "an NWB 2 file",
            "convert it: ask its archive for NWB 2, convert patch-clamp files with IPFX, or read spike times "
            "with h5py and write them with nsg.convert_sorting",
        )
    if not is_nwb:
        raise InputError(f"{address}, a file without nwb_version", "an NWB 2 file", "convert it to NWB first")
    return root


def _read_old_version(root: Any) -> str:
    """Return what a file of NWB 1.x says in its dataset nwb_version, "" for any other file."""
    # NWB 1 had it as a dataset, under either name by the writer; NWB 2 has it as an attribute
    for name in ("nwb_version", "nwb-version"):
        if name in root and not hasattr(root[name], "keys"):
            text = to_text(np.ravel(root[name][()])[0]).strip()
            if text.upper().removeprefix("NWB-").startswith(("0.", "1.")):
                return text
    return ""


@contextlib.contextmanager
def reading(address: Address) -> Iterator[None]:
    """Turn what a damaged file makes a storage library raise into one clear error."""
    try:
        yield
    except InputError:
        raise
    except (
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        MemoryError,
    ) as error:
        _refuse_whole_files(address, error)
        raise InputError(
            f"{address}, which cannot be read ({type(error).__name__}: {error})",
            "an undamaged NWB file",
            "fetch or write it again",
        ) from error


def _refuse_whole_files(address: Address, error: Exception) -> None:
    """Raise `InputError` when an error tells of a server that cannot serve parts of files."""
    if is_remote(address) and "range requests" in str(error):
        raise InputError(
            f"{address} on a server that does not serve parts of files",
            "a server with range requests",
            "fetch the file and pass its path",
        ) from error
