"""The cells of a study's matrix that recommendations are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.metrics import find_metric, list_metrics
from nwbspikegen.scoring.worth import WORTH

# what learns from no recording: a trained model must beat all of them before its row is worth choosing
TRIVIAL = ("running_rate", "online_hazard", "untrained")


@dataclass(frozen=True)
class MatrixCells:
    """One score of all rows and columns.

    Attributes
    ----------
    values : array (train, test)
        The score.
    independent : array (train, test)
        Which cells have a score and share neither session, subject nor time with their target.
    within : array (test,)
        The score of each column when trained on the same recording; NaN where it was not.
    drawn : array (draw, train, test) or None
        Bootstrap draws of the score.
    """

    values: Float64[np.ndarray, "train test"]
    independent: Bool[np.ndarray, "train test"]
    within: Float64[np.ndarray, " test"]
    drawn: Float64[np.ndarray, "draw train test"] | None


def collect_matrix_cells(
    scores: xr.Dataset, draws: xr.Dataset | None, *, predictor: str, metric: str, null: str
) -> MatrixCells:
    """Return what a study has of one score."""
    matrix = pick_matrix(scores, predictor=predictor, metric=metric, null=null)
    drawn = pick_drawn(draws, scores, predictor=predictor, metric=metric, null=null)
    values = np.asarray(matrix.values, dtype=np.float64)
    return MatrixCells(values, find_independent(scores, matrix), _find_within(scores, matrix), drawn)


def pick_drawn(
    draws: xr.Dataset | None, scores: xr.Dataset, *, predictor: str, metric: str, null: str
) -> Float64[np.ndarray, "draw train test"] | None:
    """Return the draws of one score, rows and columns as in `scores`; None when it was not drawn."""
    wanted = {"predictor": predictor, "metric": metric, "null": null}
    if draws is None or any(name not in draws[dim].values for dim, name in wanted.items()):
        return None
    # draws are kept in an order of their own: rows and columns are found by name
    matrix = pick_matrix(draws, predictor=predictor, metric=metric, null=null)
    order = {dim: scores[dim].values for dim in ("train_session", "test_session")}
    drawn = np.asarray(matrix.reindex(order).values, dtype=np.float64)
    # a segment of a single block cannot be drawn from
    return drawn if np.isfinite(drawn).any() else None


def pick_matrix(
    table: xr.Dataset, *, predictor: str, metric: str, null: str, variable: str = "value"
) -> xr.DataArray:
    """Return one score of all rows and columns, dims (draw,) train_session, test_session.

    Raises
    ------
    InputError
        The study has no such score.
    """
    chosen = {"predictor": predictor, "metric": metric, "null": null}
    for dim, wanted in chosen.items():
        there = [str(each) for each in table[dim].values]
        if wanted not in there:
            raise InputError(f"no {dim} {wanted!r}", f"one of {', '.join(map(repr, there))}", "choose one")
    picked = table[variable].sel(chosen, drop=True)
    return picked.transpose(..., "train_session", "test_session")


def require_higher(metric: str) -> str:
    """Return the name of a score, given that or ``package.module:name``, of which more is better.

    ``worth_seconds`` is one too, though no metric of a prediction alone.

    Raises
    ------
    InputError
        Nobody knows it, or more of it is not better.

    Examples
    --------
    >>> require_higher("roc_auc_per_unit")
    'roc_auc_per_unit'
    """
    if metric == WORTH:
        return metric
    found = find_metric(metric, is_typed=True)
    # "best" is the largest everywhere below
    if found.better != "higher":
        ranked = ", ".join(each.name for each in list_metrics() if each.better == "higher")
        raise InputError(f"score {metric}, of which more is not better", f"one of {ranked}", "choose one")
    return found.name


def pick_trivial(
    table: xr.Dataset, name: str, *, predictor: str, metric: str, null: str
) -> xr.DataArray | None:
    """Return a score of one of `TRIVIAL` for every column; None when the study has not got it.

    It trains on no other recording, so that its score is the same in every row that has one. Of several
    models, the untrained one is that of `predictor`.
    """
    if name == "untrained" and name not in table["predictor"].values:
        name = f"untrained_{predictor}"
    if any(wanted not in table[dim].values for dim, wanted in (("predictor", name), ("metric", metric))):
        return None
    matrix = pick_matrix(table, predictor=name, metric=metric, null=null)
    # a model may be refused in some cells, and the trivial score is written once for the column
    first = np.isfinite(matrix.values).argmax(axis=-2, keepdims=True)
    values = np.take_along_axis(matrix.values, first, axis=-2).squeeze(-2)
    return matrix.isel(train_session=0, drop=True).copy(data=values)


def find_independent(scores: xr.Dataset, values: xr.DataArray) -> Bool[np.ndarray, "train test"]:
    """Return which cells have a score and share neither session, subject nor time with their target."""
    independent = scores["independent"].transpose("train_session", "test_session").values
    return np.asarray(independent.astype(bool) & np.isfinite(values.values))


def _find_within(scores: xr.Dataset, values: xr.DataArray) -> Float64[np.ndarray, " test"]:
    """Return the score of each column when trained on the same recording; NaN where it was not."""
    rows = {str(name): row for row, name in enumerate(scores["train_session"].values)}
    within = np.full(values.sizes["test_session"], np.nan)
    for column, name in enumerate(scores["test_session"].values):
        if str(name) in rows:
            within[column] = float(values.values[rows[str(name)], column])
    return within


def name_kinds(scores: xr.Dataset) -> list[str]:
    """Return of each row whether it is a "single" recording, a "mixture", or all "others"."""
    columns = {str(name) for name in scores["test_session"].values}
    kinds = []
    for name in map(str, scores["train_session"].values):
        # the target need not be a row of the study, so that a single row need not be a column
        is_several = name not in columns and "+" in name
        kinds.append("mixture" if is_several else "others" if name == "others" else "single")
    return kinds


def require_target(scores: xr.Dataset, target: str) -> int:
    """Return the column of a target, or raise `InputError`."""
    columns = [str(name) for name in scores["test_session"].values]
    if target not in columns:
        raise InputError(f"target {target!r}", f"one of {', '.join(columns)}", "add it to the study first")
    return columns.index(target)


def interval(drawn: Float64[np.ndarray, "draw"] | None) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of what was drawn, NaN when nothing was."""
    finite = np.empty(0) if drawn is None else drawn[np.isfinite(drawn)]
    if not len(finite):
        return float("nan"), float("nan")
    # percentiles, not mean and SD: draws of bits per spike are skewed where few blocks hold most spikes
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
