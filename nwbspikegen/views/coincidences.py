"""Which pairs of units spike together often enough to be looked at closely."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

# pairs that are held before they are counted: 32 MiB
_HELD = 2**22


def find_candidates(
    frames: Int64[np.ndarray, " spike"],
    positions: Int64[np.ndarray, " spike"],
    tolerance: int,
    fewest: Int64[np.ndarray, "unit unit"],
) -> Bool[np.ndarray, " unit"]:
    """Return which units are in a pair with as many spikes close together as `fewest` asks for.

    Every spike counts with every one near it, so no pair is missed that shares so many spikes one to one.

    Parameters
    ----------
    frames : array (spike,)
        Ascending times.
    positions : array (spike,)
        The unit of each spike.
    tolerance : int
        Frames that spikes may lie apart.
    fewest : array (unit, unit)
        Spikes that a pair must share.

    Examples
    --------
    >>> frames, positions = np.array([0, 1, 50, 51, 90]), np.array([0, 1, 0, 1, 2])
    >>> find_candidates(frames, positions, 5, np.full((3, 3), 2))
    array([ True,  True, False])
    """
    num_units = len(fewest)
    pairs, counts = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    held: list[np.ndarray] = []
    size = 0
    # spikes that have a neighbour so many places later: those without have none farther on
    near, lag = np.arange(len(frames) - 1), 1
    while len(near):
        near = near[frames[near + lag] - frames[near] <= tolerance]
        one, other = positions[near], positions[near + lag]
        # one number for each pair, the lower unit first
        keys = np.minimum(one, other) * num_units + np.maximum(one, other)
        held.append(keys[one != other])
        size += len(keys)
        if size > _HELD:
            pairs, counts = _add_up(pairs, counts, held)
            held, size = [], 0
        lag += 1
        near = near[near + lag < len(frames)]
    pairs, counts = _add_up(pairs, counts, held)
    one, other = np.divmod(pairs, num_units)
    is_often = counts >= fewest[one, other]
    wanted = np.zeros(num_units, dtype=bool)
    wanted[one[is_often]] = wanted[other[is_often]] = True
    return wanted


def _add_up(
    pairs: Int64[np.ndarray, " pair"], counts: Int64[np.ndarray, " pair"], keys: list[np.ndarray]
) -> tuple[Int64[np.ndarray, " more"], Int64[np.ndarray, " more"]]:
    """Return pairs and how often each was met, with further ones."""
    fresh, times = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]), return_counts=True)
    together, back = np.unique(np.concatenate([pairs, fresh]), return_inverse=True)
    total = np.zeros(len(together), dtype=np.int64)
    np.add.at(total, back, np.concatenate([counts, times]))
    return together, total
