"""Traces of all units, and what few of them say of each, compiled; nothing looks ahead."""

from __future__ import annotations

import numba

# as `drop_negligible`, and higher, since these are multiplied with each other in single precision
_NEGLIGIBLE = 1e-18


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


@numba.njit(cache=True, nogil=True)
def sum_few_inputs(inputs, at, unit, few, weights, out):  # type: ignore[no-untyped-def]
    """Fill out (pair, ridge) with the products of a row of inputs and few weights (target, kept, ridge).

    `few` (target, kept) says which inputs a target has: of 1,000 units a twentieth, so that one product of
    all with all would be zeros for the most part.
    """
    for pair in range(at.size):
        target = unit[pair]
        for ridge in range(out.shape[1]):
            out[pair, ridge] = 0.0
        for place in range(few.shape[1]):
            value = inputs[at[pair], few[target, place]]
            for ridge in range(out.shape[1]):
                out[pair, ridge] += value * weights[target, place, ridge]


@numba.njit(cache=True, nogil=True)
def gather_upper(matrix, inputs, factor, out):  # type: ignore[no-untyped-def]
    """Fill the upper triangle of out with rows and columns of a symmetric matrix, times a factor."""
    for column in range(inputs.size):
        for row in range(column + 1):
            out[row, column] = factor * matrix[inputs[column], inputs[row]]
