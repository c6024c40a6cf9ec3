"""Samples: (bin, unit) pairs of a piece of a recording, with their features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64


@dataclass(frozen=True)
class PairSamples:
    """What is known before each of some (bin, unit) pairs, ordered by bin, then unit.

    Attributes
    ----------
    features : array (pair, feature)
        See `feature_columns`.
    log_odds, log_rate : arrays (pair,)
        Log odds of a spike under the unit's hazard given its age; log of its running rate.
    bin, unit : arrays (pair,)
        Which pair: `bin` counts from the first that `Past.read` was given.
    fired : array (pair,)
        1 where the unit fired in the bin. Not known before it: for learning only.
    weight : array (pair,)
        How many pairs a training sample stands for: 1 for spikes, more for sampled silent pairs, so that
        sums over training samples are unbiased sums over all pairs; 0 where it is none.
    is_requested : array (pair,)
        Whether the bin was asked for.
    refit_follows : bool
        Whether all that is fitted to training samples is fitted again after these.
    """

    features: Float32[np.ndarray, "pair feature"]
    log_odds: Float32[np.ndarray, " pair"]
    log_rate: Float32[np.ndarray, " pair"]
    bin: Int64[np.ndarray, " pair"]
    unit: Int64[np.ndarray, " pair"]
    fired: Float32[np.ndarray, " pair"]
    weight: Float32[np.ndarray, " pair"]
    is_requested: Bool[np.ndarray, " pair"]
    refit_follows: bool
