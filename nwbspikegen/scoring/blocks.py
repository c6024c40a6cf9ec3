"""Blocks of time, their resampling, and the intervals that it gives.

Every metric is a function of sums over blocks, so a resample is a vector of block weights: how often
each block was drawn. The same seed draws the same blocks, which pairs all predictors of one table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from nwbspikegen.views.history import Mask

# s: longer than population bursts and their after-effects (a slow trace decays in some seconds), so that
# blocks are nearly independent, and short enough for 15 of them in the paper's 2.5 min of test
BLOCK_DURATION = 10.0
# bins: sums of shares of units differ by far less from whole numbers
_ROUND_OFF = 1e-3
# below it percentiles of the bootstrap are too narrow; a rule of thumb, so intervals are marked, not dropped
FEWEST_RELIABLE_BLOCKS = 30


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; the ends are NaN when there is none."""

    value: float
    ci_low: float = float("nan")
    ci_high: float = float("nan")


def split_blocks(num_bins: int, bin_size: float, observed: Mask = None) -> Int64[np.ndarray, " edges"]:
    """Return the edges of consecutive blocks of 10 s of observation, in bins, from 0 to `num_bins`.

    What is left at the end joins the last block when it is shorter than 5 s and is a block of its
    own otherwise, so that no block is nearly empty. There is always at least one block. Time in which
    half of the units were observed counts half: a gap is no block.

    Parameters
    ----------
    num_bins : int
        Length of the segment in bins.
    bin_size : float
        Width of a bin in seconds.
    observed : bool array (time, unit), optional
        Whether the unit was observed in the bin; by default always.

    Examples
    --------
    >>> split_blocks(24_000, 0.001).tolist()
    [0, 10000, 24000]
    >>> split_blocks(30_000, 0.001, np.arange(30_000)[:, None] >= 8_000).tolist()
    [0, 18000, 30000]
    """
    width = max(1, round(BLOCK_DURATION / bin_size))
    if observed is None:
        # rounding joins a rest below half a block to the last one, and makes one of a longer rest
        num_blocks = max(1, round(num_bins / width))
        return np.append(np.arange(num_blocks, dtype=np.int64) * width, np.int64(num_bins))
    seen = np.cumsum(observed.mean(axis=1))
    num_blocks = max(1, round(float(seen[-1]) / width))
    # the share of units that is observed, summed over bins, is observed time: cut where it reaches each 10 s
    inner = np.searchsorted(seen, np.arange(1, num_blocks) * width - _ROUND_OFF) + 1
    return np.concatenate([[0], inner, [num_bins]]).astype(np.int64)


def resample_blocks(num_blocks: int, resamples: int, seed: int) -> Float64[np.ndarray, "draw block"]:
    """Return how often each block counts: once in row 0, as drawn with replacement in the others.

    With fewer than two blocks there is nothing to resample, and row 0 is all that is returned.

    Parameters
    ----------
    num_blocks, resamples : int
        Blocks of the segment, and how many times to draw that many of them.
    seed : int
        The same seed draws the same blocks.

    Examples
    --------
    >>> resample_blocks(4, 2, seed=0).sum(axis=1).tolist()
    [4.0, 4.0, 4.0]
    """
    observed = np.ones((1, num_blocks))
    if num_blocks < 2 or resamples < 1:
        return observed
    uniform = np.full(num_blocks, 1 / num_blocks)
    # n draws with replacement, counted by block, are one multinomial draw: weights say all that indices would
    drawn = np.random.default_rng(seed).multinomial(num_blocks, uniform, size=resamples)
    return np.concatenate([observed, drawn.astype(np.float64)])


def estimate(values: Float[np.ndarray, " draw"]) -> Estimate:
    """Return the first value with the 2.5 and 97.5 percentiles of the others.

    Draws in which the metric is undefined (NaN: no spike was drawn) are left out.

    Examples
    --------
    >>> estimate(np.array([1.0, 0.0, 2.0])).value
    1.0
    """
    drawn = values[1:][np.isfinite(values[1:])]
    if len(drawn) == 0:
        return Estimate(float(values[0]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))
