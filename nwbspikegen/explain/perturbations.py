"""Perturbations of what a model reads before a bin: what it would predict from another past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from jaxtyping import UInt8

_Window = UInt8[np.ndarray, "bin unit"]
Perturbation = Callable[[_Window, np.random.Generator], _Window]
"""From the window that ends before a target bin, to what is read instead."""

# about equal steps of the logarithm; together the ranges cover the window once
LAG_EDGES = (0, 3, 10, 30, 100, 300, 1000, 3125)
"""Bins before a target between which spikes are removed; the first edge is the bin before it."""


def permute_units(window: _Window, rng: np.random.Generator, *, share: float) -> _Window:
    """Permute the units within each of the latest `share` of bins, each bin by itself.

    How many units fire in a bin stays as it is; which ones does not. Source: a control of Shimono 2026.

    Examples
    --------
    >>> window = np.eye(4, dtype=np.uint8)
    >>> perturbed = permute_units(window, np.random.default_rng(0), share=0.5)
    >>> bool((perturbed[:2] == window[:2]).all()), perturbed.sum(axis=1).tolist()
    (True, [1, 1, 1, 1])
    """
    perturbed = window.copy()
    latest = perturbed[len(window) - round(share * len(window)) :]
    # each row by itself: `Generator.shuffle` would give all bins the same order
    latest[:] = rng.permuted(latest, axis=1)
    return perturbed


def reverse_time(window: _Window, rng: np.random.Generator) -> _Window:
    """Turn the order of bins around."""
    # a view with negative strides is no tensor
    return np.ascontiguousarray(window[::-1])


def shift_units(window: _Window, rng: np.random.Generator) -> _Window:
    """Shift every unit circularly by an amount of its own.

    Rates stay as they are, and each unit's intervals but one; what units have to do with each other
    and with the target bin does not.
    """
    length = len(window)
    # from 1: a unit that stays where it is would be no control
    shift = rng.integers(1, max(length, 2), window.shape[1])
    source = (np.arange(length)[:, None] - shift) % length
    return np.take_along_axis(window, source, axis=0)


def remove_lags(window: _Window, rng: np.random.Generator, *, nearest: int, farthest: int) -> _Window:
    """Silence all units from `nearest` (counted from 0, the latest bin) up to before `farthest`."""
    perturbed = window.copy()
    length = len(window)
    perturbed[max(length - farthest, 0) : max(length - nearest, 0)] = 0
    return perturbed


CONTROLS: dict[str, Perturbation] = {
    "units_permuted_50": partial(permute_units, share=0.5),
    "units_permuted_95": partial(permute_units, share=0.95),
    "time_reversed": reverse_time,
    "units_shifted": shift_units,
}
"""Controls on the window before each sampled target bin."""


def lag_perturbations(edges: Sequence[int] = LAG_EDGES) -> dict[str, Perturbation]:
    """Return a perturbation per range of lags, named after its bins before the target, counted from 1.

    Examples
    --------
    >>> list(lag_perturbations((0, 3, 10)))
    ['lags_1_3', 'lags_4_10']
    """
    return {
        f"lags_{nearest + 1}_{farthest}": partial(remove_lags, nearest=nearest, farthest=farthest)
        for nearest, farthest in pairwise(edges)
    }
