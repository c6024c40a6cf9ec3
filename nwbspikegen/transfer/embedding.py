"""The map of recordings: near are those between which models move well, or of which either will do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Float64

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.scoring.metrics import ROC_AUC_POOLED
from nwbspikegen.transfer.embedding_distances import (
    BITS,
    find_distances,
    find_usable,
    require_distances,
)
from nwbspikegen.transfer.embedding_fitting import (
    align_positions,
    fit_positions,
    sum_stress,
    turn_to_axes,
)
from nwbspikegen.transfer.recommendation_cells import require_higher


@dataclass(frozen=True)
class Layout:
    """Positions of recordings in space, and how sure they are.

    Parameters
    ----------
    positions : DataFrame
        One row per session, columns x, y, z, in the unit of the distances; its attrs say the metric,
        null, predictor and stress. Only distances mean something: the map is centred and turned so
        that it spreads most along x, then y, then z.
    stress : float
        Sum over pairs of (||xi - xj|| - d(i, j))^2.
    normalised_stress : float
        sqrt(stress / sum over pairs of d^2), Kruskal's stress-1: 0 fits exactly, above 0.2 is poor.
    distances : DataFrame
        The d(i, j) that were laid out, session by session.
    clouds : array (draw, session, 3) or None
        Layouts of bootstrap draws of the scores, each moved rigidly onto `positions`. Draws in which
        a score is missing are left out.
    metric, null, predictor : str
        The scores that the distances were made from.
    """

    positions: pd.DataFrame
    stress: float
    normalised_stress: float
    distances: pd.DataFrame
    clouds: Float64[np.ndarray, "draw session 3"] | None
    metric: str
    null: str
    predictor: str

    @property
    def spread(self) -> pd.Series[float]:
        """Root mean square distance of each session's cloud from its position; NaN without clouds."""
        if self.clouds is None:
            return pd.Series(np.nan, self.positions.index, dtype=np.float64, name="spread")
        # clouds are aligned rigidly: what is left is the doubt about the place, not about the frame
        squared = ((self.clouds - self.positions.to_numpy()) ** 2).sum(axis=-1)
        return pd.Series(np.sqrt(squared.mean(axis=0)), self.positions.index, name="spread")

    @property
    def table(self) -> pd.DataFrame:
        """Positions with `spread`, when there are clouds: what is written to files."""
        if self.clouds is None:
            return self.positions
        table = self.positions.assign(spread=self.spread)
        table.attrs.update(self.positions.attrs)
        return table


def lay_out(
    scores: xr.Dataset,
    draws: xr.Dataset | None = None,
    *,
    predictor: str,
    metric: str = ROC_AUC_POOLED.name,
    null: str = "",
    relative: bool = False,
    # stress has local minima: of so many rough fits, well above scikit-learn's 4, the best is refined
    num_starts: int = 32,
    seed: int = 0,
) -> Layout:
    """Lay recordings out in three dimensions by how well models move between them.

    Distances are d = 1/s - 1 with s the mean of both directions of a score between 0 and 1, or, of
    ``bits_per_spike`` and ``worth_seconds``, how much it matters to train elsewhere
    (`distances_from_bits`, `distances_from_worth`). Sessions that are
    a row by themselves and a column enter. The layout does not depend on their order.

    Parameters
    ----------
    scores : Dataset (train_session, test_session, predictor, metric, null)
        Of a transfer study.
    draws : Dataset (draw, train_session, test_session, predictor, metric, null), optional
        Bootstrap draws of the same scores; they give the clouds.
    predictor, metric, null : str
        Which scores. Without a null, bits per spike are those above the null that the study's attrs
        call `headline_null`, else `mean_rate`.
    relative : bool
        Of bits and seconds: in units of what each target loses on average (`distances_from_bits`). A map of
        kinds of populations rather than of bits: recordings on which much can be lost do not stand apart.
    num_starts : int, default: 32
        Random starts of the fit; the best is kept.
    seed : int
        Of the starts.

    Returns
    -------
    Layout

    Raises
    ------
    InputError
        Fewer than two sessions, no such score, one of which more is not better, a missing cell, or a value
        that is no similarity.

    Notes
    -----
    Shimono 2026, Algorithms 19(4):305; SMACOF by scikit-learn. Each draw is fitted from the point
    layout on, so that it stays in the same solution.

    Examples
    --------
    >>> values = np.array([[0.9, 0.8, 0.6], [0.8, 0.9, 0.6], [0.6, 0.6, 0.8]])
    >>> names = ["a", "b", "c"]
    >>> coords = {"train_session": names, "test_session": names, "predictor": ["in_context"],
    ...           "metric": ["roc_auc_pooled"], "null": [""]}
    >>> scores = xr.Dataset({"value": (tuple(coords), values[:, :, None, None, None])}, coords)
    >>> layout = lay_out(scores, predictor="in_context")
    >>> round(float(np.linalg.norm(layout.positions.loc["a"] - layout.positions.loc["b"])), 2)
    0.25
    """
    require_seed(seed)
    metric = require_higher(metric)
    # bits per spike have no similarity's scale: they are counted from a null, and have their own distance
    if metric == BITS and not null:
        null = str(scores.attrs.get("headline_null", "mean_rate"))
    chosen = {"predictor": predictor, "metric": metric, "null": null}
    names = _find_sessions(scores)
    values = np.asarray(_pick(scores, chosen, names).values, dtype=np.float64)
    distances = require_distances(values, metric, names, relative=relative)
    # Kruskal's stress-1, below, has the squared distances as its unit: comparable between metrics
    fitted = turn_to_axes(fit_positions(distances, num_starts=num_starts, seed=seed))
    clouds = _fit_clouds(draws, chosen, names, distances, fitted, relative=relative)
    # of the points as they are: turning them has changed no distance
    stress = sum_stress(fitted, distances)
    # each pair is in the matrix twice
    total = float((distances**2).sum()) / 2.0
    normalised = float(np.sqrt(stress / total)) if total else 0.0
    # the fit is made in the order of names so that the study's order does not matter; here it does
    order = [names.index(str(name)) for name in scores["test_session"].values if str(name) in names]
    index = pd.Index([names[row] for row in order], name="session")
    positions = pd.DataFrame(fitted[order], index, ["x", "y", "z"])
    positions.attrs.update(chosen, stress=stress, normalised_stress=normalised)
    return Layout(
        positions=positions,
        stress=stress,
        normalised_stress=normalised,
        distances=pd.DataFrame(distances[np.ix_(order, order)], index, index),
        clouds=None if clouds is None else clouds[:, order],
        **chosen,
    )


def _find_sessions(scores: xr.Dataset) -> list[str]:
    """Return the sessions that are a row by themselves and a column, by name."""
    rows = {str(name) for name in scores["train_session"].values}
    names = sorted(rows & {str(name) for name in scores["test_session"].values})
    if len(names) < 2:
        raise InputError(
            f"{len(names)} sessions that are both trained on and tested on",
            "two or more",
            "add recordings to the study",
        )
    return names


def _pick(table: xr.Dataset, chosen: dict[str, str], names: list[str]) -> xr.DataArray:
    """Return one score of those sessions, train x test in that order, and draws first."""
    for dim, wanted in chosen.items():
        # asked before selecting: xarray's KeyError would name neither what there is nor what to do
        there = [str(each) for each in table[dim].values]
        if wanted not in there:
            raise InputError(f"no {dim} {wanted!r}", f"one of {', '.join(map(repr, there))}", "choose one")
    picked = table["value"].sel(chosen | {"train_session": names, "test_session": names})
    return picked.transpose(..., "train_session", "test_session")


def _fit_clouds(
    draws: xr.Dataset | None,
    chosen: dict[str, str],
    names: list[str],
    distances: Float64[np.ndarray, "session session"],
    fitted: Float64[np.ndarray, "session 3"],
    *,
    relative: bool,
) -> Float64[np.ndarray, "draw session 3"] | None:
    """Return the layouts of draws, aligned; None when the score was not drawn, or none can be used."""
    if draws is None or any(chosen[dim] not in draws[dim].values for dim in chosen):
        return None
    values: Float[np.ndarray, "draw session session"] = np.asarray(_pick(draws, chosen, names).values)
    values = values[find_usable(values, chosen["metric"])]
    if not len(values):
        return None
    to_distances = find_distances(chosen["metric"], relative=relative)
    # a layout of nothing but one place cannot be moved from by SMACOF, so its draws start anew
    start = fitted if distances.any() else None
    fits = (fit_positions(each, num_starts=1, start=start) for each in to_distances(values))
    return np.array([align_positions(fit, fitted) for fit in fits])
