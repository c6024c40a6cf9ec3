"""Training a row's model, once, and scoring it on what it was trained on."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import DESCRIPTION_FILE, FittedModel, SpikeModel, build_model, load_model
from nwbspikegen.prediction.together import predict_with_each
from nwbspikegen.scoring.evaluation import score_prediction
from nwbspikegen.scoring.segment import ScoredSegment, prepare_segment
from nwbspikegen.scoring.table import predict_baselines
from nwbspikegen.training import train
from nwbspikegen.training.settings import settings_of_model
from nwbspikegen.training.starting import load_start, settings_of_start
from nwbspikegen.transfer.cell_files import model_folder, state_folder, training_file, write_scores
from nwbspikegen.transfer.plan import StudyPlan
from nwbspikegen.transfer.turns import taking_turns
from nwbspikegen.views import Split
from nwbspikegen.views.observed import read_bins

_LOG = logging.getLogger("nwbspikegen")
NULLS = ("mean_rate", "running_rate")


def train_row(study: str, model: str, trained_on: tuple[str, ...], device: str = "auto") -> None:
    """Train a model on the training segments of sessions, validation choosing; do nothing if it is there.

    A training that was interrupted goes on from its last epoch. Of two processes that are asked for the
    same row, one trains and the other waits.
    """
    plan = StudyPlan.load(study)
    folder = model_folder(study, plan, model, trained_on)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # two commands may run one study: they would write the same checkpoints
    with taking_turns(folder):
        _train_row(study, plan, folder, model, trained_on, device)


def _train_row(
    study: str, plan: StudyPlan, folder: Path, model: str, trained_on: tuple[str, ...], device: str
) -> None:
    windows = None
    if not (folder / DESCRIPTION_FILE).is_file():
        windows = [plan.find(name).open() for name in trained_on]
        fitted = train(
            [parts.train for _, parts in windows],
            [parts.validation for _, parts in windows],
            model=model,
            seed=plan.seed,
            device=device,
            checkpoints=state_folder(folder),
            progress=False,
            **plan.training,
        )
        _with_options(fitted, plan, trained_on).save(folder, overwrite=True)
    # of a model that was there, too: who was killed between the two has left it
    shutil.rmtree(state_folder(folder), ignore_errors=True)
    scores = training_file(study, plan, model, trained_on)
    if not scores.is_file():
        windows = windows or [plan.find(name).open() for name in trained_on]
        _score_training(scores, load_model(folder), plan, trained_on, [parts for _, parts in windows])


def _with_options(fitted: FittedModel, plan: StudyPlan, trained_on: Sequence[str]) -> FittedModel:
    """Note the window options, with which `generate` opens a file of training again, if all are the same."""
    # one record of options is all that a model has
    options = {plan.find(name).options for name in trained_on}
    if len(options) > 1:
        return fitted
    return dataclasses.replace(fitted, training={**fitted.training, "options": options.pop().as_dict()})


def _score_training(
    path: Path, fitted: FittedModel, plan: StudyPlan, trained_on: Sequence[str], parts: Sequence[Split]
) -> None:
    """Score a model on the end of each training segment."""
    tables, draws = [], []
    for name, part in zip(trained_on, parts, strict=True):
        segment, bins, first = prepare_training_segment(part, plan)
        for _, prediction in predict_with_each([fitted.module], bins, first, fitted.bin_size):
            if isinstance(prediction, np.ndarray):
                table, drawn = score_prediction(segment, fitted.name, prediction)
                tables.append(table.assign(session=name))
                draws.append(drawn)
    write_scores(path, pd.concat(tables, ignore_index=True), np.concatenate(draws), {"segment": "training"})


def prepare_training_segment(parts: Split, plan: StudyPlan) -> tuple[ScoredSegment, Bins, int]:
    """Return the end of a training segment, for scoring; the bins of the segment; the first bin scored.

    As long as the test, and half the segment at most. Predictors read the segment from its start, and
    the nulls are fitted on it too.
    """
    bins = read_bins(parts.train)
    # the nulls are fitted on the whole segment, so that they have seen what is scored, as the model has
    first = max(len(bins.spikes) // 2, len(bins.spikes) - parts.test.sizes["time"])
    return prepare_scoring(bins, first, bins, parts.train, plan), bins, first


def prepare_scoring(
    bins: Bins, first: int, fitted_on: Bins, like: xr.Dataset, plan: StudyPlan
) -> ScoredSegment:
    """Return the bins from `first` on, with the nulls that bits per spike are counted from."""
    bin_size = float(like.attrs["bin_size"])
    nulls, _ = predict_baselines(dict.fromkeys(NULLS), bins, first, fitted_on, bin_size)
    scored = bins.since(first)
    return prepare_segment(
        scored.spikes,
        bin_size=bin_size,
        nulls=nulls,
        seed=plan.seed,
        resamples=plan.resamples,
        unit_ids=like["unit"].values,
        observed=scored.observed,
    )


def build_untrained(model: str, num_units: int, plan: StudyPlan) -> SpikeModel:
    """Return a model as it is before training, for some number of units."""
    settings = settings_of_model(plan.training)
    if "start_from" in plan.training:
        settings = {**settings_of_start(load_start(plan.training["start_from"], model)), **settings}
    # the caller's stream of random numbers stays where it was; no GPU is asked, for nothing is drawn on one
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return build_model(model, num_units, **settings).eval()
