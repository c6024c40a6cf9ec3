"""Rows of features: (bin, unit) pairs of a piece of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64


@dataclass(frozen=True)
class Rows:
    """What is known before each of some (bin, unit) pairs, ordered by bin, then unit.

    Attributes
    ----------
    features : array (row, feature)
        See `layout`.
    log_odds, log_rate : arrays (row,)
        Log odds of a spike under the unit's hazard given its age; log of its running rate.
    bin, unit : arrays (row,)
        Which pair: `bin` counts from the first that `Past.read` was given.
    fired : array (row,)
        1 where the unit fired in the bin. Not known before it: for learning only.
    weight : array (row,)
        How many pairs a row stands for where it is evidence: 1 for spikes, more for sampled silent
        pairs, so that sums over evidence are unbiased sums over all pairs; 0 where it is none.
    wanted : array (row,)
        Whether the bin was asked for.
    period_ends : bool
        Whether what is solved from evidence is solved again after these rows.
    """

    features: Float32[np.ndarray, "row feature"]
    log_odds: Float32[np.ndarray, " row"]
    log_rate: Float32[np.ndarray, " row"]
    bin: Int64[np.ndarray, " row"]
    unit: Int64[np.ndarray, " row"]
    fired: Float32[np.ndarray, " row"]
    weight: Float32[np.ndarray, " row"]
    wanted: Bool[np.ndarray, " row"]
    period_ends: bool
