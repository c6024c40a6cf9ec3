"""The features of each unit's own past, compiled; nothing looks ahead.

State lives in arrays that are updated, so that a recording can be given in pieces. What is written
for a bin and what is learnt from it are two functions, so that generation can come in between.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from nwbspikegen.views.history_kernels import class_of, drop_negligible, next_age, smooth_hazard

# a tenth of a spike per second at 1 ms: far below it, how silent a unit is says nothing more
_FLOOR = 1e-4
# of models whose prior has no spikes: a unit silent for its first 10 s is given .002 of its rate
_PRIOR_BINS = 20.0
# in spikes, not in bins: the prior of a joint class lasts as long, about two spikes, for a slow unit as for a
# fast one
_PRIOR_SPIKES = 2.0
# age and population tell partly the same, since a unit that fires is part of the population: with its whole
# log ratio the second would count twice what they share
_STATE_SHARE = 0.7
# e^-6 per bin of 1 ms is 2.5 Hz: the feature lies around 0 before it is standardised
_RATE_SHIFT = 6.0


@numba.njit(cache=True, parallel=True, nogil=True)
def follow_units(  # type: ignore[no-untyped-def]
    spikes,
    observed,
    prior_bins,
    hazard_prior_spikes,
    before,
    log_ratio,
    state,
    joint_state,
    row_of,
    decay,
    age_class,
    joint_age_class,
    interval_edges,
    trace,
    num_spikes,
    num_seen,
    age,
    interval_class,
    single,
    joint,
    out,
    log_rate,
):
    """Fill a row of out (row, feature) and log_rate (row) wherever row_of (time, unit) is not -1.

    A bin that was not observed counts nowhere: age and latest interval are unknown from then on, and
    traces near the running rate, which is what is expected of them. So is what lies before the first bin:
    its share in each trace is `before` (time, tau).
    """
    for unit in numba.prange(spikes.shape[1]):
        classes = np.zeros(1 + state.shape[1], np.int64)
        for t in range(spikes.shape[0]):
            classes[0] = class_of(age[unit], age_class)
            classes[1:] = state[t]
            coarse = class_of(age[unit], joint_age_class)
            other = (joint_state[t], interval_class[unit])
            # written before the bin is counted: a prediction must not know its own bin
            row = row_of[t, unit]
            if row >= 0:
                rate = (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
                log_rate[row] = math.log(rate)
                write_traces(out[row], trace[unit], before[t], rate, log_ratio[t])
                hazards, expected = out[row, 2 * decay.size :], rate * num_seen[unit]
                write_hazards(
                    hazards,
                    rate,
                    expected,
                    num_spikes[unit],
                    hazard_prior_spikes,
                    classes,
                    coarse,
                    other,
                    single[:, unit],
                    joint[:, unit],
                )
            # a bin may hold more spikes than one where the user asked for counts
            fired = min(spikes[t, unit], 1)
            if observed[t, unit]:
                count_bin(fired, classes, coarse, other, single[:, unit], joint[:, unit])
                for i in range(decay.size):
                    trace[unit, i] = drop_negligible(decay[i] * trace[unit, i] + (1.0 - decay[i]) * fired)
                num_spikes[unit] += fired
                num_seen[unit] += 1
            else:
                rate = (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
                for i in range(decay.size):
                    trace[unit, i] = decay[i] * trace[unit, i] + (1.0 - decay[i]) * rate
            # an interval that began before a gap has no length: it goes to the class of the longest
            if fired and age[unit] >= 0:
                interval_class[unit] = np.searchsorted(interval_edges, age[unit])
            elif fired or not observed[t, unit]:
                interval_class[unit] = interval_edges.size
            age[unit] = next_age(age[unit], fired, observed[t, unit], age_class.size - 1)


@numba.njit(cache=True, nogil=True)
def write_traces(out, trace, before, rate, log_ratio):  # type: ignore[no-untyped-def]
    """Write log traces over the rate (tau), then those of the population.

    `before` (tau) is the share of each trace that lies before the first bin, where the rate is expected.
    """
    num_taus = trace.size
    for i in range(num_taus):
        out[i] = math.log((trace[i] + before[i] * rate + _FLOOR) / (rate + _FLOOR))
        out[num_taus + i] = log_ratio[i]


@numba.njit(cache=True, nogil=True)
def write_hazards(  # type: ignore[no-untyped-def]
    out, rate, expected, num_spikes, prior_spikes, classes, coarse, other, single, joint
):
    """Write log hazards over the rate, each also weighted by the evidence, then what they rest on."""
    for j in range(classes.size):
        out[j] = log_hazard(single, j, classes[j], rate, num_spikes, prior_spikes)
    evidence, trust = weigh_evidence(expected)
    write_joint_hazards(out, classes.size, rate, math.log(rate), evidence, trust, coarse, other, joint)


@numba.njit(cache=True, nogil=True)
def weigh_evidence(expected):  # type: ignore[no-untyped-def]
    """Return how much evidence so many spikes are, and how far hazards from it are to be trusted."""
    # the logarithm, since ten spikes more matter to 10 and not to 10,000; tanh of a quarter is .5 at 8
    # expected spikes and .9 at 350
    evidence = math.log(1.0 + expected)
    return evidence, math.tanh(evidence / 4.0)


@numba.njit(cache=True, nogil=True)
def log_hazard(single, j, at, rate, num_spikes, prior_spikes):  # type: ignore[no-untyped-def]
    """Return the log hazard over the rate of one condition's class."""
    fired, seen = single[0, j, at], single[1, j, at]
    if prior_spikes > 0:
        # as in the kernel of `online_hazard`: what has not fired has its rate
        if num_spikes == 0:
            return 0.0
        return math.log(smooth_hazard(fired, seen, rate, prior_spikes) / rate)
    return math.log((fired + _PRIOR_BINS * rate) / (seen + _PRIOR_BINS) / rate)


@numba.njit(cache=True, nogil=True)
def tabulate_hazards(single, rate, num_spikes, num_seen, prior_spikes, out, evidence):  # type: ignore[no-untyped-def]
    """Fill out (unit, condition, class) with log hazards over the rate, and evidence (unit, 2)."""
    for unit in range(out.shape[0]):
        evidence[unit] = weigh_evidence(rate[unit] * num_seen[unit])
        for j in range(out.shape[1]):
            for at in range(out.shape[2]):
                out[unit, j, at] = log_hazard(
                    single[:, unit], j, at, rate[unit], num_spikes[unit], prior_spikes
                )


@numba.njit(cache=True, nogil=True)
def write_joint_hazards(  # type: ignore[no-untyped-def]
    out, num_single, rate, log_rate, evidence, trust, coarse, other, joint
):
    """Go on behind the hazards of one condition with all else that `write_hazards` writes."""
    num_hazards = num_single + len(other)
    # out[2] is the population at 60 bins; bounds keep the exponential finite where classes have no spike
    by_age_and_state = min(max(out[0] + _STATE_SHARE * out[2], -12.0), 8.0)
    for j in range(len(other)):
        # joint classes are drawn towards what their conditions say one by one, so that an empty one says no
        # less
        coarser = math.exp(by_age_and_state if j == 0 else out[0]) * rate
        fired, seen = joint[0, j, coarse, other[j]], joint[1, j, coarse, other[j]]
        hazard = (fired + _PRIOR_SPIKES) / (seen + _PRIOR_SPIKES / coarser)
        out[num_single + j] = math.log(hazard / rate)
    for j in range(num_hazards):
        out[num_hazards + j] = out[j] * trust
    out[2 * num_hazards] = evidence
    out[2 * num_hazards + 1] = log_rate + _RATE_SHIFT
    out[2 * num_hazards + 2] = other[1]


@numba.njit(cache=True, nogil=True)
def count_bin(fired, classes, coarse, other, single, joint):  # type: ignore[no-untyped-def]
    """Count the bin, and whether the unit fired in it, in every hazard's class."""
    for j in range(classes.size):
        single[0, j, classes[j]] += fired
        single[1, j, classes[j]] += 1.0
    for j in range(len(other)):
        joint[0, j, coarse, other[j]] += fired
        joint[1, j, coarse, other[j]] += 1.0
