"""A logistic regression with one ridge per column, for one unit and many columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize

# bounds, not budgets: 5 to 30 steps were seen on real recordings
_MOST_STEPS = 100
# nats, relative: a millionth of what is known of a unit is far below what one spike is worth
_CONVERGED = 1e-6
# share of the curvature that is that of bins at large, not of bins with a spike: either alone took twice
# the steps where a unit has few spikes, or fires in bursts
_COMMON_SHARE = 0.5
# of the curvature: what lies below is rounding of float32 sums
_JITTER = 1e-3


class UnitRows(NamedTuple):
    """What one unit is fitted on: standardised columns of chosen bins, and how many bins each stands for."""

    columns: Float32[np.ndarray, "row column"]
    fired: Bool[np.ndarray, " row"]
    weight: Float64[np.ndarray, " row"]
    bins: Int64[np.ndarray, " row"]


def join_rows(
    spiking: tuple[Float32[np.ndarray, "spike column"], Int64[np.ndarray, " spike"]],
    silent: tuple[Float32[np.ndarray, "silent column"], Int64[np.ndarray, " silent"]],
    num_silent: int,
) -> UnitRows:
    """Return all bins with a spike and a sample of the `num_silent` silent ones, columns and bins of each.

    Half a spike and half a silent bin at the mean of all columns are added, as bin -1, so that a unit that
    never fired keeps a finite rate.
    """
    columns = np.concatenate([spiking[0], silent[0], np.zeros((2, spiking[0].shape[1]), np.float32)])
    fired = np.zeros(len(columns), dtype=bool)
    fired[: len(spiking[0])] = True
    fired[-2] = True
    weight = np.ones(len(columns))
    # each kept bin stands for so many: the expected log-likelihood is that of all bins (Horvitz and Thompson)
    weight[len(spiking[0]) : -2] = num_silent / max(len(silent[0]), 1)
    # where none of the few silent bins was drawn they are taken to be like the mean
    weight[-2:] = 0.5, 0.5 + (0 if len(silent[0]) else num_silent)
    return UnitRows(columns, fired, weight, np.concatenate([spiking[1], silent[1], [-1, -1]]))


def measure_loss(
    rows: UnitRows, weight: Float64[np.ndarray, " row"], solution: Float64[np.ndarray, " weight"]
) -> float:
    """Return the negative log-likelihood of rows, in nats; the last of a solution is its intercept."""
    log_odds = _log_odds(rows, solution)
    return float(weight @ (np.logaddexp(0.0, log_odds) - rows.fired * log_odds))


def approximate_curvature(
    rows: UnitRows, covariance: Float32[np.ndarray, "column column"]
) -> Float64[np.ndarray, "column column"]:
    """Return about the second derivative of the loss near its minimum.

    It is that of a Bernoulli likelihood of few spikes, sum over bins of p x x': estimated half from the
    bins with a spike, which are drawn as p says, and half from the covariance of all bins.
    """
    spiking = rows.columns[rows.fired]
    num_spikes = max(1.0, float(rows.weight[rows.fired].sum()))
    own = (spiking.T @ spiking).astype(np.float64)
    common = num_spikes * covariance.astype(np.float64)
    curvature: Float64[np.ndarray, "column column"] = (1 - _COMMON_SHARE) * own + _COMMON_SHARE * common
    curvature[np.diag_indices(len(curvature))] += _JITTER * num_spikes
    return curvature


def fit_ridge(
    rows: UnitRows,
    weight: Float64[np.ndarray, " row"],
    penalty: Float64[np.ndarray, " column"],
    start: Float64[np.ndarray, " weight"],
    curvature: Float64[np.ndarray, "column column"],
) -> Float64[np.ndarray, " weight"]:
    """Return what minimises the loss plus half of penalty x slope squared; the intercept is not shrunk.

    By L-BFGS in coordinates in which `curvature` is 1 in every direction, from the solution `start`.
    """
    num_columns = len(penalty)
    whole = np.zeros((num_columns + 1, num_columns + 1))
    whole[:-1, :-1] = curvature
    whole[np.arange(num_columns), np.arange(num_columns)] += penalty
    whole[-1, -1] = max(1.0, float(weight[rows.fired].sum()))
    root = cholesky(whole, lower=True, overwrite_a=True, check_finite=False)

    def move(place: Float64[np.ndarray, " weight"]) -> Float64[np.ndarray, " weight"]:
        moved: Float64[np.ndarray, " weight"] = start + solve_triangular(
            root, place, lower=True, trans=1, check_finite=False
        )
        return moved

    def measure(
        place: Float64[np.ndarray, " weight"],
    ) -> tuple[float, Float64[np.ndarray, " weight"]]:
        solution = move(place)
        slopes = solution[:-1]
        log_odds = _log_odds(rows, solution)
        loss = float(weight @ (np.logaddexp(0.0, log_odds) - rows.fired * log_odds))
        residual = weight * (1 / (1 + np.exp(-log_odds)) - rows.fired)
        gradient = np.append(residual.astype(np.float32) @ rows.columns + penalty * slopes, residual.sum())
        turned = solve_triangular(root, gradient, lower=True, check_finite=False)
        return loss + 0.5 * float(penalty @ slopes**2), turned

    found = minimize(
        measure,
        np.zeros(num_columns + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MOST_STEPS, "ftol": _CONVERGED},
    )
    return move(found.x)


def _log_odds(rows: UnitRows, solution: Float64[np.ndarray, " weight"]) -> Float64[np.ndarray, " row"]:
    log_odds = (rows.columns @ solution[:-1].astype(np.float32)).astype(np.float64) + solution[-1]
    # a step too far must not overflow: beyond, the loss says enough
    clipped: Float64[np.ndarray, " row"] = np.clip(log_odds, -500.0, 500.0)
    return clipped
