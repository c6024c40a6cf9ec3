"""The population's past, one pass over time, compiled; nothing looks ahead."""

from __future__ import annotations

import math

import numba
import numpy as np

# units at 1 Hz have a mean of 1e-3 per bin of 1 ms: the floor matters only where all are silent for long
_FLOOR = 1e-5


@numba.njit(cache=True, nogil=True)
def follow_population(  # type: ignore[no-untyped-def]
    spikes,
    observed,
    num_before,
    prior_bins,
    share,
    decay,
    state_taus,
    state_edges,
    joint_tau,
    joint_edges,
    trace,
    num_spikes,
    num_seen,
    before,
    log_ratio,
    state,
    joint_state,
    sampled_weight,
):
    """Fill the arrays of `PopulationPast`; update trace (tau), num_spikes and num_seen (unit).

    A unit that was not observed counts with its running rate: who is looked at is no activity.
    """
    num_units = spikes.shape[1]
    total = num_spikes.sum()
    is_complete = num_seen.min() == num_before
    for t in range(spikes.shape[0]):
        # without gaps the mean needs no sum over units in every bin, and is to the bit what it was before
        # recordings had gaps
        if is_complete:
            rate = (total / num_units + 0.5) / (num_before + t + prior_bins)
        else:
            rate = mean_rate(num_spikes, num_seen, prior_bins)
        joint_state[t] = write_population(
            trace, before[t], rate, state_taus, state_edges, joint_tau, joint_edges, log_ratio[t], state[t]
        )
        # trace over rate is 1 on average, so the average chance is `share`. It depends on earlier bins only:
        # if the bin itself had a say, weights of 1 / chance would no longer make sums over silent pairs
        # unbiased
        activity = trace[state_taus[0]] / rate + before[t, state_taus[0]]
        chance = min(1.0, share * (0.5 + 0.5 * activity))
        # the number of the bin draws, and no generator: pieces and the order of units change nothing
        sampled_weight[t] = 1.0 / chance if draw_uniform(num_before + t) < chance else 0.0
        fired = 0.0
        for unit in range(num_units):
            if observed[t, unit]:
                spike = min(spikes[t, unit], 1)
                fired += spike
                total += spike
                num_spikes[unit] += spike
                num_seen[unit] += 1
            else:
                is_complete = False
                fired += (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
        for i in range(decay.size):
            trace[i] = decay[i] * trace[i] + (1.0 - decay[i]) * fired / num_units


@numba.njit(cache=True, nogil=True)
def mean_rate(num_spikes, num_seen, prior_bins):  # type: ignore[no-untyped-def]
    """Return the mean of the units' running rates."""
    total = 0.0
    for unit in range(num_spikes.size):
        total += (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
    return total / num_spikes.size


@numba.njit(cache=True, nogil=True)
def write_population(  # type: ignore[no-untyped-def]
    trace, before, rate, state_taus, state_edges, joint_tau, joint_edges, log_ratio, state
):
    """Write log traces over the rate (tau) and their classes (3); return the coarser class."""
    for i in range(trace.size):
        log_ratio[i] = math.log((trace[i] + before[i] * rate + _FLOOR) / (rate + _FLOOR))
    for j in range(state_taus.size):
        state[j] = np.searchsorted(state_edges, log_ratio[state_taus[j]])
    return np.searchsorted(joint_edges, log_ratio[joint_tau])


@numba.njit(cache=True, nogil=True)
def draw_uniform(number):  # type: ignore[no-untyped-def]
    """Return a number in [0, 1) that depends on `number` alone (splitmix64)."""
    # finaliser and increment of splitmix64 (Steele, Lea & Flood 2014); the upper 53 bits fill a double
    mixed = np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
