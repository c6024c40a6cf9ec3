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

from nwbspikegen.models import RecordingState, SpikeModel, register
from nwbspikegen.models.in_context.pair_examples import PairExamples
from nwbspikegen.views.history import Mask, mean_rate_per_bin

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
        self,
        recordings: Sequence[UInt8[np.ndarray, "_ _"]],
        bin_size: float,
        seed: int,
        observed: Sequence[Mask] | None = None,
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
        observed: Mask = None,
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

    def begin(self, num_units: int, bin_size: float) -> InContextV0State:
        """Return the state before the first bin, of any number of units."""
        return InContextV0State(self, num_units, Past(num_units, bin_size))


class InContextV0State(RecordingState):
    """What `in_context_v0` has counted so far; it knows nothing of masks, and takes all bins as observed."""

    def __init__(self, model: InContextV0, num_units: int, past: Past) -> None:
        super().__init__(model, num_units)
        self._past = past

    @torch.no_grad()
    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins; return the probability of a spike in those that are wanted."""
        self.require_no_steps()
        wanted = np.ones(len(spikes), dtype=bool) if wanted is None else wanted
        pairs = np.repeat(wanted[:, None], self.num_units, axis=1)
        features, log_rate = self._past.read(spikes, pairs)
        device = self.model.device
        log_odds = self.model(torch.from_numpy(features).to(device), torch.from_numpy(log_rate).to(device))
        # `Past.read` gives unit after unit
        probability: Float32[np.ndarray, "wanted unit"] = (
            torch.sigmoid(log_odds).cpu().numpy().reshape(self.num_units, -1).T
        )
        return probability


def _rows(
    values: np.ndarray,  # (time, unit) of any number
    wanted: Bool[np.ndarray, "time unit"],
) -> Float32[np.ndarray, " row"]:
    """Return wanted entries in the order in which `Past.read` gives rows."""
    rows: np.ndarray = values.T[wanted.T].astype(np.float32)
    return rows
