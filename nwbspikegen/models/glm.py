"""`glm`: the baseline `coupled_glm` as a model, which is saved, shared, run freely and mixed with others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from nwbspikegen.models.registry import register
from nwbspikegen.models.windows import WindowNetwork
from nwbspikegen.views.raised_cosines import LONGEST_MS, raised_cosines

# as the baseline has it: beyond the clip of the scores, short of where float32 rounds a probability to 1
_LARGEST_LOG_ODDS = 15.0
_NO_LIMIT = 1e30


@register("glm")
class GLM(WindowNetwork):
    """log odds = intercept + slopes x the past of all units through raised cosines.

    The past is that of the baseline `coupled_glm`: 250 ms, through eight raised cosines of log lag, kept
    within the range of training, centred and scaled. `nsg.train` fits it as the baseline is fitted, by ridge
    regression and not in epochs. A window is twice the longest lag, so that every bin sees all of its past.
    """

    default_loss = "bernoulli"
    windows_at_once = 16
    num_bins: int = 500
    centre: torch.Tensor
    scale: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    cosines: torch.Tensor

    def __init__(self, settings: object, num_units: int) -> None:
        super().__init__(settings, num_units)
        cosines = torch.from_numpy(raised_cosines(LONGEST_MS / 1000 / max(1, self.num_bins // 2))).flip(0)
        self.register_buffer("cosines", cosines.T[:, None].contiguous(), persistent=False)
        num_columns = num_units * cosines.shape[1]
        # no range is known before it is fitted, and stored weights have to be finite
        for name, value in (("centre", 0.0), ("scale", 1.0), ("low", -_NO_LIMIT), ("high", _NO_LIMIT)):
            self.register_buffer(name, torch.full((num_columns,), value))
        self.slopes = nn.Parameter(torch.zeros(num_units, num_columns))
        self.intercept = nn.Parameter(torch.zeros(num_units))

    def forward(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, the log odds of a spike in the bin that follows input bin i."""
        num_windows, num_bins, num_units = spikes.shape
        past = nn.functional.pad(spikes.transpose(1, 2), (self.cosines.shape[2] - 1, 0))
        filtered = nn.functional.conv1d(past.reshape(num_windows * num_units, 1, -1), self.cosines)
        # columns as the baseline has them: the cosines of a unit are neighbours
        columns = filtered.view(num_windows, -1, num_bins).transpose(1, 2)
        standard = (torch.clamp(columns, self.low, self.high) - self.centre) / self.scale
        log_odds = nn.functional.linear(standard, self.slopes, self.intercept)
        return torch.clamp(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)

    @torch.no_grad()
    def take_weights(self, weights: Mapping[str, Float[np.ndarray, "..."]]) -> None:
        """Take what the baseline was fitted to."""
        for name in ("slopes", "intercept", "centre", "scale", "low", "high"):
            getattr(self, name).copy_(torch.from_numpy(weights[name]))

    @torch.no_grad()
    def start_at(self, mean_rate: Float[np.ndarray, " unit"]) -> None:
        """Begin training at the units' mean rates per bin."""
        self.intercept.copy_(torch.logit(torch.from_numpy(mean_rate)))
