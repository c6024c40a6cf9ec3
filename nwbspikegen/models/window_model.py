"""`WindowModel`: an architecture in two methods, whatever lies between."""

from __future__ import annotations

import abc
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float

from nwbspikegen.models.windows import WindowNetwork

# Untrained bodies differ by about 0.1 to 1 from unit to unit: a hundredth of that costs nothing
_START_FACTOR = 0.01
# AdamW moves every number by about its learning rate per step: at 10 x 2e-3 the factor reaches 1 within some
# 50 steps. One epoch of a GRU on 100 s of 128 units, in windows of 200 bins (62 steps), gained .16 bits per
# spike so, and .05 with a factor that moves like all else
_FACTOR_PER_GAIN = 10.0


class WindowModel(WindowNetwork):
    """A model of windows that starts at the units' rates: log odds = those of the rate + 10 gain x body.

    Two methods make an architecture. `build` makes its layers; `body` takes windows of spikes and returns,
    at bin i, what is added to each unit's log odds in the bin that follows. It must not look ahead of
    bin i, which the audit of causality checks. Settings are annotated fields with a default, beside
    `num_bins`, the length of a window, and `batch_size`, windows per step.

    Everything else is given: examples that leave out what was not observed, where the body reads a unit's
    running rate; prediction in windows that overlap by half; a free run from window to window; NWB. Its
    inputs and outputs are places: other recordings must have as many units.

    The gain is one learnt number, 0.001 before training.

    Examples
    --------
    >>> from nwbspikegen.models import build_model, register
    >>> @register("last_bin")
    ... class LastBin(WindowModel):
    ...     bias: bool = True
    ...     def build(self, num_units):
    ...         self.weigh = torch.nn.Linear(num_units, num_units, self.bias)
    ...     def body(self, spikes):
    ...         return self.weigh(spikes)
    >>> model = build_model("last_bin", num_units=3, bias=False)
    >>> model.parameters_used
    {'num_bins': 100, 'batch_size': 8, 'bias': False}
    >>> model.predict(np.zeros((500, 3), np.uint8), 100, 0.001).shape
    (400, 3)
    """

    default_loss = "bernoulli"
    windows_at_once: ClassVar[int] = 16
    rate_log_odds: torch.Tensor

    def __init__(self, settings: object, num_units: int) -> None:
        super().__init__(settings, num_units)
        self.register_buffer("rate_log_odds", torch.zeros(num_units))
        self.gain = torch.nn.Parameter(torch.tensor(_START_FACTOR / _FACTOR_PER_GAIN))
        self.build(num_units)

    @abc.abstractmethod
    def build(self, num_units: int) -> None:
        """Make the layers, as attributes; settings are attributes already."""

    @abc.abstractmethod
    def body(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, what is added to the log odds of the bin that follows (window, bin, unit)."""

    def forward(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, the log odds of a spike in the bin that follows input bin i."""
        return self.rate_log_odds + _FACTOR_PER_GAIN * self.gain * self.body(spikes)

    @torch.no_grad()
    def start_at(self, mean_rate: Float[np.ndarray, " unit"]) -> None:
        """Begin training at the units' mean rates per bin."""
        self.rate_log_odds.copy_(torch.logit(torch.from_numpy(mean_rate)))
