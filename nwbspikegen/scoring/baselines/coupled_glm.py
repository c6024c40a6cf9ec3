"""A generalised linear model of each unit on its own past and that of all others."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from nwbspikegen.core.large_arrays import empty_array, release
from nwbspikegen.scoring.baselines import ridge
from nwbspikegen.scoring.baselines.rates import require_same_units
from nwbspikegen.scoring.baselines.registry import register_baseline
from nwbspikegen.scoring.baselines.stored_glm import StoredGLM, squash
from nwbspikegen.views.history import Mask, count_spikes, mean_rate_per_bin
from nwbspikegen.views.raised_cosines import filter_past, index_past, raised_cosines

RIDGES = (100_000.0, 30_000.0, 10_000.0, 3_000.0, 1_000.0, 300.0, 100.0)
"""Ridges on the past of other units, in nats per squared weight of a scaled column, strongest first."""

# on the eight columns of a unit's own past. On the validation quarter of a Neuropixels recording, with some
# 100 spikes per unit, 1 scored .371 bits per spike, 30 .391, and the best of 3, 30 and 300 for each unit, as
# the end of training chooses it, .389
_OWN_RIDGE = 30.0
# of training, at its end: chooses the ridge, and is then fitted on too
_LATE_SHARE = 0.2
# fewer tell nothing of a thousand columns, and the strongest ridge is taken
_FEWEST_LATE_SPIKES = 10
# against six silent bins for each spike, all of them would lessen the variance by a seventh
_SILENT_PER_SPIKE = 6
_FEWEST_SILENT, _MOST_SILENT = 10_000, 60_000
# columns of silent bins that are held, 1 GB of float32
_MOST_VALUES = 250_000_000
# bins that are predicted at once: 17 MB of columns for 128 units
_BINS_AT_ONCE = 4096
# measured on recordings of 128 units with 0.4 and 18 spikes per second
_SECONDS_PER_VALUE, _SECONDS_PER_FACTOR = 2.2e-9, 3.1e-10

_Scaling = dict[str, Float64[np.ndarray, "..."]]


@register_baseline
class CoupledGLM(StoredGLM):
    """Per unit, a Bernoulli GLM on its own past and that of all other units.

    logit p = b + w . x, with x the past 250 ms of every unit through eight raised cosines of log lag
    (`raised_cosines`), centred and scaled on the training segment. The ridge on w is 30 for its own past;
    for the others' it is chosen, per unit, from `RIDGES`: fitted on the first four fifths of the training
    segment, the likelihood of its last fifth chooses, and then all of it is fitted: nothing of a validation
    or test segment is used. It is what packages such as nemos fit.

    All spikes are used, and of the silent bins six times as many, at least 10,000, weighted by the inverse
    of their probability, which leaves the likelihood unbiased. Bins in which the unit was not observed are
    no examples, and in the past of others their running rate stands for them. When it predicts, x is kept
    within the range seen in training. A fit is the same for the same seed.

    Minimised by scipy's L-BFGS, about a minute for 128 units, 300 s and one core; memory grows with the
    number of units up to 1 GB for silent bins, and beside it the bins with a spike of one unit.

    Parameters
    ----------
    seed : int, default: 0
        Draws the silent bins.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((2000, 2)) < 0.1).astype(np.uint8)
    >>> CoupledGLM().fit(spikes[:1500], 0.001).predict(spikes, 1500, 0.001).shape
    (500, 2)
    """

    name = "coupled_glm"

    @staticmethod
    def estimate_fit_seconds(spikes: UInt8[np.ndarray, "time unit"], bin_size: float) -> float:
        """Return about how long `fit` takes on one core: the same for the same spikes, on any machine."""
        num_units, num_spikes = spikes.shape[1], count_spikes(spikes)
        num_columns = num_units * raised_cosines(bin_size).shape[1]
        num_silent = _count_silent(num_spikes, len(spikes), num_columns)
        num_values = (num_silent + num_spikes).sum() * num_columns
        # passes over the values, and factors and solutions of the curvature, which take the most
        return float(_SECONDS_PER_VALUE * num_values + _SECONDS_PER_FACTOR * num_units * num_columns**3)

    def fit(
        self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, observed: Mask = None
    ) -> CoupledGLM:
        """Fit every unit on the bins of the training segment in which it was observed.

        Its past starts empty.
        """
        past, cosines = index_past(spikes, observed, bin_size), raised_cosines(bin_size)
        num_bins, num_units = spikes.shape
        num_columns = num_units * cosines.shape[1]
        # one sample for all units: its columns are made once
        order = np.random.default_rng(self.seed).permutation(num_bins)
        drawn = order[: _most_silent(num_bins, num_columns)]
        columns = filter_past(past, drawn, cosines)
        scaling = _measure_scaling(columns)
        _standardise(columns, scaling)
        covariance = columns.T @ columns / np.float32(len(columns))
        num_silent = _count_silent(count_spikes(spikes), num_bins, num_columns)
        # where without any past the fit also ends
        null = mean_rate_per_bin(spikes, observed)
        solutions, chosen = np.zeros((num_units, num_columns + 1)), np.zeros(num_units)
        for unit in range(num_units):
            seen = np.ones(num_bins, dtype=bool) if observed is None else observed[:, unit]
            fired, silent = seen & (spikes[:, unit] > 0), seen & (spikes[:, unit] == 0)
            spiking = np.flatnonzero(fired)
            kept = np.flatnonzero(silent[drawn])[: num_silent[unit]]
            own = filter_past(past, spiking, cosines)
            _standardise(own, scaling)
            rows = ridge.join_rows((own, spiking), (columns[kept], drawn[kept]), int(silent.sum()))
            place = slice(unit * cosines.shape[1], (unit + 1) * cosines.shape[1])
            start = np.append(np.zeros(num_columns), np.log(null[unit] / (1 - null[unit])))
            solutions[unit], chosen[unit] = _fit_unit(
                rows, place, start, covariance, int(num_bins * (1 - _LATE_SHARE))
            )
        self.weights = {
            "slopes": solutions[:, :-1],
            "intercept": solutions[:, -1],
            "ridge": chosen,
            **scaling,
        }
        return self

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in each bin from the past of all units, context included."""
        require_same_units(self.name, len(self.weights.get("intercept", ())), spikes.shape[1])
        past, cosines = index_past(spikes, observed, bin_size), raised_cosines(bin_size)
        slopes = self.weights["slopes"].T.astype(np.float32)
        predicted = empty_array((len(spikes) - first, spikes.shape[1]), np.float32)
        for start in range(first, len(spikes), _BINS_AT_ONCE):
            bins = np.arange(start, min(start + _BINS_AT_ONCE, len(spikes)))
            columns = filter_past(past, bins, cosines)
            _standardise(columns, self.weights)
            log_odds = columns @ slopes + self.weights["intercept"]
            predicted[bins - first] = squash(log_odds)
            release(predicted)
        return predicted


def _fit_unit(
    rows: ridge.UnitRows,
    own: slice,
    start: Float64[np.ndarray, " weight"],
    covariance: Float32[np.ndarray, "column column"],
    late_from: int,
) -> tuple[Float64[np.ndarray, " weight"], float]:
    """Return a unit's slopes and intercept, and the ridge that predicts bins from `late_from` on best."""
    curvature = ridge.approximate_curvature(rows, covariance)
    is_late = rows.bins >= late_from
    can_choose = (rows.fired & is_late).sum() >= _FEWEST_LATE_SPIKES
    solution, best, least = start, RIDGES[0], np.inf
    solutions = {}
    # each solution is the start of the next, which is near
    for strength in RIDGES if can_choose else ():
        solution = ridge.fit_ridge(
            rows, rows.weight * ~is_late, _penalise(strength, own, len(start) - 1), solution, curvature
        )
        solutions[strength] = solution
        loss = ridge.measure_loss(rows, rows.weight * is_late, solution)
        # weaker ones take the most steps, and beyond the best they only over-fit more
        if loss >= least:
            break
        best, least = strength, loss
    whole = _penalise(best, own, len(start) - 1)
    return ridge.fit_ridge(rows, rows.weight, whole, solutions.get(best, start), curvature), best


def _penalise(strength: float, own: slice, num_columns: int) -> Float64[np.ndarray, " column"]:
    penalty = np.full(num_columns, strength)
    penalty[own] = _OWN_RIDGE
    return penalty


def _most_silent(num_bins: int, num_columns: int) -> int:
    return min(num_bins, _MOST_SILENT, max(_FEWEST_SILENT, _MOST_VALUES // num_columns))


def _count_silent(
    num_spikes: Int64[np.ndarray, " unit"], num_bins: int, num_columns: int
) -> Int64[np.ndarray, " unit"]:
    wanted = np.maximum(_FEWEST_SILENT, _SILENT_PER_SPIKE * num_spikes)
    counts: Int64[np.ndarray, " unit"] = np.minimum(wanted, _most_silent(num_bins, num_columns))
    return counts


def _measure_scaling(columns: Float32[np.ndarray, "row column"]) -> _Scaling:
    """Return mean and range of each column, and one spread of all."""
    # each by its own would make as much of one spike of a unit that hardly fires as of many: on the
    # validation quarter of a Neuropixels recording .36 bits per spike, by cosine .38, all by one .39
    spread = float(np.sqrt(columns.var(axis=0, dtype=np.float64).mean()))
    return {
        "centre": columns.mean(axis=0, dtype=np.float64),
        "scale": np.full(columns.shape[1], spread if spread > 0 else 1.0),
        "low": columns.min(axis=0).astype(np.float64),
        "high": columns.max(axis=0).astype(np.float64),
    }


def _standardise(columns: Float32[np.ndarray, "row column"], scaling: _Scaling) -> None:
    """Clip to the range of training and standardise, in place."""
    low, high, centre, scale = (
        scaling[name].astype(np.float32) for name in ("low", "high", "centre", "scale")
    )
    # beyond what was seen in training a straight line in log odds would go to certainty
    np.clip(columns, low, high, out=columns)
    columns -= centre
    columns /= scale
