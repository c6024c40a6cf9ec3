"""Which recording to train on for a target, and how sure that is."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float64

from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.transfer.recommendation_cells import (
    TRIVIAL,
    collect_matrix_cells,
    interval,
    name_kinds,
    pick_matrix,
    pick_trivial,
    require_higher,
    require_target,
)
from nwbspikegen.transfer.recommendation_verdicts import judge_rows, tell_limits

_LOG = logging.getLogger(__name__)


def recommend(
    scores: xr.Dataset,
    draws: xr.Dataset | None,
    target: str,
    *,
    predictor: str,
    metric: str = BITS_PER_SPIKE.name,
    null: str = "mean_rate",
) -> pd.DataFrame:
    """Rank the rows of a study, single recordings and mixtures, as training data for a target.

    Only rows that share no session, subject or time with the target are ranked: the others are listed
    below them, marked, for what they would give says nothing of a new animal. Differences are paired:
    both scores are computed of the same draws of the target's blocks.

    Parameters
    ----------
    scores : Dataset (train_session, test_session, predictor, metric, null)
        Of a transfer study, with the coordinates `independent` and `shared`.
    draws : Dataset (draw, ...), optional
        Bootstrap draws of the same scores. Without them no interval, probability or verdict of
        difference can be given.
    target : str
        A session of the columns.
    predictor : str
        The trained model.
    metric, null : str
        A score of which more is better.

    Returns
    -------
    DataFrame
        One row per training row, best first: ``rank`` (missing where not independent),
        ``train_session``, ``train_preparation``, ``kind`` (single, mixture, others), ``value`` with
        ``ci_low`` and ``ci_high``, ``independent``, ``shared``, ``rank_low`` and ``rank_high`` (95 % of
        draws), ``probability_best`` (share of draws
        in which the row is the best of the independent ones), ``verdict``, and, for ``best``, the
        ``untrained`` model and the trivial predictors that the study has, ``against_NAME`` with ``_low``
        and ``_high``: value minus theirs, with its 95 % interval. Its attrs hold what was ranked and a
        ``note`` on what limits the answer: few independent rows, no draws, few blocks.

    Raises
    ------
    InputError
        No such target, predictor or score, or a score of which more is not better.

    Notes
    -----
    The best row is chosen and judged on the same bins, so its value is a little flattering. Each
    interval is one comparison; none is corrected for how many there are.

    Examples
    --------
    >>> coords = {"train_session": ["a", "b"], "test_session": ["c"], "predictor": ["in_context"],
    ...           "metric": ["bits_per_spike"], "null": ["mean_rate"]}
    >>> pair = (("train_session", "test_session"), np.array([[True], [True]]))
    >>> value = (tuple(coords), np.array([0.1, 0.4]).reshape(2, 1, 1, 1, 1))
    >>> scores = xr.Dataset({"value": value}, coords).assign_coords(independent=pair)
    >>> recommend(scores, None, "c", predictor="in_context").train_session.tolist()
    ['b', 'a']
    """
    column = require_target(scores, target)
    chosen = {"metric": require_higher(metric), "null": null}
    cells = collect_matrix_cells(scores, draws, predictor=predictor, **chosen)
    values, independent = cells.values[:, column], cells.independent[:, column]
    drawn = None if cells.drawn is None else cells.drawn[:, :, column]
    table = _describe_rows(scores, column, values, independent)
    table["ci_low"], table["ci_high"] = _pick_intervals(scores, column, predictor, chosen)
    # chosen by the value itself: the mean over draws would add their bias
    best = int(np.argmax(np.where(independent, values, -np.inf))) if independent.any() else None
    table["rank_low"], table["rank_high"] = _find_rank_ends(drawn, independent)
    table["probability_best"] = _share_best(drawn, independent)
    if best is not None:
        _add_against(table, "best", values, values[best], drawn, None if drawn is None else drawn[:, best])
    for name in TRIVIAL:
        trivial = pick_trivial(scores, name, predictor=predictor, **chosen)
        if trivial is not None:
            of_draws = _pick_trivial_drawn(draws, name, target, {"predictor": predictor, **chosen})
            _add_against(table, name, values, float(trivial.values[column]), drawn, of_draws)
    table["verdict"] = judge_rows(table, best)
    table = _order(table)
    reliable = True
    if "ci_reliable" in scores:
        told = pick_matrix(scores, predictor=predictor, variable="ci_reliable", **chosen)
        # of the rows that are ranked: what is not independent limits nothing
        reliable = bool(told.values[independent, column].astype(bool).all())
    table.attrs.update(
        target=target,
        predictor=predictor,
        **chosen,
        num_independent=int(independent.sum()),
        note=tell_limits(int(independent.sum()), drawn is not None, reliable),
    )
    if table.attrs["note"]:
        _LOG.warning("%s: %s", target, table.attrs["note"])
    return table


def _pick_trivial_drawn(
    draws: xr.Dataset | None, name: str, target: str, chosen: dict[str, str]
) -> Float64[np.ndarray, " draw"] | None:
    if draws is None or target not in draws["test_session"].values:
        return None
    trivial = pick_trivial(draws, name, **chosen)
    return None if trivial is None else np.asarray(trivial.sel(test_session=target), dtype=np.float64)


def _describe_rows(
    scores: xr.Dataset,
    column: int,
    values: Float64[np.ndarray, " train"],
    independent: Bool[np.ndarray, " train"],
) -> pd.DataFrame:
    num_rows = len(values)
    shared = (
        scores["shared"].isel(test_session=column).values.astype(str)
        if "shared" in scores.coords
        else np.full(num_rows, "")
    )
    preparation = (
        scores["train_preparation"].values.astype(str)
        if "train_preparation" in scores.coords
        else np.full(num_rows, "")
    )
    # rows that are not independent have no rank, however good: what they would give a new animal is unknown
    rank = pd.Series(np.where(independent, values, np.nan)).rank(ascending=False, method="min")
    return pd.DataFrame(
        {
            "rank": rank.astype("Int64"),
            "train_session": scores["train_session"].values.astype(str),
            "train_preparation": preparation,
            "kind": name_kinds(scores),
            "value": values,
            "ci_low": np.nan,
            "ci_high": np.nan,
            "independent": scores["independent"].isel(test_session=column).values.astype(bool),
            "shared": shared,
        }
    )


def _pick_intervals(
    scores: xr.Dataset, column: int, predictor: str, chosen: dict[str, str]
) -> tuple[Any, Any]:
    """Return the ends of the study's own intervals, NaN when it has none."""
    ends = [
        pick_matrix(scores, predictor=predictor, variable=name, **chosen).values[:, column]
        if name in scores
        else np.nan
        for name in ("ci_low", "ci_high")
    ]
    return ends[0], ends[1]


def _find_rank_ends(
    drawn: Float64[np.ndarray, "draw train"] | None, independent: Bool[np.ndarray, " train"]
) -> tuple[Any, Any]:
    """Return between which ranks each independent row lies in 95 % of draws, NaN for the others."""
    if drawn is None or not independent.any():
        return np.nan, np.nan
    rivals = pd.DataFrame(np.where(independent, drawn, np.nan))
    ranks = rivals.rank(axis=1, ascending=False, method="min").to_numpy()
    ends = [interval(row) for row in ranks.T]
    return [low for low, _ in ends], [high for _, high in ends]


def _share_best(
    drawn: Float64[np.ndarray, "draw train"] | None, independent: Bool[np.ndarray, " train"]
) -> Float64[np.ndarray, " train"]:
    """Return in what share of draws each row is the best of the independent ones, NaN for the others.

    Rows that are equal in a draw share it.
    """
    if drawn is None or not independent.any():
        return np.full(len(independent), np.nan)
    rivals = np.where(independent & np.isfinite(drawn), drawn, -np.inf)
    rivals = rivals[np.isfinite(rivals).any(axis=1)]
    # draws are paired: every row is compared on the same blocks, so that easy blocks favour nobody
    wins = (rivals == rivals.max(axis=1, keepdims=True)).astype(np.float64)
    share = (wins / wins.sum(axis=1, keepdims=True)).mean(axis=0) if len(wins) else np.nan
    return np.where(independent, share, np.nan)


def _add_against(
    table: pd.DataFrame,
    name: str,
    values: Float64[np.ndarray, " train"],
    other: float,
    drawn: Float64[np.ndarray, "draw train"] | None,
    other_drawn: Float64[np.ndarray, " draw"] | None,
) -> None:
    """Add the difference of every row to another score, with its paired interval."""
    table[f"against_{name}"] = values - other
    ends = [(float("nan"), float("nan"))] * len(values)
    if drawn is not None and other_drawn is not None:
        # differences of the same draws, not of two intervals: what makes a block easy for both cancels
        ends = [interval(row - other_drawn) for row in drawn.T]
    table[f"against_{name}_low"], table[f"against_{name}_high"] = zip(*ends, strict=True)


def _order(table: pd.DataFrame) -> pd.DataFrame:
    """Return independent rows first, each part best first, the verdict in front of the differences."""
    table = table.sort_values(["independent", "value"], ascending=False, kind="stable", na_position="last")
    last = [name for name in map(str, table) if name.startswith("against_")]
    return table[[name for name in table if name not in last] + last].reset_index(drop=True)
