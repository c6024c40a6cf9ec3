"""Several panels as one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nwbspikegen.plot.canvas import new_figure
from nwbspikegen.plot.panel_drawing import draw_panel
from nwbspikegen.plot.panels import Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

# inches of a panel; two side by side are as wide as a page
_WIDTH = 4.2
# a panel says its height for a page, in pixels of 96 dots an inch
_DOTS = 96.0
# of a panel along time: on a page it is as high as its units need, on paper a page has several
_HIGHEST = 300


def compose(
    panels: Sequence[Panel],
    *,
    num_columns: int = 2,
    width: float = _WIDTH,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw panels row by row into one figure.

    Parameters
    ----------
    panels : sequence of Panel
        From left to right and top to bottom; a row is as high as its highest.
    num_columns : int
        Most panels side by side.
    width : float
        Of a panel, in inches.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure, as large as the panels need.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    num_columns = min(num_columns, len(panels))
    rows = _arrange(panels, num_columns)
    heights = [max(_find_height(panel) for panel in row) / _DOTS for row in rows]
    if figure is None:
        figure = new_figure(width * max(num_columns, 2), sum(heights))
    grid = figure.add_gridspec(len(rows), num_columns, height_ratios=heights)
    for place, row in enumerate(rows):
        for column, panel in enumerate(row):
            whole = panel.is_time or num_columns == 1
            draw_panel(figure.add_subplot(grid[place, :] if whole else grid[place, column]), panel)
    return figure


def _arrange(panels: Sequence[Panel], num_columns: int) -> list[list[Panel]]:
    """Return panels in rows; one along time has a row of its own."""
    rows: list[list[Panel]] = []
    for panel in panels:
        last = rows[-1] if rows else []
        if not last or panel.is_time or last[0].is_time or len(last) == num_columns:
            rows.append([panel])
        else:
            last.append(panel)
    return rows


def _find_height(panel: Panel) -> int:
    return min(panel.height, _HIGHEST) if panel.is_time else panel.height
