"""Bin by bin: what a state steps with."""

from __future__ import annotations

import abc

import numpy as np
from jaxtyping import Float32, UInt8


class Stepper(abc.ABC):
    """A model that has read a past, and goes on from it one bin at a time, for several samples at once.

    `RecordingState.step` is made of it. A model whose past can be split into what was inferred and what
    passes with time, such as traces and ages, lets only the latter follow the spikes that are taken:
    learning from one's own spikes would drift.
    """

    @abc.abstractmethod
    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""

    @abc.abstractmethod
    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin, in which these spikes came (0 or 1)."""
