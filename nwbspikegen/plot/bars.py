"""Scores of several predictors, with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import colours_of, label_of, new_figure
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, METRICS, list_metrics, name_score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# as wide as a page; the labels of predictors stand beside the first only
_MOST_COLUMNS = 3


def plot_bits(
    scores: pd.DataFrame, *, null: str = "mean_rate", figure: Figure | SubFigure | None = None
) -> Figure | SubFigure:
    """Draw bits per spike above a null as bars, one per predictor, with bootstrap intervals.

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
    rows = scores[(scores["metric"] == BITS_PER_SPIKE.name) & (scores["null"] == null)]
    if rows.empty:
        raise InputError(
            f"no {BITS_PER_SPIKE.name} above {null!r}", "a table that `score` made", "score first"
        )
    figure = new_figure(6.0, 3.0) if figure is None else figure
    axes = figure.subplots()
    _draw_bars(axes, rows, BITS_PER_SPIKE.name, null)
    axes.set_title("Likelihood, with 95 % intervals", loc="left", fontsize="medium")
    return figure


def plot_scores(scores: pd.DataFrame) -> Figure:
    """Draw every score that has intervals as bars, one per predictor: a panel for each score and null.

    Titles, units and which way is better are those of the register of scores, those of other packages
    included; a line marks what a prediction that knows nothing has.

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
    num_columns = min(_MOST_COLUMNS, len(shown))
    num_rows = -(-len(shown) // num_columns)
    height = 1.1 + 0.3 * scores["predictor"].nunique()
    figure = new_figure(1.5 + 3.4 * num_columns, height * num_rows)
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    predictors = pd.Index(scores["predictor"].unique(), name="predictor")
    for place, (axes, (metric, null)) in enumerate(zip(panels, shown, strict=False)):
        rows = scores[(scores["metric"] == metric) & (scores["null"] == null)]
        # a row for every predictor, so that the labels of the first panel are those of its neighbours
        rows = rows.set_index("predictor").reindex(predictors).reset_index()
        _draw_bars(axes, rows, metric, null)
        if place % num_columns:
            axes.set_yticklabels([])
    for axes in panels[len(shown) :]:
        axes.remove()
    return figure


def _choose_scores(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Return score and null of every panel: the register's order, then scores that are not known here."""
    order = [each.name for each in list_metrics()]
    known = scores[np.isfinite(scores["value"].to_numpy(dtype=float))]
    pairs = dict.fromkeys(zip(known["metric"], known["null"], strict=True))
    kept = [pair for pair in pairs if pair[0] not in METRICS or METRICS[pair[0]].has_interval]
    return sorted(kept, key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order))


def _draw_bars(axes: Axes, rows: pd.DataFrame, metric: str, null: str) -> None:
    """Draw one score of every predictor, with its interval and the value of chance."""
    place = np.arange(len(rows))
    value = rows["value"].to_numpy(dtype=float)
    ends = rows[["ci_low", "ci_high"]].to_numpy(dtype=float).T
    # a percentile interval need not contain the value, and an error bar cannot be negative
    length = np.clip(np.array([value - ends[0], ends[1] - value]), 0.0, None)
    colours = colours_of(rows["predictor"])
    axes.barh(place, value, height=0.65, color=[colours[name] for name in rows["predictor"]])
    axes.errorbar(value, place, xerr=length, fmt="none", ecolor="0.25", capsize=3, linewidth=1.0)
    chance = METRICS[metric].chance if metric in METRICS else None
    # where chance is not known bars begin at zero, and the line says no more than that
    axes.axvline(chance or 0.0, color="0.25", linewidth=0.8)
    axes.set_yticks(place, [label_of(name) for name in rows["predictor"]])
    axes.invert_yaxis()
    axes.set_xlabel(name_score(metric, null))
    axes.spines[["top", "right"]].set_visible(False)
