"""Garbage is not collected in the thread that fetches for HDF5, which would wait for itself."""

from __future__ import annotations

import gc
import io
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nwbspikegen.core.addresses import open_remote
from nwbspikegen.core.open_files import StreamedFile

# a collection begins after some 700 new containers
_MANY = 5000


class _System:
    """A file system whose bytes come from another thread, which makes garbage."""

    def open(self, path: str, mode: str, **options: Any) -> _Stream:
        return _Stream(Path(path).read_bytes())


class _Stream(io.BytesIO):
    def read(self, num_bytes: int | None = -1) -> bytes:
        thread = threading.Thread(target=lambda: [[] for _ in range(_MANY)], daemon=True)
        thread.start()
        thread.join(timeout=5)
        # in use h5py would wait for ever
        if thread.is_alive():
            raise OSError("the thread that fetches waits for the one that reads")
        return super().read(num_bytes)


def test_collection_waits_until_what_hdf5_asked_for_is_there(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3.0)
    with h5py.File(path) as other:
        gc.disable()
        cycle: list[Any] = [other["x"]]
        cycle.append(cycle)
        del cycle
        gc.enable()
        with h5py.File(open_remote(StreamedFile("slow://a.h5", _System(), str(path))), "r") as file:
            assert file["x"][()].tolist() == [0, 1, 2]
    assert gc.isenabled()
