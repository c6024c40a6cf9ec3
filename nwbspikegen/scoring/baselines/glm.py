"""A generalised linear model of each unit's own history."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from nwbspikegen.core.large_arrays import cut_rows, empty_array, release
from nwbspikegen.core.threads import map_in_threads, one_blas_thread
from nwbspikegen.scoring.baselines.rates import require_same_units
from nwbspikegen.scoring.baselines.registry import register_baseline
from nwbspikegen.scoring.baselines.stored_glm import StoredGLM, squash
from nwbspikegen.views.history import Mask, exponential_traces_by_unit, mean_rate_per_bin, trace_pieces

# 2 bins is as fast as a trace of whole bins can tell, 1000 is a second at 1 ms; rounded so that the digits,
# which the filters depend on, are the same on every machine
TAUS = tuple(float(tau) for tau in np.geomspace(2, 1000, 8).round(3))
"""Time constants of the exponential filters, in bins, evenly spaced on a log scale."""

# in units of one standardised trace: against thousands of spikes it is nothing, and against a handful it
# keeps the fit from separating them
RIDGE = 1.0
# per unit: a hundred times its spikes at 1 Hz in 15 min; beyond, more silence costs time and tells little
SILENT_BINS = 100_000
# a bound, not a budget: near the maximum every step doubles the digits that are right
_ITERATIONS = 50
# nats, relative: far below what one spike is worth
_CONVERGED = 1e-9
# one of so many bins, of each kind, tells where the maximum about is: most steps then cost a tenth
_THINNED = 10
# below, a tenth tells too little for a start
_FEWEST_THINNED = 50
# bins of units whose traces are held at once: 8 filters x 4 bytes x 2 million are 67 MB
_TRACED_AT_ONCE = 2_000_000
# units whose spikes are copied at once, 115 MB of half an hour
_TAKEN_AT_ONCE = 64


@register_baseline
class HistoryGLM(StoredGLM):
    """Per unit, a Bernoulli GLM on its own past through eight exponential filters (2 to 1000 bins).

    logit p = b + w . x, with x the traces of `history.exponential_traces`, standardised on the
    training segment. Fitted by Newton's method on the log-likelihood with a ridge of 1 on w. Half a
    spike and half a silent bin at the mean of x are added, so that without history it is exactly
    `mean_rate`, and a unit silent in training keeps a finite rate.

    All spikes are used, and all silent bins up to 100,000 per unit; beyond that a sample of them,
    weighted by the inverse of its probability, which leaves the likelihood unbiased. When it
    predicts, x is kept within the range seen in training. A fit is the same for the same seed.

    Parameters
    ----------
    seed : int, default: 0
        Chooses the sample of silent bins.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((2000, 2)) < 0.1).astype(np.uint8)
    >>> HistoryGLM().fit(spikes[:1500], 0.001).predict(spikes, 1500, 0.001).shape
    (500, 2)
    """

    name = "history_glm"

    @one_blas_thread()
    def fit(
        self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, observed: Mask = None
    ) -> HistoryGLM:
        """Fit every unit on the bins of the training segment in which it was observed.

        Its past starts empty.
        """
        rng = np.random.default_rng(self.seed)
        # Newton's method starts at the rate, where without history it also ends
        null = mean_rate_per_bin(spikes, observed)
        units: list[dict[str, Float64[np.ndarray, "..."]]] = []
        # as many units at once as kernels take threads; each is fitted by one, so that no digit depends on it
        for start, few, seen in _take_units(spikes, observed):
            traces = exponential_traces_by_unit(few, 0, TAUS, seen, bin_size=bin_size)
            arguments = []
            for unit in range(few.shape[1]):
                kept = slice(None) if seen is None else seen[:, unit]
                fired = few[kept, unit] > 0
                silent = _choose_silent(fired, rng)
                arguments.append((traces[unit, kept], fired, silent, null[start + unit]))
            units += map_in_threads(lambda each: _fit_unit(*each), arguments)
        self.weights = {key: np.stack([unit[key] for unit in units]) for key in units[0]}
        return self

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in each bin from the unit's past, context included."""
        require_same_units(self.name, len(self.weights.get("intercept", ())), spikes.shape[1])
        predicted = empty_array((len(spikes) - first, spikes.shape[1]), np.float32)
        # beyond what was seen in training a straight line in log odds would go to certainty
        low, high = (self.weights[name].astype(np.float32)[:, None] for name in ("low", "high"))
        slopes = self.weights["slopes"] / self.weights["scale"]
        offset = self.weights["intercept"] - (slopes * self.weights["centre"]).sum(axis=1)
        for rows, traces in trace_pieces(spikes, first, TAUS, observed, bin_size=bin_size):
            np.clip(traces, low, high, out=traces)
            predicted[rows] = squash(offset + np.einsum("utf,uf->tu", traces, slopes))
            release(predicted)
        return predicted


def _take_units(
    spikes: UInt8[np.ndarray, "time unit"], observed: Mask
) -> Iterator[tuple[int, UInt8[np.ndarray, "time _few"], Bool[np.ndarray, "time _few"] | None]]:
    """Yield the first of the units that are fitted at once, their spikes, and when they were observed."""
    num_units, threads = spikes.shape[1], numba.get_num_threads()
    at_once = max(threads, min(8, _TRACED_AT_ONCE // max(len(spikes), 1)))
    # many are taken out together: for two at a time each page of a long recording would be read so many times
    for first in range(0, num_units, _TAKEN_AT_ONCE):
        taken = slice(first, first + _TAKEN_AT_ONCE)
        many = _turn(spikes, taken)
        seen = None if observed is None else _turn(observed, taken)
        for start in range(0, len(many), at_once):
            few = slice(start, start + at_once)
            yield first + start, many[few].T, None if seen is None else seen[few].T


def _turn(
    values: Shaped[np.ndarray, "time unit"], taken: slice
) -> UInt8[np.ndarray, "_few time"] | Bool[np.ndarray, "_few time"]:
    """Return some columns as rows, read piece by piece."""
    turned = np.empty(values[:, taken].shape[::-1], values.dtype)
    for piece in cut_rows(values):
        turned[:, piece] = values[piece, taken].T
    return turned


def _choose_silent(
    spike: Bool[np.ndarray, " time"], rng: np.random.Generator
) -> Int64[np.ndarray, " silent"]:
    silent = np.flatnonzero(~spike)
    if len(silent) <= SILENT_BINS:
        return silent
    return rng.choice(silent, SILENT_BINS, replace=False, shuffle=False)


def _fit_unit(
    traces: Float32[np.ndarray, "time filter"],
    spike: Bool[np.ndarray, " time"],
    kept: Int64[np.ndarray, " silent"],
    null: float,
) -> dict[str, Float64[np.ndarray, "..."]]:
    """Standardise one unit's features and fit to its spikes and the silent bins that were kept."""
    if not len(spike):
        # never observed in training: one silent bin, so that only the prior is left
        traces, spike = np.zeros((1, traces.shape[1]), np.float32), np.zeros(1, dtype=bool)
        kept = np.zeros(1, dtype=np.int64)
    # filter by filter: of rows of eight numbers each a sum takes four times as long
    traces = np.ascontiguousarray(traces.T)
    low, high = traces.min(axis=1).astype(np.float64), traces.max(axis=1).astype(np.float64)
    centre, scale = traces.mean(axis=1, dtype=np.float64), traces.std(axis=1, dtype=np.float64)
    scale[scale == 0] = 1.0
    spiking = np.flatnonzero(spike)
    num_silent, num_kept = len(spike) - len(spiking), len(kept)
    rows = np.concatenate([spiking, kept])
    # a column of ones; the last two rows are the half spike and the half silent bin at the mean
    design = np.zeros((len(traces) + 1, len(rows) + 2))
    design[0] = 1.0
    design[1:, :-2] = (traces[:, rows] - centre[:, None]) / scale[:, None]
    target = np.concatenate([np.ones(len(spiking)), np.zeros(num_kept), [1.0, 0.0]])
    # each kept bin stands for so many: the expected log-likelihood is that of all bins (Horvitz and Thompson)
    silent_weight = num_silent / max(num_kept, 1)
    weight = np.concatenate([np.ones(len(spiking)), np.full(num_kept, silent_weight), [0.5, 0.5]])
    start = np.zeros(len(design))
    start[0] = np.log(null / (1 - null))
    if len(spiking) >= _FEWEST_THINNED * _THINNED:
        few = slice(None, None, _THINNED)
        start = _newton(np.ascontiguousarray(design[:, few]), target[few], _THINNED * weight[few], start)
    solution = _newton(design, target, weight, start)
    return {
        "intercept": np.asarray(solution[0]),
        "slopes": solution[1:],
        "centre": centre,
        "scale": scale,
        "low": low,
        "high": high,
    }


def _newton(
    design: Float64[np.ndarray, "column row"],
    target: Float64[np.ndarray, " row"],
    weight: Float64[np.ndarray, " row"],
    start: Float64[np.ndarray, " column"],
) -> Float64[np.ndarray, " column"]:
    """Maximise the weighted, ridge-penalised Bernoulli likelihood; steps are halved until it rises."""
    penalty = np.full(len(design), RIDGE)
    # the rate is not shrunk: a ridge on it would pull every unit to 500 Hz
    penalty[0] = 0.0
    solution = start
    probability, loss = _predict_and_judge(design, target, weight, solution, penalty)
    for _ in range(_ITERATIONS):
        gradient = design @ (weight * (probability - target)) + penalty * solution
        # design diag(w p (1 - p)) design', never negative: the likelihood is concave, and has one maximum
        curvature = (design * (weight * probability * (1 - probability))) @ design.T
        step = np.linalg.solve(curvature + np.diag(penalty), gradient)
        length = 1.0
        while True:
            trial = solution - length * step
            trial_probability, trial_loss = _predict_and_judge(design, target, weight, trial, penalty)
            # after fourteen halvings what is left is rounding
            if trial_loss <= loss or length < 1e-4:
                break
            length /= 2
        gained = loss - trial_loss
        if gained < 0:
            break
        solution, probability, loss = trial, trial_probability, trial_loss
        if gained < _CONVERGED * (1 + abs(loss)):
            break
    return solution


def _predict_and_judge(
    design: Float64[np.ndarray, "column row"],
    target: Float64[np.ndarray, " row"],
    weight: Float64[np.ndarray, " row"],
    solution: Float64[np.ndarray, " column"],
    penalty: Float64[np.ndarray, " column"],
) -> tuple[Float64[np.ndarray, " row"], float]:
    """Return probabilities, and the negative log-likelihood plus the ridge, in nats."""
    log_odds = solution @ design
    # of -|x|, which cannot overflow; one exponential serves both, and log of 1 to 2 needs no log1p
    shrunk = np.exp(-np.abs(log_odds))
    probability = np.where(log_odds >= 0, 1.0, shrunk) / (1 + shrunk)
    nats = weight @ (np.log(1 + shrunk) + np.maximum(log_odds, 0) - target * log_odds)
    return probability, float(nats + 0.5 * (penalty * solution**2).sum())
