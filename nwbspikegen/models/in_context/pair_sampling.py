"""Which pairs of a recording are trained on, and those of many recordings together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64


class ChosenPairs(NamedTuple):
    """Which training samples of a reading are kept, before it is read: memory then holds no others.

    `place` counts the samples in the order of reading. Each stands for `factor` times what its weight says,
    and weights are divided by `num_spikes`.
    """

    place: Int64[np.ndarray, " pair"]
    factor: Float64[np.ndarray, " pair"]
    num_spikes: int

    def weigh(self, weight: Float32[np.ndarray, " pair"]) -> Float32[np.ndarray, " pair"]:
        """Return per-spike weights of the kept samples from those with which they were read."""
        # per spike, not per bin: bits per spike are what epochs are chosen by
        per_spike: np.ndarray = weight * self.factor / max(self.num_spikes, 1)
        return per_spike.astype(np.float32)


class PairColumns(NamedTuple):
    """Pairs of a recording, before features are standardised.

    `weight` sums to the same over the spikes of every recording; `null` is the unit's mean rate per bin.
    """

    features: Float32[np.ndarray, "pair feature"]
    log_odds: Float32[np.ndarray, " pair"]
    target: Float32[np.ndarray, " pair"]
    weight: Float32[np.ndarray, " pair"]
    null: Float32[np.ndarray, " pair"]

    @classmethod
    def reserve(cls, num_pairs: int, num_features: int) -> PairColumns:
        """Return columns to be filled: parts beside what they are joined to would take twice the memory."""
        columns = (np.empty(num_pairs, np.float32) for _ in cls._fields[1:])
        return cls(np.empty((num_pairs, num_features), np.float32), *columns)

    def rows(self, start: int, stop: int) -> PairColumns:
        """Return some of the pairs; what is written to them is written here."""
        return PairColumns(*(column[start:stop] for column in self))


def choose_evenly(is_spike: Bool[np.ndarray, " pair"], most: int, rng: np.random.Generator) -> ChosenPairs:
    """Choose at most `most` training samples, each as likely as any other."""
    place = np.arange(len(is_spike))
    if len(is_spike) > most:
        place = np.sort(rng.choice(len(is_spike), most, replace=False))
    return ChosenPairs(place, np.ones(len(place)), int(is_spike[place].sum()))


def choose_pairs(is_spike: Bool[np.ndarray, " pair"], most: int, rng: np.random.Generator) -> ChosenPairs:
    """Choose at most `most` training samples, of which spikes are up to half.

    Factors are those of inverse sampling probability: sums stay unbiased. A spike says more than a silent
    pair does, and of a few thousand pairs taken evenly a hundred would be spikes.
    """
    spikes, silence = np.flatnonzero(is_spike), np.flatnonzero(~is_spike)
    num_spikes = min(len(spikes), max(most // 2, most - len(silence)))
    parts = []
    for found, number in ((spikes, num_spikes), (silence, most - num_spikes)):
        number = min(number, len(found))
        chosen = rng.choice(found, number, replace=False)
        parts.append((chosen, np.full(number, len(found) / max(number, 1))))
    place, factor = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(place)
    return ChosenPairs(place[order], factor[order], len(spikes))


def join_columns(parts: Iterable[Mapping[str, np.ndarray]]) -> PairColumns:
    """Return the columns of all parts, named as in `PairColumns`.

    Parts are asked for twice, so that they may be read as they are asked for.
    """
    shapes = [part["features"].shape for part in parts]
    joined = PairColumns.reserve(sum(shape[0] for shape in shapes), shapes[0][1])
    fill_columns(joined, parts)
    return joined


def fill_columns(out: PairColumns, parts: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Write the columns of all parts behind each other."""
    start = 0
    for part in parts:
        stop = start + len(part["target"])
        for name, column in out.rows(start, stop)._asdict().items():
            column[:] = part[name]
        start = stop
