"""Every score of several predictors on the same spikes: arrays in, one tidy table out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Int64, Real

from nwbspikegen.core.draws import draw_spikes
from nwbspikegen.core.errors import InputError
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
from nwbspikegen.views.history import Mask
from nwbspikegen.views.observed import observed_fraction

COLUMNS = (
    *("predictor", "metric", "null", "value", "ci_low", "ci_high", "num_units", "num_spikes"),
    *("num_silent_units", "num_blocks", "ci_reliable", "observed_fraction", "reason"),
)
"""Columns of a table of scores, in order."""

FEWEST_SPIKES = 20
"""With fewer observed spikes there is no score: one spike more or less would make another number."""

_POOLED = ("roc_auc_pooled", "average_precision_pooled", "pr_auc_pooled")
_OTHERS = (
    *("roc_auc_per_unit", *_POOLED, "calibration_error"),
    *("rate_log_ratio", "rate_correlation", "isi_distance"),
)

_Row = tuple[str, str, Float64[np.ndarray, " draw"], int]


@dataclass(frozen=True)
class ScoredSegment:
    """Recorded spikes with all that predictions of them share: blocks, draws, nulls.

    Made once by `prepare_segment`; each of many predictions is then scored by itself.

    Attributes
    ----------
    spikes : array (time, unit)
        Above 0 is a bin with a spike.
    bin_size : float
        Width of a bin in seconds.
    seed : int
        Of the generated trains.
    edges : array (edge,)
        Of the blocks, in bins.
    weights : array (draw, block)
        How often each block counts: once in row 0, as drawn in the others.
    null_sums : mapping from name to array (block,)
        Log2-likelihood of each null.
    unit_ids : sequence, optional
        Ids that generated trains are drawn by; None stands for the positions.
    first_bin : int
        Place of the first bin in the segment that was predicted, of which this one may be the end.
    observed : bool array (time, unit) or None
        Whether the unit was observed in the bin; None: always. Other bins enter no score.
    """

    spikes: Real[np.ndarray, "time unit"]
    bin_size: float
    seed: int
    edges: Int64[np.ndarray, " edges"]
    weights: Float64[np.ndarray, "draw block"]
    null_sums: Mapping[str, Float64[np.ndarray, " block"]]
    unit_ids: Sequence[Any] | np.ndarray | None = None
    first_bin: int = 0
    observed: Mask = None

    @property
    def num_units(self) -> int:
        """How many units were observed at all."""
        return self.spikes.shape[1] if self.observed is None else int(self.observed.any(axis=0).sum())

    def score(
        self, name: str, prediction: Float[np.ndarray, "_time _unit"]
    ) -> tuple[pd.DataFrame, Float64[np.ndarray, "row draw"]]:
        """Return the rows of one predictor and, for each row, its value in every draw of blocks.

        Draws are NaN for metrics without an interval. They are the same blocks for all predictions
        that the segment scores, so that differences between draws are paired.
        """
        require_probability(name, prediction, self.spikes.shape, self.observed)
        num_spikes, num_blocks = int((self.spikes > 0).sum()), len(self.edges) - 1
        is_enough = num_spikes >= FEWEST_SPIKES
        if is_enough:
            found = [
                *_score_bits(prediction, self),
                *_score_ranks(prediction, self),
                *_score_trains(prediction, self),
            ]
        else:
            names = [
                *(("bits_per_spike", null) for null in self.null_sums),
                *((name, "") for name in _OTHERS),
            ]
            found = [(metric, null, np.full(1, np.nan), 0) for metric, null in names]
        segment = {
            "num_spikes": num_spikes,
            "num_silent_units": self.num_units - int((self.spikes > 0).any(axis=0).sum()),
            "num_blocks": num_blocks,
            "ci_reliable": is_enough and num_blocks >= FEWEST_RELIABLE_BLOCKS,
            "observed_fraction": observed_fraction(self.observed),
            "reason": "" if is_enough else f"{num_spikes} spikes observed, fewer than {FEWEST_SPIKES}",
        }
        rows = [
            {"predictor": name, "metric": metric, "null": null, "num_units": num_units,
             **vars(estimate(values)), **segment}
            for metric, null, values, num_units in found
        ]  # fmt: skip
        draws = np.full((len(found), len(self.weights) - 1), np.nan)
        for place, (_, _, values, _) in enumerate(found):
            draws[place, : len(values) - 1] = values[1:]
        return pd.DataFrame(rows, columns=list(COLUMNS)), draws


def prepare_segment(
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    nulls: Mapping[str, Float[np.ndarray, "_time _unit"]],
    seed: int = 0,
    resamples: int = 200,
    unit_ids: Sequence[Any] | np.ndarray | None = None,
    first_bin: int = 0,
    observed: Mask = None,
) -> ScoredSegment:
    """Return a segment on which many predictions are scored one by one; parameters of `score_predictions`.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((30_000, 2)) < 0.1).astype(np.uint8)
    >>> segment = prepare_segment(spikes, bin_size=0.001, nulls={}, resamples=50)
    >>> table, draws = segment.score("flat", np.full(spikes.shape, 0.1))
    >>> draws.shape == (len(table), 50)
    True
    """
    for name, null in nulls.items():
        require_probability(name, null, spikes.shape, observed)
    if observed is not None:
        spikes = np.where(observed, spikes, 0)
    edges = split_blocks(len(spikes), bin_size, observed)
    weights = resample_blocks(len(edges) - 1, resamples, seed)
    null_sums = {name: sum_log2_likelihood(null, spikes, edges, observed) for name, null in nulls.items()}
    return ScoredSegment(spikes, bin_size, seed, edges, weights, null_sums, unit_ids, first_bin, observed)


def score_predictions(
    predictions: Mapping[str, Float[np.ndarray, "_time _unit"]],
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    nulls: Mapping[str, Float[np.ndarray, "_time _unit"]],
    seed: int = 0,
    resamples: int = 200,
    unit_ids: Sequence[Any] | np.ndarray | None = None,
    first_bin: int = 0,
    observed: Mask = None,
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
    unit_ids, first_bin
        Of the generated trains, as in `draw_spikes`: with the ids that a file has, and the place of the
        first bin in the segment predicted, they are the trains that `write_results` stores.
    observed : bool array (time, unit), optional
        Whether the unit was observed in the bin; by default always. Other bins enter no score, and
        predictions may be NaN there.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. `num_units` are those that enter the metric, `num_silent_units` those
        without a spike in the segment, `num_spikes` the bins with a spike, `observed_fraction` the
        part of all bins that was observed. With fewer than 20 spikes there is no value, and `reason`
        says so.

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
    for name, prediction in predictions.items():
        require_probability(name, prediction, spikes.shape, observed)
    segment = prepare_segment(
        spikes, bin_size=bin_size, nulls=nulls, seed=seed, resamples=resamples, unit_ids=unit_ids,
        first_bin=first_bin, observed=observed,
    )  # fmt: skip
    tables = [segment.score(name, prediction)[0] for name, prediction in predictions.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def paired_difference(
    first: Float[np.ndarray, "_time _unit"],
    second: Float[np.ndarray, "_time _unit"],
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    seed: int = 0,
    resamples: int = 200,
    observed: Mask = None,
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
        require_probability(name, prediction, spikes.shape, observed)
    segment = prepare_segment(
        spikes, bin_size=bin_size, nulls={"first": first, "second": second}, seed=seed, resamples=resamples,
        observed=observed,
    )  # fmt: skip
    gain = segment.null_sums["first"] - segment.null_sums["second"]
    return estimate(weigh_bits(gain, sum_spikes(segment.spikes, segment.edges), segment.weights))


def require_probability(
    name: str,
    spike_probability: Float[np.ndarray, "..."],
    shape: tuple[int, ...],
    observed: Mask = None,
) -> None:
    """Raise `InputError` unless an array holds probabilities and has the shape of the spikes.

    Where nothing was observed it may hold anything.
    """
    if spike_probability.shape != shape or 0 in shape:
        raise InputError(
            f"{name} of shape {spike_probability.shape} for spikes of shape {shape}",
            "one probability for each bin and unit, and at least one bin and unit",
            "predict the segment that is scored",
        )
    where = True if observed is None else observed
    low = float(spike_probability.min(where=where, initial=1.0))
    high = float(spike_probability.max(where=where, initial=0.0))
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"values of {name} from {low} to {high}",
            "finite probabilities from 0 to 1",
            "check what the predictor returns",
        )


def _score_bits(prediction: Float[np.ndarray, "time unit"], segment: ScoredSegment) -> Iterator[_Row]:
    reached = sum_log2_likelihood(prediction, segment.spikes, segment.edges, segment.observed)
    num_spikes = sum_spikes(segment.spikes, segment.edges)
    for null, null_sum in segment.null_sums.items():
        bits = weigh_bits(reached - null_sum, num_spikes, segment.weights)
        yield "bits_per_spike", null, bits, segment.num_units


def _score_ranks(prediction: Float[np.ndarray, "time unit"], segment: ScoredSegment) -> Iterator[_Row]:
    spikes, edges, weights = segment.spikes, segment.edges, segment.weights
    areas = rank_units(prediction, spikes, edges, segment.observed).areas(weights)
    num_ranked = int(np.isfinite(areas[0]).sum())
    yield "roc_auc_per_unit", "", mean_over_units(areas), num_ranked
    ordered = sort_blocks(prediction, spikes, edges, segment.observed)
    pooled = rank_sorted(ordered, weights)
    for metric, values in zip(_POOLED, pooled, strict=True):
        yield metric, "", values, segment.num_units
    yield "calibration_error", "", weigh_calibration(sum_groups(ordered), weights), segment.num_units


def _score_trains(prediction: Float[np.ndarray, "time unit"], segment: ScoredSegment) -> Iterator[_Row]:
    recorded = (segment.spikes > 0).astype(np.uint8)
    generated = draw_spikes(prediction, segment.seed, unit_ids=segment.unit_ids, first_bin=segment.first_bin)
    seen = segment.observed
    if seen is not None:
        generated &= seen.view(np.uint8)
    num_firing = int(((generated + recorded) > 0).any(axis=0).sum())
    distance, num_paired = trains.isi_distance(generated, recorded, segment.bin_size, seen)
    for metric, value, num_units in (
        ("rate_log_ratio", trains.rate_log_ratio(generated, recorded), num_firing),
        ("rate_correlation", trains.rate_correlation(generated, recorded, seen), segment.num_units),
        ("isi_distance", distance, num_paired),
    ):
        yield metric, "", np.array([value], dtype=np.float64), num_units
