"""Coincident units: those that tend to have just fired when a unit fires."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from nwbspikegen.models.in_context.past.age_kernels import cut_blocks, follow_ages
from nwbspikegen.models.in_context.past.coincident_unit_kernels import follow_coincident_units, follow_rates
from nwbspikegen.models.in_context.past.feature_columns import (
    COINCIDENCE_TAU,
    COINCIDENT_TAUS,
    NUM_COINCIDENT_UNITS,
)
from nwbspikegen.models.in_context.past.priors import Prior
from nwbspikegen.models.in_context.past.units import UnitHistories
from nwbspikegen.views.history_kernels import NEGLIGIBLE

# a unit with one spike would take whoever fired before it for coincident
_PRIOR_SPIKES = 5.0


class CoincidentUnits:
    """Follows, for every unit, how lately those have fired that fire together with it.

    What is left of a unit's latest spike falls exponentially with its age. A unit's coincident
    units are the others of which more is left at its own spikes than at those of the whole population,
    the 16 with the largest excess, each with a share in proportion to it. Features: log of what is left
    of their latest spikes on average, for time constants of 1.5 bins to 1,000. Unlike coupling filters
    and pairwise predictors they say what is, not what it would mean: the network finds that out.
    """

    def __init__(self, num_units: int, prior_bins: float, prior: Prior) -> None:
        self._prior_bins = prior_bins
        ages = np.arange(UnitHistories.oldest + 1)[:, None]
        self._remaining = np.exp(-(ages - 1) / COINCIDENT_TAUS).astype(np.float32)
        # the last age is "so long ago or never": 6,001 bins and more, for which even the slowest trace is
        # below .003
        # nothing is left of what never was
        self._remaining[-1] = 0.0
        self._remaining[self._remaining < NEGLIGIBLE] = 0.0
        self._age = np.full(num_units, prior.first_age(UnitHistories.oldest))
        self._coincidence = np.zeros((num_units, num_units))
        self._num_spikes = np.zeros(num_units)
        self._num_seen = np.zeros(num_units)
        self._begin = np.zeros(num_units + 1, dtype=np.int64)
        self._member = np.zeros(0, dtype=np.int64)
        self._share = np.zeros(0, dtype=np.float32)

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        row_of: Int64[np.ndarray, "time unit"],
        out: Float32[np.ndarray, "pair tau"],
    ) -> None:
        """Move on by some bins; fill the rows of `out` that `row_of` gives (-1: none)."""
        for bins in cut_blocks(len(spikes)):
            ages = np.empty(spikes[bins].shape, dtype=np.int16)
            rates = np.empty(ages.shape)
            follow_ages(spikes[bins], observed[bins], UnitHistories.oldest, self._age, ages)
            follow_rates(
                spikes[bins], observed[bins], ages, self._prior_bins, self._num_spikes, self._num_seen, rates
            )
            follow_coincident_units(
                spikes[bins],
                row_of[bins],
                ages,
                rates,
                self._remaining,
                COINCIDENCE_TAU,
                self._begin,
                self._member,
                self._share,
                self._coincidence,
                out,
            )

    def activity(self) -> tuple[Float64[np.ndarray, "other unit"], Float64[np.ndarray, "tau unit"]]:
        """Return each unit's shares in the others' coincident activity, and that activity."""
        num_units = len(self._age)
        shares = np.zeros((num_units, num_units))
        shares[self._member, np.repeat(np.arange(num_units), np.diff(self._begin))] = self._share
        # an age that is not known is the oldest, as for a free run of the units themselves
        age = np.where(self._age < 0, UnitHistories.oldest, self._age)
        return shares, self._remaining[age].T @ shares

    def solve(self) -> None:
        """Choose coincident units again, from all spikes so far."""
        excess = self._find_excess()
        most = min(NUM_COINCIDENT_UNITS, len(excess))
        # everyone that ties with the last is taken: by place, the order of units would choose
        smallest = np.partition(excess, -most, axis=1)[:, -most]
        unit, member = np.nonzero((excess > 0) & (excess >= smallest[:, None]))
        kept = excess[unit, member]
        total = np.bincount(unit, kept, len(excess))
        self._begin = np.searchsorted(unit, np.arange(len(excess) + 1))
        # in one piece, as it was before: of a column of a table the kernel would be compiled once more
        self._member = np.ascontiguousarray(member)
        self._share = (kept / total[unit]).astype(np.float32)

    def _find_excess(self) -> Float64[np.ndarray, "unit other"]:
        total = max(float(self._num_spikes.sum()), 1.0)
        # at the spikes of the population, not over time: else bursts, in which everyone fires, would make the
        # busiest units coincident with all (.007 less on wt)
        usual = self._coincidence.sum(axis=0) / total
        excess: Float64[np.ndarray, "unit other"] = (
            self._coincidence / (self._num_spikes + _PRIOR_SPIKES)[:, None] - usual
        )
        np.fill_diagonal(excess, 0.0)
        return excess
