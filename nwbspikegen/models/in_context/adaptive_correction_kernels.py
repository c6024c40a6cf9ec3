"""Sums over samples for the adaptive correction, compiled."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, parallel=True, nogil=True)
def standardise_rows(features, center, scale, limit):  # type: ignore[no-untyped-def]
    """Standardise features (row, column) in place, within the limit."""
    for row in numba.prange(features.shape[0]):
        for column in range(features.shape[1]):
            value = (features[row, column] - center[column]) / scale[column]
            features[row, column] = min(max(value, -limit), limit)


@numba.njit(cache=True, nogil=True)
def correction_inputs(features, rows, columns, limit, base, log_rate):  # type: ignore[no-untyped-def]
    """Return (row, input): 1, the network's log ratio to the running rate, and features within the limit."""
    inputs = np.empty((rows.size, columns.size + 2))
    for place in range(rows.size):
        row = rows[place]
        inputs[place, 0] = 1.0
        inputs[place, 1] = log_ratio_input(base[row], log_rate[row])
        for i in range(columns.size):
            inputs[place, i + 2] = min(max(features[row, columns[i]], -limit), limit)
    return inputs


@numba.njit(cache=True, parallel=True, nogil=True)
def weigh(features, columns, limit, base, log_rate, unit, shared_mean, own_mean):  # type: ignore[no-untyped-def]
    """Return log odds with the weights of the population, and with those of each unit as well."""
    shared, adapted = np.empty(len(base)), np.empty(len(base))
    for row in numba.prange(len(base)):
        own = own_mean[unit[row]]
        ratio = log_ratio_input(base[row], log_rate[row])
        by_all = shared_mean[0] + ratio * shared_mean[1]
        by_own = own[0] + ratio * own[1]
        for i in range(columns.size):
            value = min(max(features[row, columns[i]], -limit), limit)
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
