"""Distances between recordings, from how well models move between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.scoring.worth import WORTH

BITS = BITS_PER_SPIKE.name


def distances_from_similarity(
    similarity: Float[np.ndarray, "*draw session session"],
) -> Float64[np.ndarray, "*draw session session"]:
    """Return d(i, j) = 1 / s - 1, with s the mean of both directions, and d(i, i) = 0.

    Parameters
    ----------
    similarity : array (..., session, session)
        A score in (0, 1], rows trained on, columns tested on: a ROC-AUC, say. 1 is no distance.

    Notes
    -----
    Shimono 2026, Algorithms 19(4):305.

    Examples
    --------
    >>> distances_from_similarity(np.array([[0.9, 0.7], [0.9, 0.8]])).round(3).tolist()
    [[0.0, 0.25], [0.25, 0.0]]
    """
    both = (similarity + np.swapaxes(similarity, -1, -2)).astype(np.float64) / 2.0
    # the paper has d(i, i) = 0 although a model's score on its own session is below 1
    return _clear_diagonal(1.0 / both - 1.0)


def distances_from_bits(
    bits: Float[np.ndarray, "*draw session session"], *, relative: bool = False
) -> Float64[np.ndarray, "*draw session session"]:
    """Return d(i, j) = (|b(j, j) - b(i, j)| + |b(i, i) - b(j, i)|) / 2, in bits per spike.

    That is how much it matters, on average over both directions, to train on the other recording instead
    of on the target's own past. The null of the bits does not matter: gains over the untrained model give
    the same distances as gains over a rate.

    Parameters
    ----------
    bits : array (..., session, session)
        Bits per spike b(i, j), trained on i and tested on j.
    relative : bool
        Count each loss in units of what its target loses on average over all other sources, so that a target
        on which much can be lost does not lie far from all others. Of two recordings it is 1, of one on which
        nothing is lost 0.

    Examples
    --------
    >>> bits = np.array([[1.0, 0.5, 0.8], [0.9, 2.0, 0.6], [0.7, 1.1, 1.0]])
    >>> distances_from_bits(bits).round(3).tolist()
    [[0.0, 0.8, 0.25], [0.8, 0.0, 0.65], [0.25, 0.65, 0.0]]
    >>> distances_from_bits(bits, relative=True).round(3).tolist()
    [[0.0, 0.875, 1.083], [0.875, 0.0, 1.042], [1.083, 1.042, 0.0]]
    """
    # draws are kept as float32
    wide = bits.astype(np.float64)
    own = np.diagonal(wide, axis1=-2, axis2=-1)
    # of each target: what its own model has, less what the other's has there
    lost = own[..., None, :] - wide
    # of either sign: where the other taught more than the target's own past it is another recording all the
    # same, and losses that cancelled gains would put both into one place
    apart = np.abs(lost)
    if relative:
        # the diagonal is 0
        usual = apart.sum(axis=-2, keepdims=True) / max(apart.shape[-1] - 1, 1)
        apart = np.divide(apart, usual, out=np.zeros_like(apart), where=usual > 0)
    return _clear_diagonal((apart + np.swapaxes(apart, -1, -2)) / 2.0)


def distances_from_worth(
    seconds: Float[np.ndarray, "*draw session session"], *, relative: bool = False
) -> Float64[np.ndarray, "*draw session session"]:
    """Return `distances_from_bits` of log(1 + seconds): what learning on one is worth for the other.

    Parameters
    ----------
    seconds : array (..., session, session)
        `worth_seconds`, rows trained on, columns tested on; at most all that there was.
    relative : bool
        As for `distances_from_bits`.

    Examples
    --------
    >>> worth = np.array([[np.e - 1, 0.0], [0.0, np.e - 1]])
    >>> distances_from_worth(worth).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    # a second more is much of one, and nothing of a minute
    return distances_from_bits(np.log1p(seconds.astype(np.float64)), relative=relative)


def find_distances(
    metric: str, *, relative: bool = False
) -> Callable[[Any], Float64[np.ndarray, "*draw session session"]]:
    """Return what makes distances of a metric."""
    special = {BITS: distances_from_bits, WORTH: distances_from_worth}
    if metric in special:
        return partial(special[metric], relative=relative)
    if relative:
        raise InputError(
            f"relative distances of {metric}", f"those of {BITS} or {WORTH}", "leave relative out"
        )
    return distances_from_similarity


def find_usable(values: Float[np.ndarray, "draw session session"], metric: str) -> Bool[np.ndarray, " draw"]:
    """Return which matrices give distances: all values are there, and between 0 and 1 unless bits."""
    usable = np.isfinite(values)
    if metric == WORTH:
        usable &= values >= 0.0
    elif metric != BITS:
        # 0 would be infinitely far, and above 1 a distance below zero
        usable &= (values > 0.0) & (values <= 1.0)
    return np.asarray(usable.all(axis=(-2, -1)))


def require_distances(
    values: Float[np.ndarray, "session session"], metric: str, names: list[str], *, relative: bool = False
) -> Float64[np.ndarray, "session session"]:
    """Return the distances of one matrix of scores, or raise `InputError` naming the cell at fault."""
    missing = np.argwhere(~np.isfinite(values))
    if len(missing):
        train, test = missing[0]
        raise InputError(
            f"no {metric} of {len(missing)} cells, such as {names[train]} to {names[test]}",
            "a score of every pair, in both directions",
            "run the study to its end, or lay out the sessions that have one",
        )
    to_distances = find_distances(metric, relative=relative)
    if metric in (BITS, WORTH):
        return to_distances(values)
    outside = np.argwhere((values <= 0.0) | (values > 1.0))
    if len(outside):
        train, test = outside[0]
        raise InputError(
            f"{metric} {values[train, test]:.4g} of {names[train]} to {names[test]}",
            "values above 0 and not above 1, for d = 1/s - 1",
            f"lay out by a ROC-AUC, or by {BITS}, which has its own distance",
        )
    return to_distances(values)


def _clear_diagonal(
    distances: Float64[np.ndarray, "*draw session session"],
) -> Float64[np.ndarray, "*draw session session"]:
    index = np.arange(distances.shape[-1])
    distances[..., index, index] = 0.0
    return distances
