"""How long the bins of an ASDF file can be, judged by how soon neurons fire again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError

DEFAULT_TICK = 0.001
"""Bins of Shimono's slice recordings (s)."""

# laboratories count in decimal parts of a second
_TICKS = (0.001, 0.0001, 0.00001)
# s: neurons are absolutely refractory for 1 to 2 ms; 5 ms is beyond any that fires irregularly
_LONGEST_REFRACTORY = 0.005
# intervals are looked at up to so many ticks
_MOST_TICKS = 1000
# what a Poisson train of the same rate must have, so that missing intervals say something; and which part
# of it counts as none: errors of sorting leave some. IBL's NYU-40: 18 ticks; the slice and simulated
# populations in 1 ms bins: 0 to 2
_LEAST_EXPECTED, _NONE = 20.0, 0.1


def choose_tick(path: object, bins: Sequence[Int64[np.ndarray, " _spike"]], num_bins: int) -> float:
    """Return the default tick, unless the trains rule it out.

    Raises
    ------
    InputError
        No unit fires again within 5 ms, were the bins of the default length; the message names the tick
        that fits.

    Examples
    --------
    >>> choose_tick("a.mat", [np.arange(1, 1000, 2)], 1000)
    0.001
    """
    dead = find_refractory(bins, num_bins)
    if dead * DEFAULT_TICK <= _LONGEST_REFRACTORY:
        return DEFAULT_TICK
    # the longest that fits: a shorter one fits as well, and says less
    fits = next((tick for tick in _TICKS if dead * tick <= _LONGEST_REFRACTORY), _TICKS[-1])
    raise InputError(
        f"units that do not fire again within {1e3 * dead * DEFAULT_TICK:g} ms in {path}, were its bins of "
        f"{1e3 * DEFAULT_TICK:g} ms, and {num_bins * DEFAULT_TICK / 3600:.1f} h of recording",
        f"a refractory period of up to {1e3 * _LONGEST_REFRACTORY:g} ms",
        f"pass --tick {np.format_float_positional(fits)}, with which it is {1e3 * dead * fits:g} ms and "
        f"{num_bins * fits:,.0f} s, or --tick {DEFAULT_TICK} if the bins are that long",
    )


def find_refractory(bins: Sequence[Int64[np.ndarray, " _spike"]], num_bins: int) -> int:
    """Return up to how many ticks there are next to no intervals where Poisson trains would have some.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> trains = [np.cumsum(20 + rng.geometric(0.01, 2000)) for _ in range(5)]
    >>> 20 <= find_refractory(trains, 300_000) <= 25
    True
    """
    ticks = np.arange(1, _MOST_TICKS + 1)
    found, expected = np.zeros(_MOST_TICKS), np.zeros(_MOST_TICKS)
    for train in bins:
        intervals = np.diff(train)
        # a bin that is named twice is no interval
        intervals = intervals[intervals > 0]
        short = intervals[intervals <= _MOST_TICKS]
        found += np.bincount(short, minlength=_MOST_TICKS + 1)[1:]
        # n intervals of a Poisson train of rate r: n (1 - exp(-k r)) of them are up to k ticks long. expm1,
        # since k r is small where it matters
        expected += len(intervals) * -np.expm1(-ticks * len(train) / num_bins)
    is_empty = (expected >= _LEAST_EXPECTED) & (np.cumsum(found) < _NONE * expected)
    return int(ticks[is_empty].max(initial=0))
