"""Each unit's own past: traces, hazards of one and two conditions, and how much evidence there is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from nwbspikegen.models.in_context.past.feature_columns import (
    INTERVAL_EDGES,
    JOINT_AGE_EDGES,
    JOINT_STATE_EDGES,
    NUM_HAZARDS,
    STATE_TAUS,
    TAUS_BINS,
)
from nwbspikegen.models.in_context.past.population import PopulationPast
from nwbspikegen.models.in_context.past.priors import Prior
from nwbspikegen.models.in_context.past.unit_kernels import follow_units, tabulate_hazards
from nwbspikegen.views.history import AGE_EDGES, age_classes

_DECAY = np.exp(-1.0 / TAUS_BINS)
_AGE_CLASS = age_classes()
_JOINT_AGE_CLASS = np.searchsorted(JOINT_AGE_EDGES, np.arange(AGE_EDGES[-1] + 2))
_OLDEST = _AGE_CLASS.size - 1
# the last class is that of an age which is not known, after bins that were not observed
_NUM_CLASSES = len(AGE_EDGES) + 2
_NUM_SINGLE = 1 + len(STATE_TAUS)
_NUM_JOINT = NUM_HAZARDS - _NUM_SINGLE
NUM_COARSE_AGES = len(JOINT_AGE_EDGES) + 2
_NUM_OTHERS = len(JOINT_STATE_EDGES) + 1


class UnitHistories:
    """Follows every unit by itself, and beside the population's state.

    Hazards are spikes over bins, as counted so far: given the age since the latest spike (class
    edges of `history.online_hazard`); given the population's activity at 10, 60 and 200 bins; given
    age and population together; given age and the interval before the latest spike. Each is drawn
    towards a coarser one: the single ones to the running rate as in `history.online_hazard`, the joint
    ones to what the single ones say together by 2 spikes.
    """

    def __init__(self, num_units: int, prior_bins: float, prior: Prior) -> None:
        self._prior_bins = prior_bins
        self._hazard_spikes = prior.hazard_spikes
        self.trace = np.zeros((num_units, len(TAUS_BINS)))
        self._num_spikes = np.zeros(num_units)
        self._num_seen = np.zeros(num_units)
        self.age = np.full(num_units, prior.first_age(_OLDEST))
        self.interval_class = np.full(num_units, len(INTERVAL_EDGES))
        # spikes and bins per unit, condition and class
        self._single = np.zeros((2, num_units, _NUM_SINGLE, _NUM_CLASSES))
        self._joint = np.zeros((2, num_units, _NUM_JOINT, NUM_COARSE_AGES, _NUM_OTHERS))

    oldest = _OLDEST
    """Age, in bins, beyond which ages are alike."""

    def known_age(self) -> Int64[np.ndarray, " unit"]:
        """Return each unit's age; one that is not known is the oldest."""
        return np.where(self.age < 0, _OLDEST, self.age)

    def rate(self) -> Float64[np.ndarray, " unit"]:
        """Return the running rate per bin."""
        return (self._num_spikes + 0.5) / (self._num_seen + self._prior_bins)

    def tables(self) -> tuple[np.ndarray, ...]:
        """Return what a bin's features are looked up in.

        Log hazards over the rate by unit, condition and class; spikes and bins by two conditions; by
        unit, evidence and how far to trust it.
        """
        log_hazard = np.empty(self._single.shape[1:], dtype=np.float32)
        evidence = np.empty((len(self._num_spikes), 2))
        tabulate_hazards(
            self._single,
            self.rate(),
            self._num_spikes,
            self._num_seen,
            self._hazard_spikes,
            log_hazard,
            evidence,
        )
        return log_hazard, self._joint, evidence

    @staticmethod
    def classes() -> tuple[np.ndarray, np.ndarray]:
        """Return the class of each age, fine and coarse."""
        return _AGE_CLASS, _JOINT_AGE_CLASS

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        population: PopulationPast,
        row_of: Int64[np.ndarray, "time unit"],
        features: Float32[np.ndarray, "pair feature"],
        log_rate: Float32[np.ndarray, " pair"],
    ) -> None:
        """Move on by some bins; fill the rows that `row_of` gives (-1: none)."""
        follow_units(
            spikes,
            observed,
            self._prior_bins,
            self._hazard_spikes,
            population.before,
            population.log_ratio,
            population.state,
            population.joint_state,
            row_of,
            _DECAY,
            _AGE_CLASS,
            _JOINT_AGE_CLASS,
            INTERVAL_EDGES,
            self.trace,
            self._num_spikes,
            self._num_seen,
            self.age,
            self.interval_class,
            self._single,
            self._joint,
            features,
            log_rate,
        )


def log_odds_of(
    log_probability: Float32[np.ndarray, " pair"] | Float64[np.ndarray, " pair"],
) -> Float32[np.ndarray, " pair"]:
    """Return log odds, the probability kept within [1e-6, 1 - 1e-6]."""
    # the bounds that scores clip to: what lies beyond would not be seen there
    probability = np.clip(np.exp(log_probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    log_odds: Float32[np.ndarray, " pair"] = np.log(probability / (1 - probability)).astype(np.float32)
    return log_odds
