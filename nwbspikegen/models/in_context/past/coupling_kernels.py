"""Traces of all units, one pass over time, compiled; nothing looks ahead."""

from __future__ import annotations

import numba


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
                    trace[unit, i] = 1.0 if spikes[t, unit] else trace[unit, i] * decay[i]
                num_spikes[unit] += min(spikes[t, unit], 1)
                num_seen[unit] += 1
            else:
                rate = (num_spikes[unit] + 0.5) / (num_seen[unit] + prior_bins)
                for i in range(num_taus):
                    # its expectation: a spike with the chance `rate`, which sets it to 1, else the decay
                    trace[unit, i] = rate + (1.0 - rate) * trace[unit, i] * decay[i]
