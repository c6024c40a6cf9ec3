"""Every score of several predictors on the same spikes: arrays in, one tidy table out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Real

from nwbspikegen.scoring.blocks import FEWEST_RELIABLE_BLOCKS, Estimate, estimate
from nwbspikegen.scoring.likelihood import sum_spikes, weigh_bits
from nwbspikegen.scoring.metrics import Measured, list_metrics
from nwbspikegen.scoring.segment import (
    ScoredPrediction,
    ScoredSegment,
    prepare_segment,
    require_probability,
)
from nwbspikegen.views.history import Mask
from nwbspikegen.views.observed import observed_fraction

COLUMNS = (
    *("predictor", "metric", "null", "value", "ci_low", "ci_high", "num_units", "num_spikes"),
    *("num_silent_units", "num_blocks", "ci_reliable", "observed_fraction", "reason"),
)
"""Columns of a table of scores, in order."""

FEWEST_SPIKES = 20
"""With fewer observed spikes there is no score: one spike more or less would make another number."""


def score_prediction(
    segment: ScoredSegment, name: str, probability: Float[np.ndarray, "_time _unit"]
) -> tuple[pd.DataFrame, Float64[np.ndarray, "row draw"]]:
    """Return the rows of one predictor and, for each row, its value in every draw of blocks.

    Draws are NaN for scores without an interval. They are the same blocks for all predictions
    that the segment scores, so that differences between draws are paired.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((30_000, 2)) < 0.1).astype(np.uint8)
    >>> segment = prepare_segment(spikes, bin_size=0.001, nulls={}, resamples=50)
    >>> table, draws = score_prediction(segment, "flat", np.full(spikes.shape, 0.1))
    >>> draws.shape == (len(table), 50)
    True
    """
    require_probability(name, probability, segment.spikes.shape, segment.observed)
    scored = ScoredPrediction(segment, probability)
    return _tabulate(segment, name, _measure(scored) if _has_scores(segment) else _leave_out(segment))


def _tabulate(
    segment: ScoredSegment, name: str, found: Mapping[str, Sequence[Measured]]
) -> tuple[pd.DataFrame, Float64[np.ndarray, "row draw"]]:
    """Return what was measured of one predictor, by score, as rows and their draws."""
    about = _describe(segment)
    measured = [(each.name, row) for each in list_metrics() for row in found[each.name]]
    rows = [
        {"predictor": name, "metric": metric, "null": row.null, "num_units": row.num_units}
        | vars(estimate(row.draws))
        | about
        for metric, row in measured
    ]
    # scores of a generated train have one value and no draw: their row of draws stays NaN
    draws = np.full((len(measured), len(segment.weights) - 1), np.nan)
    for place, (_, row) in enumerate(measured):
        draws[place, : len(row.draws) - 1] = row.draws[1:]
    return pd.DataFrame(rows, columns=list(COLUMNS)), draws


def _describe(segment: ScoredSegment) -> dict[str, Any]:
    """Return what is said of the segment in every row of its table."""
    num_spikes, num_blocks = segment.num_spikes, len(segment.edges) - 1
    # NaN and a reason instead of a number: what cannot be known must not be averaged with what is
    is_enough = _has_scores(segment)
    return {
        "num_spikes": num_spikes,
        "num_silent_units": segment.num_units - int((segment.num_spikes_by_unit > 0).sum()),
        "num_blocks": num_blocks,
        "ci_reliable": is_enough and num_blocks >= FEWEST_RELIABLE_BLOCKS,
        "observed_fraction": observed_fraction(segment.observed),
        "reason": "" if is_enough else f"{num_spikes} spikes observed, fewer than {FEWEST_SPIKES}",
    }


def _has_scores(segment: ScoredSegment) -> bool:
    return segment.num_spikes >= FEWEST_SPIKES


def _measure(scored: ScoredPrediction, *, needs_null: bool | None = None) -> dict[str, list[Measured]]:
    """Return the rows of every score, or of those alone that are counted from a null, or from none."""
    return {
        each.name: list(each.measure(scored))
        for each in list_metrics()
        if needs_null is None or each.needs_null == needs_null
    }


def _leave_out(segment: ScoredSegment) -> dict[str, list[Measured]]:
    """Return the rows of every score without a value."""
    return {
        each.name: [
            Measured(null, np.full(1, np.nan), 0)
            for null in (segment.null_sums if each.needs_null else ("",))
        ]
        for each in list_metrics()
    }


Predicted = Float[np.ndarray, "_time _unit"] | Callable[[], Float[np.ndarray, "_time _unit"]]
"""A prediction, or what makes it when it is scored: then it is held no longer than that."""


def score_predictions(
    predictions: Mapping[str, Predicted],
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    nulls: Mapping[str, Predicted],
    seed: int = 0,
    resamples: int = 200,
    unit_ids: Sequence[Any] | np.ndarray | None = None,
    first_bin: int = 0,
    observed: Mask = None,
) -> pd.DataFrame:
    """Score spike probabilities against recorded spikes, each metric with a paired 95 % interval.

    The scores are those of the register, `nwbspikegen.scoring.metrics`: ours, those of installed packages
    and those made with `metric`. A score that is counted from a null has one row per null.
    Intervals are percentiles over draws, with replacement, of blocks of 10 s, the same for every
    predictor; with fewer than 30 blocks `ci_reliable` is False, with fewer than two the ends are NaN.

    Parameters
    ----------
    predictions : mapping from name to array (time, unit)
        Finite probabilities in [0, 1]; or functions that return them, which are called once, one after the
        other, so that memory holds one of these at a time.
    spikes : array (time, unit)
        Above 0 is a bin with a spike.
    bin_size : float
        Width of a bin in seconds.
    nulls : mapping from name to array (time, unit)
        What bits per spike are counted from; may be empty. One that is among the predictions, the same
        object, is not made again.
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
    segment = prepare_segment(
        spikes,
        bin_size=bin_size,
        nulls={},
        seed=seed,
        resamples=resamples,
        unit_ids=unit_ids,
        first_bin=first_bin,
        observed=observed,
    )
    return score_on_segment(segment, predictions, nulls, {})


def score_on_segment(
    segment: ScoredSegment,
    predictions: Mapping[str, Predicted],
    nulls: Mapping[str, Predicted],
    known: Mapping[str, Float64[np.ndarray, " block"]],
) -> pd.DataFrame:
    """Return the table of `score_predictions`, given its segment.

    Parameters
    ----------
    segment : ScoredSegment
        Without nulls.
    predictions, nulls
        As for `score_predictions`.
    known : mapping from name to array (block,)
        Log2-likelihoods of predictions that were checked and summed up before.
    """
    for name, prediction in predictions.items():
        # each by name, before any is scored: minutes of work would end in a message about the last one
        if not callable(prediction) and name not in known:
            require_probability(name, prediction, segment.spikes.shape, segment.observed)
    alone, sums = _measure_alone(segment, predictions, nulls, known)
    segment = replace(segment, null_sums={name: sums[id(null)] for name, null in nulls.items()})
    tables = []
    for name, prediction in predictions.items():
        found = alone[name] if _has_scores(segment) else _leave_out(segment)
        if _has_scores(segment):
            # above a null a prediction is what its blocks sum up to
            nothing = np.empty((0, 0))
            found |= _measure(ScoredPrediction(segment, nothing, sums[id(prediction)]), needs_null=True)
        tables.append(_tabulate(segment, name, found)[0])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def _measure_alone(
    segment: ScoredSegment,
    predictions: Mapping[str, Predicted],
    nulls: Mapping[str, Predicted],
    known: Mapping[str, Float64[np.ndarray, " block"]],
) -> tuple[dict[str, dict[str, list[Measured]]], dict[int, Float64[np.ndarray, " block"]]]:
    """Return the rows of all scores that need no null, and the log2-likelihood of each prediction and null.

    These by their `id`: a null that is a prediction as well is made once.
    """
    alone: dict[str, dict[str, list[Measured]]] = {}
    sums: dict[int, Float64[np.ndarray, " block"]] = {}

    def make(name: str, prediction: Predicted) -> ScoredPrediction:
        probability = prediction() if callable(prediction) else prediction
        # arrays among the predictions were looked at together
        if callable(prediction) or predictions.get(name) is not prediction:
            require_probability(name, probability, segment.spikes.shape, segment.observed)
        scored = ScoredPrediction(segment, probability, known.get(name))
        sums[id(prediction)] = scored.log2_likelihood
        return scored

    for name, prediction in predictions.items():
        scored = make(name, prediction)
        alone[name] = _measure(scored, needs_null=False) if _has_scores(segment) else {}
        # let go before the next is made
        del scored
    for name, null in nulls.items():
        if id(null) not in sums:
            make(name, null)
    return alone, sums


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
        spikes,
        bin_size=bin_size,
        nulls={"first": first, "second": second},
        seed=seed,
        resamples=resamples,
        observed=observed,
    )
    return estimate_difference(segment, segment.null_sums["first"], segment.null_sums["second"])


def estimate_difference(
    segment: ScoredSegment, first: Float64[np.ndarray, " block"], second: Float64[np.ndarray, " block"]
) -> Estimate:
    """Return bits per spike of `first` above `second`, given the log2-likelihood of each in each block."""
    # the difference is taken before it is weighed, not of two bits per spike: one denominator in every draw
    gain = first - second
    return estimate(weigh_bits(gain, sum_spikes(segment.spikes, segment.edges), segment.weights))
