"""Coupling among many units: each has few sources, those whose traces told most on their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.models.in_context.past.coupling_kernels import gather_symmetric, solve_shifted


def screen_sources(
    gradient: Float64[np.ndarray, "source tau target"],
    covariance: Float64[np.ndarray, "source tau tau"],
    num_sources: int,
) -> Int64[np.ndarray, "target kept"]:
    """Return the sources of each target that would have told most, each alone; never the target itself.

    What a source tells alone is half of g' C^-1 g, with g the gradient of its traces and C their covariance:
    the log likelihood that one Newton step on it wins, but for the number of the target's spikes. Source: the
    score test of Rao 1948.

    Examples
    --------
    >>> gradient = np.array([[[9.0, 1.0]], [[2.0, 9.0]], [[1.0, 3.0]]])
    >>> screen_sources(gradient, np.ones((3, 1, 1)), 1)
    array([[1],
           [2]])
    """
    solved = np.linalg.solve(covariance, gradient)
    told = np.einsum("stu,stu->us", gradient, solved)
    targets = np.arange(told.shape[0])
    told[targets, targets] = -np.inf
    kept = np.argpartition(-told, num_sources - 1, axis=1)[:, :num_sources]
    sources: Int64[np.ndarray, "target kept"] = np.sort(kept, axis=1)
    return sources


def solve_screened(
    covariance: Float64[np.ndarray, "input input"],
    gradient: Float64[np.ndarray, "input target"],
    num_spikes: Float64[np.ndarray, " target"],
    sources: Int64[np.ndarray, "target kept"],
    num_taus: int,
    ridges: Sequence[float],
) -> Float64[np.ndarray, "ridge input target"]:
    """Return weights for each strength of the ridge: 0 of all sources but a target's own few.

    Inputs are `num_taus` traces of each source, and behind them those of the population, which every target
    has.
    """
    num_inputs, num_units = gradient.shape
    weights = np.zeros((len(ridges), num_inputs, num_units))
    # in single precision, twice as fast: the ridge keeps the condition number below some thousands, so that a
    # few steps suffice, where a Cholesky decomposition for each ridge took half of all reading
    covariance, gradient = covariance.astype(np.float32), gradient.astype(np.float32)
    population = np.arange(num_units * num_taus, num_inputs)
    size = sources.shape[1] * num_taus + len(population)
    curvature = np.empty((size, size), dtype=np.float32)
    found = np.empty((len(ridges), size), dtype=np.float32)
    for target in range(num_units):
        own = (sources[target][:, None] * num_taus + np.arange(num_taus)).ravel()
        inputs = np.concatenate([own, population])
        gather_symmetric(covariance, inputs, np.float32(num_spikes[target]), curvature)
        solve_shifted(curvature, gradient[inputs, target], np.array(ridges), found)
        weights[:, inputs, target] = found
    return weights
