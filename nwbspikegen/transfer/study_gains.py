"""Which numbers of a study answer a question: gains over the untrained model, or scores as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.context_curves import label_context
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.scoring.table import UNTRAINED
from nwbspikegen.scoring.worth import WORTH
from nwbspikegen.transfer.evaluate import untrained_name
from nwbspikegen.transfer.evaluate_curves import collect_curves
from nwbspikegen.transfer.gains import collect_gains, name_null
from nwbspikegen.transfer.plan import StudyPlan
from nwbspikegen.transfer.scores import collect_scores, read_draws

_Table = Callable[[xr.Dataset], pd.DataFrame]


def read_gains(
    study: str | os.PathLike[str], plan: StudyPlan, model: str, visitors: Sequence[str] = ()
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return `collect_gains` of what a study has stored."""
    scores, draws = collect_scores(study, plan, visitors), read_draws(study, plan, visitors)
    curves = collect_curves(study, plan, model, [*plan.names, *visitors])
    return collect_gains(scores, draws, curves, model, resamples=plan.resamples)


def choose_scores(
    study: str | os.PathLike[str],
    plan: StudyPlan,
    model: str,
    context: str | float | None,
    asked: Mapping[str, Any],
    visitors: Sequence[str] = (),
) -> tuple[xr.Dataset, xr.Dataset, dict[str, Any]]:
    """Return scores, draws, and arguments with metric and null, of which recordings are ranked or laid out.

    Gains over the untrained model, of the headline context where none is named; the scores of the study where
    another metric or null is asked for, or where the model says nothing untrained.

    Raises
    ------
    InputError
        A context with a score that is not of gains, or one that was not measured.
    """
    metric, null = asked.get("metric"), asked.get("null")
    of_gains = metric in (None, WORTH) and (null is None or str(null).startswith(UNTRAINED))
    if of_gains and (context is not None or null or metric or has_untrained(study, plan, model, visitors)):
        gains, drawn = read_gains(study, plan, model, visitors)
        wanted = name_null(context) if context is not None else null or gains.attrs["headline_null"]
        if wanted not in gains["null"].values:
            raise InputError(
                f"no curves of context {label_context(context) if context is not None else null}",
                f"one of {', '.join(map(str, gains['null'].values))}",
                "measure it: --context, TransferStudy.add_contexts",
            )
        return gains, drawn, {**asked, "metric": metric or BITS_PER_SPIKE.name, "null": str(wanted)}
    if context is not None:
        raise InputError(
            f"context {context} with {metric or null}", "a context alone", "leave metric and null out"
        )
    return collect_scores(study, plan, visitors), read_draws(study, plan, visitors), dict(asked)


def has_untrained(
    study: str | os.PathLike[str], plan: StudyPlan, model: str, visitors: Sequence[str] = ()
) -> bool:
    """Return whether a model stands in the study as it is before training."""
    return untrained_name(model, plan.models) in collect_scores(study, plan, visitors)["predictor"].values


def join_tables_of_gains(
    study: str | os.PathLike[str], plan: StudyPlan, of_scores: _Table, of_gains: _Table
) -> pd.DataFrame:
    """Return a table of the scores, and below it one of the first model's gains, where it has any."""
    table = of_scores(collect_scores(study, plan))
    model = plan.models[0]
    if not has_untrained(study, plan, model):
        return table
    gains = of_gains(read_gains(study, plan, model)[0].sel(metric=[BITS_PER_SPIKE.name]))
    parts = [each for each in (table, gains) if len(each)]
    return pd.concat(parts, ignore_index=True) if parts else table


def say_rows_differ(scores: xr.Dataset, *, predictor: str, metric: str, null: str) -> str:
    """Return in how many columns rows differ by more than their intervals; empty without intervals.

    Examples
    --------
    >>> import numpy as np
    >>> coords = {"train_session": ["a", "b"], "test_session": ["c", "d"], "predictor": ["m"],
    ...           "metric": ["bits_per_spike"], "null": ["mean_rate"]}
    >>> low, high = np.array([[0.0, 0.0], [0.5, 2.0]]), np.array([[1.0, 1.0], [1.5, 3.0]])
    >>> ends = {name: (tuple(coords), each[..., None, None, None])
    ...         for name, each in (("ci_low", low), ("ci_high", high))}
    >>> say_rows_differ(xr.Dataset(ends, coords), predictor="m", metric="bits_per_spike", null="mean_rate")
    'rows differ by no more than their intervals in 1 of 2 columns'
    """
    picked = scores[["ci_low", "ci_high"]].sel(predictor=predictor, metric=metric, null=null)
    # intervals that all share a point: no row is apart from any other
    highest, lowest = picked["ci_low"].max("train_session"), picked["ci_high"].min("train_session")
    known = (highest.notnull() & (picked["ci_low"].notnull().sum("train_session") > 1)).values
    if not known.any():
        return ""
    alike = int((highest.values <= lowest.values)[known].sum())
    return f"rows differ by no more than their intervals in {alike} of {int(known.sum())} columns"


def pick_worth(gains: pd.DataFrame, context: str | float | None) -> pd.DataFrame:
    """Return the columns of a table of gains that say what they are worth, of one context or of all."""
    measured = list(dict.fromkeys(gains["context"]))
    if not measured or (context is not None and label_context(context) not in measured):
        raise InputError(
            f"no curve of context {context}" if context is not None else "no curve in the study",
            f"one of {', '.join(measured)}" if measured else "curves by context",
            "measure them: --context 0,1,5,10,30,60,warm, or TransferStudy.add_contexts and run",
        )
    kept = gains if context is None else gains[gains["context"] == label_context(context)]
    names = [
        *("train_session", "test_session", "context", WORTH, "worth_low", "worth_high", "bound"),
        *("gained_seconds", "measured_up_to", "independent", "shared"),
    ]
    return kept[names].reset_index(drop=True)
