"""Coupling among many units: each has few sources, those whose traces told most on their own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64


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
