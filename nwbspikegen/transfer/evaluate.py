"""Scoring the models of many rows on one column, and what is the same for every row of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import DESCRIPTION_FILE, FittedModel, load_model
from nwbspikegen.prediction.together import count_together, predict_with_each
from nwbspikegen.scoring.evaluation import COLUMNS, score_prediction
from nwbspikegen.scoring.independence import audit_independence
from nwbspikegen.scoring.past import extent
from nwbspikegen.scoring.segment import ScoredSegment
from nwbspikegen.scoring.table import DEFAULT_BASELINES, UNTRAINED, predict_baselines
from nwbspikegen.transfer.cell_files import cell_file, column_file, model_folder, write_scores
from nwbspikegen.transfer.plan import MatrixCell, StudyPlan
from nwbspikegen.transfer.training_rows import (
    build_untrained,
    prepare_scoring,
    prepare_training_segment,
)
from nwbspikegen.views import Split
from nwbspikegen.views.observed import observed_before, read_bins

_LOG = logging.getLogger("nwbspikegen")


def untrained_name(model: str, models: Sequence[str]) -> str:
    """Return what tables of a study call one of its models before training.

    Examples
    --------
    >>> untrained_name("in_context", ["in_context"])
    'untrained'
    """
    return UNTRAINED if len(models) == 1 else f"{UNTRAINED}_{model}"


def evaluate_cells(study: str, cells: Sequence[MatrixCell]) -> int:
    """Score models on the test segment of one session; return how many cells were written.

    Cells that are there already are left alone, and each is written as soon as it is scored. All read
    the session's past from the start of its window (warm).

    Raises
    ------
    InputError
        A cell lacks its model, as when training failed; the other cells are written first.
    """
    plan = StudyPlan.load(study)
    wanted = [cell for cell in cells if not cell_file(study, plan, cell).is_file()]
    # a row whose training failed must not cost the others of this task
    missing = [cell for cell in wanted if has_model(study, plan, cell.model, cell.trained_on)]
    if missing:
        _evaluate_trained(study, plan, missing)
    if len(missing) < len(wanted):
        rows = [cell.row for cell in wanted if cell not in missing]
        raise InputError(
            f"no model trained on {', '.join(rows)} to test on {wanted[0].tested}",
            "trained models",
            "see why training failed, correct it, and run again",
        )
    return len(missing)


def has_model(
    study: str | os.PathLike[str], plan: StudyPlan, model: str, trained_on: tuple[str, ...]
) -> bool:
    """Return whether the model of a row has been written."""
    return (model_folder(study, plan, model, trained_on) / DESCRIPTION_FILE).is_file()


def _evaluate_trained(study: str, plan: StudyPlan, missing: Sequence[MatrixCell]) -> None:
    session = plan.find(missing[0].tested)
    units, parts = session.open()
    bins, first = read_until_test_ends(units, parts)
    segment = prepare_scoring(bins, first, read_bins(parts.train), parts.test, plan)
    # each batch reads the past once; the smaller it is, the more often
    most = count_together(*segment.spikes.shape)
    for start in range(0, len(missing), most):
        few = missing[start : start + most]
        models = [load_model(model_folder(study, plan, cell.model, cell.trained_on)) for cell in few]
        for model in models:
            require_unseen(model, parts.test)
        for cell, model, table, draws, reason in _score_each(few, models, bins, first, segment):
            about = {"model_sha256": model.sha256, "trained_on": list(cell.trained_on), "refused": reason}
            write_scores(cell_file(study, plan, cell), table, draws, about)


def _score_each(
    cells: Sequence[MatrixCell],
    models: Sequence[FittedModel],
    bins: Bins,
    first: int,
    segment: ScoredSegment,
) -> Iterator[tuple[MatrixCell, FittedModel, pd.DataFrame, np.ndarray, str]]:
    """Give the scores of every cell, or why it has none."""
    # rates and kernels of a model are per bin: of another width they mean something else
    fitting = [model for model in models if np.isclose(model.bin_size, segment.bin_size, rtol=1e-9)]
    for cell, model in zip(cells, models, strict=True):
        if model not in fitting:
            yield cell, model, *_nothing(), f"trained in bins of {model.bin_size} s"
    places = [(cell, model) for cell, model in zip(cells, models, strict=True) if model in fitting]
    modules = [model.module for model in fitting]
    for place, prediction in predict_with_each(modules, bins, first, segment.bin_size):
        cell, model = places[place]
        if isinstance(prediction, InputError):
            yield cell, model, *_nothing(), str(prediction)
        else:
            yield cell, model, *score_prediction(segment, cell.model, prediction), ""


def _nothing() -> tuple[pd.DataFrame, np.ndarray]:
    return pd.DataFrame(columns=list(COLUMNS)), np.empty((0, 0))


def evaluate_column(study: str, tested: str) -> None:
    """Score what is the same for every row of a column: the baselines and the untrained models.

    Also scored on the end of the session's training segment, for the group `training`.
    """
    plan = StudyPlan.load(study)
    path = column_file(study, plan, tested)
    if path.is_file():
        return
    units, parts = plan.find(tested).open()
    fitted_on = read_bins(parts.train)
    bins, first = read_until_test_ends(units, parts)
    test = prepare_scoring(bins, first, fitted_on, parts.test, plan)
    tables, draws = _score_controls(plan, test, bins, first, fitted_on)
    training, bins, first = prepare_training_segment(parts, plan)
    others, other_draws = _score_controls(plan, training, bins, first, fitted_on)
    table = pd.concat([tables.assign(segment="test"), others.assign(segment="training")], ignore_index=True)
    # a segment of one block has no draw
    width = max(draws.shape[1], other_draws.shape[1])
    both = [
        np.pad(drawn, ((0, 0), (0, width - drawn.shape[1])), constant_values=np.nan)
        for drawn in (draws, other_draws)
    ]
    write_scores(path, table, np.concatenate(both), {"about": plan.find(tested).about})


def _score_controls(
    plan: StudyPlan,
    segment: ScoredSegment,
    bins: Bins,
    first: int,
    fitted_on: Bins,
) -> tuple[pd.DataFrame, np.ndarray]:
    scored = []
    # a plan holds names: the list of defaults is what a study has for which none were named
    asked_for = plan.baselines != DEFAULT_BASELINES
    # one at a time: predictions of a long segment are hundreds of megabytes each
    for name in plan.baselines:
        made, left_out = predict_baselines(
            {name: None}, bins, first, fitted_on, segment.bin_size, asked_for=asked_for
        )
        for reason in left_out.values():
            _LOG.warning("%s is left out: %s", name, reason)
        scored += [score_prediction(segment, name, prediction) for prediction in made.values()]
    for model in plan.models:
        untrained = build_untrained(model, bins.spikes.shape[1], plan)
        for _, prediction in predict_with_each([untrained], bins, first, segment.bin_size):
            # a model for a fixed number of units has no untrained counterpart for others
            if isinstance(prediction, np.ndarray):
                scored.append(score_prediction(segment, untrained_name(model, plan.models), prediction))
    tables, draws = zip(*scored, strict=True)
    return pd.concat(tables, ignore_index=True), np.concatenate(draws)


def read_until_test_ends(units: xr.Dataset, parts: Split) -> tuple[Bins, int]:
    """Return the bins from the start of the window to the end of the test segment, and its first bin."""
    # the test segment follows training and validation: both are its past, which every predictor reads
    past = observed_before(parts.test, units)
    return read_bins(past, parts.test), 0 if past is None else past.sizes["time"]


def require_unseen(model: FittedModel, test: xr.Dataset) -> None:
    """Raise `InputError` when a bin that is scored was used to fit or choose the weights."""
    # asked of the model's own record, not of the plan: a folder that was put together by hand is found out
    about: dict[str, Any] = dict(test.attrs)
    for row in audit_independence(model.training, about, extent(test)):
        if not row.passed:
            raise InputError(
                f"{row.value:g} s of the test segment in the training of its model ({row.detail})",
                "bins that the model has not seen",
                "make a new study: its files do not belong together",
            )
