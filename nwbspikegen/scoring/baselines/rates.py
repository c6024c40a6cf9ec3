"""Each unit's mean rate in the training segment."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import cut_rows, empty_array
from nwbspikegen.scoring.baselines.registry import register_baseline
from nwbspikegen.scoring.baselines.storage import read_weights, write_weights
from nwbspikegen.views.history import Mask, mean_rate_per_bin


@register_baseline
class MeanRate:
    """Predicts (k + 1/2) / (n + 1): k bins with a spike among the n of the training segment.

    Examples
    --------
    >>> spikes = np.array([[1], [0], [0]], np.uint8)
    >>> MeanRate().fit(spikes, 0.001).predict(spikes, 2, 0.001)
    array([[0.375]], dtype=float32)
    """

    name = "mean_rate"
    needs_training: ClassVar[bool] = True

    def __init__(self) -> None:
        self.probability: Float64[np.ndarray, " unit"] = np.empty(0)

    def fit(self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, observed: Mask = None) -> MeanRate:
        """Count the training segment's spikes, and the bins in which each unit was observed."""
        self.probability = mean_rate_per_bin(spikes, observed)
        return self

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Repeat the training segment's rates; raise `InputError` when the units are not as many."""
        require_same_units(self.name, len(self.probability), spikes.shape[1])
        predicted = empty_array((len(spikes) - first, spikes.shape[1]), np.float32)
        for piece in cut_rows(predicted):
            predicted[piece] = self.probability
        return predicted

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the rates into `folder`."""
        write_weights(folder, self.name, probability=self.probability)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> MeanRate:
        """Read what `save` wrote."""
        baseline = cls()
        baseline.probability = read_weights(folder, cls.name)["probability"]
        return baseline


def require_same_units(name: str, fitted: int, given: int) -> None:
    """Raise `InputError` unless a baseline is given as many units as it was fitted on."""
    if fitted != given:
        raise InputError(
            f"{given} units for a {name} fitted on {fitted}",
            "the units of the training segment",
            "fit it on these units first",
        )
