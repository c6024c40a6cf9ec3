"""Spike trains drawn from probabilities."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from nwbspikegen.errors import InputError

_BINS_AT_ONCE = 65536


def draw_spikes(
    probability: Float[np.ndarray, "time unit"], *, start: float, bin_size: float, seed: int
) -> list[Float64[np.ndarray, "_spike"]]:
    """Draw every bin of every unit by itself and return each unit's spike times, at bin centres (s).

    Examples
    --------
    >>> draw_spikes(np.array([[1.0], [0.0], [1.0]]), start=10.0, bin_size=0.5, seed=0)[0].tolist()
    [10.25, 11.25]
    """
    # NaN fails both comparisons, so it is asked for what should be
    if not ((probability >= 0) & (probability <= 1)).all():
        raise InputError(
            "spike probabilities below 0, above 1 or NaN",
            "probabilities",
            "check the model that predicted them",
        )
    rng = np.random.default_rng(seed)
    drawn: list[list[np.ndarray]] = [[] for _ in range(probability.shape[1])]
    for first in range(0, len(probability), _BINS_AT_ONCE):
        part = probability[first : first + _BINS_AT_ONCE]
        spikes = rng.random(part.shape) < part
        for unit, bins in enumerate(drawn):
            bins.append(np.flatnonzero(spikes[:, unit]) + first)
    return [start + (np.concatenate(bins) + 0.5) * bin_size for bins in drawn]
