"""Which pairs of a recording are trained on, and those of many recordings together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64


class PairColumns(NamedTuple):
    """Pairs of a recording, before features are standardised.

    `weight` sums to the same over the spikes of every recording; `null` is the unit's mean rate per bin.
    """

    features: Float32[np.ndarray, "pair feature"]
    log_odds: Float32[np.ndarray, " pair"]
    target: Float32[np.ndarray, " pair"]
    weight: Float32[np.ndarray, " pair"]
    null: Float32[np.ndarray, " pair"]


def choose_evenly(
    unit: Int64[np.ndarray, " pair"],
    features: Float32[np.ndarray, "pair feature"],
    log_odds: Float32[np.ndarray, " pair"],
    target: Float32[np.ndarray, " pair"],
    weight: Float32[np.ndarray, " pair"],
    most: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Return at most `most` pairs, each as likely as any other, weighted per spike."""
    kept: slice | np.ndarray = slice(None)
    if len(unit) > most:
        kept = np.sort(rng.choice(len(unit), most, replace=False))
    # per spike, not per bin: bits per spike are what epochs are chosen by
    weight = weight[kept] / max(float(target[kept].sum()), 1.0)
    return unit[kept], features[kept], log_odds[kept], target[kept], weight


def choose_pairs(
    unit: Int64[np.ndarray, " pair"],
    features: Float32[np.ndarray, "pair feature"],
    log_odds: Float32[np.ndarray, " pair"],
    target: Float32[np.ndarray, " pair"],
    weight: Float32[np.ndarray, " pair"],
    most: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Return at most `most` pairs, of which spikes are up to half, weighted per spike.

    Weights are those of inverse sampling probability: sums stay unbiased. A spike says more than a silent
    pair does, and of a few thousand pairs taken evenly a hundred would be spikes.
    """
    spikes, silence = np.flatnonzero(target > 0), np.flatnonzero(target == 0)
    num_spikes = min(len(spikes), max(most // 2, most - len(silence)))
    parts = []
    for found, number in ((spikes, num_spikes), (silence, most - num_spikes)):
        number = min(number, len(found))
        chosen = rng.choice(found, number, replace=False)
        parts.append((chosen, np.full(number, len(found) / max(number, 1))))
    kept, factor = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(kept)
    kept, factor = kept[order], factor[order]
    weight = (weight[kept] * factor / max(len(spikes), 1)).astype(np.float32)
    return unit[kept], features[kept], log_odds[kept], target[kept], weight


def join_columns(parts: Iterable[Mapping[str, np.ndarray]]) -> PairColumns:
    """Return the columns of all parts, named as in `PairColumns`.

    Parts are asked for twice, so that they may be read as they are asked for.
    """
    shapes = [part["features"].shape for part in parts]
    num_pairs = sum(shape[0] for shape in shapes)
    # filled part by part: a list of parts beside their concatenation would take twice the memory
    joined = PairColumns(
        np.empty((num_pairs, shapes[0][1]), np.float32),
        *(np.empty(num_pairs, np.float32) for _ in PairColumns._fields[1:]),
    )
    start = 0
    for part, shape in zip(parts, shapes, strict=True):
        for name, whole in joined._asdict().items():
            whole[start : start + shape[0]] = part[name]
        start += shape[0]
    return joined
