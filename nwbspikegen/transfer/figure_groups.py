"""The groups of a transfer study, with the trivial predictors beside the trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, new_figure
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, METRICS, name_score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

GROUPS = (
    "in_vitro training",
    "in_vitro self",
    "in_vitro others",
    "in_vivo training",
    "in_vivo self",
    "in_vivo others",
    "in_vitro to in_vivo",
    "in_vivo to in_vitro",
)
_GREYS = {
    "untrained": "1.0",
    "mean_rate": "0.85",
    "running_rate": "0.72",
    "online_hazard": "0.5",
    "history_glm": "0.3",
    "coupled_glm": "0.15",
}
# inches: a legend's patch with the gaps around it, and a letter of its text
_PATCH_WIDTH, _LETTER_WIDTH = 0.5, 0.075


def plot_groups(
    groups: pd.DataFrame,
    *,
    predictors: Sequence[str] | None = None,
    metric: str = BITS_PER_SPIKE.name,
    null: str = "mean_rate",
    tests: pd.DataFrame | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw the mean of each group of cells, with its standard deviation, one bar per predictor.

    Parameters
    ----------
    groups : DataFrame
        As a study's `groups` returns it: group, predictor, metric, null, mean, sd, num_cells.
    predictors : sequence of str, optional
        Which, in that order; by default all, trained models first and in colour, baselines in grey.
    metric, null : str
        Which score.
    tests : DataFrame, optional
        As a study's `tests` returns it: a star is drawn over what differs from ``against`` with a
        Holm-corrected p below 0.05.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Raises
    ------
    InputError
        The table has no such score.
    MissingExtraError
        When matplotlib is not installed.
    """
    rows = groups[(groups["metric"] == metric) & (groups["null"] == null)]
    # a null above itself is zero by definition
    rows = rows[np.isfinite(rows["mean"].to_numpy(dtype=float)) & (rows["predictor"] != null)]
    if rows.empty:
        raise InputError(f"no {metric} above {null!r}", "a table of groups that has it", "choose another")
    names = _order_predictors(rows, predictors)
    places = [group for group in GROUPS if group in set(rows["group"])]
    figure = new_figure(1.6 + 1.25 * len(places), 4.2) if figure is None else figure
    axes = figure.subplots()
    width = 0.84 / len(names)
    known = METRICS.get(metric)
    # bars begin at chance, so that half of a ROC-AUC is no bar
    base = (known.chance if known else None) or 0.0
    table = rows.set_index(["predictor", "group"])
    for index, name in enumerate(names):
        part = table.loc[name].reindex(places)
        x = np.arange(len(places)) + (index - (len(names) - 1) / 2) * width
        mean, sd = part["mean"].to_numpy(dtype=float), part["sd"].to_numpy(dtype=float)
        colour = _GREYS.get(name) or COLOURS[sum(each not in _GREYS for each in names[:index]) % len(COLOURS)]
        axes.bar(
            x,
            mean - base,
            0.92 * width,
            bottom=base,
            color=colour,
            edgecolor="0.3",
            linewidth=0.5,
            label=name,
        )
        axes.errorbar(x, mean, sd, fmt="none", ecolor="black", elinewidth=0.8, capsize=min(3.0, 9 * width))
        if tests is not None:
            kept = tests[(tests["predictor"] == name) & (tests["metric"] == metric) & (tests["null"] == null)]
            _draw_stars(axes, kept, places, x, mean + np.nan_to_num(sd))
    axes.axhline(base, color="black", linewidth=0.8)
    _draw_edges(axes, places)
    _label(axes, rows, names, places, name_score(metric, null))
    return figure


def _order_predictors(rows: pd.DataFrame, wanted: Sequence[str] | None) -> list[str]:
    there = list(dict.fromkeys(rows["predictor"]))
    if wanted is None:
        return sorted(there, key=lambda name: list(_GREYS).index(name) if name in _GREYS else -1)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InputError(f"no predictor {missing[0]!r}", f"some of {', '.join(there)}", "choose among them")
    return list(wanted)


def _draw_stars(axes: Axes, tests: pd.DataFrame, places: list[str], x: np.ndarray, top: np.ndarray) -> None:
    """Draw a star over each group that differs, and say once what it means."""
    differ = tests[tests["p_holm"] < 0.05]
    for group in set(differ["group"]) & set(places):
        place = places.index(group)
        axes.annotate(
            "*", (x[place], top[place]), (0, 1), textcoords="offset points", ha="center", fontsize=12
        )
    against = sorted(set(differ["against"]))
    if against:
        text = f"* p < 0.05 against {' or '.join(against)}, sign flips of targets, Holm"
        axes.annotate(text, (1.0, 1.0), xycoords="axes fraction", ha="right", va="bottom", fontsize=8)


def _draw_edges(axes: Axes, places: list[str]) -> None:
    """Draw a line between what is of one preparation, of the other, and across."""
    kinds = ["to" if " to " in group else group.split()[0] for group in places]
    for edge in range(1, len(kinds)):
        if kinds[edge] != kinds[edge - 1]:
            axes.axvline(edge - 0.5, color="0.8", linewidth=0.8, zorder=0)


def _label(axes: Axes, rows: pd.DataFrame, names: list[str], places: list[str], score: str) -> None:
    counts = rows[rows["predictor"] == names[0]].set_index("group")
    labels = []
    for group in places:
        cells = counts.reindex([group])[["num_cells", "num_dependent"]].fillna(0).iloc[0]
        dependent = f"\n{int(cells['num_dependent'])} dependent" if cells["num_dependent"] else ""
        words = group.replace("_", " ").replace(" to ", "\nto ").replace("in vitro ", "in vitro\n", 1)
        words = words.replace("in vivo ", "in vivo\n", 1).replace("\n\n", "\n")
        labels.append(f"{words}\nn = {int(cells['num_cells'])}{dependent}")
    axes.set_xticks(range(len(places)), labels, fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_ylabel(f"{score}\n(mean ± SD over cells)")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    # a legend of the axes would take its width from them, and few groups are narrower than it is
    column = _PATCH_WIDTH + _LETTER_WIDTH * max(map(len, names))
    columns = int(axes.figure.bbox.width / axes.figure.dpi / column)
    axes.figure.legend(
        fontsize=8, frameon=False, ncols=max(1, min(columns, len(names), 6)), loc="outside upper left"
    )
