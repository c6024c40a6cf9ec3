"""What reading a recording will cost, told before it begins, from a rate measured on its first bins."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
import torch

from nwbspikegen.core.predictor import Bins
from nwbspikegen.core.progress import say_duration
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.registry import build_model

_LOG = logging.getLogger("nwbspikegen")
# (bin, unit) pairs: 128 units for 400 s, which takes a minute. Of less, nobody has to be told
_WORTH_TELLING = 50_000_000
# bins whose reading is timed: some without and some with predictions, then some in which everything fitted is
# fitted again (at bin 1,000, of `in_context`)
_ONLY_READ, _PREDICTED, _FITTED_AGAIN = 500, 400, 200
PROBE_BINS = _ONLY_READ + _PREDICTED + _FITTED_AGAIN
# Python with PyTorch and what else is imported, as measured; and what a piece of a recording takes
_BYTES_OF_PROGRAM = 600_000_000


def build_probe(name: str, num_units: int) -> SpikeModel:
    """Return an untrained model of a kind; the caller's random numbers go on as if there were none."""
    with torch.random.fork_rng(devices=[]):
        return build_model(name, num_units)


def estimate_reading_seconds(
    network: SpikeModel, probe: Bins, bin_size: float, *, num_bins: int, num_predicted: int
) -> float:
    """Return about how long a model reads a recording (s), on this machine as busy as it is now.

    Parameters
    ----------
    network : SpikeModel
        The model.
    probe : Bins (time, unit)
        The first `PROBE_BINS` of the recording, which are read.
    bin_size : float
        Seconds per bin.
    num_bins, num_predicted : int
        How many bins are read, and of how many of these something is predicted.

    Examples
    --------
    >>> probe = Bins(np.zeros((PROBE_BINS, 4), np.uint8), None)
    >>> network = build_probe("in_context", 4)
    >>> estimate_reading_seconds(network, probe, 0.001, num_bins=10**5, num_predicted=0) > 0
    True
    """
    # once before, for what is loaded or compiled: in the first fit that takes as long as tens of fits
    _time_reading(network, probe, bin_size)
    only_read, predicted, fitted_again = _time_reading(network, probe, bin_size)
    per_bin = only_read / _ONLY_READ
    per_predicted = max(predicted / _PREDICTED - per_bin, 0.0)
    per_fit = max(fitted_again - _FITTED_AGAIN * per_bin, 0.0)
    return num_bins * per_bin + num_predicted * per_predicted + network.count_refits(num_bins) * per_fit


def _time_reading(network: SpikeModel, probe: Bins, bin_size: float) -> list[float]:
    """Return how long each part of the probe takes."""
    state: Any = network.begin(probe.spikes.shape[1], bin_size)
    seconds, start = [], 0
    for length, is_wanted in ((_ONLY_READ, False), (_PREDICTED, True), (_FITTED_AGAIN, False)):
        piece = slice(start, start + length)
        seen = None if probe.observed is None else probe.observed[piece]
        began = time.perf_counter()
        state.read(probe.spikes[piece], seen, np.full(length, is_wanted))
        seconds.append(time.perf_counter() - began)
        start += length
    return seconds


def is_worth_telling(num_pairs: int) -> bool:
    """Return whether so many pairs of bin and unit take long enough to tell of."""
    return num_pairs >= _WORTH_TELLING


def tell_cost(what: str, seconds: float, num_bytes: float) -> None:
    """Log about how long something takes and how much memory, that of the program included."""
    memory = (_BYTES_OF_PROGRAM + num_bytes) / 2**30
    _LOG.info("%s: about %s and %.1f GiB of memory", what, say_duration(seconds), memory)
