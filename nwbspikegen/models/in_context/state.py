"""What `in_context` has made of a recording so far: its past, and the readout learnt from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8

from nwbspikegen.core.predictor import Bins
from nwbspikegen.models.in_context.past import Past, Rows
from nwbspikegen.models.in_context.past.layout import DRIVE_COLUMN
from nwbspikegen.models.in_context.readout import Readout
from nwbspikegen.models.in_context.stepping import InContextStepper
from nwbspikegen.models.state import RecordingState, predict_next
from nwbspikegen.views.history import Mask


class InContextState(RecordingState):
    """Past and readout of a recording. Without its coupling, units tell nothing about each other.

    Then features of drives, partners and companions are what they are before any evidence, 0; the
    population's activity, hazards and the readout, which learns without them, stay.

    A step follows what passes with time, such as traces and ages; hazards, coupling and readout stay as
    they were read.

    Parameters
    ----------
    model : InContext
        Whose network corrects what the past says.
    num_units : int
        Units of the recording.
    past : Past
        Of the recording, in which nothing has been read; states that read together share it.
    """

    def __init__(self, model: Any, num_units: int, past: Past) -> None:
        super().__init__(model, num_units)
        self._past, self._readout = past, Readout(num_units)
        self._has_coupling = True

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins; NaN where a unit was not observed."""
        self.require_no_steps()
        (probability,) = _read_sharing(self._past, [self], spikes, observed, wanted)
        return probability

    def predict_changed(
        self,
        recorded: UInt8[np.ndarray, "time unit"],
        changed: Sequence[UInt8[np.ndarray, "time unit"]],
        observed: Mask = None,
    ) -> Float32[np.ndarray, "change unit"]:
        """Return the probability of the bin after each changed piece; what they share is read once."""
        out = np.empty((len(changed), self.num_units), dtype=np.float32)
        state, at = self.fork(), 0
        begins = [_first_change(recorded, piece) for piece in changed]
        for place in np.argsort(begins, kind="stable").tolist():
            state._skim(recorded[at : begins[place]], _cut(observed, at, begins[place]))
            at = begins[place]
            seen = _cut(observed, at, len(recorded))
            out[place] = predict_next(state.fork(), changed[place][at:], seen)
        return out

    def begin_steps(self) -> InContextStepper:
        """Return what steps on from what has been read."""
        return InContextStepper(
            self.model, self._past, self._readout, self.num_samples, has_coupling=self._has_coupling
        )

    def leave_out(self, component: str) -> None:
        """Go on without coupling."""
        self._has_coupling = False

    def adapt(self, rows: Rows) -> Float32[np.ndarray, " row"]:
        """Let the readout learn from rows, which are overwritten; return the probabilities of the wanted."""
        if not self._has_coupling:
            rows.features[:, DRIVE_COLUMN:] = 0.0
        adapted = self._readout.read(rows, *self.model.log_odds(rows))
        probability: Float32[np.ndarray, " row"] = 1 / (1 + np.exp(-adapted[rows.wanted]))
        return probability.astype(np.float32)

    def _skim(self, spikes: UInt8[np.ndarray, "time unit"], observed: Mask) -> None:
        if len(spikes):
            self.read(spikes, observed, np.zeros(len(spikes), dtype=bool))


def predict_sharing(
    models: Sequence[Any], bins: Bins, first: int, bin_size: float
) -> list[Float32[np.ndarray, "predicted unit"]]:
    """Return what each model predicts of bins `first` to the end, from one reading of the past."""
    num_bins, num_units = bins.spikes.shape
    past = Past(num_units, bin_size)
    states = [InContextState(model, num_units, past) for model in models]
    out = [np.empty((num_bins - first, num_units), dtype=np.float32) for _ in models]
    # pieces as in `predict`, so that sums are taken in the same order
    for piece in models[0].cut_pieces(num_bins, first, num_units):
        wanted = np.arange(piece.start, piece.stop) >= first
        seen = _cut(bins.observed, piece.start, piece.stop)
        found = _read_sharing(past, states, bins.spikes[piece], seen, wanted)
        for prediction, probability in zip(out, found, strict=True):
            prediction[max(piece.start - first, 0) : max(piece.stop - first, 0)] = probability
    return out


@torch.no_grad()
def _read_sharing(
    past: Past,
    states: Sequence[InContextState],
    spikes: UInt8[np.ndarray, "time unit"],
    observed: Mask,
    wanted: Bool[np.ndarray, " time"] | None,
) -> list[Float32[np.ndarray, "wanted unit"]]:
    """Let a past read some bins, and every state make of its rows what its weights make of them."""
    wanted = np.ones(len(spikes), dtype=bool) if wanted is None else wanted
    place = np.cumsum(wanted) - 1
    out = [np.full((int(wanted.sum()), spikes.shape[1]), np.nan, dtype=np.float32) for _ in states]
    for rows in past.read(spikes, wanted, observed):
        at = place[rows.bin[rows.wanted]], rows.unit[rows.wanted]
        for probability, (state, own) in zip(out, _share(rows, states), strict=True):
            probability[at] = state.adapt(own)
    return out


def _share(rows: Rows, states: Sequence[InContextState]) -> Iterator[tuple[InContextState, Rows]]:
    """Give every state rows of its own, since it overwrites their features; the last takes what is there."""
    for state in states[:-1]:
        yield state, dataclasses.replace(rows, features=rows.features.copy())
    yield states[-1], rows


def _cut(mask: Mask, start: int, stop: int) -> Bool[np.ndarray, "_ unit"] | None:
    return None if mask is None else mask[start:stop]


def _first_change(recorded: UInt8[np.ndarray, "time unit"], changed: UInt8[np.ndarray, "time unit"]) -> int:
    """Return the first bin that differs, or their length."""
    differs = (recorded != changed).any(axis=1)
    return int(differs.argmax()) if differs.any() else len(recorded)
