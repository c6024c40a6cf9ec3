"""Activity of the units that fire together with a unit, compiled; nothing looks ahead."""

from __future__ import annotations

import math

import numba
import numpy as np

# log(1 + 1000 x) is 0 for nothing, and tells a thousandth of a spike from a hundredth
_SCALE = np.float32(1000)


@numba.njit(cache=True, nogil=True)
def follow_rates(spikes, observed, ages, prior_bins, num_spikes, num_seen, rates):  # type: ignore[no-untyped-def]
    """Fill rates (time, unit) where an age is not known; update num_spikes and num_seen (unit)."""
    for t in range(spikes.shape[0]):
        for unit in range(num_seen.size):
            if ages[t, unit] < 0:
                rates[t, unit] = (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
            if observed[t, unit]:
                num_spikes[unit] += min(spikes[t, unit], 1)
                num_seen[unit] += 1


@numba.njit(cache=True, parallel=True, nogil=True)
def follow_coincident_units(  # type: ignore[no-untyped-def]
    spikes, row_of, ages, rates, remaining, coincidence_tau, begin, member, share, coincidence, out
):
    """Fill rows of out; update coincidence (unit, other): what was left of the others at a unit's spikes.

    `ages` and `rates` (time, unit) are those before each bin, rates where ages are not known. `remaining`
    (age, tau) is what is left of a spike after so many bins, by time constant.
    """
    num_bins, num_units = spikes.shape
    for unit in numba.prange(num_units):
        for t in range(num_bins):
            row = row_of[t, unit]
            if row >= 0:
                write_coincident_units(out[row], unit, ages[t], rates[t], remaining, begin, member, share)
            # with ages before the bin: spikes of the same bin are no news of each other, since neither
            # predicts the other
            if spikes[t, unit]:
                for other in range(num_units):
                    age = ages[t, other]
                    if age >= 0:
                        coincidence[unit, other] += remaining[age, coincidence_tau]
                    else:
                        coincidence[unit, other] += expect_remaining(
                            rates[t, other], age, remaining, coincidence_tau
                        )


@numba.njit(cache=True, nogil=True)
def expect_remaining(rate, age, remaining, i):  # type: ignore[no-untyped-def]
    """Return what is left, on average, of the latest spike of a unit whose age is not known.

    At the time when it was last missed, what a unit of this rate has; since then it has been silent.
    """
    # the sum over k of rate (1 - rate)^k decay^k; at age 2 one bin of decay has passed
    decay = remaining[2, i]
    return rate / (1.0 - (1.0 - rate) * decay) * remaining[-age, i]


@numba.njit(cache=True, nogil=True, fastmath=True)
def write_coincident_units(  # type: ignore[no-untyped-def]
    out, unit, age, rate, remaining, begin, member, share
):
    """Write the log of the coincident units' mean activity per time constant; 0: silent, or none known."""
    num_taus = remaining.shape[1]
    for i in range(num_taus):
        out[i] = np.float32(0)
    # fastmath lets the compiler add several at once; a sum in another order is within the tolerance of audits
    for place in range(begin[unit], begin[unit + 1]):
        of, other = share[place], member[place]
        at = age[other]
        if at >= 0:
            for i in range(num_taus):
                out[i] += of * remaining[at, i]
        else:
            for i in range(num_taus):
                out[i] += of * expect_remaining(rate[other], at, remaining, i)
    write_log_activity(out, out[:num_taus])


@numba.njit(cache=True, nogil=True, fastmath=True)
def write_log_activity(out, activity):  # type: ignore[no-untyped-def]
    """Write the log of coincident units' mean activity per time constant."""
    for i in range(activity.size):
        out[i] = math.log(np.float32(1) + np.float32(activity[i]) * _SCALE)


@numba.njit(cache=True, nogil=True)
def renew_activity(activity, shares, decay, age, oldest, fired):  # type: ignore[no-untyped-def]
    """Correct activity (tau, unit), which has fallen by a bin, for a unit that fires or grows oldest.

    `shares` (unit) are its shares in the others' activity. If it fires, a whole spike is left again; once
    it is oldest, nothing.
    """
    for i in range(decay.size):
        # a difference to what is left now, so that a bin costs its spikes and not all pairs
        left = decay[i] ** age if age < oldest else 0.0
        activity[i] += (fired - left) * shares
