"""One trial of a sweep: train, predict validation and test, score; and the reference beside them."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from nwbspikegen.core.records import read_record, write_record
from nwbspikegen.core.setting_values import Value
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring import make_baseline, score
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, list_metrics
from nwbspikegen.sweep.plan import SweepPlan
from nwbspikegen.sweep.records import ReferenceRecord, TrialRecord
from nwbspikegen.training import train
from nwbspikegen.training.choosing import find_best_epoch
from nwbspikegen.views import Split, open_window
from nwbspikegen.views.holding import hold_window
from nwbspikegen.views.observed import read_bins

PLAN_FILE = "plan.json"
REFERENCE_FILE = "reference.json"
_TRIAL_FILE = "trial.json"
_REFERENCES = ("mean_rate", "running_rate", "online_hazard")
_NULL = "mean_rate"


def run_trial(folder: str, number: int, point: Mapping[str, Value]) -> TrialRecord:
    """Train one point of the sweep in `folder` and return its scores; what is done is not done again.

    The model goes to ``trials/NNN/model``, the scores beside it. A trial that was killed goes on from
    its last epoch.
    """
    place = _place(Path(folder), number)
    unfinished = place / "unfinished"
    if (done := read_trial(Path(folder), number)) is not None:
        # who was killed after the scores were there has left it
        shutil.rmtree(unfinished, ignore_errors=True)
        return done
    place.mkdir(parents=True, exist_ok=True)
    plan = read_plan(Path(folder))
    units, parts = hold_window(*open_window(plan.recording, plan.options, report=False))
    arguments, settings = plan.settings_of(point, units.sizes["unit"])
    # told, for then the seconds are those since it went on
    resumed, began = unfinished.is_dir(), time.perf_counter()
    fitted = train(
        parts.train,
        parts.validation,
        model=plan.model,
        epochs=plan.epochs,
        seed=plan.seed,
        device=plan.device,
        checkpoints=unfinished,
        progress=False,
        # a loss that is varied wins over the plan's
        **{"loss": plan.loss, **arguments},
        **settings,
    )
    trained = time.perf_counter()
    fitted = dataclasses.replace(fitted, training={**fitted.training, "options": plan.options.as_dict()})
    fitted.save(place / "model", overwrite=True)
    scores = _score_segments(fitted, units, parts, plan.seed)
    best = find_best_epoch(fitted)
    result = TrialRecord.model_validate(
        {
            "num_parameters": sum(each.numel() for each in fitted.module.parameters()),
            "settings": fitted.parameters,
            **scores,
            "best_epoch": int(best["epoch"]),
            "num_epochs": len(fitted.curves),
            "train_seconds": trained - began,
            "score_seconds": time.perf_counter() - trained,
            "resumed": resumed,
            "sha256": fitted.sha256,
        }
    )
    write_record(place / _TRIAL_FILE, result, overwrite=True)
    # after the scores are there: killed before, the trial finds its last epoch again
    shutil.rmtree(unfinished, ignore_errors=True)
    return result


def read_trial(folder: Path, number: int) -> TrialRecord | None:
    """Return what `run_trial` has returned, None when it has not yet."""
    path = _place(folder, number) / _TRIAL_FILE
    if not path.is_file():
        return None
    return read_record(path, TrialRecord, "the scores of a trial", "delete the file and sweep again")


def run_reference(folder: str) -> dict[str, dict[str, float]]:
    """Score the predictors that need no training of weights, by their names."""
    place = Path(folder, REFERENCE_FILE)
    # once for all trials: nothing of it depends on the point
    if not place.is_file():
        plan = read_plan(Path(folder))
        units, parts = hold_window(*open_window(plan.recording, plan.options, report=False))
        found = {}
        for name in _REFERENCES:
            baseline = make_baseline(name)
            fitted_on = read_bins(parts.train)
            baseline.fit(fitted_on.spikes, plan.options.bin_size, fitted_on.observed)
            found[name] = _score_segments(baseline, units, parts, plan.seed)
        write_record(place, ReferenceRecord.model_validate(found), overwrite=True)
    # read again even when just made: a sweep that goes on has the same digits
    stored = read_record(place, ReferenceRecord, "scores of a sweep", "delete the file and sweep again")
    return stored.predictors


def read_plan(folder: Path) -> SweepPlan:
    """Return the plan that lies in the folder of a sweep."""
    return read_record(
        folder / PLAN_FILE, SweepPlan, "the plan of a sweep", "restore it, or pass --overwrite"
    )


def _place(folder: Path, number: int) -> Path:
    return folder / "trials" / f"{number:03d}"


def _score_segments(predictor: Any, units: xr.Dataset, parts: Split, seed: int) -> dict[str, float]:
    """Return scores one step ahead on validation and test, warm: alike, whatever the input length."""
    found: dict[str, float] = {}
    for name in ("validation", "test"):
        segment = getattr(parts, name)
        predicted = generate(predictor, segment, context=units)
        table = score(predicted, segment, train=parts.train, context=units, baselines=(), seed=seed)
        for metric in list_metrics():
            # a generated train has no interval, and so no place among the scores that are compared
            if not metric.has_interval:
                continue
            row = _row(table, metric.name, _NULL if metric.needs_null else "")
            found[f"{name}_{metric.name}"] = float(row.value)
            if metric is BITS_PER_SPIKE:
                found.update({f"{name}_bits_low": float(row.ci_low), f"{name}_bits_high": float(row.ci_high)})
    return found


def _row(table: pd.DataFrame, metric: str, null: str) -> Any:
    return table[table.metric.eq(metric) & table["null"].eq(null)].iloc[0]
