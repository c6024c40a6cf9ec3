"""Ages of all units in the bins of a block, compiled, so that threads can share units among them."""

from __future__ import annotations

from collections.abc import Iterator

import numba

from nwbspikegen.views.history_kernels import next_age

# bins whose ages are held at once, 2 MB of 1,000 units: with fewer, a unit's tables are read anew more often
_BLOCK = 1024


def cut_blocks(num_bins: int) -> Iterator[slice]:
    """Give the blocks in which bins are followed.

    Examples
    --------
    >>> list(cut_blocks(2000))
    [slice(0, 1024, None), slice(1024, 2000, None)]
    """
    for start in range(0, num_bins, _BLOCK):
        yield slice(start, min(start + _BLOCK, num_bins))


@numba.njit(cache=True, nogil=True)
def follow_ages(spikes, observed, oldest, age, ages):  # type: ignore[no-untyped-def]
    """Fill ages (time, unit) with those before each bin; update age (unit).

    They are the only thing that other units have to be known by: with these at hand, each unit is followed by
    itself.
    """
    for t in range(spikes.shape[0]):
        for unit in range(age.size):
            ages[t, unit] = age[unit]
            age[unit] = next_age(age[unit], spikes[t, unit], observed[t, unit], oldest)
