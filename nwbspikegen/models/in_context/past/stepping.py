"""From a recording's past on, one bin at a time, for several samples at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8

from nwbspikegen.models.in_context.past.companions import Companions
from nwbspikegen.models.in_context.past.coupling import Coupling
from nwbspikegen.models.in_context.past.layout import (
    COMPANION_COLUMN,
    COMPANION_TAUS,
    COUPLING_POPULATION,
    COUPLING_TAUS,
    DRIVE_COLUMN,
    HAZARD_COLUMN,
    INTERVAL_EDGES,
    JOINT_STATE_EDGES,
    JOINT_TAU,
    NUM_FEATURES,
    PARTNER_COLUMN,
    STATE_EDGES,
    STATE_TAUS,
    TAUS_BINS,
)
from nwbspikegen.models.in_context.past.partners import Partners
from nwbspikegen.models.in_context.past.population import Population
from nwbspikegen.models.in_context.past.stepping_kernels import take_bin, write_bin
from nwbspikegen.models.in_context.past.units import UnitHistories

_DECAY = np.exp(-1.0 / TAUS_BINS)
_COUPLING_DECAY = np.exp(-1.0 / COUPLING_TAUS)
_COMPANION_DECAY = np.exp(-1.0 / COMPANION_TAUS)


class PastStepper:
    """What passes with time, for every sample; counts and weights stay as the past left them.

    Parameters
    ----------
    population, units, coupling, partners, companions
        Its parts, which are only read.
    center, scale : arrays (feature,)
        By which features are standardised.
    limit : float
        How many standard deviations a feature may be away.
    num_samples : int
        Samples to follow.

    Attributes
    ----------
    standard : array (row, feature)
        Standardised features, of sample after sample, as `write` left them; always the same memory.
    log_odds, log_rate : arrays (row,)
        As in `Rows`.
    """

    def __init__(
        self,
        population: Population,
        units: UnitHistories,
        coupling: Coupling,
        partners: Partners,
        companions: Companions,
        *,
        center: Float32[np.ndarray, " feature"],
        scale: Float32[np.ndarray, " feature"],
        limit: float,
        num_samples: int,
    ) -> None:
        self._population_rate = population.rate()
        self._rate = units.rate()
        self._tables = units.tables()
        self._pairs = partners.tables()
        self._classes = (
            *units.classes(),
            partners.classes(),
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

        drive = np.einsum("kvtu,vt->ktu", weights.astype(np.float64), coupling.trace)
        self._shares, company = companions.company()
        self._oldest = units.oldest
        self._passing = (
            repeat(population.trace),
            repeat(units.trace),
            repeat(units.known_age()),
            repeat(units.interval_class),
            repeat(coupling.trace),
            repeat(drive),
            repeat(company),
        )
        num_rows = num_samples * len(self._rate)
        self.standard = np.empty((num_rows, NUM_FEATURES), dtype=np.float32)
        self.log_odds = np.empty(num_rows, dtype=np.float32)
        self.log_rate = np.tile(np.log(self._rate).astype(np.float32), num_samples)

    def write(self) -> None:
        """Write features and log odds of the next bin."""
        population_trace, trace, age, interval_class, _, drive, company = self._passing
        write_bin(
            self._population_rate,
            self._rate,
            population_trace,
            trace,
            age,
            interval_class,
            drive,
            company,
            self._tables,
            self._pairs,
            self._coupling,
            self._classes,
            (HAZARD_COLUMN, DRIVE_COLUMN, PARTNER_COLUMN, COMPANION_COLUMN),
            self._scaling,
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
            _COMPANION_DECAY,
            self._shares,
            INTERVAL_EDGES,
            self._oldest,
            *self._passing,
        )
