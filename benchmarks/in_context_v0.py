"""`in_context_v0`: `in_context` as first built, kept unchanged as the floor to beat in the same run.

It is the second recipe of the project's notes: one small network for all units, told by what each
unit did so far. Import this module and `nwbspikegen.train(..., model="in_context_v0")` knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from in_context_v0_past import NUM_FEATURES, Past
from jaxtyping import Bool, Float, Float32, UInt8

from nwbspikegen.models.base import SpikeModel, register
from nwbspikegen.models.in_context.pair_examples import PairExamples
from nwbspikegen.views.history import mean_rate_per_bin

_CHUNK_PAIRS = 250_000
_CLIP_SD = 4.0


@dataclass(frozen=True)
class InContextV0Settings:
    """Parameters of `in_context_v0`.

    Attributes
    ----------
    width : int
        Hidden width of both layers.
    batch_size : int
        (bin, unit) pairs per step.
    silent_samples : int
        Silent pairs drawn from the training segment; each stands for as many as were left out.
    validation_samples : int
        Pairs of the validation segment that choose the checkpoint: all units at random bins.
    skip_seconds : float
        Start of the training segment that is only read, while the past fills.
    """

    width: int = 96
    batch_size: int = 8192
    silent_samples: int = 1_000_000
    validation_samples: int = 2_000_000
    skip_seconds: float = 5.0


@register("in_context_v0")
class InContextV0(SpikeModel):
    """log odds = log running rate + MLP(features of the past), the MLP shared by all units."""

    settings_class = InContextV0Settings
    default_loss = "bernoulli"
    is_permutation_equivariant = True
    settings: InContextV0Settings
    center: torch.Tensor
    scale: torch.Tensor

    def __init__(self, settings: InContextV0Settings, num_units: int) -> None:
        super().__init__(settings, num_units)
        width = settings.width
        self.network = torch.nn.Sequential(
            torch.nn.Linear(NUM_FEATURES, width),
            torch.nn.GELU(),
            torch.nn.Linear(width, width),
            torch.nn.GELU(),
            torch.nn.Linear(width, 1),
        )
        # untrained, it predicts the running rate
        torch.nn.init.zeros_(self.network[-1].weight)  # type: ignore[arg-type]
        torch.nn.init.zeros_(self.network[-1].bias)  # type: ignore[arg-type]
        self.register_buffer("center", torch.zeros(NUM_FEATURES))
        self.register_buffer("scale", torch.ones(NUM_FEATURES))

    def forward(
        self, features: Float[torch.Tensor, "*row feature"], log_rate: Float[torch.Tensor, "*row"]
    ) -> Float[torch.Tensor, "*row"]:
        """Return the log odds of a spike from features of the past and the log running rate."""
        standard = ((features - self.center) / self.scale).clamp(-_CLIP_SD, _CLIP_SD)
        log_odds: torch.Tensor = log_rate + self.network(standard).squeeze(-1)
        return log_odds

    def training_examples(
        self, recordings: Sequence[UInt8[np.ndarray, "_ _"]], bin_size: float, seed: int
    ) -> PairExamples:
        """Take every spike and a sample of silent bins; each recording has the same weight per spike."""
        rng = np.random.default_rng(seed)
        parts = [self._read_training(spikes, bin_size, len(recordings), rng) for spikes in recordings]
        features, log_rate, target, weight, null = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        self.center.copy_(torch.from_numpy(features.mean(axis=0, dtype=np.float64)))
        self.scale.copy_(torch.from_numpy(features.std(axis=0, dtype=np.float64) + 1e-6))
        return PairExamples((features, log_rate), target, weight, null, self.settings.batch_size, self.device)

    def _read_training(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        bin_size: float,
        share_with: int,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, ...]:
        skip = min(int(self.settings.skip_seconds / bin_size), len(spikes) // 10)
        fired = spikes > 0
        num_silent = fired[skip:].size - int(fired[skip:].sum())
        share = min(1.0, self.settings.silent_samples / share_with / max(num_silent, 1))
        wanted = fired | (rng.random(spikes.shape, dtype=np.float32) < share)
        wanted[:skip] = False
        features, log_rate = Past(spikes.shape[1], bin_size).read(spikes, wanted)
        target = _rows(spikes, wanted)
        weight = np.where(target > 0, 1.0, 1.0 / share).astype(np.float32)
        if share_with > 1:
            weight *= 1e5 / max(float(target.sum()), 1.0)
        null = _rows(np.broadcast_to(mean_rate_per_bin(spikes), spikes.shape), wanted)
        return features, log_rate, target, weight, null

    def validation_examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        mean_rate: Float[np.ndarray, " unit"],
        seed: int,
    ) -> PairExamples:
        """Take all units at random bins from `first` on."""
        rng = np.random.default_rng(seed)
        share = min(1.0, self.settings.validation_samples / max(spikes[first:].size, 1))
        wanted = np.zeros(spikes.shape, dtype=bool)
        wanted[first:] = (rng.random(len(spikes) - first) < share)[:, None]
        features, log_rate = Past(spikes.shape[1], bin_size).read(spikes, wanted)
        target = _rows(spikes, wanted)
        null = _rows(np.broadcast_to(mean_rate, spikes.shape), wanted)
        weight = np.ones_like(target)
        return PairExamples((features, log_rate), target, weight, null, self.settings.batch_size, self.device)

    def prediction_step(self, num_units: int) -> int:
        """Return the bins of a chunk that fits in memory comfortably."""
        return max(1, _CHUNK_PAIRS // num_units)

    @torch.no_grad()
    def predict(
        self, spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return spike probabilities; the past is carried from chunk to chunk."""
        num_bins, num_units = spikes.shape
        past = Past(num_units, bin_size)
        past.read(spikes[:first], np.zeros((first, num_units), dtype=bool))
        out = np.empty((num_bins - first, num_units), dtype=np.float32)
        step = self.prediction_step(num_units)
        for start in range(first, num_bins, step):
            chunk = spikes[start : start + step]
            features, log_rate = past.read(chunk, np.ones(chunk.shape, dtype=bool))
            log_odds = self(
                torch.from_numpy(features).to(self.device), torch.from_numpy(log_rate).to(self.device)
            )
            probability = torch.sigmoid(log_odds).cpu().numpy()
            out[start - first : start - first + len(chunk)] = probability.reshape(num_units, len(chunk)).T
        return out


def _rows(
    values: np.ndarray,  # (time, unit) of any number
    wanted: Bool[np.ndarray, "time unit"],
) -> Float32[np.ndarray, " row"]:
    """Return wanted entries in the order in which `Past.read` gives rows."""
    rows: np.ndarray = values.T[wanted.T].astype(np.float32)
    return rows
