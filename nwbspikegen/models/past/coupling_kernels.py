"""Traces of all units, one pass over time, compiled; nothing looks ahead."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True)
def follow_traces(spikes, needed, decay, trace, inputs):  # type: ignore[no-untyped-def]
    """Fill inputs (needed, unit x tau) with trace (unit, tau) before each needed bin; update trace."""
    row = 0
    num_taus = decay.size
    for t in range(spikes.shape[0]):
        if needed[t]:
            for unit in range(spikes.shape[1]):
                for i in range(num_taus):
                    inputs[row, unit * num_taus + i] = trace[unit, i]
            row += 1
        for unit in range(spikes.shape[1]):
            for i in range(num_taus):
                trace[unit, i] = 1.0 if spikes[t, unit] else trace[unit, i] * decay[i]
