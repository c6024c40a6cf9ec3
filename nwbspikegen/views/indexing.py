"""Arrays that are not there until some of their bins and units are asked for."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64
from xarray.backends.common import BackendArray
from xarray.core import indexing

Positions = range | Int64[np.ndarray, " position"]


class ComputedArray(BackendArray, abc.ABC):
    """An array over (bin, unit) whose values are worked out for the bins and units that are asked for."""

    shape: tuple[int, int]

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        # xarray takes lists of pairs apart by itself: bins and units come as a list or a slice each
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read_key
        )

    def _read_key(self, key: tuple[Any, ...]) -> Any:
        """Return values with the dimensions that the key keeps."""
        bins, units = (_to_positions(part, size) for part, size in zip(key, self.shape, strict=True))
        values = self._read(bins, list(units) if isinstance(units, range) else units.tolist())
        kept = (0 if np.ndim(part) == 0 and not isinstance(part, slice) else slice(None) for part in key)
        return values[tuple(kept)]

    @abc.abstractmethod
    def _read(self, bins: Positions, units: Sequence[int]) -> np.ndarray:
        """Return the values (bin, unit) of some bins and units."""


def _to_positions(key: Any, size: int) -> Positions:
    if isinstance(key, slice):
        return range(*key.indices(size))
    positions = np.atleast_1d(np.asarray(key, dtype=np.int64))
    return np.where(positions < 0, positions + size, positions)
