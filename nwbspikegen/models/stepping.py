"""Bin by bin: what a model needs to run on its own spikes."""

from __future__ import annotations

import abc

import numpy as np
from jaxtyping import Float32, UInt8


class Stepper(abc.ABC):
    """A model that has read a past, and goes on from it one bin at a time, for several samples at once.

    What was inferred from the observed past stays as it was: only what passes with time, such as traces
    and ages, follows the spikes that are taken. Learning from one's own spikes would drift.
    """

    @abc.abstractmethod
    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""

    @abc.abstractmethod
    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin, in which these spikes came (0 or 1)."""
