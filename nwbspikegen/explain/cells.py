"""Maps at a lower resolution: means over square cells."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch.nn import functional


class GridCells:
    """Means of a causal map over square cells; pairs after the diagonal are not counted.

    Parameters
    ----------
    num_heads, num_bins : int
        Of the window.
    cell : int
        Bins per side.
    importance : tensor (bin,)
        G(j).
    """

    def __init__(self, num_heads: int, num_bins: int, cell: int, importance: torch.Tensor) -> None:
        self._cell, self._num_bins = cell, num_bins
        size = -(-num_bins // cell)
        # sums are kept and divided at the end: cells at the edges and on the diagonal hold fewer pairs
        self._sum = torch.zeros(num_heads, size, size, dtype=torch.float32)
        self._weighted = torch.zeros(size, size, dtype=torch.float64)
        self._importance = importance.float().cpu()

    def add(self, first: int, weights: Float[torch.Tensor, "head query key"], head: int) -> None:
        """Take the rows from query `first` on, of the heads from `head` on; `first` begins a cell."""
        weights = weights.cpu()
        self._sum[head : head + len(weights)] += self._place(first, weights)
        # weights come layer by layer: times their number of heads here, over that of all layers at the end
        weighted = weights.mean(dim=0, keepdim=True) * len(weights) * self._importance[: weights.shape[2]]
        self._weighted += self._place(first, weighted)[0]

    def _place(self, first: int, values: Float[torch.Tensor, "head query key"]) -> torch.Tensor:
        """Return sums over cells, where the cells lie in the map."""
        num_queries, num_keys = values.shape[1:]
        cell, size = self._cell, self._sum.shape[1]
        # zeros beyond the edge add nothing to a sum
        padded = functional.pad(values, (0, -num_keys % cell, 0, -num_queries % cell))
        sums = padded.view(len(values), -1, cell, padded.shape[2] // cell, cell).sum(dim=(2, 4))
        row = first // cell
        rest = (0, size - sums.shape[2], row, size - row - sums.shape[1])
        return functional.pad(sums, rest)

    @property
    def means(self) -> Float32[np.ndarray, "head query key"]:
        """Weight per pair."""
        return (self._sum / self._num_pairs).numpy()

    @property
    def weighted_means(self) -> Float32[np.ndarray, "query key"]:
        """A(i, j) G(j) per pair, A the mean of heads."""
        mean = self._weighted / len(self._sum) / self._num_pairs
        return mean.numpy().astype(np.float32)

    @property
    def _num_pairs(self) -> torch.Tensor:
        size, cell = self._sum.shape[1], self._cell
        lengths = torch.full((size,), cell)
        lengths[-1] = self._num_bins - cell * (size - 1)
        pairs = lengths[:, None] * lengths[None, :]
        # half of a cell on the diagonal lies after it
        pairs[range(size), range(size)] = lengths * (lengths + 1) // 2
        return pairs.clamp(min=1)
