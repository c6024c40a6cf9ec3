"""Loops over time that only look back, compiled.

Kernels take spikes as (unit, time), so that one unit's past is contiguous, and carry their state in
arrays that they update: a recording can be given in pieces and the result is the same.
"""

from __future__ import annotations

import numba

# processors take far longer to multiply a number below 2e-308 (1e-38 in single precision), which a trace
# is within a second or two of silence and then stays: 1,000 units took 3 times as long to read
NEGLIGIBLE = 1e-30


# units are independent, so threads share them and no sum depends on how many there are
@numba.njit(cache=True, parallel=True, nogil=True)
def running_rate_kernel(spikes, observed, first, prior_bins, counters, out):  # type: ignore[no-untyped-def]
    """Fill out (unit, predicted) with (k + 1/2) / (n + prior_bins) over the n observed bins before each.

    counters (unit, 2) are k and n before the first bin; then those behind the last.
    """
    for unit in numba.prange(spikes.shape[0]):
        count, num_seen = counters[unit]
        for t in range(spikes.shape[1]):
            # what is written for a bin is written before its spike is read, here and in the kernels below:
            # that is all that causality asks
            if t >= first:
                out[unit, t - first] = (count + 0.5) / (num_seen + prior_bins)
            if observed[unit, t]:
                count += spikes[unit, t]
                num_seen += 1
        counters[unit, 0], counters[unit, 1] = count, num_seen


@numba.njit(cache=True, parallel=True, nogil=True)
def online_hazard_kernel(  # type: ignore[no-untyped-def]
    spikes, observed, first, prior_bins, age_class, prior_spikes, counters, by_class, out
):
    """Fill out (unit, predicted) with the smoothed hazard of the age since the last spike.

    counters (unit, 3) are spikes, observed bins and age before the first bin, by_class (unit, 2, class)
    spikes and bins of each class; then those behind the last.
    """
    oldest = age_class.size - 1
    for unit in numba.prange(spikes.shape[0]):
        fired, seen = by_class[unit]
        count, num_seen, age = counters[unit]
        for t in range(spikes.shape[1]):
            cls = class_of(age, age_class)
            if t >= first:
                rate = (count + 0.5) / (num_seen + prior_bins)
                # silence before the first spike is in the rate; in a class as well it would count twice, and
                # first spikes, a quarter of all in the first seconds of npx, would cost half a bit more each
                hazard = smooth_hazard(fired[cls], seen[cls], rate, prior_spikes) if count else rate
                out[unit, t - first] = hazard
            spike = spikes[unit, t]
            if observed[unit, t]:
                seen[cls] += 1.0
                num_seen += 1
                # the hazard is of bins, which hold a spike or none, also in a view of counts
                fired[cls] += min(spike, 1)
                count += spike
            age = next_age(age, spike, observed[unit, t], oldest)
        counters[unit, 0], counters[unit, 1], counters[unit, 2] = count, num_seen, age


@numba.njit(cache=True, nogil=True)
def smooth_hazard(fired, seen, rate, prior_spikes):  # type: ignore[no-untyped-def]
    """Return a class's spikes per bin, drawn towards the rate by the bins that so many spikes take.

    (S + w r) / (E + w) with w = `prior_spikes` / max(r, (S - 1) / E): at the running rate, or at the class's
    own, for which its first spike is no evidence, where that is higher.
    """
    # at the running rate alone, a class in which a unit bursts, a hundred times its rate, would stay near it
    # for hundreds of visits (wt 3.77 to 3.65 bits per spike, warm); with its first spike counted, one short
    # interval would promise a burst (npx from nothing .00 to -.09)
    highest = max(rate, (fired - 1.0) / seen) if seen > 0 else rate
    weight = prior_spikes / highest
    return (fired + weight * rate) / (seen + weight)


@numba.njit(cache=True, parallel=True, nogil=True)
def trace_kernel(  # type: ignore[no-untyped-def]
    spikes, observed, first, prior_bins, decay, counters, traces, out
):
    """Fill out (unit, predicted, tau) with exponential traces of the past, unit gain.

    In a bin that was not observed a spike is as likely as the running rate says, so that a trace nears
    it by and by. counters (unit, 2) are spikes and observed bins before the first bin, traces (unit, tau) the
    traces of it; then those behind the last.
    """
    for unit in numba.prange(spikes.shape[0]):
        trace = traces[unit]
        count, num_seen = counters[unit]
        for t in range(spikes.shape[1]):
            if observed[unit, t]:
                expected = float(spikes[unit, t])
                count += spikes[unit, t]
                num_seen += 1
            else:
                expected = (count + 0.5) / (num_seen + prior_bins)
            for i in range(decay.size):
                if t >= first:
                    out[unit, t - first, i] = trace[i]
                trace[i] = drop_negligible(decay[i] * trace[i] + (1.0 - decay[i]) * expected)
        counters[unit, 0], counters[unit, 1] = count, num_seen


@numba.njit(cache=True, nogil=True)
def drop_negligible(value):  # type: ignore[no-untyped-def]
    """Return a value that decays from bin to bin, 0 once next to nothing is left of it."""
    return value if abs(value) > NEGLIGIBLE else 0.0


@numba.njit(cache=True, nogil=True)
def next_age(age, spike, observed, oldest):  # type: ignore[no-untyped-def]
    """Return the bins since the latest spike after one more bin; below 0 while nobody knows.

    -1 - n: the latest spike lies before what was missed, and n bins were silent since. After as many
    as `oldest` the unit is known to be as old as that.
    """
    if not observed:
        return -1
    if spike:
        return 1
    if age < 0:
        return age - 1 if -age < oldest else oldest
    return min(age + 1, oldest)


@numba.njit(cache=True, nogil=True)
def class_of(age, age_class):  # type: ignore[no-untyped-def]
    """Return the class of an age; an unknown age has one of its own, behind the others."""
    return age_class[age] if age >= 0 else age_class[age_class.size - 1] + 1
