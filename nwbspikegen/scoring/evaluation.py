"""Every score of several predictors on the same spikes: arrays in, one tidy table out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Int64, Real

from nwbspikegen.errors import InputError
from nwbspikegen.scoring import trains
from nwbspikegen.scoring.blocks import (
    FEWEST_RELIABLE_BLOCKS,
    Estimate,
    estimate,
    resample_blocks,
    split_blocks,
)
from nwbspikegen.scoring.calibration import sum_groups, weigh_calibration
from nwbspikegen.scoring.likelihood import sum_log2_likelihood, sum_spikes, weigh_bits
from nwbspikegen.scoring.ranking import rank_sorted, sort_blocks
from nwbspikegen.scoring.unit_ranking import mean_over_units, rank_units

COLUMNS = (
    *("predictor", "metric", "null", "value", "ci_low", "ci_high", "num_units", "num_spikes"),
    *("num_silent_units", "num_blocks", "ci_reliable"),
)
"""Columns of a table of scores, in order."""

_POOLED = ("roc_auc_pooled", "average_precision_pooled", "pr_auc_pooled")

_Row = tuple[str, str, Estimate, int]


@dataclass(frozen=True)
class _Resampling:
    """The blocks of a segment and how often each counts in every draw."""

    edges: Int64[np.ndarray, " edges"]
    weights: Float64[np.ndarray, "draw block"]


def score_predictions(
    predictions: Mapping[str, Float[np.ndarray, "_time _unit"]],
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    nulls: Mapping[str, Float[np.ndarray, "_time _unit"]],
    seed: int = 0,
    resamples: int = 200,
) -> pd.DataFrame:
    """Score spike probabilities against recorded spikes, each metric with a paired 95 % interval.

    The metrics are documented where they are computed: `bits_per_spike` (one row per null),
    `roc_auc_per_unit`, `roc_auc_pooled`, `average_precision_pooled`, `pr_auc_pooled`,
    `calibration_error`, and without interval `rate_log_ratio`, `rate_correlation`, `isi_distance`.
    Intervals are percentiles over draws, with replacement, of blocks of 10 s, the same for every
    predictor; with fewer than 30 blocks `ci_reliable` is False, with fewer than two the ends are NaN.

    Parameters
    ----------
    predictions : mapping from name to array (time, unit)
        Finite probabilities in [0, 1].
    spikes : array (time, unit)
        Above 0 is a bin with a spike.
    bin_size : float
        Width of a bin in seconds.
    nulls : mapping from name to array (time, unit)
        What bits per spike are counted from; may be empty.
    seed : int
        Draws blocks and generated trains.
    resamples : int
        How many times blocks are drawn.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. `num_units` are those that enter the metric, `num_silent_units` those
        without a spike in the segment, `num_spikes` the bins with a spike.

    Raises
    ------
    InputError
        A prediction has another shape, is not finite, or leaves [0, 1].

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> probability = np.full((1000, 2), 0.1)
    >>> spikes = (rng.random((1000, 2)) < probability).astype(np.uint8)
    >>> table = score_predictions({"truth": probability}, spikes, bin_size=0.001, nulls={})
    >>> table[table.metric == "roc_auc_pooled"].value.item()
    0.5
    """
    for name, prediction in {**nulls, **predictions}.items():
        require_probability(name, prediction, spikes.shape)
    resampling = _resample(len(spikes), bin_size, seed, resamples)
    num_blocks = len(resampling.edges) - 1
    null_sums = {name: sum_log2_likelihood(null, spikes, resampling.edges) for name, null in nulls.items()}
    segment = {
        "num_spikes": int((spikes > 0).sum()),
        "num_silent_units": int((~(spikes > 0).any(axis=0)).sum()),
        "num_blocks": num_blocks,
        "ci_reliable": num_blocks >= FEWEST_RELIABLE_BLOCKS,
    }
    rows = [
        {"predictor": name, "metric": metric, "null": null, "num_units": num_units, **vars(found), **segment}
        for name, prediction in predictions.items()
        for metric, null, found, num_units in (
            *_score_bits(prediction, spikes, resampling, null_sums),
            *_score_ranks(prediction, spikes, resampling),
            *_score_trains(prediction, spikes, bin_size, seed),
        )
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def paired_difference(
    first: Float[np.ndarray, "_time _unit"],
    second: Float[np.ndarray, "_time _unit"],
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    seed: int = 0,
    resamples: int = 200,
) -> Estimate:
    """Return how many bits per spike `first` is better than `second`, with a 95 % interval.

    Both are scored on the same draws of blocks, so what makes a block easy for both cancels. An
    interval above zero says that `first` is better. Formula, clipping and edge rules are those of
    `bits_per_spike` with `second` as the null; parameters as for `score_predictions`.

    Examples
    --------
    >>> spikes = np.zeros((30_000, 1), np.uint8)
    >>> spikes[::2] = 1
    >>> good, bad = np.full((30_000, 1), 0.5), np.full((30_000, 1), 0.25)
    >>> round(paired_difference(good, bad, spikes, bin_size=0.001).value, 3)
    0.415
    """
    for name, prediction in (("first", first), ("second", second)):
        require_probability(name, prediction, spikes.shape)
    resampling = _resample(len(spikes), bin_size, seed, resamples)
    gain = sum_log2_likelihood(first, spikes, resampling.edges)
    gain = gain - sum_log2_likelihood(second, spikes, resampling.edges)
    return estimate(weigh_bits(gain, sum_spikes(spikes, resampling.edges), resampling.weights))


def require_probability(
    name: str, spike_probability: Float[np.ndarray, "..."], shape: tuple[int, ...]
) -> None:
    """Raise `InputError` unless an array holds probabilities and has the shape of the spikes."""
    if spike_probability.shape != shape or 0 in shape:
        raise InputError(
            f"{name} of shape {spike_probability.shape} for spikes of shape {shape}",
            "one probability for each bin and unit, and at least one bin and unit",
            "predict the segment that is scored",
        )
    low, high = float(spike_probability.min()), float(spike_probability.max())
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"values of {name} from {low} to {high}",
            "finite probabilities from 0 to 1",
            "check what the predictor returns",
        )


def _resample(num_bins: int, bin_size: float, seed: int, resamples: int) -> _Resampling:
    edges = split_blocks(num_bins, bin_size)
    return _Resampling(edges, resample_blocks(len(edges) - 1, resamples, seed))


def _score_bits(
    prediction: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    resampling: _Resampling,
    null_sums: Mapping[str, Float64[np.ndarray, " block"]],
) -> Iterator[_Row]:
    reached = sum_log2_likelihood(prediction, spikes, resampling.edges)
    num_spikes = sum_spikes(spikes, resampling.edges)
    for null, null_sum in null_sums.items():
        bits = weigh_bits(reached - null_sum, num_spikes, resampling.weights)
        yield "bits_per_spike", null, estimate(bits), spikes.shape[1]


def _score_ranks(
    prediction: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    resampling: _Resampling,
) -> Iterator[_Row]:
    edges, weights, num_units = resampling.edges, resampling.weights, spikes.shape[1]
    areas = rank_units(prediction, spikes, edges).areas(weights)
    num_ranked = int(np.isfinite(areas[0]).sum())
    yield "roc_auc_per_unit", "", estimate(mean_over_units(areas)), num_ranked
    ordered = sort_blocks(prediction, spikes, edges)
    pooled = rank_sorted(ordered, weights)
    for metric, values in zip(_POOLED, pooled, strict=True):
        yield metric, "", estimate(values), num_units
    calibration = weigh_calibration(sum_groups(ordered), weights)
    yield "calibration_error", "", estimate(calibration), num_units


def _score_trains(
    prediction: Float[np.ndarray, "time unit"],
    spikes: Real[np.ndarray, "time unit"],
    bin_size: float,
    seed: int,
) -> Iterator[_Row]:
    recorded = (spikes > 0).astype(np.uint8)
    generated = trains.draw_spikes(prediction, seed)
    num_firing = int(((generated + recorded) > 0).any(axis=0).sum())
    yield "rate_log_ratio", "", Estimate(trains.rate_log_ratio(generated, recorded)), num_firing
    yield "rate_correlation", "", Estimate(trains.rate_correlation(generated, recorded)), spikes.shape[1]
    distance, num_paired = trains.isi_distance(generated, recorded, bin_size)
    yield "isi_distance", "", Estimate(distance), num_paired
