"""Examples that are (bin, unit) pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float32

from nwbspikegen.models.base import Batch


class PairExamples:
    """(bin, unit) pairs held on one device, given out in shuffled batches."""

    def __init__(
        self,
        inputs: tuple[Float32[np.ndarray, "pair ..."], ...],
        target: Float32[np.ndarray, " pair"],
        weight: Float32[np.ndarray, " pair"],
        null: Float32[np.ndarray, " pair"],
        batch_size: int,
        device: torch.device,
    ) -> None:
        self._inputs = tuple(torch.from_numpy(values).to(device) for values in inputs)
        self._rest = tuple(torch.from_numpy(values).to(device) for values in (target, weight, null))
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._rest[0]) // self._batch_size)

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Give every pair once; a batch is one window."""
        num_pairs = len(self._rest[0])
        order = np.arange(num_pairs) if rng is None else rng.permutation(num_pairs)
        for start in range(0, num_pairs, self._batch_size):
            rows = torch.from_numpy(order[start : start + self._batch_size]).to(self._rest[0].device)
            # losses are means over windows: as one window, a batch is weighted pair by pair
            inputs = tuple(values[rows].unsqueeze(0) for values in self._inputs)
            target, weight, null = (values[rows].unsqueeze(0) for values in self._rest)
            yield Batch(inputs, target, weight, null)
