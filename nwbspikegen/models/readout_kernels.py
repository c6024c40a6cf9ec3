"""Sums over rows for `readout`, compiled."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def weigh(inputs, member, mean):  # type: ignore[no-untyped-def]
    """Return every row's inputs times its member's weights."""
    out = np.empty(len(inputs))
    for row in range(len(inputs)):
        total = 0.0
        for i in range(inputs.shape[1]):
            total += inputs[row, i] * mean[member[row], i]
        out[row] = total
    return out


@numba.njit(cache=True, nogil=True)
def gather(inputs, member, fired, weight, log_odds, curvature, gradient):  # type: ignore[no-untyped-def]
    """Add the rows' gradient, and their curvature (lower triangle), to their members'."""
    for row in range(len(inputs)):
        probability = 1.0 / (1.0 + math.exp(-log_odds[row]))
        residual = weight[row] * (fired[row] - probability)
        bend = weight[row] * probability * (1.0 - probability)
        if fired[row] > 0 and log_odds[row] < 0:
            # a surprising spike bends little: a bound keeps its step finite (Jaakkola & Jordan 2000)
            bend = max(bend, 0.5 * math.tanh(-log_odds[row] / 2) / (1e-3 - log_odds[row]))
        of = member[row]
        for i in range(inputs.shape[1]):
            gradient[of, i] += residual * inputs[row, i]
            scaled = bend * inputs[row, i]
            for j in range(i + 1):
                curvature[of, i, j] += scaled * inputs[row, j]
