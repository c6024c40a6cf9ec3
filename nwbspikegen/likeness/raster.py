"""What random convolutional kernels see of a raster: a network of one layer that needs no training.

After ROCKET: Dempster, Petitjean, Webb (2020), Data Mining and Knowledge Discovery 34. There the layer sees
values; here it sees by how much a window differs from itself with the bins of each unit in random order, so
that rates of units, whatever they are, tell nothing by themselves.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from nwbspikegen.likeness.raster_kernels import pool_convolutions
from nwbspikegen.likeness.statistics import sum_windows
from nwbspikegen.likeness.trains import Spikes

_NUM_KERNELS, _NUM_TAPS = 400, 9
# s: bins of the raster, as short as a refractory period
_FINE = 0.002
_SHUFFLES = 2
# SD of what as many spikes at random give
_HIGHEST_THRESHOLD = 3.0
# s: kernels are told apart by how much time they span
_SPANS = (0.03, 0.1, 0.3, np.inf)


def describe_raster(spikes: Spikes, bin_size: float, window: float, *, is_whole: bool) -> pd.DataFrame:
    """Return what kernels see of consecutive windows of a run, a row each.

    Columns have the name of a group of kernels: single units or several, and how long they span. With
    `is_whole` the counts of all units are there too.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((3000, 4)) < 0.02).astype(np.uint8)
    >>> describe_raster(spikes, 0.001, 1.0, is_whole=False).shape
    (3, 800)
    """
    bins = round(window / bin_size)
    fine = max(round(_FINE / bin_size), 1)
    kernels = _draw_kernels(spikes.shape[1], bins // fine, fine * bin_size)
    share = spikes.mean(axis=0, dtype=np.float64) * fine
    mean = (kernels.weights @ share) * kernels.taps.sum(axis=1)
    spread = np.sqrt((kernels.weights**2 @ share) * (kernels.taps**2).sum(axis=1))
    thresholds = mean + kernels.heights * spread
    scale = np.stack([np.ones_like(spread), np.where(spread > 0, spread, 1.0)], axis=1)
    rng = np.random.default_rng(len(spikes))

    def pool(raster: Spikes) -> Float64[np.ndarray, "kernel 2"]:
        counts = sum_windows(raster[: len(raster) // fine * fine], fine).astype(np.int64)
        at, unit = np.nonzero(counts)
        often = counts[at, unit]
        return pool_convolutions(
            unit.repeat(often),
            at.repeat(often),
            len(counts),
            kernels.weights,
            kernels.taps,
            kernels.dilations,
            thresholds,
        )

    whole = spikes[: len(spikes) // bins * bins].reshape(-1, bins, spikes.shape[1])
    rows = []
    for each in whole:
        shuffled = np.mean([pool(rng.permuted(each, axis=0)) for _ in range(_SHUFFLES)], axis=0)
        rows.append(((pool(each) - shuffled) / scale).ravel())
    values, names = np.array(rows).reshape(len(whole), -1), kernels.name_groups().repeat(2)
    if is_whole:
        # of a Poisson count, the root has one spread whatever the rate
        values = np.concatenate([values, np.sqrt(whole.sum(axis=1, dtype=np.float64))], axis=1)
        names = np.append(names, ["counts_of_units"] * spikes.shape[1])
    return pd.DataFrame(values, columns=names)


@dataclasses.dataclass(frozen=True)
class _Kernels:
    """Random kernels: weights of units and of bins, bins between taps, thresholds in SD."""

    weights: Float64[np.ndarray, "kernel unit"]
    taps: Float64[np.ndarray, "kernel tap"]
    dilations: Int64[np.ndarray, " kernel"]
    heights: Float64[np.ndarray, " kernel"]
    bin_size: float

    def name_groups(self) -> np.ndarray:
        """Return the name of each kernel's group."""
        alone = (self.weights != 0).sum(axis=1) == 1
        span = self.dilations * (_NUM_TAPS - 1) * self.bin_size
        limits = [f"over_{limit * 1000:g}ms" for limit in (0.0, *_SPANS[:-1])]
        return np.array(
            [
                f"{'one_unit' if one else 'units'}_{limits[place]}"
                for one, place in zip(alone, np.searchsorted(_SPANS, span), strict=True)
            ]
        )


def _draw_kernels(num_units: int, num_bins: int, bin_size: float) -> _Kernels:
    """Return the same kernels for every run of so many units: what is told must be told alike."""
    rng = np.random.default_rng([num_units, num_bins])
    weights = np.zeros((_NUM_KERNELS, num_units))
    for row, size in zip(weights, 2 ** rng.uniform(0, np.log2(num_units), _NUM_KERNELS), strict=True):
        # one unit up to all of them, adding up or against each other
        units = rng.choice(num_units, round(size), replace=False)
        drawn = rng.normal(size=len(units))
        row[units] = np.abs(drawn) if rng.random() < 0.5 else drawn
    taps = rng.normal(size=(_NUM_KERNELS, _NUM_TAPS))
    # half of them see changes alone
    taps[::2] -= taps[::2].mean(axis=1, keepdims=True)
    longest = max((num_bins - 1) / (_NUM_TAPS - 1), 1.0)
    dilations = (2 ** rng.uniform(0, np.log2(longest), _NUM_KERNELS)).astype(np.int64)
    heights = rng.uniform(0, _HIGHEST_THRESHOLD, _NUM_KERNELS)
    return _Kernels(weights, taps, dilations, heights, bin_size)
