"""What a model knows of a recording as far as it has been read: the one thing that others ask of it."""

from __future__ import annotations

import abc
import copy
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.models.stepping import Stepper
from nwbspikegen.views.history import Mask

_State = TypeVar("_State", bound="RecordingState")


class RecordingState(abc.ABC):
    """A recording as a model has read it so far, and what the model predicts from there.

    `SpikeModel.begin` returns one that has read nothing. `read` moves on by observed bins. `fork` gives a
    copy to go on from separately; `step` goes on bin by bin, for one sample or for several, on spikes that
    were drawn. `without` gives a state that lacks a component of the model.

    A subclass has to write `read`; the other methods are made of it. One that steps in a quicker way, or
    that means something else by a step, overrides `begin_steps`.

    Parameters
    ----------
    model : SpikeModel
        The network, in whatever state its weights are; copies of the state share it.
    num_units : int
        Units of the recording.

    Examples
    --------
    >>> from nwbspikegen.models import build_model
    >>> state = build_model("in_context", num_units=2).begin(num_units=2, bin_size=0.001)
    >>> state.read(np.zeros((100, 2), np.uint8)).shape
    (100, 2)
    >>> run = state.fork(num_samples=3)
    >>> run.step().shape, run.step(np.ones((3, 2), np.uint8)).shape
    ((3, 2), (3, 2))
    """

    def __init__(self, model: Any, num_units: int) -> None:
        self.model = model
        self.num_units = num_units
        self.num_samples = 1
        self._stepper: Stepper | None = None

    @abc.abstractmethod
    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins, and return the probability of a spike in those that are wanted.

        Each from the bins before it: those of this piece and of all pieces before.

        Parameters
        ----------
        spikes : uint8 array (time, unit)
            The bins that follow those read so far: 1 where a spike was observed.
        observed : bool array (time, unit), optional
            Whether the unit was observed in the bin; by default always. What was not observed is not
            silence. What is returned there is left out by the callers, and may be NaN.
        wanted : bool array (time,), optional
            Of which bins the probability is asked; by default of all.
        """

    def fork(self: _State, num_samples: int | None = None) -> _State:
        """Return a copy to go on from: whatever is done with it, this state stays as it is.

        Parameters
        ----------
        num_samples : int, optional
            For how many samples the copy's `step` goes on at once; what was read is all that they share.
            By default for as many as this state does: one, unless it was forked for several.
        """
        # networks are no part of what was read, nor are those that a network is made of
        twin = copy.deepcopy(self, {id(module): module for module in self.model.modules()})
        if num_samples is not None and num_samples != self.num_samples:
            self.require_no_steps()
            twin.num_samples = num_samples
        return twin

    def step(
        self, spikes: UInt8[np.ndarray, "sample unit"] | None = None
    ) -> Float32[np.ndarray, "sample unit"]:
        """Move on by one bin, and return the probability of a spike in the bin after it.

        For a free run: a model that infers from what it reads need not infer from what it is given here. A
        state that has stepped can step on and be copied, and reads no more.

        Parameters
        ----------
        spikes : uint8 array (sample, unit), optional
            What came in the bin, 0 or 1. Without it nothing moves: the probability is that of the next bin.
        """
        if self._stepper is None:
            self._stepper = self.begin_steps()
        if spikes is not None:
            self._stepper.take_bin(spikes)
        return self._stepper.predict_bin()

    def begin_steps(self) -> Stepper:
        """Return what `step` goes on with; as it is, every sample reads its bins as if they were observed."""
        return ReadingStepper([self.fork(1) for _ in range(self.num_samples)])

    def without(self: _State, component: str) -> _State:
        """Return a copy of this state, of the same model without one of `model.components`.

        What was read so far was read with it.
        """
        known = self.model.components
        if component not in known:
            raise InputError(
                f"component {component!r} of {self.model.name}",
                f"one of {', '.join(known)}" if known else "none: it lists no component",
                "leave out another",
            )
        self.require_no_steps()
        twin = self.fork()
        twin.leave_out(component)
        return twin

    def leave_out(self, component: str) -> None:
        """Go on without a component; for models that list some."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it is without {component}")

    def predict_perturbed(
        self,
        recorded: UInt8[np.ndarray, "time unit"],
        perturbed: Sequence[UInt8[np.ndarray, "time unit"]],
        observed: Mask = None,
    ) -> Float32[np.ndarray, "perturbation unit"]:
        """Return the probability of a spike in the bin after a piece, had it been another; nothing moves.

        Parameters
        ----------
        recorded : uint8 array (time, unit)
            The bins that follow those read so far, as they were recorded.
        perturbed : sequence of uint8 arrays (time, unit)
            What is read in their place, by one copy of the state each.
        observed : bool array (time, unit), optional
            Which of these bins were observed.
        """
        # as many copies as perturbations, one after the other: what is right for any state; those that can
        # share their work override this
        rows = [predict_next(self.fork(), piece, observed) for piece in perturbed]
        return np.stack(rows) if rows else np.empty((0, self.num_units), dtype=np.float32)

    def require_no_steps(self) -> None:
        """Raise `InputError` when this state has stepped."""
        if self._stepper is not None:
            raise InputError("a state that has stepped", "one that has only read", "fork it before it steps")


class ReadingStepper(Stepper):
    """Steps that are pieces of one bin each, read by a state per sample."""

    def __init__(self, samples: Sequence[RecordingState]) -> None:
        self._samples = samples

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin, of copies that then forget it."""
        # a copy reads one bin more than there is, and is thrown away
        nothing = np.zeros((0, self._samples[0].num_units), dtype=np.uint8)
        return np.stack([predict_next(sample.fork(), nothing) for sample in self._samples])

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Let every sample read its bin."""
        for sample, row in zip(self._samples, spikes, strict=True):
            sample.read(row[None], wanted=np.zeros(1, dtype=bool))


def predict_next(
    state: RecordingState, spikes: UInt8[np.ndarray, "time unit"], observed: Mask = None
) -> Float32[np.ndarray, " unit"]:
    """Return the probability of a spike in the bin after a piece, which the state reads."""
    # the bin itself comes last, and is not known to its prediction
    piece = np.concatenate([spikes, np.zeros((1, state.num_units), dtype=np.uint8)])
    seen = None if observed is None else np.concatenate([observed, np.ones((1, state.num_units), dtype=bool)])
    row: Float32[np.ndarray, " unit"] = state.read(piece, seen, np.arange(len(piece)) == len(spikes))[0]
    return row
