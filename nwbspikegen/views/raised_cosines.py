"""Every unit's past through raised cosines, for chosen bins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from nwbspikegen.views.history import Mask, fill_unobserved
from nwbspikegen.views.raised_cosines_kernels import filter_kernel

NUM_COSINES = 8
LONGEST_MS = 250.0


class SparsePast(NamedTuple):
    """The bins of each unit that are not 0, one unit after the other."""

    begin: Int64[np.ndarray, " edge"]
    bins: Int64[np.ndarray, " event"]
    values: Float32[np.ndarray, " event"]


def raised_cosines(bin_size: float) -> Float32[np.ndarray, "lag cosine"]:
    """Return the weights of the 1, 2, ... latest bins: 8 cosine bumps over 250 ms, spaced by log lag.

    Each is 1 at its peak, where its neighbours are a half (Pillow et al. 2008,
    Nature 454:995). Bins so wide that 250 ms are fewer than 8 of them have as many bumps as bins.

    Examples
    --------
    >>> raised_cosines(0.001).shape, raised_cosines(0.1).shape
    ((250, 8), (2, 2))
    """
    num_lags = max(1, round(LONGEST_MS / 1000 / bin_size))
    number = min(NUM_COSINES, num_lags)
    # of lag + 1: the first bumps are one or two bins wide, where refractoriness shows
    place = np.log(np.arange(num_lags) + 1.0)
    # the last bump is at its peak well before the end, and falls to nothing there
    step = np.log(num_lags + 1.0) / (number + 1)
    peaks = step * np.arange(number)
    angle = np.clip((place[:, None] - peaks) * np.pi / (2 * step), -np.pi, np.pi)
    bumps = (1 + np.cos(angle)) / 2
    weights: Float32[np.ndarray, "lag cosine"] = bumps.astype(np.float32)
    return weights


def index_past(spikes: UInt8[np.ndarray, "time unit"], observed: Mask, bin_size: float) -> SparsePast:
    """Return where each unit fired; in bins that were not observed its running rate stands instead."""
    filled = spikes if observed is None else fill_unobserved(spikes, observed, bin_size)
    unit, bins = np.nonzero(filled.T)
    begin = np.searchsorted(unit, np.arange(spikes.shape[1] + 1)).astype(np.int64)
    return SparsePast(begin, bins.astype(np.int64), filled[bins, unit].astype(np.float32))


def filter_past(
    past: SparsePast, rows: Int64[np.ndarray, " row"], cosines: Float32[np.ndarray, "lag cosine"]
) -> Float32[np.ndarray, "row column"]:
    """Return what each cosine says of each unit before the bins `rows`; those of a unit are neighbours."""
    num_units = len(past.begin) - 1
    out = np.zeros((len(rows), num_units, cosines.shape[1]), dtype=np.float32)
    filter_kernel(*past, np.asarray(rows, dtype=np.int64), cosines, out)
    return out.reshape(len(rows), num_units * cosines.shape[1])
