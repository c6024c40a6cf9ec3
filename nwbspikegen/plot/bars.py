"""One score of several predictors, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import colours_of, label_of, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure, SubFigure


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
    rows = scores[(scores["metric"] == "bits_per_spike") & (scores["null"] == null)]
    if rows.empty:
        raise InputError(f"no bits_per_spike above {null!r}", "a table that `score` made", "score first")
    figure = new_figure(6.0, 3.0) if figure is None else figure
    axes = figure.subplots()
    place = np.arange(len(rows))
    value = rows["value"].to_numpy(dtype=float)
    ends = rows[["ci_low", "ci_high"]].to_numpy(dtype=float).T
    # a percentile interval need not contain the value, and an error bar cannot be negative
    length = np.clip(np.array([value - ends[0], ends[1] - value]), 0.0, None)
    colours = colours_of(rows["predictor"])
    axes.barh(place, value, height=0.65, color=[colours[name] for name in rows["predictor"]])
    axes.errorbar(value, place, xerr=length, fmt="none", ecolor="0.25", capsize=3, linewidth=1.0)
    axes.axvline(0.0, color="0.25", linewidth=0.8)
    axes.set_yticks(place, [label_of(name) for name in rows["predictor"]])
    axes.invert_yaxis()
    axes.set_xlabel(f"Bits per spike above {null}")
    axes.set_title("Likelihood, with 95 % intervals", loc="left", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
