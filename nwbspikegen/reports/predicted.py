"""What a report draws of a prediction, read from its file and counted once."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.predictor import Bins
from nwbspikegen.prediction.nwb_reading import (
    list_results,
    read_audits,
    read_generated_units,
    read_models,
    read_scores,
    read_spike_probability,
)
from nwbspikegen.reports.parts import SpanKind
from nwbspikegen.reports.recorded import Recorded, read_recorded
from nwbspikegen.scoring import past
from nwbspikegen.scoring.calibration import group_by_probability
from nwbspikegen.scoring.differences import compare_predictors
from nwbspikegen.scoring.evaluation import paired_difference
from nwbspikegen.scoring.likelihood import sum_log2_likelihood
from nwbspikegen.scoring.table import predict_baselines
from nwbspikegen.scoring.unit_ranking import rank_units
from nwbspikegen.views import open_units
from nwbspikegen.views.observed import read_bins

MEAN, PAST = "mean_rate", "online_hazard"
# predicted again, since they need no fit of seconds; the others' rows are stored
_PREDICTED_AGAIN = (MEAN, PAST)


@dataclasses.dataclass(frozen=True)
class Predicted:
    """A prediction beside what was recorded.

    Attributes
    ----------
    recorded : Recorded
        The window from the start of training to the end of the prediction.
    probability : array (time, unit)
        Of the scored bins, or of all where nothing is scored.
    bins : Bins (time, unit)
        Spikes, and where units were observed, of the same bins.
    start, bin_size : float
        Of those bins (s).
    others : mapping of str to array (time, unit)
        What the baselines that need no long fit predict of them.
    scores, audits, models : DataFrame
        As stored; empty where the file has none.
    drawn : list of array
        Spike times of each unit that are stored as drawn from it (s).
    attrs : dict
        Of the prediction.
    """

    recorded: Recorded
    probability: np.ndarray
    bins: Bins
    start: float
    bin_size: float
    others: dict[str, np.ndarray]
    scores: pd.DataFrame
    audits: pd.DataFrame
    models: pd.DataFrame
    drawn: list[np.ndarray]
    attrs: dict[str, Any]

    @property
    def model(self) -> str:
        """How the table of scores calls it."""
        return str(self.attrs.get("model") or "model")

    @property
    def stop(self) -> float:
        """Where its bins end (s)."""
        return self.start + len(self.probability) * self.bin_size

    @cached_property
    def bits_by_unit(self) -> dict[str, np.ndarray]:
        """Bits per spike of each unit above each of `others`; NaN for units without a spike."""
        whole = np.array([0, len(self.probability)], dtype=np.int64)
        own = self._sum_by_unit(self.probability, whole)
        with np.errstate(invalid="ignore", divide="ignore"):
            spikes = self._seen_spikes.sum(axis=0).astype(np.float64)
            return {
                name: np.where(spikes > 0, (own - self._sum_by_unit(other, whole)) / spikes, np.nan)
                for name, other in self.others.items()
            }

    @cached_property
    def gain_by_second(self) -> tuple[np.ndarray, np.ndarray]:
        """When each whole second begins, and how many bits all units gain in it over the mean rate."""
        step = max(1, round(1.0 / self.bin_size))
        edges = np.arange(0, len(self.probability) + 1, step)
        if MEAN not in self.others or len(edges) < 2:
            return np.zeros(0), np.zeros(0)
        # spikes are counted and not binary in a view of counts: above 0 is one
        gain = sum_log2_likelihood(self.probability, self.bins.spikes, edges, self.bins.observed)
        gain = gain - sum_log2_likelihood(self.others[MEAN], self.bins.spikes, edges, self.bins.observed)
        return self.start + edges[:-1] * self.bin_size, gain

    @cached_property
    def areas_by_unit(self) -> np.ndarray:
        """ROC-AUC within each unit."""
        whole = np.array([0, len(self.probability)], dtype=np.int64)
        ranking = rank_units(self.probability, self.bins.spikes, whole, self.bins.observed)
        areas: np.ndarray = ranking.areas(np.ones((1, 1)))[0]
        return areas

    @cached_property
    def calibration(self) -> np.ndarray:
        """Mean probability and share of bins with a spike, of groups of equal mass: array (2, group)."""
        return group_by_probability(self.probability, self.bins.spikes, self.bins.observed)

    @cached_property
    def calibration_by_unit(self) -> np.ndarray:
        """As `calibration`, of each unit: array (unit, 2, group)."""
        seen = self.bins.observed
        return np.stack(
            [
                group_by_probability(
                    self.probability[:, [unit]],
                    self.bins.spikes[:, [unit]],
                    None if seen is None else seen[:, [unit]],
                )
                for unit in range(self.probability.shape[1])
            ]
        )

    @property
    def _seen_spikes(self) -> np.ndarray:
        spikes = self.bins.spikes > 0
        return spikes if self.bins.observed is None else spikes & self.bins.observed

    def _sum_by_unit(self, probability: np.ndarray, whole: np.ndarray) -> np.ndarray:
        seen = self.bins.observed
        return np.array(
            [
                sum_log2_likelihood(
                    probability[:, [unit]],
                    self.bins.spikes[:, [unit]],
                    whole,
                    None if seen is None else seen[:, [unit]],
                )[0]
                for unit in range(probability.shape[1])
            ]
        )

    def compare(self) -> pd.DataFrame:
        """Return how many bits per spike the model is above each other predictor, with intervals.

        Those above the two nulls are the stored ones. Others are differences of stored values; their
        interval is counted on the same draws of blocks where the predictor is predicted again, and unknown
        otherwise.
        """
        found = compare_predictors(self.scores, self.model)
        for place, row in found[found.ci_low.isna()].iterrows():
            found.loc[place, ["ci_low", "ci_high"]] = self._estimate(str(row.predictor))
        return found

    def _estimate(self, name: str) -> tuple[float, float]:
        if name not in self.others:
            return np.nan, np.nan
        attrs = self.scores.attrs
        found = paired_difference(
            self.probability,
            self.others[name],
            self.bins.spikes,
            bin_size=self.bin_size,
            seed=int(attrs.get("seed", 0)),
            resamples=int(attrs.get("resamples", 200)),
            observed=self.bins.observed,
        )
        return found.ci_low, found.ci_high


def read_predicted(path: str | os.PathLike[str]) -> Predicted:
    """Read a file that `generate` wrote."""
    held = list_results(path)
    predicted = read_spike_probability(path)
    scores = read_scores(path) if "scores" in held else pd.DataFrame(columns=["predictor", "metric", "null"])
    models = read_models(path) if "models" in held else pd.DataFrame()
    bin_size = float(predicted.attrs["bin_size"])
    units = open_units(path, bin_size=bin_size, exclude=predicted.attrs.get("excluded", ()))
    units = units.sel(unit=predicted.unit.values)
    first, stop = float(predicted.time[0]), float(predicted.time[-1]) + bin_size
    segments = _find_segments(scores.attrs, models, (first, stop))
    window = cut(units, min(ends[0] for ends in segments.values()), stop)
    scored = cut(units, float(scores.attrs.get("segment_start", first)), stop)
    predicted = predicted.isel(time=slice(-scored.sizes["time"], None))
    drawn = read_generated_units(path) if "generated_units" in held else {}
    bins, others = _predict_again(units, scored, predicted, scores.attrs)
    return Predicted(
        read_recorded(window, segments),
        predicted.values,
        bins,
        float(predicted.time[0]),
        bin_size,
        others,
        scores,
        read_audits(path) if "audits" in held else pd.DataFrame(),
        models,
        [np.sort(drawn.get(unit, np.zeros(0))) for unit in predicted.unit.values.tolist()],
        {**predicted.attrs, "file": Path(path).name},
    )


def cut(units: xr.Dataset, start: float, stop: float) -> xr.Dataset:
    """Return the bins of a view from `start` to `stop` (s)."""
    # labels of float times: a bin is taken when its start is nearer than half a bin
    half = float(units.attrs["bin_size"]) / 2
    return units.sel(time=slice(start - half, stop - half))


def _find_segments(
    attrs: Mapping[Any, Any], models: pd.DataFrame, predicted: tuple[float, float]
) -> dict[SpanKind, tuple[float, float]]:
    """Return when a prediction's segments are: those of baselines, and the model's where they are the "
    "same."""
    found: dict[SpanKind, tuple[float, float]] = {}
    if attrs.get("train_start") is not None:
        found["train"] = float(attrs["train_start"]), float(attrs["train_stop"])
    training = models.training.iloc[0] if len(models) else {}
    entries = training.get("sources") or [training]
    for entry in entries:
        split = entry.get("split") or training.get("split") or {}
        own = split.get("train")
        # a model of another recording has a split of another clock
        if own and "train" in found and np.allclose(own, found["train"]) and split.get("validation"):
            start, stop = map(float, split["validation"])
            found["validation"] = start, stop
    return {**found, "test": predicted}


def _predict_again(
    units: xr.Dataset, scored: xr.Dataset, predicted: xr.DataArray, attrs: Mapping[Any, Any]
) -> tuple[Bins, dict[str, np.ndarray]]:
    """Return the scored bins, and what the baselines without a long fit predict of them."""
    if attrs.get("train_start") is None:
        return read_bins(scored), {}
    train = read_bins(cut(units, float(attrs["train_start"]), float(attrs["train_stop"])))
    # baselines read what the model has read, or pasts would be compared and not predictors
    read = past.find_context(predicted, scored, None)
    bins = read_bins(read, scored)
    first = 0 if read is None else read.sizes["time"]
    bin_size = float(scored.attrs["bin_size"])
    others, _ = predict_baselines(dict.fromkeys(_PREDICTED_AGAIN), bins, first, train, bin_size)
    return bins.since(first), others
