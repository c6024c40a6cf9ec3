"""The features of `in_context_v0`, one pass over time, compiled; nothing looks ahead.

State lives in arrays that the kernels update, so that a recording can be given in pieces.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def population_kernel(  # type: ignore[no-untyped-def]
    spikes, prior_bins, decay, floor, state_taus, state_edges, trace, counted, log_ratio, state
):
    """Follow the population mean of spikes (unit, time).

    Fills log_ratio (time, tau), the log of each trace over the running mean rate, and state
    (time, 3), the class of three of them. Updates trace (tau) and counted (spikes, bins).
    """
    num_units = spikes.shape[0]
    for t in range(spikes.shape[1]):
        rate = (counted[0] / num_units + 0.5) / (counted[1] + prior_bins)
        for i in range(decay.size):
            log_ratio[t, i] = math.log((trace[i] + floor) / (rate + floor))
        for j in range(state_taus.size):
            state[t, j] = np.searchsorted(
                state_edges, math.log((trace[state_taus[j]] + floor) / (rate + floor))
            )
        fired = 0
        for unit in range(num_units):
            fired += spikes[unit, t]
        for i in range(decay.size):
            trace[i] = decay[i] * trace[i] + (1.0 - decay[i]) * fired / num_units
        counted[0] += fired
        counted[1] += 1


@numba.njit(cache=True, parallel=True, nogil=True)
def unit_kernel(  # type: ignore[no-untyped-def]
    spikes,
    wanted,
    row_of,
    log_ratio,
    state,
    num_before,
    prior_bins,
    decay,
    floor,
    age_class,
    prior_weight,
    trace,
    age,
    counted,
    fired,
    seen,
    out,
    log_rate,
):
    """Fill a row of out (row, feature) for every wanted (unit, time).

    Rows of unit u begin at row_of[u]. Updates trace (unit, tau), age (unit), counted (unit), and
    fired and seen (unit, condition, class): condition 0 is the age, 1 to 3 the population's state.
    """
    num_taus = decay.size
    num_states = state.shape[1]
    oldest = age_class.size - 1
    for unit in numba.prange(spikes.shape[0]):
        row = row_of[unit]
        classes = np.zeros(1 + num_states, np.int64)
        for t in range(spikes.shape[1]):
            num_bins = num_before + t
            classes[0] = age_class[age[unit]]
            for j in range(num_states):
                classes[1 + j] = state[t, j]
            if wanted[unit, t]:
                rate = (counted[unit] + 0.5) / (num_bins + prior_bins)
                evidence = math.log(1.0 + rate * num_bins)
                trust = math.tanh(evidence / 4.0)
                for i in range(num_taus):
                    out[row, i] = math.log((trace[unit, i] + floor) / (rate + floor))
                    out[row, num_taus + i] = log_ratio[t, i]
                for j in range(1 + num_states):
                    cls = classes[j]
                    hazard = (fired[unit, j, cls] + prior_weight * rate) / (seen[unit, j, cls] + prior_weight)
                    out[row, 2 * num_taus + j] = math.log(hazard / rate)
                    out[row, 2 * num_taus + 1 + num_states + j] = math.log(hazard / rate) * trust
                out[row, 2 * num_taus + 2 + 2 * num_states] = evidence
                log_rate[row] = math.log(rate)
                row += 1
            spike = spikes[unit, t]
            for j in range(1 + num_states):
                seen[unit, j, classes[j]] += 1.0
                fired[unit, j, classes[j]] += min(spike, 1)
            for i in range(num_taus):
                trace[unit, i] = decay[i] * trace[unit, i] + (1.0 - decay[i]) * spike
            counted[unit] += spike
            age[unit] = 1 if spike else min(age[unit] + 1, oldest)
