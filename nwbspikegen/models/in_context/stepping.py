"""`in_context`, one bin at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from nwbspikegen.models.in_context.adaptation import Adaptation
from nwbspikegen.models.in_context.past import Past
from nwbspikegen.models.in_context.past.feature_columns import COUPLING_COLUMN
from nwbspikegen.models.stepping import Stepper


class InContextStepper(Stepper):
    """Hazards, coupling and adaptation stay as the past left them.

    The network is as small as a bin of units: numpy multiplies in less time than torch needs to start,
    so the steps are taken on the CPU wherever the model lies.
    """

    def __init__(
        self, model: Any, past: Past, adaptation: Adaptation, num_samples: int, *, has_coupling: bool
    ) -> None:
        center, scale = model.center.cpu().numpy(), model.scale.cpu().numpy()
        self._past = past.step_on(center, scale, model.clip_sd, num_samples)
        self._adaptation = adaptation.freeze(past.num_bins)
        # what features of coupling are standardised to where none was found
        self._no_coupling = None if has_coupling else np.clip(-center / scale, -model.clip_sd, model.clip_sd)
        num_pairs = len(self._past.log_odds)
        self._layers = [
            (
                layer.weight.detach().cpu().numpy().T.copy(),
                # repeated once, here, so that no step has to broadcast
                np.repeat(layer.bias.detach().cpu().numpy()[None], num_pairs, axis=0),
                torch.empty(num_pairs, layer.out_features),
            )
            for layer in model.network
            if isinstance(layer, torch.nn.Linear)
        ]

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        self._past.write()
        hidden = self._past.standard
        if self._no_coupling is not None:
            hidden[:, COUPLING_COLUMN:] = self._no_coupling[COUPLING_COLUMN:]
            self._past.features[:, COUPLING_COLUMN:] = 0
        for place, (weight, bias, out) in enumerate(self._layers):
            hidden = np.matmul(hidden, weight, out=out.numpy())
            hidden += bias
            # torch writes into the memory that numpy has multiplied into: numpy has no SiLU
            if place < len(self._layers) - 1:
                torch.nn.functional.silu(out, inplace=True)
        past = self._past
        log_odds = hidden[:, 0] + past.log_odds
        return self._adaptation.predict(past.features, past.standard, past.log_odds, log_odds, past.log_rate)

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        self._past.take(spikes)
