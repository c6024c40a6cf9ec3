"""Panels as still pictures, for paper and for browsers without scripts."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nwbspikegen.plot.canvas import new_figure
from nwbspikegen.plot.colours import INK
from nwbspikegen.plot.panel_drawing import draw_panel
from nwbspikegen.reports.parts import PageTrains, Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# inches of a page's column; pixels of a panel's height are of 96 dots an inch
_WIDTH, _DOTS = 8.0, 96.0


def draw_still(panel: Panel, first_unit: int = 0, trains: Mapping[str, PageTrains] | None = None) -> str:
    """Return a panel as SVG, by itself: it holds all that it shows.

    `trains` are those of the page, for a panel that shows spikes of the unit at `first_unit`.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    figure = new_figure(_WIDTH, panel.height / _DOTS)
    axes = figure.subplots()
    draw_panel(axes, panel, first_unit, trains)
    return _write(figure, panel.name)


def _write(figure: Figure, salt: str) -> str:
    import matplotlib

    # text stays text: it can be edited, and letters as outlines would be most of the file; the salt makes
    # ids that are the same in every run
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.family": "sans-serif",
        "text.color": INK,
    }
    with matplotlib.rc_context(settings), io.StringIO() as written, warnings.catch_warnings():
        # letters of another script in a file's names: the reader's fonts have them
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None}, dpi=110)
        return written.getvalue()
