"""Surrogates: trains that keep some of what a recording has, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float64
from scipy.stats import norm

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.likeness.statistics import sum_windows
from nwbspikegen.likeness.trains import Spikes

# s: wide enough that pairs of slow units coincide at all
_WINDOW = 0.01
_JITTER = 0.025
# of the integral over the correlation; more change no digit that is used
_NODES = 24
_STEPS = 40
# a latent correlation of 1 would make two units one
_MOST_CORRELATED = 0.98
_SMALLEST_EIGENVALUE = 1e-6


def make_surrogate(kind: str, spikes: Spikes, bin_size: float, seed: int = 0) -> Spikes:
    """Return a surrogate of binned spikes, of the same length.

    Parameters
    ----------
    kind : str
        ``poisson``: the rates. ``renewal``: the intervals of each unit, in random order. ``jittered``: all
        that is slower than 25 ms. ``dichotomised_gaussian``: rates, and correlations of counts of 10 ms
        windows between units (Macke et al. 2009).
    spikes : array (time, unit)
        Spikes, 0 or 1.
    bin_size : float
        Seconds per bin.
    seed : int, default: 0
        Of what is drawn.

    Returns
    -------
    array (time, unit), uint8
        Spikes, 0 or 1.

    Raises
    ------
    InputError
        Another kind.

    References
    ----------
    Macke, Berens, Ecker, Tolias, Bethge (2009) Neural Comput 21:397.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((20_000, 2)) < 0.02).astype(np.uint8)
    >>> made = make_surrogate("renewal", spikes, 0.001)
    >>> (made.sum(axis=0) == spikes.sum(axis=0)).tolist()
    [True, True]
    """
    require_seed(seed)
    if kind not in SURROGATES:
        raise InputError(f"surrogate {kind!r}", f"one of {', '.join(SURROGATES)}", "choose one")
    return SURROGATES[kind](spikes, bin_size, np.random.default_rng(seed))


def _draw_poisson(spikes: Spikes, bin_size: float, rng: np.random.Generator) -> Spikes:
    made: Spikes = (rng.random(spikes.shape) < spikes.mean(axis=0)).view(np.uint8)
    return made


def _shuffle_intervals(spikes: Spikes, bin_size: float, rng: np.random.Generator) -> Spikes:
    made = np.zeros_like(spikes)
    for unit in range(spikes.shape[1]):
        at = np.flatnonzero(spikes[:, unit])
        if len(at):
            # what lies before the first spike and after the last goes round: no spike is lost
            steps = rng.permutation(np.append(np.diff(at), at[0] + len(spikes) - at[-1]))
            made[(rng.integers(len(spikes)) + np.cumsum(steps)) % len(spikes), unit] = 1
    return made


def _jitter(spikes: Spikes, bin_size: float, rng: np.random.Generator) -> Spikes:
    made = np.zeros_like(spikes)
    at, unit = np.nonzero(spikes)
    most = max(round(_JITTER / bin_size), 1)
    moved = (at + rng.integers(-most, most + 1, len(at))) % len(spikes)
    made[moved, unit] = 1
    return made


def _dichotomise_gaussian(spikes: Spikes, bin_size: float, rng: np.random.Generator) -> Spikes:
    bins = max(round(_WINDOW / bin_size), 1)
    counts = sum_windows(spikes, bins)
    fired = counts > 0
    share = np.clip(fired.mean(axis=0), 0.5 / max(len(fired), 1), 1 - 0.5 / max(len(fired), 1))
    both = fired.T.astype(np.float64) @ fired / max(len(fired), 1)
    threshold = norm.ppf(1 - share)
    factor = _factorise(_find_latent(threshold, share, both))
    made = np.zeros_like(spikes)
    latent = rng.standard_normal((len(fired), spikes.shape[1])) @ factor.T
    window, unit = np.nonzero(latent > threshold)
    # as many spikes as a window had that had some, at random places in it
    for column in range(spikes.shape[1]):
        drawn = window[unit == column]
        known = counts[fired[:, column], column]
        if len(known) and len(drawn):
            number = rng.choice(known, len(drawn)).astype(int)
            order = rng.random((len(drawn), bins)).argsort(axis=1)
            taken = np.arange(bins) < number[:, None]
            places = (drawn[:, None] * bins + order)[taken]
            made[places, column] = 1
    return made


def _find_latent(
    threshold: Float64[np.ndarray, " unit"],
    share: Float64[np.ndarray, " unit"],
    both: Float64[np.ndarray, "unit unit"],
) -> Float64[np.ndarray, "unit unit"]:
    """Return correlations of a Gaussian whose parts are above their thresholds together as often as `both`.

    The probability that two are above grows with their correlation r by the density of both at their
    thresholds (Plackett 1954), which is integrated; r is found by bisection.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    row, column = np.triu_indices(len(threshold), 1)
    h, k = threshold[row], threshold[column]
    wanted = both[row, column] - share[row] * share[column]

    def gained(r: np.ndarray) -> np.ndarray:
        t = r[:, None] * (nodes + 1) / 2
        rest = 1 - t**2
        exponent = -(h[:, None] ** 2 - 2 * t * (h * k)[:, None] + k[:, None] ** 2) / (2 * rest)
        total: np.ndarray = (np.exp(exponent) / np.sqrt(rest) @ weights) * r / 2 / (2 * np.pi)
        return total

    low, high = np.full(len(h), -_MOST_CORRELATED), np.full(len(h), _MOST_CORRELATED)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        is_low = gained(middle) < wanted
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    latent = np.eye(len(threshold))
    latent[row, column] = latent[column, row] = (low + high) / 2
    return latent


def _factorise(latent: Float64[np.ndarray, "unit unit"]) -> Float64[np.ndarray, "unit unit"]:
    """Return a factor of the nearest correlation matrix that there is, by its eigenvalues."""
    values, vectors = np.linalg.eigh(latent)
    scaled = vectors * np.sqrt(np.maximum(values, _SMALLEST_EIGENVALUE))
    factor: np.ndarray = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return factor


SURROGATES: Mapping[str, Callable[[Spikes, float, np.random.Generator], Spikes]] = {
    "poisson": _draw_poisson,
    "renewal": _shuffle_intervals,
    "jittered": _jitter,
    "dichotomised_gaussian": _dichotomise_gaussian,
}
"""Surrogates by name."""
