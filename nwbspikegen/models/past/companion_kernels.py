"""Activity of the units in whose company a unit fires, compiled; nothing looks ahead."""

from __future__ import annotations

import math

import numba
import numpy as np

_SCALE = np.float32(1000)


@numba.njit(cache=True, nogil=True)
def follow_companions(  # type: ignore[no-untyped-def]
    spikes, row_of, remaining, meeting, begin, companion, share, age, met, out
):
    """Fill rows of out; update age (unit) and met (unit, other), what was left of others at its spikes.

    `remaining` (age, tau) is what is left of a spike after so many bins, by time constant.
    """
    num_bins, num_units = spikes.shape
    oldest = remaining.shape[0] - 1
    for t in range(num_bins):
        for unit in range(num_units):
            row = row_of[t, unit]
            if row >= 0:
                write_companions(out[row], unit, age, remaining, begin, companion, share)
        for unit in range(num_units):
            if spikes[t, unit]:
                for other in range(num_units):
                    met[unit, other] += remaining[age[other], meeting]
        for unit in range(num_units):
            age[unit] = 1 if spikes[t, unit] else min(age[unit] + 1, oldest)


@numba.njit(cache=True, nogil=True, fastmath=True)
def write_companions(out, unit, age, remaining, begin, companion, share):  # type: ignore[no-untyped-def]
    """Write the log of the companions' mean activity per time constant; 0: silent, or none known."""
    num_taus = remaining.shape[1]
    for i in range(num_taus):
        out[i] = np.float32(0)
    for place in range(begin[unit], begin[unit + 1]):
        of, at = share[place], age[companion[place]]
        for i in range(num_taus):
            out[i] += of * remaining[at, i]
    write_company(out, out[:num_taus])


@numba.njit(cache=True, nogil=True, fastmath=True)
def write_company(out, company):  # type: ignore[no-untyped-def]
    """Write the log of companions' mean activity per time constant."""
    for i in range(company.size):
        out[i] = math.log(np.float32(1) + np.float32(company[i]) * _SCALE)


@numba.njit(cache=True, nogil=True)
def renew_companion(company, shares, decay, age, oldest, fired):  # type: ignore[no-untyped-def]
    """Correct company (tau, unit), which has fallen by a bin, for a companion that fires or grows oldest.

    `shares` (unit) are its shares in the others' company. If it fires, a whole spike is left again; once
    it is oldest, nothing.
    """
    for i in range(decay.size):
        left = decay[i] ** age if age < oldest else 0.0
        company[i] += (fired - left) * shares
