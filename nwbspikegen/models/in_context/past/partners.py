"""Partners: the few other units whose latest spike tells most about a unit."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from nwbspikegen.models.in_context.past.layout import JOINT_AGE_EDGES, NUM_PARTNERS, PARTNER_AGE_EDGES
from nwbspikegen.models.in_context.past.partner_kernels import (
    choose_partners,
    follow_pairs,
    tabulate_partners,
)
from nwbspikegen.models.in_context.past.units import NUM_COARSE_AGES

_OLDEST = int(JOINT_AGE_EDGES[-1]) + 1
_PARTNER_CLASS = np.searchsorted(PARTNER_AGE_EDGES, np.arange(_OLDEST + 1))
_OWN_CLASS = np.searchsorted(JOINT_AGE_EDGES, np.arange(_OLDEST + 1))
_NUM_AGES = len(PARTNER_AGE_EDGES) + 1
_HIGHEST_LOG_PROBABILITY = -0.05


class Partners:
    """Counts, for every pair, spikes against expected spikes by the age of the other's latest spike.

    What is expected is the unit's hazard given its own age and the population. A unit's partners are
    those of whom such a table would have told most so far; with the best one there is a table of
    both ages as well. Features per partner: log of spikes over expected spikes, each with 4 more, and
    nats per spike the table would have told; then the same log ratio of the table of both ages.
    """

    def __init__(self, num_units: int) -> None:
        self._age = np.full(num_units, _OLDEST)
        # spikes and expected spikes
        self._pair = np.zeros((2, num_units, num_units, _NUM_AGES), dtype=np.float32)
        self._best = np.zeros((2, num_units, NUM_COARSE_AGES, _NUM_AGES))
        self._num_spikes = np.zeros(num_units)
        self._partner = np.full((num_units, NUM_PARTNERS), -1)
        self._gain = np.zeros((num_units, NUM_PARTNERS))

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        row_of: Int64[np.ndarray, "time unit"],
        weight: Float32[np.ndarray, " row"],
        log_probability: Float64[np.ndarray, " row"],
        out: Float32[np.ndarray, "row column"],
    ) -> None:
        """Move on by some bins; fill rows of `out`, and learn from those that have weight."""
        expected = np.exp(np.minimum(log_probability, _HIGHEST_LOG_PROBABILITY))
        follow_pairs(
            spikes,
            observed,
            row_of,
            weight,
            expected,
            _PARTNER_CLASS,
            _OWN_CLASS,
            self._age,
            self._pair,
            self._best,
            self._num_spikes,
            self._partner,
            self._gain,
            out,
        )

    def tables(self) -> tuple[np.ndarray, ...]:
        """Return log ratios by partner (unit, place, class) and by both ages, partners, what they tell."""
        by_partner = np.zeros((*self._partner.shape, self._pair.shape[-1]), dtype=np.float32)
        by_both = np.zeros(self._best.shape[1:], dtype=np.float32)
        tabulate_partners(self._pair, self._best, self._partner, by_partner, by_both)
        return by_partner, by_both, self._partner, self._gain

    @staticmethod
    def classes() -> np.ndarray:
        """Return the class of each age of a partner."""
        return _PARTNER_CLASS

    def solve(self) -> None:
        """Choose partners again, from all evidence so far."""
        choose_partners(self._pair, self._num_spikes, self._best, self._partner, self._gain)
