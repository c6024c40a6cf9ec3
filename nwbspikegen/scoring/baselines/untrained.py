"""Predictors that read the past of the recording they predict and learn nothing else."""

from __future__ import annotations

import os
from typing import ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from nwbspikegen.scoring.baselines.registry import register_baseline
from nwbspikegen.scoring.baselines.storage import read_weights, write_weights
from nwbspikegen.views import history
from nwbspikegen.views.history import Mask


class _Untrained:
    """What predictors without weights share."""

    name: str
    needs_training: ClassVar[bool] = False

    def fit(
        self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, observed: Mask = None
    ) -> _Untrained:
        """Return self: there is nothing to learn."""
        return self

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the name into `folder`."""
        write_weights(folder, self.name)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> _Untrained:
        """Read what `save` wrote."""
        read_weights(folder, cls.name)
        return cls()


@register_baseline
class RunningRate(_Untrained):
    """Predicts each unit's mean rate so far: the null of zero-shot prediction (`history.running_rate`)."""

    name = "running_rate"

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return (k + 1/2) / (n + 1/2 / r0), k spikes in the n bins before, r0 = 1 Hz x bin size."""
        # the prior is half a spike in the time that 1 Hz takes for it: a unit begins at 1 Hz, not at nothing
        return history.running_rate(spikes, first, bin_size, observed)


@register_baseline
class OnlineHazard(_Untrained):
    """Predicts by the age since the last spike, as the unit's own past tells (`history.online_hazard`)."""

    name = "online_hazard"

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return (S + w r) / (E + w), w = 1 / max(r, (S - 1) / E): S spikes in E bins at that age, rate r."""
        return history.online_hazard(spikes, first, bin_size, observed)
