"""The matrix of a transfer study: every row tested on every column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import new_figure
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, name_score
from nwbspikegen.transfer.figure_colours import choose_colours, draw_scale, write_value
from nwbspikegen.transfer.figure_marks import draw_legend, mark_shared, name_groups, order_groups
from nwbspikegen.transfer.figure_names import PREPARATIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure, SubFigure

_TRIVIAL = ("running_rate", "online_hazard", "untrained")


def plot_matrix(
    scores: xr.Dataset,
    *,
    predictor: str,
    metric: str = BITS_PER_SPIKE.name,
    null: str = "mean_rate",
    trivial: tuple[str, ...] = _TRIVIAL,
    by_column: bool = False,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw one score of every row and column as a heat map, the values in the cells.

    Rows and columns are grouped by preparation, with borders between groups. Cells that are not
    independent have a marked corner: black where training and test are of the same session, white
    where they share a subject or time. Below the matrix are the trivial predictors of each column.

    Parameters
    ----------
    scores : Dataset (train_session, test_session, predictor, metric, null)
        Of a transfer study.
    predictor, metric, null : str
        Which score.
    trivial : tuple of str
        Predictors to draw below, of those that the study has.
    by_column : bool
        Colour each column by the largest size in it. Targets differ thirtyfold in how much there is to
        gain, and rows of one target are what is compared.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure, as large as the matrix needs.

    Returns
    -------
    Figure or SubFigure
        With the axes of the matrix first.

    Raises
    ------
    InputError
        The study has no such score.
    MissingExtraError
        When matplotlib is not installed.
    """
    rows, columns = order_groups(scores, "train"), order_groups(scores, "test")
    values = _pick(scores, predictor, metric, null)[np.ix_(rows, columns)]
    if not np.isfinite(values).any():
        raise InputError(f"no {metric} of {predictor}", "a score in one cell or more", "run the study first")
    # a matrix without them would praise any model: most of a pooled area is firing rate
    floors = _pick_floors(scores, trivial, metric, null, columns)
    shown = np.vstack([values, *(floor[None] for floor in floors.values())])
    # inches of a cell: wide enough for four digits; with more than the paper's twelve sessions digits shrink
    size = 0.55 if len(columns) <= 12 else 0.36
    if figure is None:
        lines = "\n".join([*_name_rows(scores, rows), *floors]).split("\n")
        turned = _length(scores["test_session"].values) if _is_turned(scores) else 0
        figure = new_figure(
            # inches: the scale of colours, letters of the names of rows, cells
            1.7 + 0.085 * _length(lines) + size * len(columns),
            2.0 + 0.08 * turned + size * len(shown),
        )
    axes = figure.subplots()
    shades = _scale_columns(shown, len(values)) if by_column else shown
    norm, colours = choose_colours(shades, metric)
    groups = name_groups(scores, rows, "train"), name_groups(scores, columns, "test")
    heights = _spread_rows(len(values), len(floors))
    _draw_cells(axes, (shown, shades), heights, norm, colours, 8.5 if len(columns) <= 12 else 5.5)
    mark_shared(axes, scores, rows, columns)
    _draw_borders(axes, groups, values.shape)
    _label_axes(axes, scores, rows, columns, heights, list(floors), groups)
    draw_legend(axes, scores, rows, columns, bool(np.isnan(values).any()))
    label = name_score(metric, null) + (",\nover the largest size in its column" if by_column else "")
    draw_scale(axes, norm, colours, shades, label)
    axes.set_title(predictor, loc="left", fontsize="medium")
    return figure


def _pick(scores: xr.Dataset, predictor: str, metric: str, null: str) -> Float64[np.ndarray, "train test"]:
    for dim, wanted in (("predictor", predictor), ("metric", metric), ("null", null)):
        there = [str(each) for each in scores[dim].values]
        if wanted not in there:
            raise InputError(f"no {dim} {wanted!r}", f"one of {', '.join(map(repr, there))}", "choose one")
    picked = scores["value"].sel(predictor=predictor, metric=metric, null=null)
    return np.asarray(picked.transpose("train_session", "test_session").values, dtype=np.float64)


def _pick_floors(
    scores: xr.Dataset, names: tuple[str, ...], metric: str, null: str, columns: list[int]
) -> dict[str, Float64[np.ndarray, " test"]]:
    """Return what each trivial predictor scores in each column: the same whatever was trained on."""
    floors = {}
    for name in names:
        if name in scores["predictor"].values:
            values = _pick(scores, name, metric, null)
            # the first row that has it: a cell whose model was refused has no score of anything
            first = np.isfinite(values).argmax(axis=0)
            floor = values[first, np.arange(values.shape[1])][columns]
            if np.isfinite(floor).any():
                floors[name] = floor
    return floors


def _spread_rows(num_rows: int, num_floors: int) -> Float64[np.ndarray, " row"]:
    """Return where rows are drawn: the trivial ones after a gap."""
    return np.arange(num_rows + num_floors) + np.where(np.arange(num_rows + num_floors) < num_rows, 0.0, 0.4)


def _scale_columns(
    values: Float64[np.ndarray, "row column"], num_rows: int
) -> Float64[np.ndarray, "row column"]:
    """Return values over the largest size in each column's first rows, those that were trained."""
    sizes = np.nan_to_num(np.abs(values[:num_rows])).max(axis=0)
    # what trivial predictors lose may be many times that: it is as strong a colour as there is
    return np.clip(values / np.where(sizes > 0.0, sizes, 1.0), -1.0, 1.0)


def _draw_cells(
    axes: Axes,
    both: tuple[Float64[np.ndarray, "row column"], Float64[np.ndarray, "row column"]],
    heights: Float64[np.ndarray, " row"],
    norm: Normalize,
    colours: Any,
    size: float,
) -> None:
    """Draw cells with their values, and colours of their shades."""
    from matplotlib.patches import Rectangle

    values, shades = both
    for row, height in enumerate(heights):
        for column, value in enumerate(values[row]):
            known = np.isfinite(value)
            colour = colours(norm(shades[row, column])) if known else "0.92"
            place = (column - 0.5, float(height) - 0.5)
            axes.add_patch(Rectangle(place, 1.0, 1.0, facecolor=colour, edgecolor="white", linewidth=0.8))
            # luma of ITU-R BT.601, as the eye weighs red, green and blue; white letters below the middle
            dark = known and float(np.dot(colour[:3], (0.299, 0.587, 0.114))) < 0.53
            # a dot: no score, unlike one of zero
            text = write_value(value) if known else "·"
            axes.text(
                column,
                float(height),
                text,
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "black",
            )
    axes.set_xlim(-0.5, values.shape[1] - 0.5)
    axes.set_ylim(float(heights[-1]) + 0.5, -0.5)
    axes.set_aspect("equal")


def _draw_borders(axes: Axes, groups: tuple[list[str], list[str]], shape: tuple[int, ...]) -> None:
    for names, draw, stop in (
        (groups[0], axes.hlines, shape[1] - 0.5),
        (groups[1], axes.vlines, shape[0] - 0.5),
    ):
        edges = [edge - 0.5 for edge in range(1, len(names)) if names[edge] != names[edge - 1]]
        draw([-0.5, *edges, len(names) - 0.5], -0.5, stop, color="black", linewidth=1.6, zorder=4)


def _label_axes(
    axes: Axes,
    scores: xr.Dataset,
    rows: list[int],
    columns: list[int],
    heights: Float64[np.ndarray, " row"],
    floors: list[str],
    groups: tuple[list[str], list[str]],
) -> None:
    size = 9.0 if len(columns) <= 12 else 7.0
    train = _name_rows(scores, rows)
    test = [str(name) for name in scores["test_session"].values[columns]]
    axes.set_yticks(heights, [*train, *floors], fontsize=size)
    axes.set_xticks(np.arange(len(test)), test, rotation=90 if _is_turned(scores) else 0, fontsize=size)
    for label in axes.get_yticklabels()[len(train) :]:
        label.set_fontstyle("italic")
    for label, group in zip(axes.get_yticklabels(), groups[0], strict=False):
        label.set_color(PREPARATIONS.get(group, "black"))
    for label, group in zip(axes.get_xticklabels(), groups[1], strict=True):
        label.set_color(PREPARATIONS.get(group, "black"))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    # at the middle of the rows that were trained, not of the trivial ones below
    axes.set_ylabel("Trained on", y=1.0 - len(train) / 2.0 / (float(heights[-1]) + 1.0))
    axes.set_xlabel("Tested on")


def _name_rows(scores: xr.Dataset, rows: list[int]) -> list[str]:
    """Return the names of rows, those of mixtures with a line for each recording."""
    single = {str(name) for name in scores["test_session"].values}
    names = [str(name) for name in scores["train_session"].values[rows]]
    return [name if name in single else name.replace("+", " +\n") for name in names]


def _is_turned(scores: xr.Dataset) -> bool:
    """Return whether names of columns are too long to stand side by side."""
    return _length(scores["test_session"].values) > 6


def _length(names: Iterable[object]) -> int:
    return max(len(str(name)) for name in names)
