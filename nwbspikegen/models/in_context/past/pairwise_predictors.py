"""Pairwise predictors: the few other units whose latest spike tells most about a unit."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from nwbspikegen.models.in_context.past.age_kernels import cut_blocks, follow_ages
from nwbspikegen.models.in_context.past.feature_columns import (
    JOINT_AGE_EDGES,
    NUM_PAIRWISE_PREDICTORS,
    PREDICTOR_AGE_EDGES,
)
from nwbspikegen.models.in_context.past.pairwise_predictor_kernels import (
    choose_predictors,
    follow_pairs,
    tabulate_predictors,
)
from nwbspikegen.models.in_context.past.priors import Prior
from nwbspikegen.models.in_context.past.units import NUM_COARSE_AGES

_OLDEST = int(JOINT_AGE_EDGES[-1]) + 1
_PREDICTOR_CLASS = np.searchsorted(PREDICTOR_AGE_EDGES, np.arange(_OLDEST + 1))
_OWN_CLASS = np.searchsorted(JOINT_AGE_EDGES, np.arange(_OLDEST + 1))
_NUM_AGES = len(PREDICTOR_AGE_EDGES) + 1
# a joint hazard is drawn towards a product of two, which may exceed 1; what is expected of a bin must not
_HIGHEST_LOG_PROBABILITY = -0.05


class PairwisePredictors:
    """Counts, for every pair, spikes against expected spikes by the age of the other's latest spike.

    What is expected is the unit's hazard given its own age and the population. A unit's predictors
    are those of whom such a table would have told most so far; with the best one there is a table of
    both ages as well. Features per predictor: log of spikes over expected spikes, each with 4 more, and
    nats per spike the table would have told; then the same log ratio of the table of both ages.
    """

    def __init__(self, num_units: int, prior: Prior) -> None:
        self._age = np.full(num_units, prior.first_age(_OLDEST))
        # spikes and expected spikes
        # the largest table of all: 1,000 units take 96 MB in single precision
        self._pair = np.zeros((2, num_units, num_units, _NUM_AGES), dtype=np.float32)
        self._best = np.zeros((2, num_units, NUM_COARSE_AGES, _NUM_AGES))
        self._num_spikes = np.zeros(num_units)
        self._predictor = np.full((num_units, NUM_PAIRWISE_PREDICTORS), -1)
        self._gain = np.zeros((num_units, NUM_PAIRWISE_PREDICTORS))

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        row_of: Int64[np.ndarray, "time unit"],
        weight: Float32[np.ndarray, " pair"],
        log_probability: Float64[np.ndarray, " pair"],
        out: Float32[np.ndarray, "pair column"],
    ) -> None:
        """Move on by some bins; fill rows of `out`, and learn from those that have weight."""
        expected = np.exp(np.minimum(log_probability, _HIGHEST_LOG_PROBABILITY))
        for bins in cut_blocks(len(spikes)):
            ages = np.empty(spikes[bins].shape, dtype=np.int16)
            follow_ages(spikes[bins], observed[bins], _OLDEST, self._age, ages)
            follow_pairs(
                spikes[bins],
                row_of[bins],
                weight,
                expected,
                ages,
                _PREDICTOR_CLASS,
                _OWN_CLASS,
                self._pair,
                self._best,
                self._num_spikes,
                self._predictor,
                self._gain,
                out,
            )

    def tables(self) -> tuple[np.ndarray, ...]:
        """Return log ratios by predictor (unit, place, class) and by both ages, who they are, their gain."""
        by_predictor = np.zeros((*self._predictor.shape, self._pair.shape[-1]), dtype=np.float32)
        by_both = np.zeros(self._best.shape[1:], dtype=np.float32)
        tabulate_predictors(self._pair, self._best, self._predictor, by_predictor, by_both)
        return by_predictor, by_both, self._predictor, self._gain

    @staticmethod
    def classes() -> np.ndarray:
        """Return the class of each age of a predictor."""
        return _PREDICTOR_CLASS

    def solve(self) -> None:
        """Choose predictors again, from all training samples so far."""
        choose_predictors(self._pair, self._num_spikes, self._best, self._predictor, self._gain)
