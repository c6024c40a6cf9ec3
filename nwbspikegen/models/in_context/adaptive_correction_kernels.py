"""Sums over samples for the adaptive correction, compiled."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def correction_inputs(standard, columns, base, log_rate):  # type: ignore[no-untyped-def]
    """Return (row, input): 1, the network's log ratio to the running rate, and some features."""
    inputs = np.empty((len(base), columns.size + 2))
    for row in range(len(base)):
        inputs[row, 0] = 1.0
        inputs[row, 1] = log_ratio_input(base[row], log_rate[row])
        for i in range(columns.size):
            inputs[row, i + 2] = standard[row, columns[i]]
    return inputs


@numba.njit(cache=True, parallel=True, nogil=True)
def weigh(standard, columns, base, log_rate, unit, shared_mean, own_mean):  # type: ignore[no-untyped-def]
    """Return log odds with the weights of the population, and with those of each unit as well."""
    shared, adapted = np.empty(len(base)), np.empty(len(base))
    for row in numba.prange(len(base)):
        own = own_mean[unit[row]]
        ratio = log_ratio_input(base[row], log_rate[row])
        by_all = shared_mean[0] + ratio * shared_mean[1]
        by_own = own[0] + ratio * own[1]
        for i in range(columns.size):
            value = standard[row, columns[i]]
            by_all += value * shared_mean[i + 2]
            by_own += value * own[i + 2]
        shared[row] = base[row] + by_all
        adapted[row] = shared[row] + by_own
    return shared, adapted


@numba.njit(cache=True, nogil=True)
def log_ratio_input(base, log_rate):  # type: ignore[no-untyped-def]
    """Return half the network's log ratio to the running rate, within [-2, 4]."""
    # bounds and half keep it as large as the standardised features, for which the prior is one precision
    return min(max(base - log_rate, -4.0), 8.0) / 2.0


@numba.njit(cache=True, nogil=True)
def gather(inputs, member, fired, weight, log_odds, curvature, gradient):  # type: ignore[no-untyped-def]
    """Add the rows' gradient, and their curvature (lower triangle), to their members'."""
    for row in range(len(inputs)):
        probability = 1.0 / (1.0 + math.exp(-log_odds[row]))
        # gradient and curvature of the Bernoulli log-likelihood in log odds: y - p and p (1 - p)
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


@numba.njit(cache=True, nogil=True)
def correct_rows(standard, columns, log_odds, log_rate, weights, lowest, highest, out):  # type: ignore[no-untyped-def]
    """Fill out (sample, unit) with log odds; weights (unit, input) are of population and unit."""
    num_units = out.shape[1]
    for row in range(out.size):
        unit = row % num_units
        base = min(max(log_odds[row], lowest), highest)
        adapted = base + weights[unit, 0] + log_ratio_input(base, log_rate[row]) * weights[unit, 1]
        for i in range(columns.size):
            adapted += standard[row, columns[i]] * weights[unit, i + 2]
        out[row // num_units, unit] = min(max(adapted, lowest), highest)
