"""What Optuna keeps of a sweep: which trials were begun, which are done, which come next."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nwbspikegen.core.setting_values import Value
from nwbspikegen.core.tasks import Outcome
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.sweep.plan import SweepPlan

_LOG = logging.getLogger("nwbspikegen")
# not SQLite: its locks fail on the network file systems of clusters
_JOURNAL_FILE = "optuna.journal"
CHOSEN_BY = f"validation_{BITS_PER_SPIKE.name}"
"""The score that trials are compared by."""


def open_study(out: Path, plan: SweepPlan) -> Any:
    """Return the Optuna study that lies in the folder of a sweep, a new one where there is none."""
    import optuna
    from optuna.samplers import GridSampler, TPESampler
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class AskedGrid(GridSampler):
        """The grid for who asks and tells: nothing is to be stopped when it is through."""

        # Optuna's calls `study.stop()`, which it refuses outside of `optimize`
        def after_trial(self, *arguments: Any, **named: Any) -> None:
            pass

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        # the journal's storage says at every start that it is experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # one line of JSON per event: nothing in it can execute code
        storage = JournalStorage(JournalFileBackend(str(out / _JOURNAL_FILE)))
        study = optuna.create_study(
            storage=storage, study_name="sweep", direction="maximize", load_if_exists=True
        )
    # the grid gives its points in an order of its seed, so its first ones are drawn at random; TPE must
    # not draw again what it drew before a sweep was killed
    study.sampler = (
        TPESampler(seed=plan.seed + len(study.trials))
        if plan.sampler == "tpe"
        else AskedGrid(plan.factors, seed=plan.seed)
    )
    return study


def find_begun(study: Any) -> list[Any]:
    """Return the trials that were running when a sweep was killed; nobody else runs any."""
    import optuna

    begun = []
    for frozen in study.trials:
        if frozen.state is optuna.trial.TrialState.RUNNING:
            # there is no public way to take up a trial that is running
            trial = optuna.trial.Trial(study, frozen._trial_id)
            if "grid_id" in frozen.system_attrs or frozen.params:
                begun.append(trial)
            else:
                # it was killed before it was given a place in the grid, which is still free
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return begun


def is_whole(trial: Any) -> bool:
    """Return whether a trial was given its point: one that was killed before it was has none."""
    return bool(trial.params)


def suggest_point(trial: Any, plan: SweepPlan) -> dict[str, Value]:
    """Return the point of a trial, which it keeps from the first time on."""
    return {name: trial.suggest_categorical(name, values) for name, values in plan.factors.items()}


def tell_outcome(study: Any, trial: Any, point: Mapping[str, Value], outcome: Outcome) -> None:
    """Store how a trial went: its score, or why it has none."""
    import optuna

    named = ", ".join(f"{name}={value}" for name, value in point.items())
    # Optuna takes no NaN: a trial without a finite score has failed, with its reason
    score = math.nan if outcome.error is not None else outcome.result.scores[CHOSEN_BY]
    if math.isfinite(score):
        study.tell(trial, score)
        _LOG.info("trial %d, %s: %.4f bits per spike on validation", trial.number, named, score)
        return
    reason = str(outcome.error or "no finite score")
    _LOG.warning("trial %d, %s, failed: %s", trial.number, named, reason)
    trial.set_user_attr("error", reason)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
