"""The sum over each unit's latest events, compiled."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, parallel=True, nogil=True)
def filter_kernel(begin, bins, values, rows, cosines, out):  # type: ignore[no-untyped-def]
    """Add to out (row, unit, cosine) the weighted bins before each row."""
    num_lags = cosines.shape[0]
    for row in numba.prange(rows.size):
        now = rows[row]
        for unit in range(begin.size - 1):
            start, stop = begin[unit], begin[unit + 1]
            # only bins before this one, and none older than the longest lag
            event = start + np.searchsorted(bins[start:stop], now - num_lags)
            while event < stop and bins[event] < now:
                lag = now - 1 - bins[event]
                for cosine in range(cosines.shape[1]):
                    out[row, unit, cosine] += values[event] * cosines[lag, cosine]
                event += 1
