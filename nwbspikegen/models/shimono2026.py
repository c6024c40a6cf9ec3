"""`shimono2026`: the transformer of Shimono 2026 (Algorithms 19(4):305), made causal.

Depth 1, 16 heads, width 128 = units, feed-forward 128, dropout 0.1, 3,125 bins, no positional
encoding. The released script compares the output at a bin with the input at the same bin and has no
mask. Here bin t is predicted from bins before t: the target is the next bin and the mask is causal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch.nn import functional

from nwbspikegen.models.attending import attend
from nwbspikegen.models.registry import register
from nwbspikegen.models.shimono_stepping import ShimonoStepper
from nwbspikegen.models.window_state import WindowState
from nwbspikegen.models.windows import WindowNetwork

# the last normalisation has an SD of 1: a tenth of a log odd around the rates costs next to nothing. From the
# paper's start, three epochs on the slice end at -44 bits per spike on validation, from here at .137
_START_GAIN = 0.1


class EncoderLayer(torch.nn.Module):
    """Causal self-attention and a feed-forward network, each added and normalised."""

    def __init__(self, width: int, settings: Any) -> None:
        super().__init__()
        self.num_heads = settings.num_heads
        self.query_key_value = torch.nn.Linear(width, 3 * width)
        self.mix_heads = torch.nn.Linear(width, width)
        self.expand = torch.nn.Linear(width, settings.feedforward)
        self.contract = torch.nn.Linear(settings.feedforward, width)
        self.norm_attention = torch.nn.LayerNorm(width)
        self.norm_feedforward = torch.nn.LayerNorm(width)
        self.dropout = torch.nn.Dropout(settings.dropout)

    def forward(self, hidden: Float[torch.Tensor, "window bin width"]) -> torch.Tensor:
        """Return hidden states of the same shape; bin i sees bins up to i."""
        return self.combine(hidden, *self.split_heads(hidden), is_causal=True)

    def split_heads(
        self, hidden: Float[torch.Tensor, "window bin width"]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return queries, keys and values (window, head, bin, part)."""
        window, bins, width = hidden.shape
        heads = self.query_key_value(hidden).view(window, bins, 3, self.num_heads, width // self.num_heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        return query, key, value

    def combine(
        self,
        hidden: Float[torch.Tensor, "window bin width"],
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        is_causal: bool = False,
    ) -> torch.Tensor:
        """Attend, and return the next hidden states; causal, or each bin to all that is given."""
        attended = attend(query, key, value, is_causal=is_causal)
        mixed = self.mix_heads(attended.transpose(1, 2).reshape(hidden.shape))
        hidden = self.norm_attention(hidden + self.dropout(mixed))
        forward = self.contract(self.dropout(functional.relu(self.expand(hidden))))
        normalised: torch.Tensor = self.norm_feedforward(hidden + self.dropout(forward))
        return normalised


@register("shimono2026")
class Shimono2026(WindowNetwork):
    """Encoder layers on binned spikes; the last layer's output is the log odds of the next bin.

    Settings; the defaults are the paper's, but the last:

    depth, num_heads, feedforward, dropout
        Of the encoder layers. The width is the number of units, padded to a multiple of `num_heads`.
        Dropout acts behind the attention and in the feed-forward network, not on attention weights:
        3,125 x 3,125 of them per head would then have to be kept.
    num_bins : int
        Input length.
    batch_size : int
        Windows per step. The paper does not state its own.
    start_at_rates : bool
        Begin training at the units' mean rates, as every model here does: as log odds they become the
        bias of the last normalisation, whose gain becomes 0.1. The paper's start is false: every
        probability begins near 0.5, and a step of AdamW brings its log odds nearer by about the
        learning rate.
    """

    default_loss = "dice"

    depth: int = 1
    num_heads: int = 16
    feedforward: int = 128
    dropout: float = 0.1
    num_bins: int = 3125
    batch_size: int = 4
    start_at_rates: bool = True

    def __init__(self, settings: Any, num_units: int) -> None:
        super().__init__(settings, num_units)
        # heads are equal parts of the width; the columns beyond the units see silence and are not read
        self.width = -(-num_units // settings.num_heads) * settings.num_heads
        self.layers = torch.nn.ModuleList(EncoderLayer(self.width, settings) for _ in range(settings.depth))

    def forward(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, the log odds of a spike in the bin that follows input bin i."""
        return self.from_encoder_input(self.encoder_input(spikes))

    def encoder_input(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return the spikes, padded with silence to the width."""
        return functional.pad(spikes, (0, self.width - spikes.shape[-1]))

    def from_encoder_input(self, hidden: Float[torch.Tensor, "window bin width"]) -> torch.Tensor:
        """Return the log odds of the bins that follow each bin of the encoder's input."""
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden[..., : self.num_units]

    def next_bin(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return the log odds of the bin that follows each window: the last layer does only that bin."""
        hidden = self.encoder_input(spikes)
        for layer in self.layers[:-1]:
            hidden = layer(hidden)
        last: EncoderLayer = self.layers[-1]  # type: ignore[assignment]
        # one query: time and memory grow with the input and not with its square
        query, key, value = last.split_heads(hidden)
        return last.combine(hidden[:, -1:], query[:, :, -1:], key, value)[:, 0, : self.num_units]

    @torch.no_grad()
    def start_at(self, mean_rate: Float[np.ndarray, " unit"]) -> None:
        """Begin training at the units' mean rates per bin, unless the paper's start is asked for."""
        if not self.settings.start_at_rates:
            return
        last: EncoderLayer = self.layers[-1]  # type: ignore[assignment]
        log_odds = torch.logit(torch.from_numpy(mean_rate).to(self.device, torch.float32))
        last.norm_feedforward.bias[: self.num_units] = log_odds
        last.norm_feedforward.weight.fill_(_START_GAIN)

    def begin_steps(self, state: WindowState, latest: Float32[torch.Tensor, "bin unit"]) -> ShimonoStepper:
        """Return what a state steps with: keys and values of its latest bins are kept."""
        return ShimonoStepper(self, state, self.encoder_input(latest[None])[0])
