"""The features of `in_context` for one bin of several samples, compiled; counts stay as they are."""

from __future__ import annotations

import math

import numba
import numpy as np

from nwbspikegen.models.in_context.past.companion_kernels import renew_companion, write_company
from nwbspikegen.models.in_context.past.partner_kernels import look_up_partners
from nwbspikegen.models.in_context.past.population_kernels import write_population
from nwbspikegen.models.in_context.past.unit_kernels import write_joint_hazards, write_traces


@numba.njit(cache=True, nogil=True)
def write_bin(  # type: ignore[no-untyped-def]
    population_rate,
    rate,
    population_trace,
    trace,
    age,
    interval_class,
    drive,
    company,
    tables,
    pairs,
    coupling,
    classes_of,
    columns,
    scaling,
    out,
    log_odds,
    log_rate,
):
    """Fill a row of out, standardised, and of log_odds, for every sample and unit."""
    log_hazard, joint, evidence = tables
    by_partner, by_both, partner, gain = pairs
    population_weights, offset, ridge_gain, coupling_population = coupling
    age_class, joint_age_class, partner_class, state_taus, state_edges, joint_tau, joint_edges = classes_of
    hazard_column, drive_column, partner_column, companion_column = columns
    center, inverse_scale, limit = scaling
    num_samples, num_units, num_taus = trace.shape
    log_ratio = np.empty(num_taus)
    state, classes = np.empty(state_taus.size, np.int64), np.empty(1 + state_taus.size, np.int64)
    partner_classes, factor = np.empty(num_units, np.int64), np.empty(num_units)
    for sample in range(num_samples):
        joint_state = write_population(
            population_trace[sample],
            population_rate,
            state_taus,
            state_edges,
            joint_tau,
            joint_edges,
            log_ratio,
            state,
        )
        classes[1:] = state
        write_drives(
            out[sample * num_units : (sample + 1) * num_units, drive_column:],
            drive[sample],
            log_ratio,
            population_weights,
            offset,
            ridge_gain,
            coupling_population,
            factor,
        )
        for unit in range(num_units):
            partner_classes[unit] = partner_class[min(age[sample, unit], partner_class.size - 1)]
        for unit in range(num_units):
            at = sample * num_units + unit
            row = out[at]
            classes[0] = age_class[age[sample, unit]]
            coarse = joint_age_class[age[sample, unit]]
            other = (joint_state, interval_class[sample, unit])
            write_traces(row, trace[sample, unit], rate[unit], log_ratio)
            for j in range(classes.size):
                row[hazard_column + j] = log_hazard[unit, j, classes[j]]
            write_joint_hazards(
                row[hazard_column:],
                classes.size,
                rate[unit],
                log_rate[at],
                evidence[unit, 0],
                evidence[unit, 1],
                coarse,
                other,
                joint[:, unit],
            )
            probability = min(max(rate[unit] * math.exp(row[hazard_column]), 1e-6), 1 - 1e-6)
            log_odds[at] = math.log(probability / (1 - probability))
            look_up_partners(
                row[partner_column:], unit, coarse, partner_classes, by_partner, by_both, partner, gain
            )
            write_company(row[companion_column:], company[sample, :, unit])
            for i in range(row.size):
                row[i] = min(max((row[i] - center[i]) * inverse_scale[i], -limit), limit)


@numba.njit(cache=True, nogil=True)
def write_drives(  # type: ignore[no-untyped-def]
    out, drive, log_ratio, population_weights, offset, ridge_gain, coupling_population, factor
):
    """Write, per unit and ridge, the log of the drive's factor, its gain so far, and both together."""
    num_units = offset.shape[1]
    for k in range(offset.shape[0]):
        # unit by unit innermost, which the compiler does eight at a time
        for unit in range(num_units):
            factor[unit] = 1.0 + offset[k, unit]
        for i in range(drive.shape[1]):
            for unit in range(num_units):
                factor[unit] += drive[k, i, unit]
        for j in range(coupling_population.size):
            ratio = log_ratio[coupling_population[j]]
            for unit in range(num_units):
                factor[unit] += ratio * population_weights[k, j, unit]
        for unit in range(num_units):
            gain = ridge_gain[k, unit]
            log_factor = math.log(min(max(factor[unit], 0.15), 150.0))
            out[unit, 3 * k] = log_factor
            out[unit, 3 * k + 1] = gain
            out[unit, 3 * k + 2] = log_factor * min(max(5.0 * gain, -1.0), 1.0)


@numba.njit(cache=True, nogil=True)
def take_bin(  # type: ignore[no-untyped-def]
    spikes,
    decay,
    coupling_decay,
    weights,
    companion_decay,
    shares,
    interval_edges,
    oldest,
    population_trace,
    trace,
    age,
    interval_class,
    coupling_trace,
    drive,
    company,
):
    """Move what passes with time on by one bin of spikes (sample, unit)."""
    num_samples, num_units = spikes.shape
    for sample in range(num_samples):
        num_fired = 0
        for i in range(coupling_decay.size):
            for k in range(drive.shape[1]):
                for unit in range(num_units):
                    drive[sample, k, i, unit] *= coupling_decay[i]
        for i in range(companion_decay.size):
            for unit in range(num_units):
                company[sample, i, unit] *= companion_decay[i]
        for unit in range(num_units):
            fired = spikes[sample, unit]
            for i in range(decay.size):
                trace[sample, unit, i] = decay[i] * trace[sample, unit, i] + (1.0 - decay[i]) * fired
            if fired or age[sample, unit] == oldest - 1:
                renew_companion(
                    company[sample], shares[unit], companion_decay, age[sample, unit], oldest, fired
                )
            if fired:
                num_fired += 1
                interval_class[sample, unit] = np.searchsorted(interval_edges, age[sample, unit])
                age[sample, unit] = 1
                # traces saturate at 1: what a spike adds to drives depends on what was left
                for i in range(coupling_decay.size):
                    added = 1.0 - coupling_decay[i] * coupling_trace[sample, unit, i]
                    for k in range(drive.shape[1]):
                        for other in range(num_units):
                            drive[sample, k, i, other] += added * weights[k, unit, i, other]
                    coupling_trace[sample, unit, i] = 1.0
            else:
                age[sample, unit] = min(age[sample, unit] + 1, oldest)
                for i in range(coupling_decay.size):
                    coupling_trace[sample, unit, i] *= coupling_decay[i]
        for i in range(decay.size):
            mean = num_fired / num_units
            population_trace[sample, i] = decay[i] * population_trace[sample, i] + (1.0 - decay[i]) * mean
