"""What a classifier of cells reads: importance by class, and where the classes lie apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.figures.classes import draw_table, shorten_families, write_values
from nwbspikegen.plot.canvas import COLOURS, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# as many rows as can be read on a page
_MOST_DRAWN = 25


def plot_importance(importance: pd.DataFrame) -> Figure:
    """Draw the recall that each feature is worth: the mean over classes as a bar, each class as a point.

    Parameters
    ----------
    importance : DataFrame
        `feature`, `cell_class`, `drop` and `sd`; the class `balanced_accuracy` is the mean over classes.

    Raises
    ------
    InputError
        An empty table.
    MissingExtraError
        When matplotlib is not installed.
    """
    table = importance.pivot(index="feature", columns="cell_class", values="drop")
    if table.empty or "balanced_accuracy" not in table:
        raise InputError("no importance", "features with the recall that they are worth", "explain first")
    table = table.sort_values("balanced_accuracy", ascending=False).head(_MOST_DRAWN).iloc[::-1]
    figure = new_figure(6.4, 1.4 + 0.27 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))
    axes.barh(places, table["balanced_accuracy"], color="0.85", label="mean over classes")
    for number, name in enumerate(one for one in table.columns if one != "balanced_accuracy"):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(table[name], places, "o", ms=4, color=colour, label=str(name))
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_yticks(places, [str(name).replace("_", " ") for name in table.index])
    axes.set_xlabel("Recall that is lost when it is dealt anew among cells")
    axes.legend(frameon=False, fontsize="small", loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_separation(separation: pd.DataFrame) -> Figure:
    """Draw how far each class (column) lies apart in each family (row): its mean silhouette.

    Parameters
    ----------
    separation : DataFrame
        As `separate_cells` returns it.

    Raises
    ------
    InputError
        An empty table.
    MissingExtraError
        When matplotlib is not installed.
    """
    if separation.empty:
        raise InputError("no separation", "silhouettes by family and class", "separate cells first")
    table = separation.pivot(index="family", columns="cell_class", values="silhouette")
    table = table.loc[list(dict.fromkeys(separation["family"]))]
    values = table.to_numpy(dtype=float)
    # the same reach on both sides, so that 0, on top of each other, is the middle colour
    most = max(0.1, float(np.nanmax(np.abs(values))))
    figure = new_figure(3.4 + 0.8 * values.shape[1], 1.4 + 0.36 * len(values))
    axes = figure.subplots()
    image = draw_table(axes, values, "RdBu", -most, most)
    write_values(axes, values, 2, is_white=np.abs(values) > 0.6 * most)
    axes.set_xticks(range(values.shape[1]), table.columns)
    axes.set_yticks(range(len(values)), shorten_families(table.index))
    axes.set_title("Mean silhouette", loc="left", fontsize="medium")
    figure.colorbar(image, ax=axes, shrink=0.85)
    return figure
