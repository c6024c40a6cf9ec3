"""A segment on which predictions are scored, and a prediction of it with the sums that scores share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64, Real, UInt8

from nwbspikegen.core.draws import draw_spikes
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import cut_rows, empty_array
from nwbspikegen.scoring.blocks import resample_blocks, split_blocks
from nwbspikegen.scoring.likelihood import sum_log2_likelihood
from nwbspikegen.scoring.ranking import SortedBlocks, rank_sorted, sort_blocks
from nwbspikegen.views.history import Mask, count_spikes


@dataclass(frozen=True)
class ScoredSegment:
    """Recorded spikes with all that predictions of them share: blocks, draws, nulls.

    Made once by `prepare_segment`; each of many predictions is then scored by itself.

    Attributes
    ----------
    spikes : array (time, unit)
        Above 0 is a bin with a spike; 0 where nothing was observed.
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
        return self.spikes.shape[1] if self.observed is None else int((count_spikes(self.observed) > 0).sum())

    @property
    def num_spikes(self) -> int:
        """How many bins have a spike."""
        return int(self.num_spikes_by_unit.sum())

    @cached_property
    def num_spikes_by_unit(self) -> Int64[np.ndarray, " unit"]:
        """How many bins of each unit have a spike."""
        return count_spikes(self.spikes)


@dataclass(frozen=True)
class ScoredPrediction:
    """A prediction of a segment; what several scores need of it is computed when first asked for.

    Attributes
    ----------
    segment : ScoredSegment
        What was recorded.
    probability : array (time, unit)
        Predicted probability of a spike; it may be NaN where nothing was observed.
    known_log2_likelihood : array (block,), optional
        What `log2_likelihood` is, where that is known: scores above a null need no more.
    """

    segment: ScoredSegment
    probability: Float[np.ndarray, "_time _unit"]
    known_log2_likelihood: Float64[np.ndarray, " block"] | None = None

    @cached_property
    def log2_likelihood(self) -> Float64[np.ndarray, " block"]:
        """The log2-likelihood of each block."""
        if self.known_log2_likelihood is not None:
            return self.known_log2_likelihood
        segment = self.segment
        return sum_log2_likelihood(self.probability, segment.spikes, segment.edges, segment.observed)

    @cached_property
    def ordered(self) -> SortedBlocks:
        """The probabilities of each block, sorted, apart for bins with a spike and silent bins."""
        segment = self.segment
        return sort_blocks(self.probability, segment.spikes, segment.edges, segment.observed)

    @cached_property
    def pooled_areas(self) -> Float64[np.ndarray, "3 draw"]:
        """ROC-AUC, average precision and PR-AUC over all bins and units, in every draw of blocks."""
        return rank_sorted(self.ordered, self.segment.weights)

    @cached_property
    def trains(self) -> tuple[UInt8[np.ndarray, "time unit"], UInt8[np.ndarray, "time unit"]]:
        """A train drawn from the prediction, and the recorded one; 0 where nothing was observed."""
        segment = self.segment
        generated = draw_spikes(
            self.probability, segment.seed, unit_ids=segment.unit_ids, first_bin=segment.first_bin
        )
        if segment.observed is not None:
            # a drawn spike where nobody looked has no recorded one that it could be compared with
            for piece in cut_rows(segment.observed, generated):
                generated[piece] &= segment.observed[piece].view(np.uint8)
        # laid out alike, unit by unit
        recorded = empty_array(generated.shape[::-1], np.uint8).T
        for piece in cut_rows(segment.spikes, recorded):
            recorded[piece] = segment.spikes[piece] > 0
        return generated, recorded

    @cached_property
    def num_drawn_by_unit(self) -> Int64[np.ndarray, " unit"]:
        """How many spikes of each unit the train drawn from the prediction has."""
        generated = self.trains[0].T
        found = np.empty(len(generated), dtype=np.int64)
        for piece in cut_rows(generated):
            found[piece] = np.count_nonzero(generated[piece], axis=1)
        return found


def prepare_segment(
    spikes: Real[np.ndarray, "time unit"],
    *,
    bin_size: float,
    nulls: Mapping[str, Float[np.ndarray, "_time _unit"]],
    seed: int = 0,
    # five draws lie beyond each end of the interval; all scores of 150,000 bins x 128 units then take 6 s
    resamples: int = 200,
    unit_ids: Sequence[Any] | np.ndarray | None = None,
    first_bin: int = 0,
    observed: Mask = None,
) -> ScoredSegment:
    """Return a segment on which many predictions are scored one by one; parameters of `score_predictions`.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((30_000, 2)) < 0.1).astype(np.uint8)
    >>> prepare_segment(spikes, bin_size=0.001, nulls={}, resamples=50).weights.shape
    (51, 3)
    """
    for name, null in nulls.items():
        require_probability(name, null, spikes.shape, observed)
    if observed is not None:
        # spikes outside of observation (a file may hold some) must not count in sums that take no mask
        kept = empty_array(spikes.shape, spikes.dtype)
        for piece in cut_rows(kept, spikes, observed):
            kept[piece] = np.where(observed[piece], spikes[piece], 0)
        spikes = kept
    # blocks and draws are made once, and so are the same for every prediction: differences are paired
    edges = split_blocks(len(spikes), bin_size, observed)
    weights = resample_blocks(len(edges) - 1, resamples, seed)
    null_sums = {name: sum_log2_likelihood(null, spikes, edges, observed) for name, null in nulls.items()}
    return ScoredSegment(spikes, bin_size, seed, edges, weights, null_sums, unit_ids, first_bin, observed)


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
    low, high = 1.0, 0.0
    for piece in cut_rows(spike_probability, observed):
        where = True if observed is None else observed[piece]
        # numpy's: a NaN stays one, and is refused as well, since no comparison holds for it
        low = float(np.minimum(low, spike_probability[piece].min(where=where, initial=1.0)))
        high = float(np.maximum(high, spike_probability[piece].max(where=where, initial=0.0)))
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"values of {name} from {low} to {high}",
            "finite probabilities from 0 to 1",
            "check what the predictor returns",
        )
