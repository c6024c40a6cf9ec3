"""Curves by context: what each predictor knows by how many seconds of a recording's own past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.plot.canvas import colours_of, label_of, new_figure
from nwbspikegen.scoring.context_curves import NULL, WARM, ContextCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

# inches of a letter in the legend
_LETTER_WIDTH = 0.075


def plot_curve(
    curve: ContextCurve,
    *,
    null: str = NULL,
    predictors: Sequence[str] | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw bits per spike above a null with the same context, by seconds of context, with 95 % intervals.

    Seconds are spaced as log(1 + seconds), as `worth_seconds` takes the curve between them. What was fitted
    on other bins of the recording, and so knows more than its context, is dashed.

    Parameters
    ----------
    curve : ContextCurve
        Of one recording.
    null : str
        What bits are counted from.
    predictors : sequence of str, optional
        Which; by default all but the null.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Raises
    ------
    InputError
        The curve has no such null.
    MissingExtraError
        When matplotlib is not installed.
    """
    table = curve.bits(null)
    shown = list(predictors or dict.fromkeys(table["predictor"]))
    if figure is None:
        figure = new_figure(4.6 + _LETTER_WIDTH * max(len(label_of(name)) for name in shown), 3.4)
    axes = figure.subplots()
    place, colours = np.log1p(curve.seconds), colours_of(shown)
    for name in shown:
        rows = table[table["predictor"] == name]
        style = "--" if rows["knows_target"].any() else "-"
        axes.fill_between(
            place, rows["ci_low"], rows["ci_high"], color=colours[name], alpha=0.15, linewidth=0
        )
        axes.plot(
            place, rows["value"], style, marker="o", markersize=3, color=colours[name], label=label_of(name)
        )
    axes.axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    ticks = [
        f"warm\n({seconds:.0f})" if label == WARM else label
        for label, seconds in zip(curve.contexts, curve.seconds, strict=True)
    ]
    axes.set_xticks(place, ticks)
    axes.set_xlabel("Seconds of the recording's own past")
    axes.set_ylabel(f"Bits per spike above {null}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure
