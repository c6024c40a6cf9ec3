"""The shanks of a probe of an IBL session."""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float64, Int64

UNKNOWN_SHANK = -1
# Neuropixels 2.4 has four
_MOST_SHANKS = 4
# the IBL sorts each of them as a probe of its own: probe00a to probe00d
_LETTER = re.compile(r"probe_?\d+([a-d])")
# um from shank to shank: as they are, and as the IBL's sorters place them
_PITCHES_UM = (250, 200)
# um: the columns of a shank span 48 at most
_WIDEST_SHANK_UM = 100


def number_shanks(probe: str, rel_x: Float64[np.ndarray, " channel"]) -> Int64[np.ndarray, " channel"] | None:
    """Return the shank of every channel, counted from 0; None for a probe that has one, as far as is told.

    Parameters
    ----------
    probe : str
        Its name: the IBL's pipeline makes four probes of the four shanks, a to d.
    rel_x : ndarray
        Places across the probe (um); all four shanks in one table are 200 or 250 um apart.

    Examples
    --------
    >>> number_shanks("probe00c", np.array([400.0, 432.0])).tolist()
    [2, 2]
    >>> number_shanks("probe00", np.array([0.0, 282.0, 532.0, 750.0])).tolist()
    [0, 1, 2, 3]
    >>> number_shanks("probe00", np.array([43.0, 11.0, 59.0, 27.0])) is None
    True
    """
    letter = _LETTER.fullmatch(probe)
    if letter is not None:
        return np.full(len(rel_x), ord(letter[1]) - ord("a"))
    across = np.unique(rel_x[np.isfinite(rel_x)])
    gaps = np.flatnonzero(np.diff(across) > _WIDEST_SHANK_UM)
    if not len(gaps):
        return None
    starts = across[np.append(0, gaps + 1)]
    places = np.searchsorted(starts, rel_x, side="right") - 1
    for pitch in _PITCHES_UM:
        steps = np.round(starts / pitch)
        # a shank of which no channel was recorded still counts, if where the others are tells of it
        if (
            steps[0] >= 0
            and steps[-1] < _MOST_SHANKS
            and np.allclose(np.diff(starts), np.diff(steps) * pitch)
        ):
            places = steps.astype(np.int64)[places]
            break
    return np.where(np.isfinite(rel_x), places, UNKNOWN_SHANK)
