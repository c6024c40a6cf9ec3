"""Traces of all units, and what few of them say of each, compiled; nothing looks ahead."""

from __future__ import annotations

import math

import numba
import numpy as np

# as `drop_negligible`, and higher, since these are multiplied with each other in single precision
_NEGLIGIBLE = 1e-18
# share of a gradient that may remain, as single precision can; with a few thousand spikes of the target some
# tens of steps reach it
_RESIDUAL = 1e-5
_MOST_STEPS = 200
# bins of a product with few inputs: sums of three ridges stay in the nearest cache
_BINS_AT_ONCE = 256


@numba.njit(cache=True, nogil=True)
def follow_traces(  # type: ignore[no-untyped-def]
    spikes, observed, needed, decay, prior_bins, trace, num_spikes, num_seen, inputs
):
    """Fill inputs (needed, unit x tau) with trace (unit, tau) before each needed bin.

    Updates trace, num_spikes and num_seen (unit). In a bin that was not observed, a trace becomes what is
    expected of it at the unit's running rate.
    """
    row = 0
    num_taus = decay.size
    for t in range(spikes.shape[0]):
        if needed[t]:
            for unit in range(spikes.shape[1]):
                for i in range(num_taus):
                    inputs[row, unit * num_taus + i] = trace[unit, i]
            row += 1
        for unit in range(spikes.shape[1]):
            if observed[t, unit]:
                for i in range(num_taus):
                    # set to 1, not raised by 1: the second spike of a burst raises a hazard no further than
                    # the first
                    left = trace[unit, i] * decay[i]
                    trace[unit, i] = 1.0 if spikes[t, unit] else left if left > _NEGLIGIBLE else 0.0
                num_spikes[unit] += min(spikes[t, unit], 1)
                num_seen[unit] += 1
            else:
                rate = (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
                for i in range(num_taus):
                    # its expectation: a spike with the chance `rate`, which sets it to 1, else the decay
                    trace[unit, i] = rate + (1.0 - rate) * trace[unit, i] * decay[i]


@numba.njit(cache=True, parallel=True, nogil=True)
def sum_few_inputs(inputs, at, unit, few, weights, out):  # type: ignore[no-untyped-def]
    """Fill out (pair, ridge) with the products of a row of inputs and few weights (target, kept, ridge).

    `few` (target, kept) says which inputs a target has: of 1,000 units a twentieth, so that one product of
    all with all would be zeros for the most part.
    """
    for pair in numba.prange(at.size):
        target = unit[pair]
        for ridge in range(out.shape[1]):
            out[pair, ridge] = 0.0
        for place in range(few.shape[1]):
            value = inputs[at[pair], few[target, place]]
            for ridge in range(out.shape[1]):
                out[pair, ridge] += value * weights[target, place, ridge]


@numba.njit(cache=True, parallel=True, nogil=True, fastmath=True)
def sum_few_of_bins(inputs, pair_of, few, weights, out):  # type: ignore[no-untyped-def]
    """Do the same where most targets of a bin are asked for; inputs (input, bin).

    Wherever pair_of (bin, target) is not -1, that row of out is filled. Bins are taken together, so that
    several go into one instruction.
    """
    num_bins, num_ridges = pair_of.shape[0], out.shape[1]
    for target in numba.prange(few.shape[0]):
        sums = np.empty((num_ridges, _BINS_AT_ONCE), np.float32)
        for begin in range(0, num_bins, _BINS_AT_ONCE):
            number = min(_BINS_AT_ONCE, num_bins - begin)
            sums[:] = 0.0
            for place in range(few.shape[1]):
                values = inputs[few[target, place], begin : begin + number]
                for ridge in range(num_ridges):
                    weight = weights[target, place, ridge]
                    for t in range(number):
                        sums[ridge, t] += weight * values[t]
            for t in range(number):
                pair = pair_of[begin + t, target]
                if pair >= 0:
                    for ridge in range(num_ridges):
                        out[pair, ridge] = sums[ridge, t]


@numba.njit(cache=True, parallel=True, nogil=True)
def write_factors(change, unit, offset, gain, lowest, highest, trust, out):  # type: ignore[no-untyped-def]
    """Write per ridge the log of 1 + change + offset, the gain (ridge, target), and the log as trusted."""
    for pair in numba.prange(unit.size):
        for ridge in range(change.shape[1]):
            factor = np.float32(1) + change[pair, ridge] + offset[ridge, unit[pair]]
            log_factor = math.log(min(max(factor, np.float32(lowest)), np.float32(highest)))
            gained = gain[ridge, unit[pair]]
            out[pair, 3 * ridge] = log_factor
            out[pair, 3 * ridge + 1] = gained
            out[pair, 3 * ridge + 2] = log_factor * min(max(trust * gained, -1.0), 1.0)


@numba.njit(cache=True, parallel=True, nogil=True)
def standardise_moment(moment, total, mean, scale, out):  # type: ignore[no-untyped-def]
    """Fill out, in single precision, with the covariance of inputs over their scales.

    As one expression of arrays it would take three more of 128 MB, of 1,000 units.
    """
    for row in numba.prange(mean.size):
        for column in range(mean.size):
            covariance = moment[row, column] / total - mean[row] * mean[column]
            out[row, column] = covariance * (scale[row] * scale[column])


@numba.njit(cache=True, parallel=True, nogil=True)
def solve_few(covariance, gradient, num_spikes, few, ridges, out):  # type: ignore[no-untyped-def]
    """Fill out (target, kept, ridge) with weights of few inputs; gradient is (target, kept)."""
    size = few.shape[1]
    for target in numba.prange(few.shape[0]):
        curvature = np.empty((size, size), np.float32)
        found = np.empty((ridges.size, size), np.float32)
        factor = np.float32(num_spikes[target])
        # half of it is gathered: what is far apart in memory takes as long as solving
        for row in range(size):
            values = covariance[few[target, row]]
            for column in range(row + 1):
                curvature[row, column] = factor * values[few[target, column]]
                curvature[column, row] = curvature[row, column]
        solve_shifted(curvature, gradient[target], ridges, found)
        for ridge in range(ridges.size):
            out[target, :, ridge] = found[ridge]


@numba.njit(cache=True, nogil=True, fastmath=True)
def solve_shifted(matrix, gradient, ridges, out):  # type: ignore[no-untyped-def]
    """Fill out (ridge, input) with the solutions of (matrix + ridge) x = gradient, the weakest ridge first.

    All ridges have one Krylov space, since a ridge moves no eigenvector: the Lanczos process makes its basis,
    in which the matrix has three diagonals. Source: Frommer & Maass 1999.
    """
    size = gradient.size
    norm = math.sqrt((gradient * gradient).sum())
    out[:] = 0.0
    if norm == 0.0:
        return
    most = min(size, _MOST_STEPS)
    basis = np.zeros((most + 1, size), np.float32)
    diagonal, beside = np.zeros(most), np.zeros(most + 1)
    basis[0] = gradient / np.float32(norm)
    pivot, left, number = 1.0, 1.0, 0
    while number < most:
        vector = basis[number]
        following = basis[number + 1]
        for row in range(size):
            total = np.float32(0)
            for column in range(size):
                total += matrix[row, column] * vector[column]
            following[row] = total
        diagonal[number] = (following * vector).sum()
        following -= np.float32(diagonal[number]) * vector
        if number > 0:
            following -= np.float32(beside[number]) * basis[number - 1]
        beside[number + 1] = math.sqrt((following * following).sum())
        # the last entry of the weakest ridge's solution in this basis, times what comes next, is its residual
        former = pivot
        pivot = diagonal[number] + ridges[0] - (beside[number] ** 2 / former if number else 0.0)
        left *= beside[number] / former if number else 1.0
        number += 1
        if beside[number] * left <= _RESIDUAL * pivot:
            break
        following /= np.float32(beside[number])
    for ridge in range(ridges.size):
        _solve_three_diagonals(diagonal[:number] + ridges[ridge], beside, norm, basis, out[ridge])


@numba.njit(cache=True, nogil=True)
def _solve_three_diagonals(diagonal, beside, norm, basis, out):  # type: ignore[no-untyped-def]
    """Add the solution to out, given the diagonal, those beside it, and a right side of norm and zeros."""
    number = diagonal.size
    solution = np.zeros(number)
    solution[0] = norm
    for row in range(1, number):
        factor = beside[row] / diagonal[row - 1]
        diagonal[row] -= factor * beside[row]
        solution[row] -= factor * solution[row - 1]
    solution[number - 1] /= diagonal[number - 1]
    for row in range(number - 2, -1, -1):
        solution[row] = (solution[row] - beside[row + 1] * solution[row + 1]) / diagonal[row]
    for row in range(number):
        out += np.float32(solution[row]) * basis[row]
