"""Scores of a derived file: as stored, or computed again from the spikes that it holds."""

from __future__ import annotations

import logging
import os
from typing import TypeVar

import pandas as pd
import xarray as xr

from nwbspikegen.core.context_start import note_context_start
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.prediction.nwb_reading import (
    list_results,
    read_models,
    read_scores,
    read_spike_probability,
)
from nwbspikegen.scoring import BASELINES, score
from nwbspikegen.scoring.table import UNTRAINED
from nwbspikegen.views import open_units
from nwbspikegen.views.holding import hold

_LOG = logging.getLogger("nwbspikegen")
_ENDS = ("context_start", "train_start", "train_stop")
_Record = TypeVar("_Record", xr.Dataset, xr.DataArray)


def open_recorded(derived: str | os.PathLike[str], *, recompute: bool) -> xr.Dataset:
    """Return the recorded units of a derived file, held, as long as its prediction or its scores need.

    Parameters
    ----------
    derived : path
        What `write_results` wrote, with `spike_probability`.
    recompute : bool
        Whether it is scored again, for which the bins that were read and trained on are needed too.
    """
    predicted = read_spike_probability(derived)
    bin_size = float(predicted.attrs["bin_size"])
    units = open_units(derived, bin_size=bin_size, exclude=predicted.attrs.get("excluded", ()))
    ends = [float(predicted.time[0]), float(predicted.time[-1]) + bin_size]
    if recompute and "scores" in list_results(derived):
        attrs = read_scores(derived).attrs
        # from the first bin that anything read: baselines are fitted and warmed up as they were
        ends += [float(attrs[name]) for name in _ENDS if attrs.get(name) is not None]
    return hold(_cut(units.sel(unit=predicted.unit.values), min(ends), max(ends)))


def read_or_recompute_scores(
    derived: str | os.PathLike[str], *, recompute: bool, recorded: xr.Dataset | None = None
) -> pd.DataFrame | None:
    """Return the scores of a file that `generate` wrote, None when no bin of it could be scored.

    Parameters
    ----------
    derived : path
        What `write_results` wrote.
    recompute : bool
        Score the stored probabilities again on the recorded units of the same file, with the stored
        segment, context, training segment and seed, rather than read the stored table. The model before
        training is built and predicts again. Other predictions that are neither the model nor a baseline
        are not stored, so their rows are left out.
    recorded : Dataset, optional
        What `open_recorded` returned.
    """
    if "scores" not in list_results(derived):
        return None
    stored = read_scores(derived)
    return _score_again(derived, stored, recorded) if recompute else stored


def _score_again(
    derived: str | os.PathLike[str], stored: pd.DataFrame, units: xr.Dataset | None
) -> pd.DataFrame:
    attrs = stored.attrs
    if "segment_start" not in attrs:
        raise InputError(f"scores in {derived} without their segment", "scores of `score`", "generate again")
    units = open_recorded(derived, recompute=True) if units is None else units
    start = float(attrs["segment_start"])
    stop = start + float(attrs["segment_duration"])
    predicted = read_spike_probability(derived)
    part = _cut(predicted, start, stop)
    part = note_context_start(part, float(attrs["context_start"]))
    train = None
    if attrs.get("train_start") is not None:
        train = _cut(units, float(attrs["train_start"]), float(attrs["train_stop"]))
    predictors = list(stored.predictor.unique())
    others = {}
    if UNTRAINED in predictors:
        # all that was predicted, as it was then: from elsewhere sums are taken in another order
        first, last = float(predicted.time[0]), float(predicted.time[-1]) + float(predicted.attrs["bin_size"])
        read = _cut(units, float(attrs["context_start"]), last)
        others = _predict_untrained(derived, read, _cut(units, first, last))
    others = {name: _cut(each, start, stop) for name, each in others.items()}
    return score(
        part,
        _cut(units, start, stop),
        train=train,
        # cold is told, not found: a segment at the start of the window has no past either
        context=units if attrs["context"] == "warm" else None,
        baselines=[name for name in predictors if name in BASELINES],
        extra_predictions=others,
        seed=int(attrs["seed"]),
        resamples=int(attrs["resamples"]),
    )


def _predict_untrained(
    derived: str | os.PathLike[str], read: xr.Dataset, segment: xr.Dataset
) -> dict[str, xr.DataArray]:
    """Return what the stored model predicted before training, nothing where it cannot be built again."""
    stored = read_models(derived).iloc[0]
    bin_size = float(segment.attrs["bin_size"])
    try:
        # files are scored without torch too
        from nwbspikegen.models import FittedModel, build_model
        from nwbspikegen.prediction.one_step import generate

        module = build_model(str(stored["name"]), segment.sizes["unit"], **stored["parameters"])
    except (InputError, MissingExtraError) as error:
        _LOG.warning("%s is left out: %s", UNTRAINED, error)
        return {}
    before = FittedModel(module, str(stored["loss"]), bin_size, stored["training"]).before_training()
    return {UNTRAINED: generate(before, segment, context=read)}


def _cut(record: _Record, start: float, stop: float) -> _Record:
    half = float(record.attrs["bin_size"]) / 2
    time = record.time.values
    # counted, not selected by label: times of a file and of a view differ by rounding
    return record.isel(time=slice(int((time < start - half).sum()), int((time < stop - half).sum())))
