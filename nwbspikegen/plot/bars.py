"""Scores of several predictors, with their intervals."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.composing import compose
from nwbspikegen.plot.score_panels import draw_bits, draw_differences, draw_score
from nwbspikegen.scoring.differences import MEAN, compare_predictors
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, METRICS, list_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

# as wide as a page; the labels of predictors stand beside the first only
_MOST_COLUMNS = 3


def plot_bits(
    scores: pd.DataFrame, *, null: str = MEAN, figure: Figure | SubFigure | None = None
) -> Figure | SubFigure:
    """Draw bits per spike above a null, and how far the first predictor is above each other.

    Points with 95 % intervals of the bootstrap; the differences are paired, of the same draws of blocks.
    What comes from few blocks is dotted and hollow.

    Parameters
    ----------
    scores : DataFrame
        As `score` returns it.
    null : str
        The null that the bits are counted from.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Raises
    ------
    InputError
        When the table has no bits per spike above that null.
    MissingExtraError
        When matplotlib is not installed.
    """
    if not ((scores["metric"] == BITS_PER_SPIKE.name) & (scores["null"] == null)).any():
        raise InputError(
            f"no {BITS_PER_SPIKE.name} above {null!r}", "a table that `score` made", "score first"
        )
    differences = compare_predictors(scores)
    panels = [draw_bits(scores, null)]
    if len(differences):
        panels.append(draw_differences(differences, str(scores["predictor"].iloc[0])))
    return compose(panels, figure=figure)


def plot_scores(scores: pd.DataFrame) -> Figure | SubFigure:
    """Draw every score that has intervals, one point per predictor: a panel for each score and null.

    Titles, units and which way is better are those of the register of scores, those of other packages
    included; a line marks what a prediction that knows nothing has. Differences between predictors, which
    the table has as bits above `online_hazard` and others, are drawn by `plot_bits`.

    Parameters
    ----------
    scores : DataFrame
        As `score` returns it.

    Raises
    ------
    InputError
        When the table has no such score.
    MissingExtraError
        When matplotlib is not installed.
    """
    shown = _choose_scores(scores)
    if not shown:
        raise InputError("no score that has a value", "a table that `score` made", "score first")
    panels = [draw_score(scores, metric, null) for metric, null in shown]
    # names beside the first of a row only: its neighbours have the same rows
    panels = [
        panel
        if place % _MOST_COLUMNS == 0
        else dataclasses.replace(panel, y_names=dict.fromkeys(panel.y_names or {}, ""))
        for place, panel in enumerate(panels)
    ]
    return compose(panels, num_columns=_MOST_COLUMNS, width=3.4)


def _choose_scores(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Return score and null of every panel: the register's order, then scores that are not known here."""
    order = [each.name for each in list_metrics()]
    known = scores[np.isfinite(scores["value"].to_numpy(dtype=float))]
    known = known[known["null"].isin([MEAN, "running_rate", ""])]
    pairs = dict.fromkeys(zip(known["metric"], known["null"], strict=True))
    kept = [pair for pair in pairs if pair[0] not in METRICS or METRICS[pair[0]].has_interval]
    return sorted(kept, key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))
