"""`shimono2026`, one bin at a time: keys and values of the latest bins are kept, not computed again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch.nn import functional

from nwbspikegen.models.stepping import Stepper


class ShimonoStepper(Stepper):
    """Encoder layers on the latest `num_bins` bins.

    There is no positional encoding, so that keys may lie in any order: the newest takes the place of
    the oldest. With one layer this is the model itself; with more, deeper keys of a bin were computed
    from the bins that it saw then.

    Parameters
    ----------
    layers : sequence of EncoderLayer
        Of the model, in evaluation mode.
    past : tensor (bin, width)
        The latest bins, at most `num_bins`, at least one.
    num_bins, num_units, num_samples : int
        Input length, units, and samples to follow.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        past: Float[torch.Tensor, "bin width"],
        *,
        num_bins: int,
        num_units: int,
        num_samples: int,
    ) -> None:
        self._layers, self._num_bins, self._num_units = layers, num_bins, num_units
        self._num_seen = len(past)
        self._width = past.shape[1]
        self._kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        hidden = past[None]
        with torch.no_grad():
            for layer in layers:
                _, keys, values = layer.split_heads(hidden)
                self._kept.append((self._keep(keys, num_samples), self._keep(values, num_samples)))
                hidden = layer(hidden)
        self._log_odds = hidden[:, -1].repeat(num_samples, 1)

    def _keep(self, heads: torch.Tensor, num_samples: int) -> torch.Tensor:
        """Return room for `num_bins` bins (sample, head, bin, part), the past at its start."""
        _, num_heads, bins, part = heads.shape
        room = heads.new_zeros(num_samples, num_heads, self._num_bins, part)
        room[:, :, :bins] = heads
        return room

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        return torch.sigmoid(self._log_odds[:, : self._num_units]).cpu().numpy()

    @torch.no_grad()
    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        values = torch.from_numpy(spikes).to(self._log_odds.device, torch.float32)
        hidden = functional.pad(values, (0, self._width - self._num_units))[:, None]
        place = self._num_seen % self._num_bins
        self._num_seen += 1
        num_kept = min(self._num_seen, self._num_bins)
        for layer, (keys, kept_values) in zip(self._layers, self._kept, strict=True):
            query, key, value = layer.split_heads(hidden)
            keys[:, :, place] = key[:, :, 0]
            kept_values[:, :, place] = value[:, :, 0]
            hidden = layer.combine(hidden, query, keys[:, :, :num_kept], kept_values[:, :, :num_kept])
        self._log_odds = hidden[:, -1]
