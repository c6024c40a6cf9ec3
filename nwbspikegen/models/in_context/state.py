"""What `in_context` has made of a recording so far: its past, and how its network is adapted to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, UInt8

from nwbspikegen.core.large_arrays import empty_array, release
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models.in_context.adaptation import Adaptation
from nwbspikegen.models.in_context.adaptive_correction import AdaptiveCorrection
from nwbspikegen.models.in_context.past import PairSamples, Past
from nwbspikegen.models.in_context.past.feature_columns import COUPLING_COLUMN
from nwbspikegen.models.in_context.stepping import InContextStepper
from nwbspikegen.models.state import RecordingState, predict_next
from nwbspikegen.views.history import Mask


class InContextState(RecordingState):
    """Past of a recording and adaptation to it. Without its coupling, units tell nothing about each other.

    Then features of coupling filters, pairwise predictors and coincident units are 0, as before anything was
    read; the population's activity, hazards and the correction, which learns without them, stay.

    A step follows what passes with time, such as traces and ages; hazards, coupling and correction stay as
    they were read.

    Parameters
    ----------
    model : InContext
        Whose network corrects what the past says.
    num_units : int
        Units of the recording.
    past : Past
        Of the recording, in which nothing has been read; states that read together share it.
    untrained : AdaptiveCorrection
        Of no network; shared as well.
    """

    def __init__(self, model: Any, num_units: int, past: Past, untrained: AdaptiveCorrection) -> None:
        super().__init__(model, num_units)
        self._past, self._untrained = past, untrained
        self._adaptation = Adaptation(model, num_units, untrained)
        self._has_coupling = True

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins; NaN where a unit was not observed."""
        self.require_no_steps()
        (probability,) = _read_sharing(self._past, self._untrained, [self], spikes, observed, wanted)
        return probability

    def predict_perturbed(
        self,
        recorded: UInt8[np.ndarray, "time unit"],
        perturbed: Sequence[UInt8[np.ndarray, "time unit"]],
        observed: Mask = None,
    ) -> Float32[np.ndarray, "perturbation unit"]:
        """Return the probability of the bin after each perturbed piece; what they share is read once."""
        out = np.empty((len(perturbed), self.num_units), dtype=np.float32)
        state, at = self.fork(), 0
        begins = [_first_difference(recorded, piece) for piece in perturbed]
        # what comes before the first difference is read once for all of them, in the order of these
        for place in np.argsort(begins, kind="stable").tolist():
            state._skim(recorded[at : begins[place]], _cut(observed, at, begins[place]))
            at = begins[place]
            seen = _cut(observed, at, len(recorded))
            out[place] = predict_next(state.fork(), perturbed[place][at:], seen)
        return out

    def begin_steps(self) -> InContextStepper:
        """Return what steps on from what has been read."""
        return InContextStepper(
            self.model, self._past, self._adaptation, self.num_samples, has_coupling=self._has_coupling
        )

    def leave_out(self, component: str) -> None:
        """Go on without coupling."""
        self._has_coupling = False

    @property
    def needs_untrained(self) -> bool:
        """Whether it asks what there was before training."""
        return self._adaptation.needs_untrained

    @property
    def overwrites_features(self) -> bool:
        """Whether it makes its network's inputs of them; without a network it reads none."""
        return self._adaptation.has_network

    def leave_out_of(self, samples: PairSamples) -> None:
        """Write into samples what features of coupling are of a unit about which the others tell nothing."""
        if not self._has_coupling:
            samples.features[:, COUPLING_COLUMN:] = 0.0

    def adapt(
        self, samples: PairSamples, num_before: int, untrained: Float64[np.ndarray, " pair"] | None
    ) -> Float32[np.ndarray, " requested"]:
        """Learn from samples behind so many bins, and overwrite them; return the requested probabilities."""
        adapted = self._adaptation.read(samples, num_before, untrained)
        probability: Float32[np.ndarray, " requested"] = 1 / (1 + np.exp(-adapted[samples.is_requested]))
        return probability.astype(np.float32)

    def _skim(self, spikes: UInt8[np.ndarray, "time unit"], observed: Mask) -> None:
        if len(spikes):
            self.read(spikes, observed, np.zeros(len(spikes), dtype=bool))


def predict_sharing(
    models: Sequence[Any],
    bins: Bins,
    first: int,
    bin_size: float,
    wanted: Bool[np.ndarray, " predicted"] | None = None,
) -> list[Float32[np.ndarray, "wanted unit"]]:
    """Return what each model predicts of bins `first` to the end that are wanted, from one reading."""
    num_bins, num_units = bins.spikes.shape
    past = Past(num_units, bin_size, models[0].prior)
    untrained = AdaptiveCorrection(num_units, is_gated=models[0].prior.is_correction_gated)
    states = [InContextState(model, num_units, past, untrained) for model in models]
    asked = np.zeros(num_bins, dtype=bool)
    asked[first:] = True if wanted is None else wanted
    out = [empty_array((int(asked.sum()), num_units), np.float32) for _ in models]
    done = 0
    # pieces as in `predict`, so that sums are taken in the same order
    for piece in models[0].cut_pieces(num_bins, first, num_units):
        seen = _cut(bins.observed, piece.start, piece.stop)
        found = _read_sharing(past, untrained, states, bins.spikes[piece], seen, asked[piece])
        for prediction, probability in zip(out, found, strict=True):
            prediction[done : done + len(probability)] = probability
        release(*out, *bins)
        done += int(asked[piece].sum())
    return out


@torch.no_grad()
def _read_sharing(
    past: Past,
    untrained: AdaptiveCorrection,
    states: Sequence[InContextState],
    spikes: UInt8[np.ndarray, "time unit"],
    observed: Mask,
    wanted: Bool[np.ndarray, " time"] | None,
) -> list[Float32[np.ndarray, "wanted unit"]]:
    """Let a past read some bins, and every state make of its samples what its weights make of them.

    What there was before training is the same for all of them.
    """
    limit = states[0].model.clip_sd
    wanted = np.ones(len(spikes), dtype=bool) if wanted is None else wanted
    place, num_before = np.cumsum(wanted) - 1, past.num_bins
    # pairs that were not observed have no sample, and stay NaN
    out = [np.full((int(wanted.sum()), spikes.shape[1]), np.nan, dtype=np.float32) for _ in states]
    for samples in past.read(spikes, wanted, observed):
        states[0].leave_out_of(samples)
        before = None
        if any(state.needs_untrained for state in states):
            # as an untrained model takes them, before they are standardised in place
            before = untrained.read(samples, samples.log_odds, samples.features, limit)
        at = place[samples.bin[samples.is_requested]], samples.unit[samples.is_requested]
        for probability, (state, own) in zip(out, _share(samples, states), strict=True):
            probability[at] = state.adapt(own, num_before, before)
    return out


def _share(
    samples: PairSamples, states: Sequence[InContextState]
) -> Iterator[tuple[InContextState, PairSamples]]:
    """Give every state that overwrites features samples of its own; the last of them takes what is there."""
    overwriting = [state for state in states if state.overwrites_features]
    for state in states:
        if state in overwriting[:-1]:
            yield state, dataclasses.replace(samples, features=samples.features.copy())
        else:
            yield state, samples


def _cut(mask: Mask, start: int, stop: int) -> Bool[np.ndarray, "_ unit"] | None:
    return None if mask is None else mask[start:stop]


def _first_difference(
    recorded: UInt8[np.ndarray, "time unit"], perturbed: UInt8[np.ndarray, "time unit"]
) -> int:
    """Return the first bin that differs, or their length."""
    differs = (recorded != perturbed).any(axis=1)
    return int(differs.argmax()) if differs.any() else len(recorded)
