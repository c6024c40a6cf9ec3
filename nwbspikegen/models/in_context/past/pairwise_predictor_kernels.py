"""Tables of pairs of units, compiled; nothing looks ahead."""

from __future__ import annotations

import math

import numba
import numpy as np

from nwbspikegen.views.history_kernels import class_of

# draws a class with few expected spikes towards the hazard, which is what a ratio of 1 means
_PRIOR_SPIKES = 4.0
# 12 classes that have nothing to tell gain about 6 nats by chance, half their number, and the best of many
# units is taken: less than 10 is no finding
_FEWEST_NATS = 10.0
# one or two spikes, where as many were expected, gain less than 2 nats: this spares the loop for units that
# hardly fire
_FEWEST_SPIKES = 3
# nats per spike of a unit with few spikes are drawn towards 0, as those of coupling filters are
_GAIN_PRIOR_SPIKES = 20.0


@numba.njit(cache=True, parallel=True, nogil=True)
def follow_pairs(  # type: ignore[no-untyped-def]
    spikes,
    row_of,
    weight,
    expected,
    ages,
    predictor_class,
    own_class,
    pair,
    best,
    num_spikes,
    predictor,
    gain,
    out,
):
    """Fill rows of out; update pair (2, unit, other, class), best (2, unit, own, other), num_spikes (unit).

    `ages` (time, unit) are those before each bin. Another unit whose age is not known, class -1, says nothing
    and counts nowhere.
    """
    num_bins, num_units = spikes.shape
    classes = np.empty((num_bins, num_units), np.int8)
    for t in range(num_bins):
        for unit in range(num_units):
            classes[t, unit] = predictor_class[ages[t, unit]] if ages[t, unit] >= 0 else -1
    # unit by unit: the table of one, 96 kB of 1,000 units, stays in a core's cache
    for unit in numba.prange(num_units):
        for t in range(num_bins):
            row = row_of[t, unit]
            if row < 0:
                continue
            own = class_of(ages[t, unit], own_class)
            # written before it is counted, or a pair would predict its own spike
            write_predictors(out[row], unit, own, classes[t], pair, best, predictor, gain)
            if weight[row] > 0:
                fired = min(spikes[t, unit], 1)
                count_pairs(fired, weight[row] * expected[row], unit, own, classes[t], pair, best, predictor)
                num_spikes[unit] += fired


@numba.njit(cache=True, nogil=True)
def write_predictors(out, unit, own, classes, pair, best, predictor, gain):  # type: ignore[no-untyped-def]
    """Write two features per predictor and the last one, of both ages."""
    num_predictors = predictor.shape[1]
    out[:] = 0.0
    for k in range(num_predictors):
        other = predictor[unit, k]
        if other >= 0:
            out[2 * k + 1] = gain[unit, k]
            if classes[other] >= 0:
                out[2 * k] = log_ratio(pair, unit, other, classes[other])
    other = predictor[unit, 0]
    if other >= 0 and classes[other] >= 0:
        out[2 * num_predictors] = log_ratio_of_both(best, unit, own, classes[other], out[0])


@numba.njit(cache=True, nogil=True)
def count_pairs(fired, expected, unit, own, classes, pair, best, predictor):  # type: ignore[no-untyped-def]
    """Count a training sample in the unit's tables with all units."""
    for other in range(classes.size):
        if classes[other] >= 0:
            pair[0, unit, other, classes[other]] += fired
            pair[1, unit, other, classes[other]] += expected
    other = predictor[unit, 0]
    if other >= 0 and classes[other] >= 0:
        best[0, unit, own, classes[other]] += fired
        best[1, unit, own, classes[other]] += expected


@numba.njit(cache=True, nogil=True)
def log_ratio(pair, unit, other, age_class):  # type: ignore[no-untyped-def]
    """Return the log of spikes over expected spikes, drawn towards 0."""
    fired, expected = pair[0, unit, other, age_class], pair[1, unit, other, age_class]
    return math.log((fired + _PRIOR_SPIKES) / (expected + _PRIOR_SPIKES))


@numba.njit(cache=True, nogil=True)
def log_ratio_of_both(best, unit, own, age_class, coarser):  # type: ignore[no-untyped-def]
    """Return the same by both ages, drawn towards what it is by the best predictor's alone."""
    fired, expected = best[0, unit, own, age_class], best[1, unit, own, age_class]
    return math.log((fired + _PRIOR_SPIKES * math.exp(coarser)) / (expected + _PRIOR_SPIKES))


@numba.njit(cache=True, nogil=True)
def tabulate_predictors(pair, best, predictor, by_predictor, by_both):  # type: ignore[no-untyped-def]
    """Fill by_predictor (unit, place, class) and by_both (unit, own, class) with log ratios."""
    for unit in range(predictor.shape[0]):
        for k in range(predictor.shape[1]):
            if predictor[unit, k] < 0:
                continue
            for at in range(by_predictor.shape[2]):
                by_predictor[unit, k, at] = log_ratio(pair, unit, predictor[unit, k], at)
                if k > 0:
                    continue
                for own in range(by_both.shape[1]):
                    by_both[unit, own, at] = log_ratio_of_both(best, unit, own, at, by_predictor[unit, k, at])


@numba.njit(cache=True, nogil=True)
def look_up_predictors(out, unit, own, classes, by_predictor, by_both, predictor, gain):  # type: ignore[no-untyped-def]
    """Write what `write_predictors` does, from tables of logs."""
    num_predictors = predictor.shape[1]
    out[2 * num_predictors] = 0.0
    for k in range(num_predictors):
        other = predictor[unit, k]
        known = other >= 0
        out[2 * k] = by_predictor[unit, k, classes[other]] if known else 0.0
        out[2 * k + 1] = gain[unit, k] if known else 0.0
        if k == 0 and known:
            out[2 * num_predictors] = by_both[unit, own, classes[other]]


@numba.njit(cache=True, parallel=True, nogil=True)
def choose_predictors(pair, num_spikes, best, predictor, gain):  # type: ignore[no-untyped-def]
    """Fill predictor and gain (unit, place), best first; a new best predictor starts its table afresh."""
    for unit in numba.prange(num_spikes.size):
        if num_spikes[unit] < _FEWEST_SPIKES:
            continue
        nats = np.zeros(num_spikes.size)
        for other in range(num_spikes.size):
            if other != unit:
                nats[other] = find_nats(pair[0, unit, other], pair[1, unit, other])
        former = predictor[unit, 0]
        for k in range(predictor.shape[1]):
            best_other = np.argmax(nats)
            found = nats[best_other] > _FEWEST_NATS
            predictor[unit, k] = best_other if found else -1
            gain[unit, k] = nats[best_other] / (num_spikes[unit] + _GAIN_PRIOR_SPIKES) if found else 0.0
            nats[best_other] = 0.0
        # cells of both ages were counted with another unit and say nothing about this one
        if predictor[unit, 0] != former:
            best[:, unit] = 0.0


@numba.njit(cache=True, nogil=True)
def find_nats(fired, expected):  # type: ignore[no-untyped-def]
    """Return what a table by class would have told: Poisson log-likelihood ratios, n log f - e (f - 1).

    Of n spikes where e were expected, with f the ratio that `log_ratio` tells the log of.
    """
    nats = 0.0
    for at in range(fired.size):
        ratio = (fired[at] + _PRIOR_SPIKES) / (expected[at] + _PRIOR_SPIKES)
        nats += fired[at] * math.log(ratio) - expected[at] * (ratio - 1.0)
    return nats
