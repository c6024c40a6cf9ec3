"""The features of `in_context` for one bin of several samples, compiled; counts stay as they are."""

from __future__ import annotations

import math

import numba
import numpy as np

from nwbspikegen.models.in_context.past.coincident_unit_kernels import renew_activity, write_log_activity
from nwbspikegen.models.in_context.past.feature_columns import HIGHEST_FACTOR, LOWEST_FACTOR, TRUST_PER_NAT
from nwbspikegen.models.in_context.past.pairwise_predictor_kernels import look_up_predictors
from nwbspikegen.models.in_context.past.population_kernels import write_population
from nwbspikegen.models.in_context.past.unit_kernels import write_joint_hazards, write_traces
from nwbspikegen.views.history_kernels import drop_negligible


@numba.njit(cache=True, nogil=True)
def write_bin(  # type: ignore[no-untyped-def]
    rates, passing, tables, pairs, coupling, classes_of, columns, scaling, features, out, log_odds, log_rate
):
    """Fill a row of features, of out, standardised, and of log_odds, for every sample and unit."""
    population_rate, rate = rates
    population_trace, trace, age, interval_class, filtered, activity = passing
    by_predictor, by_both, predictor, gain = pairs
    population_weights, offset, ridge_gain, coupling_population = coupling
    age_class, joint_age_class, predictor_class, state_taus, state_edges, joint_tau, joint_edges = classes_of
    hazard_column, coupling_column, pairwise_column, coincident_column = columns
    center, inverse_scale, limit = scaling
    num_samples, num_units, num_taus = trace.shape
    # traces of a step hold what lies before the first bin themselves
    nothing, log_ratio = np.zeros(num_taus), np.empty(num_taus)
    state, classes = np.empty(state_taus.size, np.int64), np.empty(1 + state_taus.size, np.int64)
    predictor_classes, factor = np.empty(num_units, np.int64), np.empty(num_units)
    for sample in range(num_samples):
        joint_state = write_population(
            population_trace[sample],
            nothing,
            population_rate,
            state_taus,
            state_edges,
            joint_tau,
            joint_edges,
            log_ratio,
            state,
        )
        classes[1:] = state
        write_couplings(
            out[sample * num_units : (sample + 1) * num_units, coupling_column:],
            filtered[sample],
            log_ratio,
            population_weights,
            offset,
            ridge_gain,
            coupling_population,
            factor,
        )
        for unit in range(num_units):
            predictor_classes[unit] = predictor_class[min(age[sample, unit], predictor_class.size - 1)]
        for unit in range(num_units):
            at = sample * num_units + unit
            row = out[at]
            classes[0] = age_class[age[sample, unit]]
            coarse = joint_age_class[age[sample, unit]]
            other = (joint_state, interval_class[sample, unit])
            write_traces(row, trace[sample, unit], nothing, rate[unit], log_ratio)
            hazards = row[hazard_column:]
            log_odds[at] = look_up_hazards(
                hazards, unit, rate[unit], log_rate[at], classes, coarse, other, tables
            )
            look_up_predictors(
                row[pairwise_column:], unit, coarse, predictor_classes, by_predictor, by_both, predictor, gain
            )
            write_log_activity(row[coincident_column:], activity[sample, :, unit])
            for i in range(row.size):
                features[at, i] = min(max(row[i], -limit), limit)
                row[i] = min(max((row[i] - center[i]) * inverse_scale[i], -limit), limit)


@numba.njit(cache=True, nogil=True)
def look_up_hazards(out, unit, rate, log_rate, classes, coarse, other, tables):  # type: ignore[no-untyped-def]
    """Write what `write_hazards` does, from a table of logs; return log odds given the age alone."""
    log_hazard, joint, evidence = tables
    for j in range(classes.size):
        out[j] = log_hazard[unit, j, classes[j]]
    trust = evidence[unit, 1]
    write_joint_hazards(
        out, classes.size, rate, log_rate, evidence[unit, 0], trust, coarse, other, joint[:, unit]
    )
    # the bounds of `log_odds_of`: reading and stepping must give the same number
    probability = min(max(rate * math.exp(out[0]), 1e-6), 1 - 1e-6)
    return math.log(probability / (1 - probability))


@numba.njit(cache=True, nogil=True)
def write_couplings(  # type: ignore[no-untyped-def]
    out, filtered, log_ratio, population_weights, offset, ridge_gain, coupling_population, factor
):
    """Write, per unit and ridge, the log of the coupling's factor, its gain so far, and both together."""
    num_units = offset.shape[1]
    for k in range(offset.shape[0]):
        # unit by unit innermost, which the compiler does eight at a time
        for unit in range(num_units):
            factor[unit] = 1.0 + offset[k, unit]
        for i in range(filtered.shape[1]):
            for unit in range(num_units):
                factor[unit] += filtered[k, i, unit]
        for j in range(coupling_population.size):
            ratio = log_ratio[coupling_population[j]]
            for unit in range(num_units):
                factor[unit] += ratio * population_weights[k, j, unit]
        for unit in range(num_units):
            gain = ridge_gain[k, unit]
            log_factor = math.log(min(max(factor[unit], LOWEST_FACTOR), HIGHEST_FACTOR))
            out[unit, 3 * k] = log_factor
            out[unit, 3 * k + 1] = gain
            out[unit, 3 * k + 2] = log_factor * min(max(TRUST_PER_NAT * gain, -1.0), 1.0)


@numba.njit(cache=True, nogil=True)
def take_bin(  # type: ignore[no-untyped-def]
    spikes,
    decay,
    coupling_decay,
    weights,
    coincident_decay,
    shares,
    interval_edges,
    oldest,
    population_trace,
    trace,
    age,
    interval_class,
    coupling_trace,
    filtered,
    activity,
):
    """Move what passes with time on by one bin of spikes (sample, unit)."""
    num_samples, num_units = spikes.shape
    for sample in range(num_samples):
        num_fired = 0
        for i in range(coupling_decay.size):
            for k in range(filtered.shape[1]):
                for unit in range(num_units):
                    faded = filtered[sample, k, i, unit] * coupling_decay[i]
                    filtered[sample, k, i, unit] = drop_negligible(faded)
        for i in range(coincident_decay.size):
            for unit in range(num_units):
                activity[sample, i, unit] = drop_negligible(activity[sample, i, unit] * coincident_decay[i])
        for unit in range(num_units):
            fired = spikes[sample, unit]
            for i in range(decay.size):
                moved = decay[i] * trace[sample, unit, i] + (1.0 - decay[i]) * fired
                trace[sample, unit, i] = drop_negligible(moved)
            # what is left of a spike falls to exactly 0 at the oldest age, as in reading; by decay alone it
            # would not
            if fired or age[sample, unit] == oldest - 1:
                renew_activity(
                    activity[sample], shares[unit], coincident_decay, age[sample, unit], oldest, fired
                )
            if fired:
                num_fired += 1
                # the age before it is set back is the interval that has just ended
                interval_class[sample, unit] = np.searchsorted(interval_edges, age[sample, unit])
                age[sample, unit] = 1
                # traces saturate at 1: what a spike adds to filters' outputs depends on what was left
                for i in range(coupling_decay.size):
                    added = 1.0 - coupling_decay[i] * coupling_trace[sample, unit, i]
                    for k in range(filtered.shape[1]):
                        for other in range(num_units):
                            filtered[sample, k, i, other] += added * weights[k, unit, i, other]
                    coupling_trace[sample, unit, i] = 1.0
            else:
                age[sample, unit] = min(age[sample, unit] + 1, oldest)
                for i in range(coupling_decay.size):
                    faded = coupling_trace[sample, unit, i] * coupling_decay[i]
                    coupling_trace[sample, unit, i] = drop_negligible(faded)
        for i in range(decay.size):
            mean = num_fired / num_units
            # all units count: in a free run every bin is seen
            population_trace[sample, i] = decay[i] * population_trace[sample, i] + (1.0 - decay[i]) * mean
