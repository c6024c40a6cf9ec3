"""Sums over thresholds and over spikes, compiled."""

from __future__ import annotations

import numba


# draws are independent, so threads share them and no sum depends on how many there are
@numba.njit(cache=True, parallel=True, nogil=True)
def add_thresholds(at, reached, above, hits, sums):  # type: ignore[no-untyped-def]
    """Add ascending thresholds, walked from the last, to the three sums (3, draw); update the hits so far.

    at, reached and above (draw, threshold) are the spikes at each threshold, and the silent bins at or above,
    and above it. The sums are of pairs lost, and of precision twice, by steps and by trapezoids.
    """
    for draw in numba.prange(hits.size):
        so_far = hits[draw]
        lost = by_steps = by_trapezoids = 0.0
        for place in range(at.shape[1] - 1, -1, -1):
            here = at[draw, place]
            earlier = so_far
            so_far += here
            # silent bins above a spike, and half of those level with it, whose rank a coin would decide
            lost += here * (reached[draw, place] + above[draw, place]) / 2
            precision = divide(so_far, so_far + reached[draw, place])
            by_steps += here * precision
            # from the recall before this threshold to the one at it: precision at both ends, halved
            by_trapezoids += here * (precision + divide(earlier, earlier + above[draw, place])) / 2
        hits[draw] = so_far
        sums[0, draw] += lost
        sums[1, draw] += by_steps
        sums[2, draw] += by_trapezoids


@numba.njit(cache=True, nogil=True)
def divide(part, whole):  # type: ignore[no-untyped-def]
    """Return the precision, which is 1 where nothing has been called a spike yet."""
    # in draws that left out every block with so high a probability
    return part / whole if whole > 0 else 1.0


# one thread: blocks are shared among threads already
@numba.njit(cache=True, nogil=True)
def count_wins(silent, num_silent, begin, probability, block, pairs):  # type: ignore[no-untyped-def]
    """Fill pairs (unit, block) with how many silent bins the spikes of each block exceed, ties counting half.

    silent (unit, bin) and the probabilities of each unit's spikes, one unit after the other from `begin` on,
    ascend, so that one walk through both places all.
    """
    pairs[:] = 0.0
    for unit in range(num_silent.size):
        below = reached = 0
        for spike in range(begin[unit], begin[unit + 1]):
            while below < num_silent[unit] and silent[unit, below] < probability[spike]:
                below += 1
            reached = max(reached, below)
            while reached < num_silent[unit] and silent[unit, reached] == probability[spike]:
                reached += 1
            pairs[unit, block[spike]] += (below + reached) / 2
