"""Classes of patched cells: which are taken for which, what the network attends to, what transfer gains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, LINES, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def plot_confusion(counts: pd.DataFrame) -> Figure:
    """Draw which class (row) was predicted as which (column): shares of the row, and numbers of cells.

    Parameters
    ----------
    counts : DataFrame
        Cells by class and predicted class.

    Raises
    ------
    InputError
        An empty table.
    MissingExtraError
        When matplotlib is not installed.
    """
    if not counts.to_numpy().sum():
        raise InputError("no predicted cell", "cells with a class and a prediction", "pass labelled cells")
    numbers = counts.to_numpy(dtype=float)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1e-12)
    figure = new_figure(1.6 + 0.8 * counts.shape[1], 1.3 + 0.7 * len(counts))
    axes = figure.subplots()
    image = draw_table(axes, shares, "Blues", 0.0, 1.0)
    for row, column in np.ndindex(*numbers.shape):
        # white is read better than black on the darker half of the blues
        dark = shares[row, column] > 0.55
        axes.text(
            column,
            row,
            f"{shares[row, column]:.2f}\n{numbers[row, column]:.4g}",
            ha="center",
            va="center",
            fontsize="small",
            color="white" if dark else "black",
        )
    axes.set_xticks(range(counts.shape[1]), counts.columns)
    axes.set_yticks(range(len(counts)), counts.index)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("Class")
    figure.colorbar(image, ax=axes, label="Share of the class", shrink=0.85)
    return figure


def plot_family_attention(attention: pd.DataFrame) -> Figure:
    """Draw the mean attention of each class (row) to each family (column), as a multiple of an equal share.

    Parameters
    ----------
    attention : DataFrame
        As `summarise_attention` returns it.

    Raises
    ------
    InputError
        An empty table.
    MissingExtraError
        When matplotlib is not installed.
    """
    if attention.empty:
        raise InputError("no attention", "attention by class and family", "predict with a BiLSTM")
    times = attention.to_numpy(dtype=float) * attention.shape[1]
    figure = new_figure(2.6 + 0.62 * attention.shape[1], 2.6 + 0.42 * len(attention))
    axes = figure.subplots()
    # to twice an equal share at least, or noise about 1 would fill the colours
    image = draw_table(axes, times, "viridis", 0.0, max(2.0, float(np.nanmax(times))))
    middle = 0.6 * max(2.0, float(np.nanmax(times)))
    write_values(axes, times, 1, is_white=~(times > middle))
    axes.set_xticks(range(attention.shape[1]), shorten_families(attention.columns), rotation=45, ha="right")
    axes.set_yticks(range(len(attention)), attention.index)
    axes.set_title("Attention, times an equal share", loc="left", fontsize="medium")
    figure.colorbar(image, ax=axes, shrink=0.85)
    return figure


def plot_few_shot(scores: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """Draw a score over the number of labelled cells, a line per condition; zero-shot ones are level.

    Parameters
    ----------
    scores : DataFrame
        Columns `condition`, `num_labelled` (0 for zero-shot), `metric`, `value`, `ci_low`, `ci_high`.
    metric : str
        Which rows.

    Raises
    ------
    InputError
        No row of this metric.
    MissingExtraError
        When matplotlib is not installed.
    """
    rows = scores[scores["metric"] == metric]
    if rows.empty:
        raise InputError(f"no {metric}", "scores of conditions", "transfer first")
    figure = new_figure(6.2, 3.8)
    axes = figure.subplots()
    budgets = sorted({int(number) for number in rows["num_labelled"] if number})
    for place, (condition, of_condition) in enumerate(rows.groupby("condition", sort=False)):
        style: dict[str, Any] = {
            "color": COLOURS[place % len(COLOURS)],
            "linestyle": LINES[place % len(LINES)],
            "label": str(condition).replace("_", " "),
        }
        ordered = of_condition.sort_values("num_labelled")
        if (ordered["num_labelled"] == 0).all():
            axes.axhline(float(ordered["value"].iloc[0]), **style)
            continue
        middle, low, high = (ordered[name].to_numpy(float) for name in ("value", "ci_low", "ci_high"))
        # conditions beside each other, so that no interval hides another
        places = ordered["num_labelled"].to_numpy(float) * 1.02**place
        axes.errorbar(places, middle, [middle - low, high - middle], marker="o", capsize=2, **style)
    if budgets:
        # numbers are mostly doubled from one to the next
        axes.set_xscale("log")
        axes.set_xticks(budgets, [str(one) for one in budgets])
        axes.set_xlim(budgets[0] / 1.3, budgets[-1] * 1.3)
        axes.minorticks_off()
    axes.set_xlabel("Labelled cells of the target")
    axes.set_ylabel(metric.replace("_", " ").capitalize())
    axes.set_title("With 95 % intervals over donors", loc="left", fontsize="medium")
    axes.legend(frameon=False, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_table(axes: Any, values: np.ndarray, colours: str, low: float, high: float) -> Any:
    """Draw a table of numbers as colours, without a frame."""
    axes.spines[:].set_visible(False)
    return axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest")


def write_values(axes: Any, values: np.ndarray, digits: int, is_white: np.ndarray) -> None:
    """Write the numbers of a drawn table into its cells, in white where asked; a gap is a dash."""
    for row, column in np.ndindex(*values.shape):
        text = "-" if np.isnan(values[row, column]) else f"{values[row, column]:.{digits}f}"
        colour = "white" if is_white[row, column] else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize="small", color=colour)


def shorten_families(names: Iterable[object]) -> list[str]:
    """Return families of features as they are read below a figure."""
    return [str(name).removeprefix("spiking_").replace("_", " ") for name in names]
