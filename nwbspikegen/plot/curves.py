"""ROC and precision-recall curves of several predictors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import LINES, colours_of, label_of, new_figure
from nwbspikegen.scoring import precision_recall_curve, roc_curve
from nwbspikegen.views.observed import read_bins

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


def plot_curves(
    recorded: xr.Dataset,
    predictions: Mapping[str, xr.DataArray],
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw pooled ROC and precision-recall curves, one line per predictor.

    Parameters
    ----------
    recorded : Dataset (time, unit)
        Recorded `spikes`.
    predictions : mapping of name to DataArray (time, unit)
        Predicted probabilities of the same bins and units: models and baselines alike, for pooled
        curves mostly show how rates differ between units.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Figure or SubFigure
        With two axes, ROC and precision-recall.

    Raises
    ------
    InputError
        When there is nothing to draw.
    MissingExtraError
        When matplotlib is not installed.
    """
    if not predictions:
        raise InputError(
            "no predictions", "at least one predictor", "give a mapping of name to probabilities"
        )
    figure = new_figure(9.0, 4.5) if figure is None else figure
    bins = read_bins(recorded)
    seen = slice(None) if bins.observed is None else bins.observed
    spikes = bins.spikes[seen]
    left, right = figure.subplots(1, 2)
    colours = colours_of(predictions)
    for index, (name, prediction) in enumerate(predictions.items()):
        probability = prediction.transpose("time", "unit").values
        # the model is usually listed first and must not lie beneath the others
        style = {
            "color": colours[name],
            "linestyle": LINES[index % len(LINES)],
            "zorder": 3.0 - 0.1 * index,
        }
        for axes, curve_of in ((left, roc_curve), (right, precision_recall_curve)):
            curve = curve_of(probability[seen], spikes)
            # precision before the first hit is a convention, not a measurement
            kept = curve.x > 0 if axes is right else slice(None)
            axes.plot(curve.x[kept], curve.y[kept], label=label_of(name), **style)
    base = float((spikes > 0).mean())
    left.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=1)
    right.axhline(base, color="0.7", linewidth=0.8, zorder=1)
    _label(left, "ROC, all units pooled", "False positive rate", "True positive rate")
    _label(right, "Precision and recall, all units pooled", "Recall", "Precision (log scale)")
    # precision at chance is the share of bins with a spike, a hundredth or less
    right.set_yscale("log")
    # room below chance; the smallest is for a segment without a spike, where the axis would have no start
    right.set_ylim(max(base / 3, 1e-6), 1.2)
    left.legend(loc="lower right", fontsize="small", frameon=False)
    return figure


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(-0.01, 1.01)
    axes.spines[["top", "right"]].set_visible(False)
