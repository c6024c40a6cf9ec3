"""Reads a MATLAB file and writes its numbers to stdout; a program of its own.

SciPy's reader can take the whole process down with it on a damaged file, so it runs in another one.
Nothing of this package is imported here: the program starts sooner.
"""

from __future__ import annotations

import io
import sys
from typing import Any


def print_arrays(path: str) -> int:
    """Write an .npz of numeric arrays: `name`, or `name/0`, `name/1`, ... for a row or column of cells.

    Exit status 3 for MATLAB 7.3, 4 for what cannot be read; the reason goes to stderr.
    """
    import numpy as np
    import scipy.io

    try:
        # SciPy compares how long compressed variables are with what the file says; what it calls not
        # implemented is MATLAB 7.3, which is HDF5 and was read elsewhere if it is whole
        variables = scipy.io.loadmat(path, verify_compressed_data_integrity=True)
    except NotImplementedError:
        return 3
    # a damaged file makes the reader raise almost anything
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
        return 4
    arrays: dict[str, Any] = {}
    for name, value in variables.items():
        if name.startswith("__") or not isinstance(value, np.ndarray):
            continue
        if value.dtype.kind in "biuf":
            arrays[name] = value
        elif value.dtype == object and value.ndim == 2 and 1 in value.shape:
            # what is no number becomes a text, which is no number either
            for place, cell in enumerate(value.ravel()):
                is_plain = isinstance(cell, np.ndarray) and cell.dtype.kind in "biuf"
                arrays[f"{name}/{place}"] = cell if is_plain else np.array("no numbers")
    buffer = io.BytesIO()
    # arrays without objects, which the parent reads without unpickling
    np.savez(buffer, **arrays)
    sys.stdout.buffer.write(buffer.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(print_arrays(sys.argv[1]))
