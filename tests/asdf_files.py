"""ASDF files for tests."""

from __future__ import annotations

from pathlib import Path

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
