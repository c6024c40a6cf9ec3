"""All scores of a study in one Dataset, and their bootstrap draws in another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, list_metrics
from nwbspikegen.transfer.cell_files import (
    cell_file,
    column_file,
    read_draws_file,
    read_scores_file,
    training_file,
)
from nwbspikegen.transfer.evaluate import untrained_name
from nwbspikegen.transfer.independence import compare_rows, find_preparation, find_subject
from nwbspikegen.transfer.plan import StudyPlan
from nwbspikegen.transfer.sessions import OTHERS

VALUES = (
    *("value", "ci_low", "ci_high", "num_units", "num_spikes", "num_silent_units", "num_blocks"),
    "observed_fraction",
)
DIMS = ("train_session", "test_session", "predictor", "metric", "null")
HEADLINE = {"headline_metric": BITS_PER_SPIKE.name, "headline_null": "mean_rate"}

_Rows = Iterator[tuple[str, str, pd.DataFrame, Path]]


def collect_scores(
    study: str | os.PathLike[str], plan: StudyPlan, visitors: Sequence[str] = ()
) -> xr.Dataset:
    """Return what has been scored so far; cells that are missing are NaN.

    Parameters
    ----------
    study : path
        Folder of the study.
    plan : StudyPlan
        What it consists of.
    visitors : sequence of str
        Targets that are not of the study, as further columns.
    """
    columns = [*plan.names, *visitors]
    found = list(_find_tables(study, plan, columns))
    if not found:
        raise InputError(f"no scores in {study}", "a study that was run", "call run() first")
    predictors, metrics, nulls = _find_names(plan, (table for *_, table, _ in found))
    rows = plan.rows()
    shape = (len(rows), len(columns), len(predictors), len(metrics), len(nulls))
    values = {name: np.full(shape, np.nan) for name in VALUES}
    reliable = np.zeros(shape, dtype=bool)
    place = _place_in(predictors, metrics, nulls)
    for row, tested, table, _ in found:
        # trivial predictors are the same in every row: written once, shown in all
        at_row: int | slice = rows.index(row) if row else slice(None)
        at = (at_row, columns.index(tested), *place(table))
        for name, array in values.items():
            # a study that was begun with an older version lacks the newest column
            array[at] = table[name].to_numpy(dtype=np.float64) if name in table else 1.0
        reliable[at] = table["ci_reliable"].to_numpy(dtype=bool)
    coords = dict(zip(DIMS, (rows, columns, predictors, metrics, nulls), strict=True))
    dataset = xr.Dataset({name: (DIMS, array) for name, array in values.items()}, coords)
    dataset["ci_reliable"] = (DIMS, reliable)
    dataset["training_value"] = (
        ("train_session", "predictor", "metric", "null"),
        _read_training(study, plan, rows, place, (len(predictors), len(metrics), len(nulls))),
    )
    dataset.attrs.update(
        context="warm", bin_size=plan.sessions[0].options.bin_size, models=list(plan.models), **HEADLINE
    )
    return _add_sessions(dataset, plan)


def read_draws(study: str | os.PathLike[str], plan: StudyPlan, visitors: Sequence[str] = ()) -> xr.Dataset:
    """Return the bootstrap draws of the main scores: of a column, the same blocks for all."""
    columns, rows = [*plan.names, *visitors], plan.rows()
    drawn_of = [each.name for each in list_metrics() if each.is_main]
    found = []
    for row, tested, table, path in _find_tables(study, plan, columns):
        kept = table["metric"].isin(drawn_of).to_numpy()
        if kept.any():
            drawn = read_draws_file(path)[table.index[kept]]
            found.append((row, tested, table[kept], drawn))
    predictors, metrics, nulls = _find_names(plan, (table for _, _, table, _ in found))
    num_draws = max((drawn.shape[1] for *_, drawn in found), default=0)
    shape = (num_draws, len(rows), len(columns), len(predictors), len(metrics), len(nulls))
    values = np.full(shape, np.nan, dtype=np.float32)
    place = _place_in(predictors, metrics, nulls)
    for row, tested, table, drawn in found:
        at = place(table)
        for number in range(len(rows)) if not row else (rows.index(row),):
            # segments with a single block have no draws, and stay NaN
            values[slice(drawn.shape[1]), number, columns.index(tested), at[0], at[1], at[2]] = drawn.T
    coords = dict(zip(DIMS, (rows, columns, predictors, metrics, nulls), strict=True))
    return xr.Dataset({"value": (("draw", *DIMS), values)}, coords)


def _find_tables(study: str | os.PathLike[str], plan: StudyPlan, columns: Sequence[str]) -> _Rows:
    """Give row, column, table and file of all that is scored; the row is "" where it holds for all."""
    for tested in columns:
        path = column_file(study, plan, tested)
        if path.is_file():
            table, _ = read_scores_file(path)
            yield "", tested, table[table["segment"] == "test"], path
    for cell in plan.cells(columns):
        path = cell_file(study, plan, cell)
        if path.is_file():
            table, _ = read_scores_file(path)
            if len(table):  # none where a model was refused
                yield cell.row, cell.tested, table, path


def _find_names(plan: StudyPlan, tables: Iterable[pd.DataFrame]) -> tuple[list[str], list[str], list[str]]:
    """Return predictors, metrics and nulls, models first."""
    found: list[dict[str, None]] = [{}, {}, {}]
    for table in tables:
        for names, column in zip(found, ("predictor", "metric", "null"), strict=True):
            names.update(dict.fromkeys(table[column]))
    first = [*plan.models, *(untrained_name(model, plan.models) for model in plan.models)]
    present = found[0]
    predictors = [
        name for name in (*first, *(name for name in present if name not in first)) if name in present
    ]
    return predictors, list(found[1]), sorted(found[2])


def _place_in(
    predictors: list[str], metrics: list[str], nulls: list[str]
) -> Callable[[pd.DataFrame], tuple[np.ndarray, ...]]:
    """Return what tells where the rows of a table belong."""
    indices = [pd.Index(names) for names in (predictors, metrics, nulls)]

    def place(table: pd.DataFrame) -> tuple[np.ndarray, ...]:
        named = zip(indices, ("predictor", "metric", "null"), strict=True)
        return tuple(index.get_indexer(pd.Index(table[column])) for index, column in named)

    return place


def _read_training(
    study: str | os.PathLike[str],
    plan: StudyPlan,
    rows: Sequence[str],
    place: Callable[[pd.DataFrame], tuple[np.ndarray, ...]],
    shape: tuple[int, ...],
) -> np.ndarray:
    """Return the scores of every row on its own training segment: of a mixture, the mean over sessions."""
    values = np.full((len(rows), *shape), np.nan)
    for number, row in enumerate(rows):
        if row == OTHERS:
            continue
        names = plan.trained_on(row, "")
        tables = [_read_controls(study, plan, name) for name in names]
        paths = [training_file(study, plan, model, names) for model in plan.models]
        tables += [read_scores_file(path)[0] for path in paths if path.is_file()]
        both = pd.concat([table for table in tables if len(table)] or [pd.DataFrame()])
        if len(both):
            mean = both.groupby(["predictor", "metric", "null"])[["value"]].mean().reset_index()
            at = place(mean)
            known = np.all([positions >= 0 for positions in at], axis=0)
            predictor, metric, null = (positions[known] for positions in at)
            values[number, predictor, metric, null] = mean["value"].to_numpy()[known]
    return values


def _read_controls(study: str | os.PathLike[str], plan: StudyPlan, name: str) -> pd.DataFrame:
    path = column_file(study, plan, name)
    if not path.is_file():
        return pd.DataFrame()
    table, _ = read_scores_file(path)
    return table[table["segment"] == "training"]


def _add_sessions(dataset: xr.Dataset, plan: StudyPlan) -> xr.Dataset:
    """Add who the sessions are and what each row shares with each column."""
    rows, columns = dataset.train_session.values.tolist(), dataset.test_session.values.tolist()
    members = {row: plan.names if row == OTHERS else plan.trained_on(row, "") for row in rows}
    about = {session.name: session.about for session in (*plan.sessions, *plan.visitors)}
    table = compare_rows(plan, columns)
    coords: dict[str, tuple[str | tuple[str, ...], np.ndarray]] = {
        "train_preparation": (
            "train_session",
            np.array([find_preparation(members[row], about) for row in rows]),
        ),
        "test_preparation": ("test_session", np.array([about[name]["preparation"] for name in columns])),
        "train_subject": ("train_session", np.array([find_subject(members[row], about) for row in rows])),
        "test_subject": ("test_session", np.array([about[name]["subject_id"] for name in columns])),
    }
    for name in ("same_session", "same_subject", "same_lab", "overlap_s", "independent", "shared"):
        matrix = table[name].to_numpy().reshape(len(rows), len(columns))
        if name == "shared":
            matrix = matrix.astype(str)
        coords[name] = (("train_session", "test_session"), matrix)
    return dataset.assign_coords(coords)
