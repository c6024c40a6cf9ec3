"""`shimono2026`: the transformer of Shimono 2026 (Algorithms 19(4):305), made causal.

Depth 1, 16 heads, width 128 = units, feed-forward 128, dropout 0.1, 3,125 bins, no positional
encoding. The released script compares the output at a bin with the input at the same bin and has no
mask. Here bin t is predicted from bins before t: the target is the next bin and the mask is causal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, Real, UInt8
from torch.nn import functional

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.progress import track
from nwbspikegen.models.attending import attend
from nwbspikegen.models.base import Batch, SpikeModel, register
from nwbspikegen.models.shimono_stepping import ShimonoStepper
from nwbspikegen.views.history import Mask, fill_unobserved, mean_rate_per_bin

_START_GAIN = 0.1


@dataclass(frozen=True)
class Shimono2026Settings:
    """Parameters of `shimono2026`; the defaults are the paper's.

    Attributes
    ----------
    depth, num_heads, feedforward, dropout
        Of the encoder layers. The width is the number of units, padded to a multiple of `num_heads`.
        Dropout acts behind the attention and in the feed-forward network, not on attention weights:
        3,125 x 3,125 of them per head would then have to be kept.
    num_bins : int
        Input length.
    batch_size : int
        Windows per step. The paper does not state its own.
    start_at_rates : bool
        Begin training at the units' mean rates: as log odds they become the bias of the last
        normalisation, whose gain becomes 0.1. Not in the paper. Without it every probability begins
        near 0.5, and a step of AdamW brings its log odds nearer by about the learning rate.
    """

    depth: int = 1
    num_heads: int = 16
    feedforward: int = 128
    dropout: float = 0.1
    num_bins: int = 3125
    batch_size: int = 4
    start_at_rates: bool = False


class EncoderLayer(torch.nn.Module):
    """Causal self-attention and a feed-forward network, each added and normalised."""

    def __init__(self, width: int, settings: Shimono2026Settings) -> None:
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
class Shimono2026(SpikeModel):
    """Encoder layers on binned spikes; the last layer's output is the log odds of the next bin."""

    settings_class = Shimono2026Settings
    default_loss = "dice"
    permutes_units = False
    settings: Shimono2026Settings

    def __init__(self, settings: Shimono2026Settings, num_units: int) -> None:
        super().__init__(settings, num_units)
        self.width = -(-num_units // settings.num_heads) * settings.num_heads
        self.layers = torch.nn.ModuleList(EncoderLayer(self.width, settings) for _ in range(settings.depth))

    def forward(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, the log odds of a spike in the bin that follows input bin i."""
        return self.from_encoder_input(self.encoder_input(spikes))

    @property
    def window_bins(self) -> int:
        """Longest input."""
        return self.settings.num_bins

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
        query, key, value = last.split_heads(hidden)
        return last.combine(hidden[:, -1:], query[:, :, -1:], key, value)[:, 0, : self.num_units]

    def training_examples(
        self,
        recordings: Sequence[UInt8[np.ndarray, "_ _"]],
        bin_size: float,
        seed: int,
        observed: Sequence[Mask] | None = None,
    ) -> WindowExamples:
        """Cut the segment into windows, from another offset in every epoch.

        Its inputs and outputs are places, so it learns from one recording only.
        """
        if len(recordings) > 1:
            raise InputError(
                f"{len(recordings)} recordings for shimono2026", "one recording", "use in_context for several"
            )
        mask = observed[0] if observed else None
        mean_rate = mean_rate_per_bin(recordings[0], mask)
        if self.settings.start_at_rates:
            self._start_at(mean_rate)
        return self._examples(recordings[0], 0, mean_rate, mask, bin_size)

    @torch.no_grad()
    def _start_at(self, mean_rate: Float[np.ndarray, " unit"]) -> None:
        last: EncoderLayer = self.layers[-1]  # type: ignore[assignment]
        log_odds = torch.logit(torch.from_numpy(mean_rate).to(self.device, torch.float32))
        last.norm_feedforward.bias[: self.num_units] = log_odds
        last.norm_feedforward.weight.fill_(_START_GAIN)

    def validation_examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        mean_rate: Float[np.ndarray, " unit"],
        seed: int,
        observed: Mask = None,
    ) -> WindowExamples:
        """Cut the segment from `first` on into windows."""
        return self._examples(spikes, first, mean_rate, observed, bin_size)

    def _examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        mean_rate: Float[np.ndarray, " unit"],
        observed: Mask,
        bin_size: float,
    ) -> WindowExamples:
        since = max(first - 1, 0)
        inputs = spikes if observed is None else fill_unobserved(spikes, observed, bin_size)
        return WindowExamples(
            inputs[since:],
            self.settings.num_bins,
            mean_rate,
            self.settings.batch_size,
            self.device,
            None if observed is None else observed[since:],
        )

    def prediction_step(self, num_units: int) -> int:
        """Return half the input length, so that every bin sees at least the other half."""
        return max(1, self.settings.num_bins // 2)

    @torch.no_grad()
    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return spike probabilities; each bin sees between half and all of the input length.

        Where a unit was not observed its input is its running rate so far, which is neither 0 nor 1.
        """
        self._require_places(spikes.shape[1])
        was_training = self.training
        self.eval()
        # the bin before the first is silence, so that the first has an input as well
        inputs = spikes if observed is None else fill_unobserved(spikes, observed, bin_size)
        padded = np.concatenate([np.zeros_like(inputs[:1]), inputs])
        out = np.empty((len(spikes) - first, spikes.shape[1]), dtype=np.float32)
        length = self.settings.num_bins
        step = self.prediction_step(spikes.shape[1])
        for start in track(range(first, len(spikes), step), "predicting", -(-(len(spikes) - first) // step)):
            stop = min(start + step, len(spikes))
            window = torch.from_numpy(padded[max(0, stop - length) : stop]).to(self.device, torch.float32)
            log_odds = self(window[None])[0, -(stop - start) :]
            out[start - first : stop - first] = torch.sigmoid(log_odds).cpu().numpy()
        self.train(was_training)
        return out

    def start_stepping(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        bin_size: float,
        num_samples: int,
        observed: Mask = None,
    ) -> ShimonoStepper:
        """Read a past, and return what goes on from it bin by bin."""
        self._require_places(spikes.shape[1])
        self.eval()
        inputs = spikes if observed is None else fill_unobserved(spikes, observed, bin_size)
        padded = np.concatenate([np.zeros_like(inputs[:1]), inputs])[-self.settings.num_bins :]
        past = torch.from_numpy(np.ascontiguousarray(padded)).to(self.device, torch.float32)
        return ShimonoStepper(
            list(self.layers), functional.pad(past, (0, self.width - self.num_units)),
            num_bins=self.settings.num_bins, num_units=self.num_units, num_samples=num_samples,
        )  # fmt: skip

    def _require_places(self, num_units: int) -> None:
        if num_units != self.num_units:
            raise InputError(
                f"{num_units} units",
                f"{self.num_units}, as this model was trained with: its inputs and outputs are places",
                "select as many units, or use in_context",
            )


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
        num_targets = self._num_seen[starts + self._num_bins + 1] - self._num_seen[starts + 1]
        found: Int64[np.ndarray, " window"] = starts[num_targets > 0]
        return found

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Give whole windows, shuffled and from a random offset, or in order from the start.

        Always as many: where gaps leave fewer windows with a target at an offset, some come twice.
        """
        length = self._num_bins
        spare = (len(self._spikes) - 1) % length
        every = self._find_windows(0)
        if rng is not None:
            shifted = self._find_windows(int(rng.integers(spare + 1)))
            every = shifted if len(shifted) else every
            every = np.resize(every[rng.permutation(len(every))], self._num_windows)
        for first in range(0, len(every), self._batch_size):
            starts = every[first : first + self._batch_size]
            windows = torch.stack([self._spikes[s : s + length + 1] for s in starts]).float()
            weight = torch.ones_like(windows[:, 1:])
            if self._observed is not None:
                weight = torch.stack([self._observed[s + 1 : s + length + 1] for s in starts]).float()
            target = windows[:, 1:] * weight
            null = self._mean_rate.expand_as(target)
            yield Batch((windows[:, :-1],), target, weight, null)
