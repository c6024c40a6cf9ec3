"""Couplings as models declare them: by which filters, by the model, units change each other's hazard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.predictor import Bins


@dataclass(frozen=True)
class Couplings:
    """How spikes of units change the hazards of others.

    Attributes
    ----------
    kernels : array (target, source, lag)
        Relative change of the target's hazard so many bins after the source's latest spike, from 1 on.
    influence : array (target, source)
        SD over time of what the source adds to the factor on the target's hazard.
    """

    kernels: Float64[np.ndarray, "target source lag"]
    influence: Float64[np.ndarray, "target source"]


@runtime_checkable
class Couples(Protocol):
    """A model that solves for couplings."""

    def read_couplings(self, bins: Bins, bin_size: float) -> Couplings:
        """Return the couplings that the model has found when it has read a recording."""
        ...
