"""Scores of a derived file: as stored, or computed again from the spikes that it holds."""

from __future__ import annotations

import os
from typing import TypeVar

import pandas as pd
import xarray as xr

from nwbspikegen.core.context_start import note_context_start
from nwbspikegen.core.errors import InputError
from nwbspikegen.prediction.nwb_reading import list_results, read_scores, read_spike_probability
from nwbspikegen.scoring import BASELINES, score
from nwbspikegen.views import open_units
from nwbspikegen.views.holding import hold

_Record = TypeVar("_Record", xr.Dataset, xr.DataArray)


def read_or_recompute_scores(derived: str | os.PathLike[str], *, recompute: bool) -> pd.DataFrame | None:
    """Return the scores of a file that `generate` wrote, None when no bin of it could be scored.

    Parameters
    ----------
    derived : path
        What `write_results` wrote.
    recompute : bool
        Score the stored probabilities again on the recorded units of the same file, with the stored
        segment, context, training segment and seed, rather than read the stored table. Predictions
        that are neither the model nor a baseline are not stored, so their rows are left out.
    """
    if "scores" not in list_results(derived):
        return None
    stored = read_scores(derived)
    return _score_again(derived, stored) if recompute else stored


def _score_again(derived: str | os.PathLike[str], stored: pd.DataFrame) -> pd.DataFrame:
    predicted = read_spike_probability(derived)
    attrs, bin_size = stored.attrs, float(predicted.attrs["bin_size"])
    if "segment_start" not in attrs:
        raise InputError(f"scores in {derived} without their segment", "scores of `score`", "generate again")
    units = open_units(derived, bin_size=bin_size, exclude=attrs.get("excluded", ()))
    units = units.sel(unit=predicted.unit.values)
    start = float(attrs["segment_start"])
    stop = start + float(attrs["segment_duration"])
    fitted_from = attrs.get("train_start")
    ends = [float(attrs["context_start"]), stop]
    ends += [] if fitted_from is None else [float(fitted_from), float(attrs["train_stop"])]
    units = hold(_cut(units, min(ends), max(ends)))
    recorded = _cut(units, start, stop)
    part = _cut(predicted, start, stop)
    part = note_context_start(part, float(attrs["context_start"]))
    context = units if attrs["context"] == "warm" else None
    train = None
    if fitted_from is not None:
        train = _cut(units, float(fitted_from), float(attrs["train_stop"]))
    baselines = [name for name in stored.predictor.unique() if name in BASELINES]
    return score(
        part, recorded, train=train, context=context, baselines=baselines,
        seed=int(attrs["seed"]), resamples=int(attrs["resamples"]),
    )  # fmt: skip


def _cut(record: _Record, start: float, stop: float) -> _Record:
    half = float(record.attrs["bin_size"]) / 2
    time = record.time.values
    return record.isel(time=slice(int((time < start - half).sum()), int((time < stop - half).sum())))
