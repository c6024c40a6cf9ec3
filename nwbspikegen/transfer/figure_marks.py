"""Which cells of a matrix are not independent, which belong together, and the legend that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from nwbspikegen.transfer.figure_names import PREPARATIONS, name_preparation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# length of a mark, in cells
_MARK = 0.3


def order_groups(scores: xr.Dataset, side: str) -> list[int]:
    """Return rows or columns group by group, in the study's order within each."""
    names = list(PREPARATIONS)
    groups = [str(each) for each in scores[f"{side}_preparation"].values]
    return sorted(
        # preparations that are none of these come last, in the study's order
        range(len(groups)),
        key=lambda each: names.index(groups[each]) if groups[each] in names else 9,
    )


def name_groups(scores: xr.Dataset, order: list[int], side: str) -> list[str]:
    """Return the preparation of each row or column."""
    return [str(each) for each in scores[f"{side}_preparation"].values[order]]


def mark_shared(axes: Axes, scores: xr.Dataset, rows: list[int], columns: list[int]) -> None:
    """Mark the corner of each cell that is not independent."""
    from matplotlib.patches import Polygon

    for row, column, is_session in _find_shared(scores, rows, columns):
        # inside the white edge of the cell
        right, top = column + 0.47, row - 0.47
        corner = [(right, top), (right - _MARK, top), (right, top + _MARK)]
        face, edge = ("black", "white") if is_session else ("white", "black")
        axes.add_patch(Polygon(corner, facecolor=face, edgecolor=edge, linewidth=0.7, zorder=3))


def draw_legend(axes: Axes, scores: xr.Dataset, rows: list[int], columns: list[int], has_gaps: bool) -> None:
    """Explain the marks and colours that are there."""
    from matplotlib.lines import Line2D
    from matplotlib.path import Path

    corner = Path([(-1.0, 1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)])
    kinds = {is_session for _, _, is_session in _find_shared(scores, rows, columns)}
    marks = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=corner,
            markersize=8,
            markerfacecolor=face,
            markeredgecolor="black",
            label=label,
        )
        for is_session, face, label in (
            (True, "black", "same session"),
            (False, "white", "same subject or time"),
        )
        if is_session in kinds
    ]
    if has_gaps:
        marks.append(Line2D([], [], linestyle="", marker="s", markersize=7, color="0.92", label="no score"))
    there = dict.fromkeys([*name_groups(scores, rows, "train"), *name_groups(scores, columns, "test")])
    marks += [
        Line2D(
            [],
            [],
            linestyle="",
            marker="s",
            markersize=7,
            color=PREPARATIONS.get(name, "black"),
            label=name_preparation(name),
        )
        for name in there
    ]
    axes.figure.legend(
        handles=marks, loc="outside lower center", ncols=min(len(marks), 4), fontsize=8, frameon=False
    )


def _find_shared(scores: xr.Dataset, rows: list[int], columns: list[int]) -> list[tuple[int, int, bool]]:
    pair = ("train_session", "test_session")
    dependent = ~scores["independent"].transpose(*pair).values.astype(bool)[np.ix_(rows, columns)]
    session = scores["same_session"].transpose(*pair).values.astype(bool)[np.ix_(rows, columns)]
    return [(int(row), int(column), bool(session[row, column])) for row, column in np.argwhere(dependent)]
