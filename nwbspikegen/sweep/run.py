"""Vary parameters of a model on one recording: the whole of `nwbspikegen sweep`."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import hash_recording, require_recording
from nwbspikegen.core.clusters import Certificates
from nwbspikegen.core.errors import (
    InputError,
    MissingExtraError,
    OutputError,
    require_extra,
    require_seed,
)
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.large_arrays import large_arrays_in
from nwbspikegen.core.owners import hold_alone
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.core.progress import show_progress
from nwbspikegen.core.records import write_record
from nwbspikegen.core.setting_values import Value
from nwbspikegen.core.tasks import Task, open_client, require_shared, run_tasks
from nwbspikegen.scoring.metrics import list_metrics
from nwbspikegen.sweep.plan import SAMPLERS, SweepPlan, require_plan
from nwbspikegen.sweep.records import TABLES_FILE, SweepTables, TrialRecord
from nwbspikegen.sweep.study import (
    CHOSEN_BY,
    find_begun,
    is_whole,
    open_study,
    suggest_point,
    tell_outcome,
)
from nwbspikegen.sweep.trial import PLAN_FILE, read_plan, read_trial, run_reference, run_trial
from nwbspikegen.views import WindowOptions, open_window

_LOG = logging.getLogger("nwbspikegen")


@dataclasses.dataclass(frozen=True)
class SweepReport:
    """What `run_sweep` made.

    Attributes
    ----------
    path : Path
        The folder.
    plan : SweepPlan
        What was varied.
    trials : DataFrame
        One row per trial: its factors, state, number of parameters, scores on validation and test,
        epochs, seconds.
    reference : dict
        Scores of predictors that need no training of weights, by name.
    figures : list of Path
        One per factor.
    """

    path: Path
    plan: SweepPlan
    trials: pd.DataFrame
    reference: dict[str, dict[str, float]]
    figures: list[Path]

    @property
    def best(self) -> dict[str, Any]:
        """The trial with the most bits per spike on validation; test scores have no say."""
        # a trial that failed has no score, and does not end the choice
        place = int(np.nanargmax(self.trials[CHOSEN_BY].to_numpy(dtype=float)))
        return {str(name): value for name, value in self.trials.iloc[place].items()}


def run_sweep(
    recording: str | os.PathLike[str],
    out: str | os.PathLike[str],
    factors: Mapping[str, Sequence[Value]],
    *,
    options: WindowOptions | None = None,
    model: str = "shimono2026",
    loss: str | None = None,
    epochs: int | None = None,
    match_parameters: bool = False,
    sampler: str = "grid",
    trials: int | None = None,
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    certificates: Certificates | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Value] | None = None,
) -> SweepReport:
    """Train a model at many points, score each on validation and test, draw a figure per factor.

    A sweep that was interrupted, or killed, goes on in its folder when the same is asked for again:
    finished trials are kept, the one that was running goes on from its last epoch.

    Parameters
    ----------
    recording : path or address
        NWB file.
    out : path
        Folder of the sweep.
    factors : mapping of name to values
        Parameters of the architecture (also called `heads` and `input_length`), `learning_rate`,
        `weight_decay` or `loss`.
    options : WindowOptions, optional
        Window, units and split.
    model, loss, epochs, seed, device
        As for `nwbspikegen.train`, of every trial.
    match_parameters : bool, default: False
        Widen the feed-forward layers so that every depth has as many parameters as the deepest.
    sampler : {"grid", "random", "tpe"}
        All combinations, or `trials` of them, drawn by one of Optuna's samplers.
    trials : int, optional
        How many trials; for random and tpe.
    workers, scheduler, certificates
        As for `nwbspikegen.core.tasks.open_client`.
    overwrite : bool, default: False
        Begin anew instead of going on.
    settings : mapping of name to value, optional
        Settings that are the same in every trial, of the same names as factors.

    Raises
    ------
    InputError
        An unknown factor, or a value that no model can have; or every trial failed.
    OutputError
        The folder holds something else, or another sweep.
    MissingExtraError
        Optuna is not installed.
    """
    out, options = Path(out), options or WindowOptions()
    require_extra("scale", "optuna", purpose="sweeps")
    require_seed(seed)
    # scores of installed packages that cannot be used are told before the work, not after it
    list_metrics()
    address = require_recording(recording)
    plan = SweepPlan(
        recording=str(address),
        source=hash_recording(address) or str(address),
        factors={name: list(each) for name, each in factors.items()},
        model=model,
        loss=loss,
        epochs=epochs,
        options=options,
        match_parameters=match_parameters,
        sampler=sampler,
        trials=_count_trials(factors, sampler, trials),
        seed=seed,
        device=device,
        settings=dict(settings or {}),
    )
    # a factor that no network can have is told before anything is written
    units, _ = open_window(recording, options)
    require_plan(plan, units.sizes["unit"])
    # Optuna's journal, and trials that were begun, are of one process
    with hold_alone(out), large_arrays_in(out):
        _prepare(out, plan, overwrite)
        study = open_study(out, plan)
        with open_client(scheduler, workers, certificates=certificates) as client:
            require_shared(client, out / PLAN_FILE)
            _run_all(study, plan, out, client)
        reference = run_reference(str(out))
        table = _write_tables(out, study, plan, reference)
    _require_one(table)
    return SweepReport(out, plan, table, reference, _draw(out, table, plan, reference))


def _run_all(study: Any, plan: SweepPlan, out: Path, client: Any) -> None:
    """Ask for trials, run them, tell how they went; Optuna's storage is touched by this process alone."""
    done = sum(trial.state.is_finished() and is_whole(trial) for trial in study.trials)
    if done:
        _LOG.info("%d of %d trials are done already", done, plan.trials)
    # trials that were begun when the sweep was killed are among those left, and go on from their last epoch
    left, begun = plan.trials - done, find_begun(study)
    # scored once, with the first trials, where a worker would otherwise wait for them
    tasks = [Task("reference", run_reference, (str(out),))]
    # a sampler that learns is asked again when it has heard how the last ones went
    together = left if plan.sampler != "tpe" else _count_workers(client)
    with show_progress("trials of the sweep", left, at_once=True) as work:
        while left > 0:
            # Optuna's journal is one file, which this process alone writes: workers get a number and a point
            asked = begun[:left] + [study.ask() for _ in range(min(together, left) - len(begun))]
            begun = begun[left:]
            trials = {f"trial-{trial.number}": (trial, suggest_point(trial, plan)) for trial in asked}
            tasks += [
                Task(key, run_trial, (str(out), trial.number, point), takes_gpu=plan.device != "cpu")
                for key, (trial, point) in trials.items()
            ]
            for outcome in run_tasks(tasks, client):
                if outcome.task.key in trials:
                    tell_outcome(study, *trials[outcome.task.key], outcome)
                    # after each trial: a sweep of days can be looked at, and plotted, while it runs
                    _write_tables(out, study, plan, None)
                    work.advance()
            left, tasks = left - len(asked), []


def _write_tables(
    out: Path, study: Any, plan: SweepPlan, reference: dict[str, dict[str, float]] | None
) -> pd.DataFrame:
    """Write the trials so far as CSV and JSON, and return them."""
    rows = []
    for trial in filter(is_whole, study.trials):
        point = {name: trial.params.get(name) for name in plan.factors}
        state = trial.state.name.lower()
        done = read_trial(out, trial.number) if state == "complete" else None
        error = trial.user_attrs.get("error", "")
        rows.append({"trial": trial.number, **point, "state": state, **_tabulate(done, plan), "error": error})
    table = pd.DataFrame(rows)
    with write_whole(out / "trials.csv", overwrite=True) as temporary:
        guard_formulas(table).to_csv(temporary, index=False)
    # by way of pandas: JSON knows no missing number but null
    listed = json.loads(table.to_json(orient="records"))
    write_record(out / TABLES_FILE, SweepTables(trials=listed, reference=reference), overwrite=True)
    return table


def _tabulate(done: TrialRecord | None, plan: SweepPlan) -> dict[str, Any]:
    """Return the columns of a trial that went well, and of any other the one that all must have."""
    width = {"feedforward": done and done.settings.get("feedforward")} if plan.match_parameters else {}
    if done is None:
        return width
    return {
        **width,
        "num_parameters": done.num_parameters,
        **done.scores,
        **done.model_dump(include={"best_epoch", "num_epochs", "train_seconds", "score_seconds"}),
        "resumed": done.resumed,
        "sha256": done.sha256,
    }


def _draw(
    out: Path, table: pd.DataFrame, plan: SweepPlan, reference: dict[str, dict[str, float]]
) -> list[Path]:
    try:
        from nwbspikegen.plot import save_figure
        from nwbspikegen.sweep.figure import plot_sweep

        return [
            save_figure(plot_sweep(table, name, reference=reference), out / f"{name}.png", overwrite=True)
            for name in plan.factors
        ]
    except MissingExtraError as error:
        _LOG.warning("no figure is drawn: %s", error)
        return []


def _prepare(out: Path, plan: SweepPlan, overwrite: bool) -> None:
    """Begin a folder, or check that the sweep that lies there is this one."""
    if (out / PLAN_FILE).is_file() and not overwrite:
        # compared as JSON has it: a tuple that was asked for and a list that was read are one
        if plan.computes() != read_plan(out).computes():
            raise OutputError(
                f"{out} with another sweep",
                "the same recording, window, factors and settings",
                "choose another folder, or pass --overwrite",
            )
    else:
        # an empty folder is as good as none
        require_absent(
            out, overwrite=overwrite or (out.is_dir() and not any(out.iterdir())), marker=PLAN_FILE
        )
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
    write_record(out / PLAN_FILE, plan, overwrite=True)


def _count_trials(factors: Mapping[str, Sequence[Value]], sampler: str, trials: int | None) -> int:
    if sampler not in SAMPLERS:
        raise InputError(f"sampler {sampler!r}", f"one of {', '.join(SAMPLERS)}", "choose one of these")
    # a grid of some trials would be its first ones, which is no design at all
    if (sampler == "grid") != (trials is None):
        raise InputError(
            f"sampler {sampler} with {trials or 'no'} trials",
            "a number of trials for random and tpe, none for grid, which takes all",
            "correct one of them",
        )
    if trials is not None and trials < 1:
        raise InputError(f"{trials} trials", "1 or more", "correct --trials")
    size = math.prod(len(values) for values in factors.values())
    # drawn without putting back: there are no more
    if sampler == "random" and trials is not None and trials > size:
        raise InputError(f"{trials} trials", f"at most {size}, all combinations", "correct --trials")
    return trials or size


def _count_workers(client: Any) -> int:
    return 1 if client is None else max(1, len(client.scheduler_info(n_workers=-1)["workers"]))


def _require_one(table: pd.DataFrame) -> None:
    if not (table.state == "complete").any():
        raise InputError(
            f"no trial that worked: {table.error.iloc[0]}", "at least one", "correct the factors"
        )
