"""Arrays in .npy files, read whole or refused: no pickles, nothing after their end."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nwbspikegen.core.errors import InputError


def read_npy(path: Path) -> np.ndarray:
    """Return the array of an .npy file; a single column becomes a vector.

    Raises
    ------
    InputError
        The file is damaged, longer or shorter than it says, or holds Python objects.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "spike_times.npy"), np.array([[7], [12]]))
    ...     read_npy(Path(folder, "spike_times.npy")).tolist()
    [7, 12]
    """
    try:
        with path.open("rb") as stream:
            # np.load would stop where the array ends, and not see that the file goes on
            array = np.lib.format.read_array(stream, allow_pickle=False)
            rest = stream.read(1)
    # a damaged header makes numpy raise almost anything
    except Exception as error:
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__})", "an undamaged file", "copy it again"
        ) from error
    if array.dtype.str.startswith(">"):
        # one bit tells it from what all computers of laboratories write
        raise InputError(f"{array.dtype.str} numbers in {path}", "little-endian ones", "copy the file again")
    if rest:
        raise InputError(f"more bytes than {array.shape} needs in {path}", "none", "copy the file again")
    # older tools, and MATLAB, write vectors as single columns
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
