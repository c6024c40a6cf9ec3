"""The protocol that models and baselines share."""

from __future__ import annotations

import os
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8


@runtime_checkable
class Predictor(Protocol):
    """Predicts the probability of a spike in each bin from the bins before it.

    Everything that is scored has this shape, so that trivial predictors and trained models stand in
    one table. Networks learn by `nsg.train`; baselines have a `fit` of their own.

    An implementation must be causal: row `t` of what `predict` returns depends on rows before
    `first + t` of `spikes` only. `nsg.audit` checks it.
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def predict(
        self, spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in bins `first` to the end, each from the bins before it.

        Bins before `first` are context: they are read and not predicted.
        """
        ...

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write weights and parameters into `folder`."""
        ...

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Predictor:
        """Read what `save` wrote."""
        ...
