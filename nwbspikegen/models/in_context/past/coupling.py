"""Coupling filters: how other units change a unit's hazard, by ridge regression on the past."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from scipy.sparse import csr_array

from nwbspikegen.core.threads import one_blas_thread
from nwbspikegen.models.in_context.past.coupling_kernels import (
    follow_traces,
    solve_few,
    standardise_moment,
    sum_few_inputs,
    sum_few_of_bins,
    write_factors,
)
from nwbspikegen.models.in_context.past.coupling_screening import screen_sources
from nwbspikegen.models.in_context.past.feature_columns import (
    COUPLING_POPULATION,
    COUPLING_TAUS,
    HIGHEST_FACTOR,
    LOWEST_FACTOR,
    MOST_COUPLED,
    NUM_SOURCES,
    RIDGES,
    TRUST_PER_NAT,
)

_DECAY = np.exp(-1.0 / COUPLING_TAUS)
_NUM_TAUS = len(COUPLING_TAUS)
# a unit that hardly fires has a trace that hardly varies: divided by its own SD alone, its few spikes would
# weigh as much as thousands of others
_SMALLEST_SD = 0.02
# a hundredth of the ridge for the population's traces: what all units share goes there first, and is not
# spread over hundreds of pairs
_POPULATION_GAIN = 10.0
# gain and intercept of a unit with few spikes are drawn towards 0
_PRIOR_SPIKES = 20.0
# bins that come one by one would be products of one row each, which are slow; 1,000 rows of 128 units are
# 2 MB
_MOST_WAITING = 1000
_SCREENING_RIDGE = 0.01
# above `MOST_COUPLED`, the second moment of all inputs costs .2 CPU s per second at 1,000 units, and hardly
# changes after so many bins: from then on one bin in so many is taken, which stands for the others. Thinned
# from 15,000 bins on, 256 simulated units score .2360 instead of .2362
_ALL_BINS = 60_000
_THINNED = 4
# of the units of a bin: where more are asked for, all of them are summed, several bins at once
_FULL_SHARE = 0.1


class Coupling:
    """p = hazard x (1 + w . x), w solved from the past, once for each strength of the ridge.

    x are traces of all other units, which saturate (a spike sets them to 1), and of the population.
    The normal equations are those of one Newton step from w = 0 on the Bernoulli likelihood, with
    the curvature of a unit taken as its number of spikes times the second moment of x at the spikes
    of all units. How many nats per spike each solution would have won so far is a feature beside it.
    """

    def __init__(self, num_units: int, prior_bins: float) -> None:
        self._num_units = num_units
        self._prior_bins = prior_bins
        # of the units as sources: the others count what units have shown as targets
        self._num_fired = np.zeros(num_units)
        self._num_seen = np.zeros(num_units)
        self.trace = np.zeros((num_units, _NUM_TAUS))
        size = num_units * _NUM_TAUS + len(COUPLING_POPULATION)
        self._moment = np.zeros((size, size))
        self._sum = np.zeros(size)
        # spikes that both are sums over, and bins that came so far
        self._num_summed = 0.0
        self._num_bins = 0
        self._gradient = np.zeros((size, num_units))
        self._surprise = np.zeros(num_units)
        self._num_spikes = np.zeros(num_units)
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._num_waiting = 0
        self._at_spikes: list[np.ndarray] = []
        self._nats = np.zeros((len(RIDGES), num_units))
        self._gain = np.zeros((len(RIDGES), num_units), dtype=np.float32)
        self._offset = np.zeros((len(RIDGES), num_units), dtype=np.float32)
        self._is_screened = num_units > MOST_COUPLED
        # of all inputs; of many units, which few inputs each has, and their weights: all others are 0
        self._weights = np.zeros((0 if self._is_screened else size, len(RIDGES) * num_units), np.float32)
        self._few = np.zeros((num_units, 0), dtype=np.int64)
        self._few_weights = np.zeros((num_units, 0, len(RIDGES)), dtype=np.float32)

    def follow(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        needed: Bool[np.ndarray, " time"],
        log_ratio: Float64[np.ndarray, "time tau"],
    ) -> Float32[np.ndarray, "needed input"]:
        """Move on by some bins; return the inputs x of the needed ones."""
        inputs = np.empty((int(needed.sum()), len(self._sum)), dtype=np.float32)
        inputs[:, self._num_units * _NUM_TAUS :] = log_ratio[needed][:, COUPLING_POPULATION]
        follow_traces(
            spikes,
            observed,
            needed,
            _DECAY,
            self._prior_bins,
            self.trace,
            self._num_fired,
            self._num_seen,
            inputs,
        )
        return inputs

    def write(
        self,
        inputs: Float32[np.ndarray, "needed input"],
        at: Int64[np.ndarray, " pair"],
        unit: Int64[np.ndarray, " pair"],
        out: Float32[np.ndarray, "pair column"],
    ) -> None:
        """Write, per ridge, the log of the coupling's factor, its gain so far, and both together."""
        change = self._weigh_inputs(inputs, at, unit)
        bounds = LOWEST_FACTOR, HIGHEST_FACTOR
        write_factors(change, unit, self._offset, self._gain, *bounds, TRUST_PER_NAT, out)

    def _weigh_inputs(
        self,
        inputs: Float32[np.ndarray, "needed input"],
        at: Int64[np.ndarray, " pair"],
        unit: Int64[np.ndarray, " pair"],
    ) -> Float32[np.ndarray, "pair ridge"]:
        """Return w . x of some pairs for each ridge."""
        if not self._is_screened:
            # all targets and ridges in one product, of which every unit of a sampled bin needs its column
            change = (inputs @ self._weights).reshape(len(inputs), len(RIDGES), self._num_units)
            weighed: Float32[np.ndarray, "pair ridge"] = change[at, :, unit]
            return weighed
        out = np.empty((len(at), len(RIDGES)), dtype=np.float32)
        # of most bins only the units that fired are asked for
        is_full = np.bincount(at, minlength=len(inputs)) > _FULL_SHARE * self._num_units
        in_full = is_full[at]
        pair_of = np.full((int(is_full.sum()), self._num_units), -1, dtype=np.int64)
        pair_of[(np.cumsum(is_full) - 1)[at[in_full]], unit[in_full]] = np.flatnonzero(in_full)
        by_bin = np.ascontiguousarray(inputs[is_full].T)
        sum_few_of_bins(by_bin, pair_of, self._few, self._few_weights, out)
        rest = np.flatnonzero(~in_full)
        summed = np.empty((len(rest), len(RIDGES)), dtype=np.float32)
        sum_few_inputs(inputs, at[rest], unit[rest], self._few, self._few_weights, summed)
        out[rest] = summed
        return out

    def learn(
        self,
        inputs: Float32[np.ndarray, "needed input"],
        at: Int64[np.ndarray, " pair"],
        unit: Int64[np.ndarray, " pair"],
        fired: Float32[np.ndarray, " pair"],
        weight: Float32[np.ndarray, " pair"],
        log_odds: Float32[np.ndarray, " pair"],
        columns: Float32[np.ndarray, "pair column"],
    ) -> None:
        """Learn from training samples: `columns` is what `write` wrote for them, `log_odds` the hazard's."""
        if not len(at):
            return
        num_units = self._num_units
        # log p = -log(1 + e^-z) of a spike, -log(1 + e^z) of silence: logaddexp does not overflow
        sign = np.where(fired > 0, -1.0, 1.0)
        nats = -np.logaddexp(0, sign * log_odds)
        # measured with weights that were solved before these samples came: the gain is out of sample, and an
        # over-fit solution shows as a loss
        for k in range(len(RIDGES)):
            gained = -np.logaddexp(0, sign * (log_odds + columns[:, 3 * k])) - nats
            self._nats[k] += np.bincount(unit, weight * gained, num_units)
        residual = np.zeros((len(inputs), num_units), dtype=np.float32)
        # dL/dw at w = 0 of L = y log(h (1 + w . x)) - h (1 + w . x) is (y - h) x
        residual[at, unit] = weight * (fired - 1 / (1 + np.exp(-log_odds)))
        self._num_spikes += np.bincount(unit, fired, num_units)
        num_fired = np.bincount(at, fired, len(inputs)).astype(np.float32)
        self._waiting.append((inputs, residual, num_fired))
        self._num_waiting += len(inputs)
        if self._num_waiting >= _MOST_WAITING:
            self._sum_up()

    def _sum_up(self) -> None:
        """Add what waits to the sums: in few large products, also when bins come one by one."""
        if not self._waiting:
            return
        inputs, residual, num_fired = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        self._waiting.clear()
        self._num_waiting = 0
        # in most bins few units fired, and those alone have a residual
        is_sparse = self._is_screened
        self._gradient += (csr_array(residual).T @ inputs).T if is_sparse else inputs.T @ residual
        self._surprise += residual.sum(axis=0, dtype=np.float64)
        if is_sparse:
            num_fired = num_fired * self._thin(len(num_fired))
        self._num_summed += float(num_fired.sum())
        self._sum += inputs.T @ num_fired
        # the second derivative at w = 0 is y x x', a sum over spikes alone. Those of all units stand for each
        # unit's own, so that one matrix serves all targets; sampled p (1 - p) was too rare where it matters
        self._at_spikes.append(inputs[num_fired > 0] * np.sqrt(num_fired[num_fired > 0])[:, None])
        if sum(map(len, self._at_spikes)) >= _MOST_WAITING:
            self._sum_moment()

    def _sum_moment(self) -> None:
        """Add inputs at spikes to the second moment, many at once: adding takes as long for few."""
        if self._at_spikes:
            at_spikes = np.concatenate(self._at_spikes)
            self._at_spikes.clear()
            self._moment += at_spikes.T @ at_spikes

    def _thin(self, num_bins: int) -> Float32[np.ndarray, " bin"]:
        """Return how many bins each of the next ones stands for in the second moment."""
        place = self._num_bins + np.arange(num_bins)
        self._num_bins += num_bins
        standing_for = np.where(place < _ALL_BINS, 1, np.where(place % _THINNED == 0, _THINNED, 0))
        return standing_for.astype(np.float32)

    def weights(self) -> tuple[np.ndarray, ...]:
        """Return weights (ridge, other, tau, unit) and (ridge, population trace, unit), offset and gain."""
        num_units, num_ridges = self._num_units, len(RIDGES)
        by_ridge = np.zeros((num_ridges, len(self._sum), num_units), dtype=np.float32)
        if self._is_screened:
            target = np.arange(num_units)[:, None]
            by_ridge[:, self._few, target] = np.moveaxis(self._few_weights, -1, 0)
        else:
            by_ridge[:] = np.moveaxis(self._weights.reshape(-1, num_ridges, num_units), 1, 0)
        own, population = np.split(by_ridge, [num_units * _NUM_TAUS], axis=1)
        weights = np.ascontiguousarray(own.reshape(num_ridges, num_units, _NUM_TAUS, num_units))
        return weights, np.ascontiguousarray(population), self._offset, self._gain

    def solve(self) -> None:
        """Solve for the weights again, from all training samples so far."""
        self._sum_up()
        self._sum_moment()
        self._gain[:] = self._nats / (self._num_spikes + _PRIOR_SPIKES)
        total = max(self._num_summed, 1e-9)
        # centred at the spikes, so that the intercept follows from the weights and is not shrunk by the ridge
        mean = self._sum / total
        variance = np.diag(self._moment) / total - mean * mean
        scale = 1 / np.sqrt(np.maximum(variance, 0) + _SMALLEST_SD**2)
        scale[self._num_units * _NUM_TAUS :] *= _POPULATION_GAIN
        gradient = (self._gradient - np.outer(mean, self._surprise)) * scale[:, None]
        intercept = self._surprise / (self._num_spikes + _PRIOR_SPIKES)
        if self._is_screened:
            standard = np.empty(self._moment.shape, dtype=np.float32)
            standardise_moment(self._moment, total, mean, scale, standard)
            self._few, chosen = self._solve_screened(standard, gradient)
            few_weights = chosen * scale[self._few][:, :, None]
            self._few_weights = few_weights.astype(np.float32)
            self._offset[:] = intercept - np.einsum("tk,tkr->rt", mean[self._few], few_weights)
            return
        covariance = self._moment / total - np.outer(mean, mean)
        covariance *= np.outer(scale, scale)
        for k, found in enumerate(self._solve_all(covariance, gradient)):
            weights = found * scale[:, None]
            self._weights[:, k * self._num_units : (k + 1) * self._num_units] = weights
            self._offset[k] = intercept - mean @ weights

    def _solve_all(
        self, covariance: Float64[np.ndarray, "input input"], gradient: Float64[np.ndarray, "input unit"]
    ) -> Iterator[Float64[np.ndarray, "input unit"]]:
        """Give the weights of each ridge, every other unit being a source."""
        # one decomposition for all targets and all ridges: a target differs by how many spikes it has. It
        # takes most of the time: .07 s at 128 units, 26 s at 1,000
        with one_blas_thread():
            values, vectors = np.linalg.eigh(covariance)
        projected = vectors.T @ gradient
        for ridge in RIDGES:
            # rounding makes the smallest eigenvalues of a covariance slightly negative
            inverse = 1 / (np.maximum(values, 0)[:, None] * self._num_spikes + ridge)
            yield vectors @ self._without_own(projected * inverse, vectors, inverse)

    def _solve_screened(
        self, covariance: Float32[np.ndarray, "input input"], gradient: Float64[np.ndarray, "input unit"]
    ) -> tuple[Int64[np.ndarray, "unit kept"], Float32[np.ndarray, "unit kept ridge"]]:
        """Return which few inputs each unit has, and what they weigh for each ridge."""
        num_units = self._num_units
        own = np.arange(num_units * _NUM_TAUS).reshape(num_units, _NUM_TAUS)
        # a unit that hardly fires would tell much by chance: the weakest ridge, for a spike of the target
        blocks = covariance[own[:, :, None], own[:, None, :]] + _SCREENING_RIDGE * np.eye(_NUM_TAUS)
        sources = screen_sources(gradient[own], blocks, NUM_SOURCES)
        population = np.arange(num_units * _NUM_TAUS, len(covariance))
        kept = own[sources].reshape(num_units, -1)
        few = np.concatenate([kept, np.broadcast_to(population, (num_units, len(population)))], axis=1)
        # in single precision, twice as fast: the ridge keeps the condition number below some thousands, so
        # that a few steps suffice, where a Cholesky decomposition for each ridge took half of all reading
        of_few = np.take_along_axis(gradient, few.T, axis=0).T.astype(np.float32)
        found = np.empty((*few.shape, len(RIDGES)), dtype=np.float32)
        solve_few(covariance, of_few, self._num_spikes, few, np.array(RIDGES), found)
        return few, found

    def _without_own(
        self,
        solution: Float64[np.ndarray, "eigen unit"],
        vectors: Float64[np.ndarray, "input eigen"],
        inverse: Float64[np.ndarray, "eigen unit"],
    ) -> Float64[np.ndarray, "eigen unit"]:
        """Return the solution, along eigenvectors as it is given, in which no unit is its own source."""
        # w - C (C_own)^-1 w_own with C the own columns of the inverse curvature: Lagrange multipliers give
        # the constrained optimum without a decomposition for each target. What a unit's own past says is in
        # its hazard
        own = vectors[: self._num_units * _NUM_TAUS].reshape(self._num_units, _NUM_TAUS, -1)
        columns = own * inverse.T[:, None, :]
        among_own = columns @ np.swapaxes(own, 1, 2)
        own_weights = own @ solution.T[:, :, None]
        correction = np.linalg.solve(among_own, own_weights)
        allowed: Float64[np.ndarray, "eigen unit"] = solution - (columns * correction).sum(axis=1).T
        return allowed
