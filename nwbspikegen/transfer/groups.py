"""The paper's groups of cells, and whether a predictor is better than another in each."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring import correct_by_holm

_LOG = logging.getLogger("nwbspikegen")

PREPARATIONS = ("in_vitro", "in_vivo")
_AGAINST = ("running_rate", "untrained", "mean_rate")
# 2^16 = 65,536 arrangements take a moment, and one more target doubles it
_MOST_EXACT = 16
# the standard error of a p of 0.05 is then 0.0015
_NUM_FLIPS = 20_000


def summarise_groups(scores: xr.Dataset) -> pd.DataFrame:
    """Return mean and SD over the cells of each group of Shimono 2026, for all predictors and metrics.

    Rows trained on one session each enter; sessions without a preparation do not. `training` is the
    score on a row's own training segment.

    Parameters
    ----------
    scores : Dataset
        What `TransferStudy.scores` is.

    Returns
    -------
    DataFrame
        ``group, predictor, metric, null, mean, sd, num_cells, num_dependent``; `sd` is that of a sample
        and `num_dependent` counts cells whose training and test sessions are not independent.
    """
    single = _keep_single_rows(scores)
    tables = []
    for group, cells in _find_groups(single).items():
        values = single["value"].where(cells).stack(cell=("train_session", "test_session"))
        table = _summarise(group, values, "cell")
        dependent = cells & ~single["independent"]
        tables.append(table.assign(num_dependent=int(dependent.sum())))
    for preparation in PREPARATIONS:
        rows = single["train_preparation"] == preparation
        if bool(rows.any()):
            values = single["training_value"].where(rows)
            table = _summarise(f"{preparation} training", values, "train_session")
            tables.append(table.assign(num_dependent=int(rows.sum())))
    if not tables:
        _LOG.warning("no group: no recording says its preparation, keyword preparation:in_vitro or in_vivo")
        return pd.DataFrame(columns=list(_COLUMNS))
    return _sort(pd.concat(tables, ignore_index=True)[list(_COLUMNS)])


def compare_groups(scores: xr.Dataset, against: str | None = None, *, seed: int = 0) -> pd.DataFrame:
    """Test in each group whether predictors are better than a trivial one, target session by target session.

    Cells of a matrix share rows and columns. So the difference to `against` is averaged over the rows
    of each target, and the targets' means are tested by flipping signs: all ways up to 16 targets,
    20,000 random ones beyond; two-sided. p is corrected by Holm over all groups and predictors of a
    metric and null. With n targets no p is below 2 / 2^n. By default `against` is `running_rate`, or
    `untrained` or `mean_rate` in a study that lacks it.

    Returns
    -------
    DataFrame
        ``group, predictor, against, metric, null, difference, num_targets, p_value, p_holm``.

    Raises
    ------
    InputError
        The study has no such predictor.
    """
    against = _require_against(scores, against)
    single = _keep_single_rows(scores)
    rows = []
    for group, cells in _find_groups(single).items():
        difference = (single["value"] - single["value"].sel(predictor=against)).where(cells)
        # targets are the sample: rows of one target share its spikes, and are no further evidence
        means = difference.mean("train_session", skipna=True).transpose(*_NAMES, "test_session").values
        names = itertools.product(*(scores[dim].values for dim in _NAMES))
        for (predictor, metric, null), found in zip(names, means.reshape(-1, means.shape[-1]), strict=True):
            values = found[np.isfinite(found)]
            # a predictor against itself would be a test more for Holm to correct by
            if predictor != against and len(values):
                rows.append(
                    {
                        "group": group,
                        "predictor": str(predictor),
                        "against": against,
                        "metric": str(metric),
                        "null": str(null),
                        "difference": float(values.mean()),
                        "num_targets": len(values),
                        "p_value": flip_signs(values, seed=seed),
                    }
                )
    columns = ["group", "predictor", "against", "metric", "null", "difference", "num_targets", "p_value"]
    table = pd.DataFrame(rows, columns=columns)
    table["p_holm"] = np.nan
    # a family for each score: scores of one prediction say much the same, and one is read at a time
    for _, family in table.groupby(["metric", "null"]):
        table.loc[family.index, "p_holm"] = correct_by_holm(family["p_value"].to_numpy())
    return _sort(table)


def _require_against(scores: xr.Dataset, against: str | None) -> str:
    """Return whom predictors are tested against: by default the first of some that the study has."""
    there = [str(name) for name in scores["predictor"].values]
    if against is None:
        found = next((name for name in _AGAINST if name in there), None)
    else:
        found = against if against in there else None
    if found is None:
        raise InputError(
            f"no {against or ' or '.join(_AGAINST)} in the study",
            f"one of {', '.join(there)}",
            "choose one: against=",
        )
    return found


def flip_signs(values: Float64[np.ndarray, " target"], *, seed: int = 0) -> float:
    """Return the two-sided p-value of a sign-flip test that values are symmetric about 0.

    Examples
    --------
    >>> flip_signs(np.array([1.0, 2.0, 3.0]))
    0.25
    """
    if len(values) <= _MOST_EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values))))
        reached = np.abs(signs @ values)
        # sums of another order miss the observed one by rounding, and must count as reached
        return float(np.mean(reached >= np.abs(values.sum()) * (1 - 1e-12)))
    signs = np.random.default_rng(seed).choice((1.0, -1.0), (_NUM_FLIPS, len(values)))
    exceeded = int((np.abs(signs @ values) >= np.abs(values.sum()) * (1 - 1e-12)).sum())
    # the observed arrangement is one of those possible, so that no p is 0 (Phipson and Smyth 2010)
    return (exceeded + 1) / (_NUM_FLIPS + 1)


_COLUMNS = ("group", "predictor", "metric", "null", "mean", "sd", "num_cells", "num_dependent")
_NAMES = ("predictor", "metric", "null")
_GROUPS = (
    *(f"{preparation} {what}" for preparation in PREPARATIONS for what in ("training", "self", "others")),
    *("in_vitro to in_vivo", "in_vivo to in_vitro"),
)
"""Names of the groups, in order."""


def _keep_single_rows(scores: xr.Dataset) -> xr.Dataset:
    """Return the square of the matrix: mixed rows, and columns that are no rows, are left out."""
    both = [name for name in scores.train_session.values if name in set(scores.test_session.values)]
    return scores.sel(train_session=both, test_session=both)


def _find_groups(scores: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return which cells are in each group that has any."""
    own: Bool[np.ndarray, "row column"] = (
        scores.train_session.values[:, None] == scores.test_session.values[None, :]
    )
    is_self = xr.DataArray(own, dims=("train_session", "test_session"))
    groups = {}
    for one, other in itertools.product(PREPARATIONS, repeat=2):
        cells = (scores["train_preparation"] == one) & (scores["test_preparation"] == other)
        if one == other:
            groups[f"{one} self"] = cells & is_self
            groups[f"{one} others"] = cells & ~is_self
        else:
            groups[f"{one} to {other}"] = cells
    return {name: cells for name, cells in groups.items() if bool(cells.any())}


def _summarise(group: str, values: xr.DataArray, dim: str) -> pd.DataFrame:
    count = values.notnull().sum(dim)
    table = xr.Dataset(
        # of a sample of recordings; cells share rows and columns, so that it is no standard error
        {"mean": values.mean(dim), "sd": values.std(dim, ddof=1), "num_cells": count}
    ).to_dataframe()
    table = table.reset_index()[[*_NAMES, "mean", "sd", "num_cells"]]
    return table[table["num_cells"] > 0].assign(group=group)


def _sort(table: pd.DataFrame) -> pd.DataFrame:
    order = {name: place for place, name in enumerate(_GROUPS)}
    places = table["group"].map(order).argsort(kind="stable")
    return table.iloc[places].reset_index(drop=True)
