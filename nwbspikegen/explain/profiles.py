"""Profiles of attention, normalised so that a causal map's shape alone leaves no trace in them.

Rows of a causal map sum to 1 and get longer, so plain means fall by construction. Multiplied by the
length of its row, i + 1, a weight says how many times more than an equal share it is: with equal
logits every profile here is 1. Source: Shimono 2026 (Algorithms 19(4):305).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float64

from nwbspikegen.explain.capture import WeightBlock


class Profiles:
    """Sums over the blocks of a window, for all its heads and for their mean weighted by importance.

    Parameters
    ----------
    num_heads, num_bins : int
        Of the window.
    importance : array (bin,), optional
        G(j), for the profiles of attention-weighted importance A(i, j) G(j).
    """

    def __init__(
        self, num_heads: int, num_bins: int, importance: Float[torch.Tensor, " bin"] | None = None
    ) -> None:
        self._importance = torch.zeros(num_bins) if importance is None else importance.double().cpu()
        self._offset = torch.zeros(num_heads + 1, num_bins, dtype=torch.float64)
        self._key = torch.zeros(num_heads, num_bins, dtype=torch.float64)
        self._query = torch.zeros(num_heads, num_bins, dtype=torch.float64)
        self._weighted_query = torch.zeros(num_bins, dtype=torch.float64)
        self._num_bins = num_bins

    def add(self, block: WeightBlock) -> None:
        """Take the rows of a block."""
        first, stop = block.first, block.weights.shape[2]
        # how many keys a query may see: itself and all before
        length = torch.arange(first + 1, stop + 1)
        weights = block.weights.cpu()
        weighted = weights.mean(dim=0) * self._importance[:stop].to(weights.dtype)
        self._weighted_query[first:stop] = weighted.sum(dim=1)
        # the mean of heads goes along as one more head
        scaled = torch.cat([weights, weighted[None]]) * length[:, None]
        self._key[:, :stop] += scaled[:-1].sum(dim=1)
        self._query[:, first:stop] = block.entropy.double().cpu() / torch.log(length.double())
        # turned around, keys of equal distance lie in equal columns, shifted by one from row to row
        backwards = scaled.flip(2)
        for row in range(stop - first):
            self._offset[:, : first + row + 1] += backwards[:, row, stop - first - row - 1 :]

    @property
    def offset(self) -> Float64[np.ndarray, "head offset"]:
        """Mean of (i + 1) A(i, j) over pairs that lie i - j apart."""
        return (self._offset[:-1] / self._num_rows).numpy()

    @property
    def key(self) -> Float64[np.ndarray, "head key"]:
        """Mean of (i + 1) A(i, j) over the queries i >= j."""
        return (self._key / self._num_rows).numpy()

    @property
    def query(self) -> Float64[np.ndarray, "head query"]:
        """Row entropy over its largest value, log(i + 1); NaN for the first row, which has none."""
        return self._query.numpy()

    @property
    def weighted_offset(self) -> Float64[np.ndarray, " offset"]:
        """Mean of (i + 1) A(i, j) G(j) over pairs that lie i - j apart, A the mean of heads."""
        return (self._offset[-1] / self._num_rows).numpy()

    @property
    def weighted_key(self) -> Float64[np.ndarray, " key"]:
        """Mean of (i + 1) A(i, j) G(j) over the queries i >= j: the key profile times G(j)."""
        return (self._key.mean(dim=0) / self._num_rows * self._importance).numpy()

    @property
    def weighted_query(self) -> Float64[np.ndarray, " query"]:
        """Sum over j of A(i, j) G(j): the importance that a query attends to."""
        return self._weighted_query.numpy()

    @property
    def _num_rows(self) -> torch.Tensor:
        # offset k occurs in num_bins - k rows, and so does key k: one count serves both
        return torch.arange(self._num_bins, 0, -1, dtype=torch.float64)
