"""Examples that are windows of consecutive bins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int64, Real

from nwbspikegen.core.errors import InputError
from nwbspikegen.models.base import Batch
from nwbspikegen.views.history import Mask


class WindowExamples:
    """Windows of consecutive bins, each with the bins that follow; they never straddle a split.

    Bins in which a unit was not observed are no targets, and windows of such bins alone are left out.
    """

    def __init__(
        self,
        spikes: Real[np.ndarray, "time unit"],
        num_bins: int,
        mean_rate: Float[np.ndarray, " unit"],
        batch_size: int,
        device: torch.device,
        observed: Mask = None,
    ) -> None:
        if len(spikes) < 2:
            raise InputError(f"a segment of {len(spikes)} bins", "at least 2", "take a longer window")
        self._spikes = torch.from_numpy(np.ascontiguousarray(spikes)).to(device)
        self._num_bins = min(num_bins, len(spikes) - 1)
        self._mean_rate = torch.from_numpy(mean_rate).to(device, torch.float32)
        self._batch_size = batch_size
        self._observed = None if observed is None else torch.from_numpy(observed).to(device)
        # in how many bins, up to each, some unit was observed
        seen = np.ones(len(spikes), dtype=bool) if observed is None else observed.any(axis=1)
        self._num_seen = np.concatenate([[0], np.cumsum(seen)])
        self._num_windows = len(self._find_windows(0))

    def __len__(self) -> int:
        return -(-self._num_windows // self._batch_size)

    def _find_windows(self, offset: int) -> Int64[np.ndarray, " window"]:
        """Return where windows start that have a target, of those laid end to end from an offset."""
        num_windows = (len(self._spikes) - 1 - offset) // self._num_bins
        starts = offset + self._num_bins * np.arange(num_windows)
        # targets are the bins behind each input bin: they begin one bin later
        num_targets = self._num_seen[starts + self._num_bins + 1] - self._num_seen[starts + 1]
        found: Int64[np.ndarray, " window"] = starts[num_targets > 0]
        return found

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Give whole windows, shuffled and from a random offset, or in order from the start.

        Always as many: where gaps leave fewer windows with a target at an offset, some come twice.
        """
        length = self._num_bins
        # windows that start elsewhere each epoch show the network other edges; the offset uses up what does
        # not fill a window, so that no window is lost
        spare = (len(self._spikes) - 1) % length
        every = self._find_windows(0)
        if rng is not None:
            shifted = self._find_windows(int(rng.integers(spare + 1)))
            every = shifted if len(shifted) else every
            # as many as at offset 0, or the learning rate's schedule would not know how many steps there are
            every = np.resize(every[rng.permutation(len(every))], self._num_windows)
        for first in range(0, len(every), self._batch_size):
            starts = every[first : first + self._batch_size]
            windows = torch.stack([self._spikes[s : s + length + 1] for s in starts]).float()
            weight = torch.ones_like(windows[:, 1:])
            if self._observed is not None:
                weight = torch.stack([self._observed[s + 1 : s + length + 1] for s in starts]).float()
            # running rates stand in the inputs where nobody looked; as targets they would be spikes
            target = windows[:, 1:] * weight
            null = self._mean_rate.expand_as(target)
            yield Batch((windows[:, :-1],), target, weight, null)
