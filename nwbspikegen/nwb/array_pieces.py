"""Arrays written to HDF5 piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Shaped

from nwbspikegen.core.large_arrays import release


def stream_array(values: Shaped[np.ndarray, "..."], chunks: tuple[int, ...]) -> Any:
    """Return what pynwb writes an array from, some chunks at a time: the array may be larger than memory.

    Examples
    --------
    >>> next(stream_array(np.zeros((9, 2)), (2, 2))).data.shape
    (8, 2)
    """
    from hdmf.data_utils import GenericDataChunkIterator

    class _Pieces(GenericDataChunkIterator):  # type: ignore[misc, unused-ignore]
        def _get_data(self, selection: tuple[slice, ...]) -> np.ndarray:
            piece: np.ndarray = np.array(values[selection])
            release(values)
            return piece

        def _get_maxshape(self) -> tuple[int, ...]:
            return values.shape

        def _get_dtype(self) -> np.dtype[Any]:
            return values.dtype

    buffer = (min(len(values), 4 * chunks[0]), *values.shape[1:])
    return _Pieces(chunk_shape=chunks, buffer_shape=buffer)
