"""`population_gru`: a recurrent network that reads all units, beside each unit's own past."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from nwbspikegen.models.registry import register
from nwbspikegen.models.windows import WindowNetwork
from nwbspikegen.views.raised_cosines import LONGEST_MS, raised_cosines

# its own past is that of the baseline `coupled_glm` at bins of 1 ms: 250 of them
_OWN_BINS = round(LONGEST_MS)
# AdamW moves a number by about its learning rate per step: 600 steps then reach the -5 of refractoriness
_OWN_FACTOR = 5.0


@register("population_gru")
class PopulationGRU(WindowNetwork):
    """log odds = those of the rate + linear readout of a GRU over all units + filter of the unit's own past.

    The filter is eight raised cosines over the latest 250 bins, spaced by log lag: a recurrent network with
    fewer hidden units than the population has cells cannot keep the intervals of each. What others tell goes
    through the recurrent network alone. Trained by AdamW with early stopping and dropout of its readout: what
    is usually fitted where a network is fitted to one population.
    """

    default_loss = "bernoulli"
    windows_at_once = 16
    # a bin then sees 250 to 500 bins, and its own past whole
    num_bins: int = 500
    width: int = 192
    dropout: float = 0.2
    rate_log_odds: torch.Tensor
    cosines: torch.Tensor

    def __init__(self, settings: object, num_units: int) -> None:
        super().__init__(settings, num_units)
        # latest bin last, as a convolution reads it, and each of length one
        cosines = torch.from_numpy(raised_cosines(LONGEST_MS / 1000 / _OWN_BINS)).flip(0)
        self.register_buffer("cosines", _OWN_FACTOR * cosines / cosines.norm(dim=0), persistent=False)
        self.register_buffer("rate_log_odds", torch.zeros(num_units))
        self.rnn = nn.GRU(num_units, self.width, batch_first=True)
        self.drop = nn.Dropout(self.dropout)
        self.out = nn.Linear(self.width, num_units)
        self.own = nn.Parameter(torch.zeros(num_units, cosines.shape[1]))
        # untrained, it predicts the rates
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, the log odds of a spike in the bin that follows input bin i."""
        population: torch.Tensor = self.out(self.drop(self.rnn(spikes)[0]))
        return self.rate_log_odds + population + self._filter_own(spikes)

    def _filter_own(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        kernels = (self.own @ self.cosines.T)[:, None]
        past = nn.functional.pad(spikes.transpose(1, 2), (_OWN_BINS - 1, 0))
        filtered: torch.Tensor = nn.functional.conv1d(past, kernels, groups=spikes.shape[2])
        return filtered.transpose(1, 2)

    @torch.no_grad()
    def start_at(self, mean_rate: Float[np.ndarray, " unit"]) -> None:
        """Begin training at the units' mean rates per bin."""
        self.rate_log_odds.copy_(torch.logit(torch.from_numpy(mean_rate)))
