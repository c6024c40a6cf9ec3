"""Scores and run time of a sweep along one of its factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, colours_of, new_figure
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, Metric, list_metrics, name_score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NULL = "mean_rate"
_SEGMENTS = {"validation": (COLOURS[0], "o", "-"), "test": (COLOURS[1], "s", "--")}


def plot_sweep(
    trials: pd.DataFrame,
    factor: str,
    *,
    reference: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Draw validation and test scores, and training time, against the values of one factor.

    Parameters
    ----------
    trials : DataFrame
        As `run_sweep` returns it; trials that failed are left out.
    factor : str
        Name of its column.
    reference : mapping, optional
        Scores of the predictors without trained weights, drawn as lines for the test segment.

    Returns
    -------
    Figure
        Every trial is a point, the line joins means over the other factors. The trial with the most
        bits per spike on validation is ringed in each panel.

    Raises
    ------
    InputError
        When no trial worked, or the factor is not one of them.
    MissingExtraError
        When matplotlib is not installed.
    """
    if factor not in trials.columns or not trials["state"].eq("complete").any():
        raise InputError(f"no finished trials along {factor!r}", "a sweep that varied it", "sweep it first")
    done = trials[trials["state"] == "complete"]
    # numbers in order and texts behind them, evenly spaced: a factor may be 1,10,1000 or a loss
    values = sorted(done[factor].unique(), key=lambda value: (isinstance(value, str), value))
    places = done[factor].map({value: place for place, value in enumerate(values)}).to_numpy(dtype=float)
    best = int(np.argmax(done[f"validation_{BITS_PER_SPIKE.name}"].to_numpy(dtype=float)))
    shown = [each for each in list_metrics() if each.is_main and f"test_{each.name}" in done.columns]
    num_rows = (len(shown) + 2) // 2
    figure = new_figure(11.0, 3.25 * num_rows)
    panels = figure.subplots(num_rows, 2, sharex=True).ravel()
    for axes, metric in zip(panels, shown, strict=False):
        _draw_score(axes, metric, places, done, best, reference or {})
    timed, *unused = panels[len(shown) :]
    _draw_points(
        timed, places, done["train_seconds"].to_numpy(dtype=float), best, "_training", (COLOURS[6], "D", "-")
    )
    timed.set_ylabel("Training time (s)")
    timed.set_ylim(0.0, 1.1 * float(done["train_seconds"].max()))
    panels[0].axhline(0.0, color="0.6", linewidth=0.8, zorder=0)
    for axes in unused:
        axes.remove()
    panels = panels[: len(shown) + 1]
    for axes in panels[-2:]:
        axes.set_xticks(range(len(values)), [_to_tick(value) for value in values])
        axes.set_xlabel(factor.replace("_", " "))
        axes.tick_params(labelbottom=True)
    panels[1].legend(
        *_legend(panels), loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False
    )
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_score(
    axes: Axes,
    metric: Metric,
    places: np.ndarray,
    done: pd.DataFrame,
    best: int,
    reference: Mapping[str, Mapping[str, float]],
) -> None:
    """Draw one score of all trials, and of the predictors without trained weights where they have it."""
    for segment, style in _SEGMENTS.items():
        values = done[f"{segment}_{metric.name}"].to_numpy(dtype=float)
        _draw_points(axes, places, values, best, segment, style)
    for name, scores in reference.items():
        # a null above itself is zero by definition
        if f"test_{metric.name}" in scores and not (metric.needs_null and name == _NULL):
            axes.axhline(
                scores[f"test_{metric.name}"],
                color=colours_of([name])[name],
                linewidth=1.4,
                linestyle=":",
                zorder=1,
                label=f"{name}, test",
            )
    axes.set_ylabel(name_score(metric.name, _NULL if metric.needs_null else ""))


def _to_tick(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:g}"


def _draw_points(
    axes: Axes, places: np.ndarray, scores: np.ndarray, best: int, label: str, style: tuple[str, str, str]
) -> None:
    colour, marker, line = style
    axes.scatter(places, scores, s=18.0, marker=marker, color=colour, alpha=0.6, zorder=3)
    at = np.unique(places)
    means = [scores[places == place].mean() for place in at]
    axes.plot(at, means, color=colour, linestyle=line, linewidth=1.4, label=label, zorder=2)
    axes.scatter(
        places[best], scores[best], s=90.0, facecolors="none", edgecolors=colour, linewidths=1.4, zorder=4
    )


def _legend(panels: np.ndarray) -> tuple[list[object], list[str]]:
    """Return the handles of all panels, each label once."""
    found: dict[str, object] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)
