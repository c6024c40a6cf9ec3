"""`shimono2026`, one bin at a time: keys and values of the latest bins are kept, not computed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from nwbspikegen.models.stepping import Stepper
from nwbspikegen.models.window_state import WindowState


class ShimonoStepper(Stepper):
    """Encoder layers on the latest `num_bins` bins.

    There is no positional encoding, so that keys may lie in any order: the newest takes the place of
    the oldest. With one layer this is the model itself; with more, deeper keys of a bin were computed
    from the bins that it saw then.

    Parameters
    ----------
    model : Shimono2026
        Whose layers they are.
    state : WindowState
        Says for how many samples, and which component is left out.
    past : tensor (bin, width)
        The latest bins, at most `num_bins`, at least one.
    """

    def __init__(self, model: Any, state: WindowState, past: Float[torch.Tensor, "bin width"]) -> None:
        self._model, self._state = model, state
        self._num_seen = len(past)
        self._kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        hidden = past[None]
        with state.predicting():
            for layer in model.layers:
                _, keys, values = layer.split_heads(hidden)
                self._kept.append((self._keep(keys), self._keep(values)))
                hidden = layer(hidden)
        self._log_odds = hidden[:, -1].repeat(state.num_samples, 1)

    def _keep(self, heads: torch.Tensor) -> torch.Tensor:
        """Return room for `num_bins` bins (sample, head, bin, part), the past at its start."""
        _, num_heads, bins, part = heads.shape
        room = heads.new_zeros(self._state.num_samples, num_heads, self._model.num_bins, part)
        room[:, :, :bins] = heads
        return room

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        return torch.sigmoid(self._log_odds[:, : self._model.num_units]).cpu().numpy()

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        values = torch.from_numpy(spikes).to(self._log_odds.device, torch.float32)
        hidden = self._model.encoder_input(values[:, None])
        # a ring: the newest bin overwrites the oldest, and nothing is moved
        place = self._num_seen % self._model.num_bins
        self._num_seen += 1
        num_kept = min(self._num_seen, self._model.num_bins)
        with self._state.predicting():
            for layer, (keys, kept_values) in zip(self._model.layers, self._kept, strict=True):
                query, key, value = layer.split_heads(hidden)
                keys[:, :, place] = key[:, :, 0]
                kept_values[:, :, place] = value[:, :, 0]
                hidden = layer.combine(hidden, query, keys[:, :, :num_kept], kept_values[:, :, :num_kept])
        self._log_odds = hidden[:, -1]
