"""`in_context`, one bin at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from nwbspikegen.models.in_context.past import Past
from nwbspikegen.models.in_context.past.layout import DRIVE_COLUMN
from nwbspikegen.models.in_context.readout import Readout, predict_frozen
from nwbspikegen.models.stepping import Stepper


class InContextStepper(Stepper):
    """Hazards, coupling and readout stay as the past left them.

    The network is as small as a bin of units: numpy multiplies in less time than torch needs to start,
    so the steps are taken on the CPU wherever the model lies.
    """

    def __init__(
        self, model: Any, past: Past, readout: Readout, num_samples: int, *, has_coupling: bool
    ) -> None:
        center, scale = model.center.cpu().numpy(), model.scale.cpu().numpy()
        self._past = past.step_on(center, scale, model.clip_sd, num_samples)
        self._readout_weights = readout.weights()
        # what features of coupling are standardised to where there is no evidence of any
        self._no_coupling = None if has_coupling else np.clip(-center / scale, -model.clip_sd, model.clip_sd)
        num_rows = len(self._past.log_odds)
        self._layers = [
            (
                layer.weight.detach().cpu().numpy().T.copy(),
                np.repeat(layer.bias.detach().cpu().numpy()[None], num_rows, axis=0),
                torch.empty(num_rows, layer.out_features),
            )
            for layer in model.network
            if isinstance(layer, torch.nn.Linear)
        ]
        self._probability = np.empty((num_samples, num_rows // num_samples), dtype=np.float32)

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        self._past.write()
        hidden = self._past.standard
        if self._no_coupling is not None:
            hidden[:, DRIVE_COLUMN:] = self._no_coupling[DRIVE_COLUMN:]
        for place, (weight, bias, out) in enumerate(self._layers):
            hidden = np.matmul(hidden, weight, out=out.numpy())
            hidden += bias
            if place < len(self._layers) - 1:
                torch.nn.functional.silu(out, inplace=True)
        log_odds = hidden[:, 0] + self._past.log_odds
        predict_frozen(
            self._readout_weights, self._past.standard, log_odds, self._past.log_rate, self._probability
        )
        return self._probability

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        self._past.take(spikes)
