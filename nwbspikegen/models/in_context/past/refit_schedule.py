"""When all that is fitted to the past is fitted again: by the number of bins read alone."""

from __future__ import annotations

# in proportion to the past, since a little more of it changes little: 22 refits in the first 60 s at 1 ms, 30
# in 200 s, then one every 30 s, so that a drift of rates is followed
_FIRST, _GROWTH, _LONGEST = 1000, 1.15, 30_000


def next_refit(num_bins: int) -> int:
    """Return the first bin after `num_bins` at which weights are solved again from the past.

    After 1,000 bins, then at intervals of 15 % of the past, from 1,000 to 30,000 bins.

    Examples
    --------
    >>> [next_refit(bins) for bins in (0, 999, 1000, 2000)]
    [1000, 1000, 2000, 3000]
    """
    solution = _FIRST
    while solution <= num_bins:
        solution += min(max(int(solution * (_GROWTH - 1)), _FIRST), _LONGEST)
    return solution


def count_refits_until(num_bins: int) -> int:
    """Return how many solutions come within so many bins.

    Examples
    --------
    >>> [count_refits_until(bins) for bins in (999, 1000, 60_000, 200_000)]
    [0, 1, 22, 30]
    """
    count, solution = 0, next_refit(0)
    while solution <= num_bins:
        count, solution = count + 1, next_refit(solution)
    return count
