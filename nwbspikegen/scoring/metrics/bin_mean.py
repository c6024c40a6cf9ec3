"""Scores that are a mean over bins: a number per bin and unit becomes a value with an interval."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import release
from nwbspikegen.scoring.metrics.record import BinFunction, Measured
from nwbspikegen.scoring.segment import ScoredPrediction

_Bins = Float64[np.ndarray, "bin unit"]


def measure_bins(name: str, function: BinFunction) -> Callable[[ScoredPrediction], list[Measured]]:
    """Return what measures the mean of a function over observed bins, in every draw of blocks."""

    def measure(scored: ScoredPrediction) -> list[Measured]:
        weights = scored.segment.weights
        sums, counts = _sum_blocks(name, function, scored)
        # a ratio of sums: in a recording that was observed in part, blocks have different numbers of bins
        return [Measured("", (weights @ sums) / (weights @ counts), scored.segment.num_units)]

    return measure


def _sum_blocks(
    name: str, function: BinFunction, scored: ScoredPrediction
) -> tuple[Float64[np.ndarray, " block"], Float64[np.ndarray, " block"]]:
    """Return for every block the sum over observed bins, and how many those are."""
    segment, found = scored.segment, []
    for start, stop in pairwise(segment.edges):
        spikes = (segment.spikes[start:stop] > 0).astype(np.float64)
        # block by block: each copy that a function makes of 150,000 bins x 128 units would be 150 MB
        values = _call(name, function, spikes, scored.probability[start:stop].astype(np.float64))
        seen = values if segment.observed is None else values[segment.observed[start:stop]]
        _require_finite(name, seen)
        found.append((float(seen.sum()), float(seen.size)))
        release(scored.probability, segment.spikes, segment.observed)
    sums, counts = np.array(found).T
    return sums, counts


def _call(name: str, function: BinFunction, spikes: _Bins, probability: _Bins) -> _Bins:
    # what is not finite is told by the score's name; numpy's own warnings would name no score
    with np.errstate(all="ignore"):
        values = np.asarray(function(spikes, probability))
    if values.shape != spikes.shape or values.dtype.kind not in "biuf":
        raise InputError(
            f"{values.dtype} of shape {values.shape} from the score {name!r}, for {spikes.shape}",
            "one real number for each bin and unit",
            "return an array of the shape of y and p",
        )
    return values.astype(np.float64)


def _require_finite(name: str, values: Float64[np.ndarray, "..."]) -> None:
    bad: Bool[np.ndarray, ...] = ~np.isfinite(values)
    if bad.any():
        raise InputError(
            f"{values[bad][0]} from the score {name!r} in {int(bad.sum())} of {values.size} observed bins",
            "finite numbers wherever a unit was observed",
            "keep probabilities of 0 and 1 from logarithms and divisions",
        )
