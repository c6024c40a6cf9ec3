"""Which recordings are good seeds for many targets, and which targets are easy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float64

from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.scoring.table import UNTRAINED
from nwbspikegen.transfer.recommendation_cells import (
    TRIVIAL,
    MatrixCells,
    collect_matrix_cells,
    interval,
    name_kinds,
    pick_trivial,
    require_higher,
)


def rank_seeds(
    scores: xr.Dataset,
    draws: xr.Dataset | None = None,
    *,
    predictor: str,
    metric: str = BITS_PER_SPIKE.name,
    null: str = "mean_rate",
) -> pd.DataFrame:
    """Rank the rows of a study by how well they serve the targets that are independent of them.

    Parameters
    ----------
    scores, draws, predictor, metric, null
        As of `recommend`.

    Returns
    -------
    DataFrame
        One row per training row, best first: ``rank``, ``train_session``, ``kind``, ``num_targets``
        (independent ones), ``mean_value`` over them with ``ci_low`` and ``ci_high`` (from draws, so of
        the time that was recorded, not of other animals), ``transfer_share`` (mean over targets of
        (value - untrained) / (within - untrained), within being a model trained on the target itself, where
        that gains something; missing in a study without `untrained`), ``rank_low`` and ``rank_high`` (95 %
        of draws),
        ``mean_place`` (place among the independent rows of each target, 0 the best and 1 the worst,
        averaged; it decides the rank, since targets differ in how much there is to gain) and
        ``num_best`` (targets of which it is the best). Rows without an independent target come last
        and have no rank.

    Examples
    --------
    >>> names = ["a", "b", "c"]
    >>> coords = {"train_session": names, "test_session": names, "predictor": ["in_context"],
    ...           "metric": ["bits_per_spike"], "null": ["mean_rate"]}
    >>> values = np.array([[2.0, 0.9, 0.8], [1.0, 1.0, 0.4], [1.2, 0.2, 1.0]])
    >>> pair = (("train_session", "test_session"), ~np.eye(3, dtype=bool))
    >>> scores = xr.Dataset({"value": (tuple(coords), values[:, :, None, None, None])}, coords)
    >>> seeds = rank_seeds(scores.assign_coords(independent=pair), predictor="in_context")
    >>> seeds[["train_session", "mean_place"]].values.tolist()
    [['a', 0.0], ['c', 0.5], ['b', 1.0]]
    """
    chosen = {"metric": require_higher(metric), "null": null}
    cells = collect_matrix_cells(scores, draws, predictor=predictor, **chosen)
    place = _place_rows(cells.values, cells.independent)
    share = _find_shares(scores, draws, cells, predictor=predictor, **chosen)
    ranks = None if cells.drawn is None else [_rank_seeds(each, cells.independent) for each in cells.drawn]
    rows = []
    for row, (name, kind) in enumerate(
        zip(scores["train_session"].values.astype(str), name_kinds(scores), strict=True)
    ):
        served = cells.independent[row]
        of_draws = None if cells.drawn is None else _mean(cells.drawn[:, row, served], axis=1)
        low, high = interval(of_draws)
        rows.append(
            {
                "train_session": name,
                "kind": kind,
                "num_targets": int(served.sum()),
                "mean_value": _mean(cells.values[row, served]),
                "ci_low": low,
                "ci_high": high,
                "transfer_share": _mean(share[row, served]),
                "mean_place": _mean(place[row, served]),
                "num_best": int((place[row, served] == 0.0).sum()),
                **_find_rank_ends(ranks, row),
            }
        )
    # a mean of bits would be decided by the one target with most to gain, such as a retina beside a slice
    return _rank(rows, ["mean_place", "mean_value"], [True, False])


def rank_targets(
    scores: xr.Dataset,
    draws: xr.Dataset | None = None,
    *,
    predictor: str,
    metric: str = BITS_PER_SPIKE.name,
    null: str = "mean_rate",
) -> pd.DataFrame:
    """Rank the columns of a study by how well they are predicted from recordings independent of them.

    Parameters
    ----------
    scores, draws, predictor, metric, null
        As of `recommend`.

    Returns
    -------
    DataFrame
        One row per target, the easiest first: ``rank``, ``test_session``, ``num_rows`` (independent
        ones), ``mean_value`` over them with ``ci_low`` and ``ci_high``, ``best_value`` and
        ``best_row``, ``within`` (trained on the target itself), ``transfer_share`` and ``rank_low`` with
        ``rank_high`` as of `rank_seeds`, and the score of
        each trivial predictor that the study has, with ``num_above_NAME``: how many rows beat it.
    """
    chosen = {"predictor": predictor, "metric": require_higher(metric), "null": null}
    cells = collect_matrix_cells(scores, draws, **chosen)
    trivial = {name: pick_trivial(scores, name, **chosen) for name in TRIVIAL}
    names = scores["train_session"].values.astype(str)
    share = _find_shares(scores, draws, cells, **chosen)
    ranks = None if cells.drawn is None else [_rank_targets(each, cells.independent) for each in cells.drawn]
    rows = []
    for column, target in enumerate(scores["test_session"].values.astype(str)):
        served = cells.independent[:, column]
        found = cells.values[served, column]
        of_draws = None if cells.drawn is None else _mean(cells.drawn[:, served, column], axis=1)
        low, high = interval(of_draws)
        row: dict[str, Any] = {
            "test_session": target,
            "num_rows": int(served.sum()),
            "mean_value": _mean(found),
            "ci_low": low,
            "ci_high": high,
            "best_value": found.max() if len(found) else np.nan,
            "best_row": names[served][found.argmax()] if len(found) else "",
            "within": cells.within[column],
            "transfer_share": _mean(share[served, column]),
            **_find_rank_ends(ranks, column),
        }
        for name, scored in trivial.items():
            if scored is not None:
                row[name] = float(scored.values[column])
                row[f"num_above_{name}"] = int((found > row[name]).sum())
        rows.append(row)
    return _rank(rows, ["mean_value"], [False])


def _place_rows(
    values: Float64[np.ndarray, "train test"], independent: Bool[np.ndarray, "train test"]
) -> Float64[np.ndarray, "train test"]:
    """Return each row's place in each column, from 0 (best) to 1, NaN where it has no rival."""
    ranks = pd.DataFrame(np.where(independent, values, np.nan)).rank(ascending=False, method="average")
    rivals = independent.sum(axis=0) - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        # from 0 to 1: columns with many rivals must not weigh more than those with few
        place = (ranks.to_numpy() - 1.0) / rivals
    return np.where(np.isfinite(place), place, np.nan)


def _find_shares(
    scores: xr.Dataset, draws: xr.Dataset | None, cells: MatrixCells, **chosen: str
) -> Float64[np.ndarray, "train test"]:
    """Return (value - untrained) / (within - untrained), NaN where within gains nothing.

    Nothing is what its interval says, or the gain itself where there are no draws.
    """
    untrained = pick_trivial(scores, UNTRAINED, **chosen)
    if untrained is None:
        return np.full(cells.values.shape, np.nan)
    known = np.asarray(untrained.values, dtype=np.float64)
    own_gain = cells.within - known
    low = own_gain.copy()
    before = None if draws is None else pick_trivial(draws, UNTRAINED, **chosen)
    rows = {str(name): row for row, name in enumerate(scores["train_session"].values)}
    if before is not None and cells.drawn is not None:
        before = before.reindex(test_session=scores["test_session"].values)
        for column, name in enumerate(map(str, scores["test_session"].values)):
            if name in rows:
                drawn = cells.drawn[:, rows[name], column] - before.isel(test_session=column).values
                low[column] = interval(drawn)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Float64[np.ndarray, "train test"] = np.where(
            low > 0.0, (cells.values - known) / own_gain, np.nan
        )
    return share


def _rank_seeds(
    values: Float64[np.ndarray, "train test"], independent: Bool[np.ndarray, "train test"]
) -> Float64[np.ndarray, " train"]:
    """Return the rank of every row by its mean place, NaN where it has none."""
    place = _mean(_place_rows(values, independent & np.isfinite(values)), axis=1)
    return np.asarray(pd.Series(place).rank(method="min"), dtype=np.float64)


def _rank_targets(
    values: Float64[np.ndarray, "train test"], independent: Bool[np.ndarray, "train test"]
) -> Float64[np.ndarray, " test"]:
    """Return the rank of every column by its mean over independent rows."""
    mean = _mean(np.where(independent, values, np.nan), axis=0)
    return np.asarray(pd.Series(mean).rank(ascending=False, method="min"), dtype=np.float64)


def _find_rank_ends(ranks: list[Float64[np.ndarray, " name"]] | None, place: int) -> dict[str, float]:
    low, high = interval(None if ranks is None else np.array([each[place] for each in ranks]))
    return {"rank_low": low, "rank_high": high}


def _mean(values: Any, axis: int | None = None) -> Any:
    """Return the mean of what is there, NaN of nothing, without numpy's warning."""
    values = np.asarray(values, dtype=np.float64)
    count = np.isfinite(values).sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nansum(values, axis=axis) / count


def _rank(rows: list[dict[str, Any]], by: list[str], ascending: list[bool]) -> pd.DataFrame:
    """Return rows in order, with a rank where there is something to rank by."""
    table = pd.DataFrame(rows).sort_values(by, ascending=ascending, kind="stable", na_position="last")
    rank = np.arange(1, len(table) + 1)
    known = table["mean_value"].notna().to_numpy()
    table.insert(0, "rank", pd.Series(np.where(known, rank, 0), table.index, dtype="Int64"))
    table.loc[~known, "rank"] = pd.NA
    return table.reset_index(drop=True)
