"""How a model learned, epoch by epoch, and how two losses compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, LINES, new_figure
from nwbspikegen.scoring.metrics import (
    BITS_PER_SPIKE,
    CALIBRATION_ERROR,
    PR_AUC_POOLED,
    ROC_AUC_PER_UNIT,
    ROC_AUC_POOLED,
    name_score,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# accuracy where a spike is called at p > 1/2 is left out: spikes are rare, and it is 0 on them whatever was
# learned
_PANELS = (
    ("Loss", {"train_loss": "training", "validation_loss": "validation"}),
    (f"{BITS_PER_SPIKE.title}, validation", {BITS_PER_SPIKE.name: BITS_PER_SPIKE.words}),
    (f"{CALIBRATION_ERROR.title}, validation", {CALIBRATION_ERROR.name: CALIBRATION_ERROR.words}),
    ("PR-AUC, validation", {"pr_auc": "PR-AUC"}),
)
_METRICS = (
    *((ROC_AUC_POOLED, ""), (PR_AUC_POOLED, ""), (ROC_AUC_PER_UNIT, "")),
    (BITS_PER_SPIKE, "mean_rate"),
)


def plot_training(
    curves: Sequence[Mapping[str, float]], *, chosen_by: str, loss: str = "", title: str = ""
) -> Figure:
    """Draw loss, bits per spike, calibration error and PR-AUC for every epoch.

    The epoch whose weights were kept is marked. A model of an earlier version has no calibration error.

    Parameters
    ----------
    curves : sequence of mappings
        One per epoch, as `FittedModel.curves`.
    chosen_by : str
        The score whose largest value chose the epoch, as in `training.choosing.CHOSEN_BY`.
    loss : str
        Name of the loss, for its axis.
    title : str
        Heading, if any.

    Raises
    ------
    InputError
        When there is no epoch to draw.
    MissingExtraError
        When matplotlib is not installed.
    """
    if not curves:
        raise InputError("a model without training curves", "at least one epoch", "train it, then draw it")
    table = pd.DataFrame(list(curves))
    # NaN where validation had no spike: the epoch that was kept is among the others
    kept = float(table["epoch"].iloc[int(np.nanargmax(table[chosen_by].to_numpy(dtype=float)))])
    # sampled pairs of unequal weight, as in pretraining, have bits per spike only
    shown = [(label, columns) for label, columns in _PANELS if set(columns) & set(table)]
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(9.0, 6.0)
    panels = [figure.add_subplot(2, 2, place + 1) for place in range(len(shown))]
    # more points than that lie on each other
    marker = "o" if len(table) < 30 else None
    for axes, (label, columns) in zip(panels, shown, strict=True):
        for index, (name, curve) in enumerate(columns.items()):
            if name in table:
                axes.plot(
                    table["epoch"],
                    table[name],
                    color=COLOURS[index],
                    linestyle=LINES[index],
                    marker=marker,
                    markersize=3.5,
                    label=curve,
                )
        axes.axvline(kept, color="0.6", linewidth=0.9, linestyle=":", zorder=0)
        axes.set_ylabel(label if label != "Loss" or not loss else f"Loss ({loss})")
        axes.spines[["top", "right"]].set_visible(False)
        if len(columns) > 1:
            axes.legend(fontsize="small", frameon=False)
    for axes in panels[-2:]:
        axes.set_xlabel("Epoch")
        axes.tick_params(labelbottom=True)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if title:
        figure.suptitle(title, fontsize="medium")
    return figure


def plot_losses(scores: pd.DataFrame) -> Figure:
    """Draw the scores of models that differ in their loss, side by side for every recording.

    Parameters
    ----------
    scores : DataFrame
        Rows as `score` returns them, with the columns `recording` and `loss` beside them: those of one
        predictor for each. A `loss` may also name a predictor without one, such as `online_hazard`.

    Returns
    -------
    Figure
        One panel for each of pooled ROC-AUC and PR-AUC, ROC-AUC within units and bits per spike that
        the table has; bits far below zero are drawn on a scale that is linear up to 1 and logarithmic
        beyond.

    Raises
    ------
    InputError
        When the table lacks a column or has none of the metrics.
    MissingExtraError
        When matplotlib is not installed.
    """
    missing = {"recording", "loss", "metric", "null", "value"} - set(scores.columns)
    shown = [
        (metric, null, scores[scores["metric"].eq(metric.name) & scores["null"].eq(null)])
        for metric, null in _METRICS
        if not missing and (scores["metric"].eq(metric.name) & scores["null"].eq(null)).any()
    ]
    if not shown:
        raise InputError(
            f"a table without {', '.join(sorted(missing)) or 'a metric that is drawn'}",
            "scores with the columns recording and loss",
            "add them to the tables that `score` made",
        )
    recordings, losses = (list(dict.fromkeys(scores[name])) for name in ("recording", "loss"))
    figure = new_figure(3.2 * len(shown) + 1.2, 3.6)
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (metric, null, rows) in zip(panels, shown, strict=True):
        _draw_bars(axes, rows, recordings, losses)
        axes.set_ylabel(name_score(metric.name, null))
        # Dice and focal loss ask for no calibrated probability: theirs can lie tens of bits below zero
        if metric is BITS_PER_SPIKE and rows["value"].min() < -10:
            axes.set_yscale("symlog", linthresh=1.0)
            axes.set_ylim(top=max(1.0, 1.2 * float(rows["value"].max())))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize="small", frameon=False)
    return figure


def _draw_bars(axes: Axes, rows: pd.DataFrame, recordings: list[Any], losses: list[Any]) -> None:
    width = 0.8 / len(losses)
    for index, loss in enumerate(losses):
        table = rows[rows["loss"] == loss].set_index("recording").reindex(recordings)
        place = np.arange(len(recordings)) + (index - (len(losses) - 1) / 2) * width
        value = table["value"].to_numpy(dtype=float)
        axes.bar(place, value, width=0.92 * width, color=COLOURS[index % len(COLOURS)], label=str(loss))
        if {"ci_low", "ci_high"} <= set(table.columns):
            ends = table[["ci_low", "ci_high"]].to_numpy(dtype=float).T
            # a percentile interval need not contain the value, and an error bar cannot be negative
            length = np.clip(np.array([value - ends[0], ends[1] - value]), 0.0, None)
            axes.errorbar(place, value, yerr=length, fmt="none", ecolor="0.25", capsize=2, linewidth=0.9)
    axes.axhline(0.0, color="0.25", linewidth=0.8)
    axes.set_xticks(range(len(recordings)), list(map(str, recordings)), rotation=20, ha="right")
    axes.spines[["top", "right"]].set_visible(False)
