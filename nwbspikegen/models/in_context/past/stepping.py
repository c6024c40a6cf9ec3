"""From a recording's past on, one bin at a time, for several samples at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from nwbspikegen.models.in_context.past.coincident_units import CoincidentUnits
from nwbspikegen.models.in_context.past.coupling import Coupling
from nwbspikegen.models.in_context.past.feature_columns import (
    COINCIDENT_COLUMN,
    COINCIDENT_TAUS,
    COUPLING_COLUMN,
    COUPLING_POPULATION,
    COUPLING_TAUS,
    HAZARD_COLUMN,
    INTERVAL_EDGES,
    JOINT_STATE_EDGES,
    JOINT_TAU,
    NUM_FEATURES,
    PAIRWISE_COLUMN,
    STATE_EDGES,
    STATE_TAUS,
    TAUS_BINS,
)
from nwbspikegen.models.in_context.past.pairwise_predictors import PairwisePredictors
from nwbspikegen.models.in_context.past.population import Population
from nwbspikegen.models.in_context.past.stepping_kernels import take_bin, write_bin
from nwbspikegen.models.in_context.past.units import UnitHistories

_DECAY = np.exp(-1.0 / TAUS_BINS)
_COUPLING_DECAY = np.exp(-1.0 / COUPLING_TAUS)
_COINCIDENT_DECAY = np.exp(-1.0 / COINCIDENT_TAUS)


class PastStepper:
    """What passes with time, for every sample; counts and weights stay as the past left them.

    Parameters
    ----------
    population, units, coupling, pairwise, coincident_units
        Its parts, which are only read.
    center, scale : arrays (feature,)
        By which features are standardised.
    limit : float
        How many standard deviations a feature may be away, or how far from 0 before it is standardised.
    num_samples : int
        Samples to follow.
    num_bins : int
        Bins that were read.

    Attributes
    ----------
    features, standard : arrays (pair, feature)
        Features within the limit, and standardised within it, of sample after sample, as `write` left them;
        always the same memory.
    log_odds, log_rate : arrays (pair,)
        As in `PairSamples`.
    """

    def __init__(
        self,
        population: Population,
        units: UnitHistories,
        coupling: Coupling,
        pairwise: PairwisePredictors,
        coincident_units: CoincidentUnits,
        *,
        center: Float32[np.ndarray, " feature"],
        scale: Float32[np.ndarray, " feature"],
        limit: float,
        num_samples: int,
        num_bins: int,
    ) -> None:
        self._population_rate = population.rate()
        self._rate = units.rate()
        self._tables = units.tables()
        self._pairs = pairwise.tables()
        self._classes = (
            *units.classes(),
            pairwise.classes(),
            STATE_TAUS,
            STATE_EDGES,
            JOINT_TAU,
            JOINT_STATE_EDGES,
        )
        weights, population_weights, offset, gain = coupling.weights()
        self._weights = weights
        self._coupling = (population_weights, offset, gain, COUPLING_POPULATION)
        self._scaling = (center, 1 / scale, limit)

        def repeat(state: np.ndarray) -> np.ndarray:
            return np.repeat(state[None], num_samples, axis=0)

        # the output of a filter is kept by time constant: each decays by itself, so that a bin without spikes
        # costs no product of all pairs
        filtered = np.einsum("kvtu,vt->ktu", weights.astype(np.float64), coupling.trace)
        self._shares, activity = coincident_units.activity()
        self._oldest = units.oldest
        # rates stay from here on, so that what lies before the first bin fades as all of a trace does
        before = population.share_before(np.array([num_bins]))[0]
        self._passing = (
            repeat(population.trace + before * self._population_rate),
            repeat(units.trace + before * self._rate[:, None]),
            repeat(units.known_age()),
            repeat(units.interval_class),
            repeat(coupling.trace),
            repeat(filtered),
            repeat(activity),
        )
        num_pairs = num_samples * len(self._rate)
        self.features = np.empty((num_pairs, NUM_FEATURES), dtype=np.float32)
        self.standard = np.empty((num_pairs, NUM_FEATURES), dtype=np.float32)
        self.log_odds = np.empty(num_pairs, dtype=np.float32)
        # rates are counts, which a free run does not add to
        self.log_rate = np.tile(np.log(self._rate).astype(np.float32), num_samples)

    def write(self) -> None:
        """Write features and log odds of the next bin."""
        population_trace, trace, age, interval_class, _, filtered, activity = self._passing
        write_bin(
            (self._population_rate, self._rate),
            (population_trace, trace, age, interval_class, filtered, activity),
            self._tables,
            self._pairs,
            self._coupling,
            self._classes,
            (HAZARD_COLUMN, COUPLING_COLUMN, PAIRWISE_COLUMN, COINCIDENT_COLUMN),
            self._scaling,
            self.features,
            self.standard,
            self.log_odds,
            self.log_rate,
        )

    def take(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        take_bin(
            spikes,
            _DECAY,
            _COUPLING_DECAY,
            self._weights,
            _COINCIDENT_DECAY,
            self._shares,
            INTERVAL_EDGES,
            self._oldest,
            *self._passing,
        )
