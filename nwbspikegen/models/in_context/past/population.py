"""The population's past: traces of its mean, the state it is in, and which pairs are training samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from nwbspikegen.models.in_context.past.feature_columns import (
    JOINT_STATE_EDGES,
    JOINT_TAU,
    STATE_EDGES,
    STATE_TAUS,
    TAUS_BINS,
)
from nwbspikegen.models.in_context.past.population_kernels import follow_population, mean_rate
from nwbspikegen.models.in_context.past.priors import Prior

_DECAY = np.exp(-1.0 / TAUS_BINS)
# per bin and not per unit, so that learning costs the same per bin however many units there are; of 8 units
# or fewer every fourth bin is taken
_SAMPLED_PAIRS = 2.0
_LARGEST_SHARE = 0.25


class PopulationPast(NamedTuple):
    """Per bin: log traces over the mean rate, classes, and by how much a sampled bin is weighted.

    `sampled_weight` is 0 where the bin is not sampled. `before` is the share of each trace, of a unit as of
    the population, that lies before the first bin.
    """

    before: Float64[np.ndarray, "time tau"]
    log_ratio: Float64[np.ndarray, "time tau"]
    state: Int64[np.ndarray, "time 3"]
    joint_state: Int64[np.ndarray, " time"]
    sampled_weight: Float64[np.ndarray, " time"]


class Population:
    """Follows the population mean of spikes.

    Silent pairs are training samples in randomly drawn bins, about two pairs per bin on average, and
    more often where the population has just been active, since there is more to be learnt from silence.
    """

    def __init__(self, num_units: int, prior_bins: float, prior: Prior) -> None:
        self._prior_bins = prior_bins
        self._is_before_expected = prior.is_before_expected
        self._share = min(_LARGEST_SHARE, _SAMPLED_PAIRS / num_units)
        self._num_units = num_units
        self.trace = np.zeros(len(TAUS_BINS))
        self._num_spikes = np.zeros(num_units)
        self._num_seen = np.zeros(num_units)

    def rate(self) -> float:
        """Return the mean running rate per bin and unit."""
        return float(mean_rate(self._num_spikes, self._num_seen, self._prior_bins))

    def share_before(self, num_bins: Int64[np.ndarray, " time"]) -> Float64[np.ndarray, "time tau"]:
        """Return which share of each trace lies before the first bin, so many bins after it."""
        share: Float64[np.ndarray, "time tau"] = _DECAY ** num_bins[:, None] * self._is_before_expected
        return share

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        num_before: int,
    ) -> PopulationPast:
        """Move on by some bins, the first of which is bin `num_before`."""
        num_bins = len(spikes)
        past = PopulationPast(
            self.share_before(np.arange(num_before, num_before + num_bins)),
            np.empty((num_bins, len(TAUS_BINS))),
            np.empty((num_bins, len(STATE_TAUS)), dtype=np.int64),
            np.empty(num_bins, dtype=np.int64),
            np.empty(num_bins),
        )
        follow_population(
            spikes,
            observed,
            num_before,
            self._prior_bins,
            self._share,
            _DECAY,
            STATE_TAUS,
            STATE_EDGES,
            JOINT_TAU,
            JOINT_STATE_EDGES,
            self.trace,
            self._num_spikes,
            self._num_seen,
            *past,
        )
        return past


def mark_training_samples(
    past: PopulationPast, spikes: UInt8[np.ndarray, "time unit"], observed: Bool[np.ndarray, "time unit"]
) -> Bool[np.ndarray, "time unit"]:
    """Return which pairs are learnt from: every observed spike, and all observed units in sampled bins."""
    is_training: Bool[np.ndarray, "time unit"] = (
        (spikes > 0) | (past.sampled_weight > 0)[:, None]
    ) & observed
    return is_training
