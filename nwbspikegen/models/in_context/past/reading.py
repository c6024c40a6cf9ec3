"""Reading a recording: from spikes to samples with features, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from nwbspikegen.models.in_context.past.coincident_units import CoincidentUnits
from nwbspikegen.models.in_context.past.coupling import Coupling
from nwbspikegen.models.in_context.past.feature_columns import (
    AGE_HAZARD,
    AGE_STATE_HAZARD,
    COINCIDENT_COLUMN,
    COUPLING_COLUMN,
    HAZARD_COLUMN,
    NUM_FEATURES,
    PAIRWISE_COLUMN,
)
from nwbspikegen.models.in_context.past.pairwise_predictors import PairwisePredictors
from nwbspikegen.models.in_context.past.population import Population, PopulationPast, mark_training_samples
from nwbspikegen.models.in_context.past.priors import NEWEST_PRIOR, Prior, find_prior
from nwbspikegen.models.in_context.past.refit_schedule import next_refit
from nwbspikegen.models.in_context.past.samples import PairSamples
from nwbspikegen.models.in_context.past.stepping import PastStepper
from nwbspikegen.models.in_context.past.units import UnitHistories, log_odds_of
from nwbspikegen.views.history import prior_bins

# bounds what is held for bins that are only read: a mask and a row number per pair, 11 MB for 128 units
_LARGEST_PIECE = 10_000


class Past:
    """The past of a recording, as far as `read` has gone.

    Parameters
    ----------
    num_units : int
        Units of the recording.
    bin_size : float
        Seconds per bin.
    prior : Prior, optional
        What the recording is begun with; by default the newest.
    """

    def __init__(self, num_units: int, bin_size: float, prior: Prior | None = None) -> None:
        prior = find_prior(NEWEST_PRIOR) if prior is None else prior
        before_the_first = prior_bins(bin_size)
        self.num_bins = 0
        self._population = Population(num_units, before_the_first, prior)
        self._units = UnitHistories(num_units, before_the_first, prior)
        self._coupling = Coupling(num_units, before_the_first)
        self._pairwise = PairwisePredictors(num_units, prior)
        self._coincident_units = CoincidentUnits(num_units, before_the_first, prior)

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        requested: Bool[np.ndarray, " time"],
        observed: Bool[np.ndarray, "time unit"] | None = None,
    ) -> Iterator[PairSamples]:
        """Move on by some bins; give samples of all units in `requested` bins, and all training samples.

        A sample tells of bins before its own only. Pieces end where weights are solved again. Where a unit
        was not `observed` it has no sample, teaches nothing, and what depends on its past is unknown.
        """
        start = 0
        while start < len(spikes):
            due = next_refit(self.num_bins)
            stop = min(len(spikes), start + _LARGEST_PIECE, start + due - self.num_bins)
            piece = slice(start, stop)
            ends = self.num_bins + stop - start == due
            seen = np.ones(spikes[piece].shape, dtype=bool) if observed is None else observed[piece]
            samples = self._read_piece(np.where(seen, spikes[piece], 0), seen, requested[piece], start, ends)
            # after the piece has been written: refits use its samples, and only later bins are predicted with
            # them
            if ends:
                self._coupling.solve()
                self._pairwise.solve()
                self._coincident_units.solve()
            yield samples
            start = stop

    def step_on(
        self,
        center: Float32[np.ndarray, " feature"],
        scale: Float32[np.ndarray, " feature"],
        limit: float,
        num_samples: int,
    ) -> PastStepper:
        """Return what goes on from here one bin at a time; this past stays as it is."""
        return PastStepper(
            self._population,
            self._units,
            self._coupling,
            self._pairwise,
            self._coincident_units,
            center=center,
            scale=scale,
            limit=limit,
            num_samples=num_samples,
            num_bins=self.num_bins,
        )

    def solve_filters(self) -> Float32[np.ndarray, "ridge source tau target"]:
        """Solve for the coupling filters once more, of all that was read, and return their weights."""
        self._coupling.solve()
        weights: Float32[np.ndarray, "ridge source tau target"] = self._coupling.weights()[0]
        return weights

    def _read_piece(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        requested: Bool[np.ndarray, " time"],
        start: int,
        refit_follows: bool,
    ) -> PairSamples:
        population = self._population.read(spikes, observed, self.num_bins)
        is_training = mark_training_samples(population, spikes, observed)
        is_row = is_training | (requested[:, None] & observed)
        # in one piece, as those of steps are: of columns of a table kernels would be compiled once more
        at, unit = map(np.ascontiguousarray, np.nonzero(is_row))
        row_of = np.full(is_row.shape, -1, dtype=np.int64)
        row_of[is_row] = np.arange(len(at))
        fired = (spikes[at, unit] > 0).astype(np.float32)
        # weights of inverse sampling probability keep sums over samples unbiased
        silent_weight = population.sampled_weight[at].astype(np.float32)
        weight = np.where(fired > 0, np.float32(1), silent_weight)
        features = np.empty((len(at), NUM_FEATURES), dtype=np.float32)
        log_rate = np.empty(len(at), dtype=np.float32)
        self._units.read(spikes, observed, population, row_of, features, log_rate)
        log_odds = log_odds_of(log_rate + features[:, HAZARD_COLUMN + AGE_HAZARD])
        self._add_couplings(spikes, observed, population, is_row, at, unit, fired, weight, log_odds, features)
        # pairwise tables count against the hazard given age and population, so that a predictor is who tells
        # more than these
        both = log_rate.astype(np.float64) + features[:, HAZARD_COLUMN + AGE_STATE_HAZARD]
        pairwise = features[:, PAIRWISE_COLUMN:COINCIDENT_COLUMN]
        self._pairwise.read(spikes, observed, row_of, weight, both, pairwise)
        self._coincident_units.read(spikes, observed, row_of, features[:, COINCIDENT_COLUMN:])
        self.num_bins += len(spikes)
        return PairSamples(
            features, log_odds, log_rate, at + start, unit, fired, weight, requested[at], refit_follows
        )

    def _add_couplings(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        population: PopulationPast,
        is_row: Bool[np.ndarray, "time unit"],
        at: Int64[np.ndarray, " pair"],
        unit: Int64[np.ndarray, " pair"],
        fired: Float32[np.ndarray, " pair"],
        weight: Float32[np.ndarray, " pair"],
        log_odds: Float32[np.ndarray, " pair"],
        features: Float32[np.ndarray, "pair feature"],
    ) -> None:
        needed: Bool[np.ndarray, " time"] = np.logical_or.reduce(is_row, axis=1)
        inputs = self._coupling.follow(spikes, observed, needed, population.log_ratio)
        input_of = (np.cumsum(needed) - 1)[at]
        columns = features[:, COUPLING_COLUMN:PAIRWISE_COLUMN]
        self._coupling.write(inputs, input_of, unit, columns)
        training = weight > 0
        self._coupling.learn(
            inputs,
            input_of[training],
            unit[training],
            fired[training],
            weight[training],
            log_odds[training],
            columns[training],
        )


def list_training_samples(
    spikes: UInt8[np.ndarray, "time unit"],
    observed: Bool[np.ndarray, "time unit"] | None,
    bin_size: float,
    prior: Prior,
    *,
    first: int = 0,
) -> Bool[np.ndarray, " pair"]:
    """Return, of each training sample that `Past.read` would give from bin `first` on, whether it is a spike.

    In their order. Which pairs are samples depends on the population alone, so that it is known before any
    feature is made: a byte for each, where its features take 236.

    Examples
    --------
    >>> spikes = np.eye(3, dtype=np.uint8)
    >>> int(list_training_samples(spikes, None, 0.001, find_prior(NEWEST_PRIOR)).sum())
    3
    """
    population = Population(spikes.shape[1], prior_bins(bin_size), prior)
    found = []
    for start in range(0, len(spikes), _LARGEST_PIECE):
        piece = slice(start, start + _LARGEST_PIECE)
        seen = np.ones(spikes[piece].shape, dtype=bool) if observed is None else observed[piece]
        counted = np.where(seen, spikes[piece], 0)
        is_training = mark_training_samples(population.read(counted, seen, start), counted, seen)
        is_training[: max(0, first - start)] = False
        found.append(counted[is_training] > 0)
    return np.concatenate(found)
