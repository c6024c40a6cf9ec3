"""What an array that is not there is asked for, as bins and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64

Positions = range | Int64[np.ndarray, " position"]


def read_key(
    key: tuple[Any, ...], shape: tuple[int, ...], read: Callable[[Positions, Sequence[int]], np.ndarray]
) -> Any:
    """Return what `read` gives for the bins and units of a key, with the dimensions that the key keeps."""
    bins, units = (_to_positions(part, size) for part, size in zip(key, shape, strict=True))
    values = read(bins, list(units) if isinstance(units, range) else units.tolist())
    squeezed = tuple(0 if np.ndim(part) == 0 and not isinstance(part, slice) else slice(None) for part in key)
    return values[squeezed]


def _to_positions(key: Any, size: int) -> Positions:
    if isinstance(key, slice):
        return range(*key.indices(size))
    positions = np.atleast_1d(np.asarray(key, dtype=np.int64))
    return np.where(positions < 0, positions + size, positions)
