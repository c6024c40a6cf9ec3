"""From a recording to the pairs that are trained on, chosen before it is read: memory holds no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from nwbspikegen.core.large_arrays import cut_rows, empty_array
from nwbspikegen.models.in_context.pair_sampling import ChosenPairs, PairColumns
from nwbspikegen.models.in_context.past import PairSamples, Past, Prior, list_training_samples
from nwbspikegen.views.history import Mask, mean_rate_per_bin

# from here up to all, log-uniform, so that every length of past is learnt
_SHORTEST_SECONDS = 1.0
# how much of a recording, and the longest piece: a whole one with restarts begins seven times or so, and
# forty beginnings tell more of what a short past means
_BEGINNINGS_SECONDS, _LONGEST_BEGINNING = 240.0, 30.0
# more than one, so that sums run down the rows as those of the whole do
_COLUMNS_AT_ONCE = 8


Drawn = Int64[np.ndarray, " drawn"] | None
"""Which units of a recording are read; None: all."""


class Way(NamedTuple):
    """A way to read a recording: in which pieces, how many bins of each are only read, and which units."""

    pieces: list[slice]
    skip: int
    units: Drawn


class ChosenWay(NamedTuple):
    """A way to read a recording, and which of the training samples in it are kept."""

    way: Way
    pairs: ChosenPairs


class PairReading:
    """A recording whose training samples are chosen first, and made features of afterwards.

    Parameters
    ----------
    spikes : array (time, unit)
        Its bins.
    bin_size : float
        Seconds per bin.
    prior : Prior
        What every piece is begun with.
    observed : array (time, unit), optional
        Which units were observed in which bins.
    most_units : int
        How many units are read, as `draw_training_units` takes it: each way reads others.
    """

    def __init__(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        bin_size: float,
        prior: Prior,
        observed: Mask,
        most_units: int,
    ) -> None:
        self._spikes, self._observed = spikes, observed
        self._bin_size, self._prior, self._most_units = bin_size, prior, most_units

    def list_ways(self, skip_seconds: float, rng: np.random.Generator) -> list[Way]:
        """Return the ways to read it: in one piece, and with restarts."""
        num_bins = len(self._spikes)
        # never more than a tenth of a short segment
        skip = min(int(skip_seconds / self._bin_size), num_bins // 10)
        shortest = min(num_bins, max(1, round(_SHORTEST_SECONDS / self._bin_size)))
        return [
            Way([slice(None)], skip, self._draw(rng)),
            Way(cut_at_random(num_bins, shortest, rng), 0, self._draw(rng)),
        ]

    def list_beginnings(self, rng: np.random.Generator) -> Way:
        """Return the way to read some minutes of it in pieces of seconds: many beginnings."""
        second = 1 / self._bin_size
        num_bins = min(len(self._spikes), round(_BEGINNINGS_SECONDS * second))
        start = int(rng.integers(len(self._spikes) - num_bins + 1))
        shortest, longest = (max(1, round(each * second)) for each in (_SHORTEST_SECONDS, _LONGEST_BEGINNING))
        pieces = cut_at_random(num_bins, min(num_bins, shortest), rng, longest=min(num_bins, longest))
        # the last may reach further than what is read
        within = [slice(start + each.start, start + min(each.stop, num_bins)) for each in pieces]
        return Way(within, 0, self._draw(rng))

    def choose(
        self,
        way: Way,
        choose: Callable[[Bool[np.ndarray, " pair"], int, np.random.Generator], ChosenPairs],
        most: int,
        rng: np.random.Generator,
    ) -> ChosenWay:
        """Choose at most `most` of the training samples of a way."""
        is_spike = [
            list_training_samples(*self._cut(piece, way.units), self._bin_size, self._prior, first=way.skip)
            for piece in way.pieces
        ]
        return ChosenWay(way, choose(np.concatenate(is_spike), most, rng))

    def read_into(self, out: PairColumns, chosen: Sequence[ChosenWay]) -> None:
        """Read the recording in some ways, and write the pairs that were chosen."""
        null, start = mean_rate_per_bin(self._spikes, self._observed).astype(np.float32), 0
        for way, pairs in chosen:
            columns = out.rows(start, start + len(pairs.place))
            self._read_way(way, pairs.place, take_units(null, way.units), columns)
            columns.weight[:] = pairs.weigh(columns.weight)
            start += len(pairs.place)

    def _read_way(
        self,
        way: Way,
        place: Int64[np.ndarray, " pair"],
        null: Float32[np.ndarray, " unit"],
        out: PairColumns,
    ) -> None:
        """Read each piece anew, and write the training samples at some places, in their order."""
        done = 0
        for piece in way.pieces:
            spikes, observed = self._cut(piece, way.units)
            past = Past(spikes.shape[1], self._bin_size, self._prior)
            # no bin is requested: what the past takes as training samples for itself trains the network too
            for samples in past.read(spikes, np.zeros(len(spikes), dtype=bool), observed):
                first = int(np.searchsorted(samples.bin, way.skip))
                number = len(samples.bin) - first
                start, stop = np.searchsorted(place, [done, done + number]).tolist()
                write_pairs(samples, place[start:stop] - done + first, null, out.rows(start, stop))
                done += number

    def _draw(self, rng: np.random.Generator) -> Drawn:
        return draw_training_units(self._spikes.shape[1], self._most_units, rng)

    def _cut(self, piece: slice, units: Drawn) -> tuple[UInt8[np.ndarray, "_ _drawn"], Mask]:
        observed = None if self._observed is None else take_units(self._observed[piece], units)
        return take_units(self._spikes[piece], units), observed


def draw_training_units(num_units: int, most: int, rng: np.random.Generator) -> Drawn:
    """Return `most` of the units, in their order; None, for all, where there are no more.

    Examples
    --------
    >>> draw_training_units(4, 2, np.random.default_rng(0)).tolist()
    [2, 3]
    """
    # nothing is drawn where all are read: what is drawn after it stays as it was
    return np.sort(rng.choice(num_units, most, replace=False)) if most < num_units else None


def take_units(values: Shaped[np.ndarray, "*bin unit"], units: Drawn) -> Shaped[np.ndarray, "*bin _"]:
    """Return the columns of some units, in a file where they are large.

    Examples
    --------
    >>> take_units(np.array([[1, 2, 3]]), np.array([0, 2])).tolist()
    [[1, 3]]
    """
    if units is None:
        return values
    if values.ndim == 1:
        return values[units]
    taken = empty_array((*values.shape[:-1], len(units)), values.dtype)
    for rows in cut_rows(values, taken):
        taken[rows] = values[rows][:, units]
    return taken


def write_pairs(
    samples: PairSamples,
    rows: Int64[np.ndarray, " pair"],
    null: Float32[np.ndarray, " unit"],
    out: PairColumns,
) -> None:
    """Write some of the samples as columns of pairs."""
    out.features[:] = samples.features[rows]
    out.log_odds[:] = samples.log_odds[rows]
    out.target[:] = samples.fired[rows]
    out.weight[:] = samples.weight[rows]
    out.null[:] = null[samples.unit[rows]]


def vary_by_columns(features: Float32[np.ndarray, "pair feature"]) -> Float32[np.ndarray, " feature"]:
    """Return the variance of each feature, to the bit that of all at once.

    That would hold a copy of all features, half a gigabyte of 2 million pairs.

    Examples
    --------
    >>> vary_by_columns(np.array([[1.0, 0.0], [3.0, 0.0]], np.float32)).tolist()
    [1.0, 0.0]
    """
    blocks = range(0, features.shape[1], _COLUMNS_AT_ONCE)
    return np.concatenate([features[:, start : start + _COLUMNS_AT_ONCE].var(axis=0) for start in blocks])


def cut_at_random(
    num_bins: int, shortest: int, rng: np.random.Generator, *, longest: int | None = None
) -> list[slice]:
    """Return pieces that follow each other, of lengths that are log-uniform from `shortest` to all.

    Or to `longest`, where that is given.

    Examples
    --------
    >>> pieces = cut_at_random(1000, 10, np.random.default_rng(0))
    >>> sum(len(range(1000)[piece]) for piece in pieces)
    1000
    """
    pieces, start = [], 0
    while start < num_bins:
        length = round(np.exp(rng.uniform(np.log(shortest), np.log(longest or num_bins))))
        pieces.append(slice(start, start + length))
        start += length
    return pieces
