"""How far one prediction of a recording is believed beside another: as far as it has been better so far."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy.special import expit

from nwbspikegen.models.model_averaging_kernels import average_rows

# log odds of the network before anything is read: 2 to 1, between two that were tried on validation segments.
# At 1 to 1 a silent retina loses .024 bits per unit and second in its first second, at 4 to 1 .006 (wt); at 4
# to 1 a network of another kind costs .07 more than at 1 to 1 (ko)
_PRIOR = float(np.log(2.0))
# of the evidence in nats; less than all, since neighbouring bins and units tell the same. 1 instead of .3 in
# each unit gains .01 on sun and loses .003 on ko; .3 instead of .1 in all of them leaves units that have a
# part of the truth each to one side (ko, warm, .006), .02 lets a network of another kind do harm for longer
_OWN_SHARE, _SHARED_SHARE = 0.5, 0.1
# bins after which evidence has faded to 1/e: a state that a network does not know passes
_MEMORY = 20_000.0


class Evidence(NamedTuple):
    """Which pairs of a bin and a unit are predicted, ordered by bin, and what came.

    Attributes
    ----------
    bin, unit : arrays (pair,)
        Which pair; bins count from the first of the recording.
    fired : array (pair,)
        1 where the unit fired in the bin.
    weight : array (pair,)
        How many pairs it stands for where something is learnt of it, else 0.
    """

    bin: Int64[np.ndarray, " pair"]
    unit: Int64[np.ndarray, " pair"]
    fired: Float32[np.ndarray, " pair"]
    weight: Float32[np.ndarray, " pair"]


class ModelAverage:
    """log odds = before + trust x (after - before), of two predictions.

    In `in_context` they are those before and after training, in `mixed` those of its best member and of all.
    Trust, in each unit, is the probability that the second is the better one: its log odds are a prior, a
    share of the log-likelihood that it has won in this unit, and a share of that in all units, which fade
    with time (dynamic model averaging with forgetting, Raftery, Karny & Ettler 2010; averaged in log odds).
    So a network that knows another kind of preparation does harm for a moment only. Nothing here is a weight
    of the model: it is state, and starts afresh for every recording.

    Parameters
    ----------
    num_units : int
        Units of the recording.
    """

    def __init__(self, num_units: int) -> None:
        self._own: Float64[np.ndarray, " unit"] = np.zeros(num_units)
        self._read_until: Float64[np.ndarray, " unit"] = np.zeros(num_units)
        # evidence of all units up to a bin, in that bin, and which bin that is
        self._shared: Float64[np.ndarray, " 3"] = np.zeros(3)

    def read(
        self,
        evidence: Evidence,
        before: Float64[np.ndarray, " pair"],
        after: Float64[np.ndarray, " pair"],
    ) -> Float64[np.ndarray, " pair"]:
        """Return averaged log odds, each from the bins before it, and learn."""
        averaged: Float64[np.ndarray, " pair"] = np.empty(len(before))
        average_rows(
            before,
            after,
            *evidence,
            _PRIOR,
            _OWN_SHARE,
            _SHARED_SHARE,
            _MEMORY,
            self._own,
            self._read_until,
            self._shared,
            averaged,
        )
        return averaged

    def trust(self, now: int) -> Float64[np.ndarray, " unit"]:
        """Return how far the trained network is believed in each unit when so many bins have been read."""
        own = self._own * np.exp((self._read_until - now) / _MEMORY)
        shared = (self._shared[0] + self._shared[1]) * np.exp((self._shared[2] - now) / _MEMORY)
        trust: Float64[np.ndarray, " unit"] = expit(_PRIOR + _OWN_SHARE * own + _SHARED_SHARE * shared)
        return trust
