"""The map of recordings in three dimensions, seen from two sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import new_figure
from nwbspikegen.scoring.metrics import name_score
from nwbspikegen.transfer.figure_names import PREPARATIONS, name_preparation

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

# elevation and azimuth, in degrees, a quarter turn apart: what hides in one view is beside it in the other
_VIEWS = ((22.0, -60.0), (22.0, 30.0))
# more names, or longer ones, lie on each other beside their points: numbers and a key then
_MOST_NAMES = 15
_LONGEST_NAME = 16
# letters of a key's line, over all of its columns
_KEY_LETTERS = 130


@runtime_checkable
class LayoutLike(Protocol):
    """What is drawn of a layout: the one that `transfer` makes, or one read from a file."""

    @property
    def positions(self) -> pd.DataFrame:
        """x, y and z, indexed by session."""

    @property
    def clouds(self) -> np.ndarray | None:
        """Bootstrap positions, draw x session x 3."""

    @property
    def normalised_stress(self) -> float:
        """Kruskal's stress-1."""

    @property
    def metric(self) -> str:
        """Score that the distances were made of."""

    @property
    def null(self) -> str:
        """Its null."""

    @property
    def predictor(self) -> str:
        """Model that was scored."""


def plot_layout(
    layout: LayoutLike,
    preparations: Mapping[str, str] | pd.Series[str],
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw the positions of recordings from two angles, with the clouds of their bootstrap draws.

    Parameters
    ----------
    layout : Layout
        As `lay_out` returns it.
    preparations : mapping from session to preparation
        Gives the colours.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Raises
    ------
    InputError
        There are no positions.
    MissingExtraError
        When matplotlib is not installed.
    """
    if not len(layout.positions):
        raise InputError("no positions", "one session or more", "lay out the study first")
    names = [str(name) for name in layout.positions.index]
    if figure is None:
        lines = -(-len(names) // _count_columns(names)) if _is_numbered(names) else 0
        figure = new_figure(10.0, 5.2 + 0.16 * lines)
    points = layout.positions[["x", "y", "z"]].to_numpy(dtype=float)
    kinds = [str(dict(preparations).get(name, "")) for name in names]
    colours = [PREPARATIONS.get(kind, PREPARATIONS[""]) for kind in kinds]
    labels = [str(number + 1) for number in range(len(names))] if _is_numbered(names) else names
    for place, (elevation, azimuth) in enumerate(_VIEWS):
        axes = figure.add_subplot(1, 2, place + 1, projection="3d")
        _draw(axes, points, layout.clouds, colours, labels)
        axes.view_init(elev=elevation, azim=azimuth)
    _draw_legend(figure, kinds, layout.clouds is not None)
    if _is_numbered(names):
        _draw_key(figure, names)
    score = name_score(layout.metric, layout.null)
    if score[1].islower():
        score = score[0].lower() + score[1:]
    # stress stands in the title: a map that does not fit its distances must not be read
    figure.suptitle(
        f"{layout.predictor}: distances from {score} (stress-1 {layout.normalised_stress:.3f})",
        x=0.02,
        ha="left",
        fontsize="medium",
    )
    return figure


def _draw(
    axes: Any, points: np.ndarray, clouds: np.ndarray | None, colours: list[str], labels: list[str]
) -> None:
    if clouds is not None and len(clouds):
        # drawn first, to lie beneath the points
        for session, colour in enumerate(colours):
            axes.scatter(*clouds[:, session].T, s=5, color=colour, alpha=0.15, linewidths=0, depthshade=False)
    axes.scatter(*points.T, s=42, c=colours, edgecolors="black", linewidths=0.8, depthshade=False)
    _equalise(axes, points if clouds is None or not len(clouds) else np.concatenate([points, *clouds]))
    floor = axes.get_zlim()[0]
    for point, label in zip(points, labels, strict=True):
        # a stem shows where a point stands, which one view alone does not
        axes.plot(*np.array([point, [*point[:2], floor]]).T, color="0.6", linewidth=0.7, zorder=1)
        axes.text(*point, f"  {label}", fontsize=8, zorder=10)
    for name in "xyz":
        getattr(axes, f"set_{name}label")(name, fontsize=8)
    axes.tick_params(labelsize=7)


def _equalise(axes: Any, points: np.ndarray) -> None:
    """Give all axes one scale: distances are what the figure shows."""
    # draws far outside would make everything else a dot
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    span = max(float((high - low).max()), 1e-9) * 1.1
    for name, centre in zip("xyz", (low + high) / 2.0, strict=True):
        getattr(axes, f"set_{name}lim")(centre - span / 2, centre + span / 2)
    axes.set_box_aspect((1, 1, 1), zoom=0.95)


def _draw_legend(figure: Any, kinds: list[str], has_clouds: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", marker="o", color=PREPARATIONS[kind], label=name_preparation(kind))
        for kind in PREPARATIONS
        if kind in kinds
    ]
    if has_clouds:
        marks.append(Line2D([], [], linestyle="", marker=".", color="0.6", label="bootstrap draws"))
    figure.legend(handles=marks, loc="outside upper right", ncols=len(marks), fontsize=8, frameon=False)


def _draw_key(figure: Any, names: list[str]) -> None:
    """List which number is which session, where names would lie on each other."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], linestyle="", label=f"{number}  {name}") for number, name in enumerate(names, 1)]
    figure.legend(
        handles=lines,
        loc="outside lower center",
        ncols=_count_columns(names),
        fontsize=7,
        frameon=False,
        handlelength=0,
        handletextpad=0,
    )


def _is_numbered(names: list[str]) -> bool:
    """Return whether names are too many or too long to stand beside their points."""
    return len(names) > _MOST_NAMES or max(map(len, names)) > _LONGEST_NAME


def _count_columns(names: list[str]) -> int:
    return max(1, min(5, _KEY_LETTERS // (6 + max(map(len, names)))))
