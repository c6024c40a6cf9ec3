"""Panels drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.plot.canvas import COLOURS
from nwbspikegen.plot.colours import DIVERGING, SEQUENTIAL, SPAN_NAMES, SPANS, choose_ticks
from nwbspikegen.plot.panels import Mark, PageTrains, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# points of one mark: beyond it they lie in the picture as dots of an image, which has one size
_MOST_VECTORS = 5_000
# columns of a map: more than a printer shows
_MOST_COLUMNS = 1_500


def draw_panel(
    axes: Axes, panel: Panel, first_unit: int = 0, trains: Mapping[str, PageTrains] | None = None
) -> None:
    """Draw a panel into axes.

    `trains` are those of a page, for a panel that shows spikes of the unit at `first_unit`.
    """
    for span in panel.spans:
        axes.axvspan(span.start, span.stop, color=SPANS[span.kind], linewidth=0, zorder=0)
        if span.kind != "unobserved":
            at = (max(span.start, _first(panel)), 1.01)
            axes.annotate(SPAN_NAMES[span.kind], at, xycoords=("data", "axes fraction"), fontsize=7)
    for place, mark in enumerate(panel.marks):
        shown = mark.of_unit(first_unit) if mark.by_unit else mark
        _draw(axes, shown, mark.colour or COLOURS[place % len(COLOURS)])
    if panel.unit_spikes and trains:
        times = _times_of(trains[panel.unit_spikes], first_unit)
        axes.plot(times, np.zeros(len(times)), "|", color="black", markersize=5, rasterized=True)
    _dress(axes, panel)


def _times_of(trains: PageTrains, place: int) -> np.ndarray:
    start = int(trains.counts[:place].sum())
    return trains.times[start : start + int(trains.counts[place])]


def _first(panel: Panel) -> float:
    return min((span.start for span in panel.spans), default=0.0)


def _draw(axes: Axes, mark: Mark, colour: str) -> None:
    if mark.kind == "map":
        _draw_map(axes, mark)
        return
    x, y = np.asarray(mark.x), np.asarray(mark.y)
    is_many = len(x) > _MOST_VECTORS
    label = _plain(mark.name) or None
    if mark.kind == "line":
        style = "--" if mark.is_faint else "-"
        axes.plot(x, y, style, color=colour, linewidth=1.0, label=label, rasterized=is_many)
    elif mark.kind == "bars":
        width = float(np.diff(x).min()) * 0.95 if len(x) > 1 else 0.8
        axes.bar(x, y, width=width, color=colour, label=label)
    elif mark.kind == "intervals":
        ends: dict[str, Any] = {"color": colour, "linewidth": 1.5, "linestyle": ":" if mark.is_faint else "-"}
        axes.hlines(y, np.asarray(mark.low, float), np.asarray(mark.high, float), **ends)
        # ends of its own: an interval narrower than the point is seen to be there
        for end in (mark.low, mark.high):
            axes.plot(np.asarray(end, float), y, "|", color=colour, markersize=7)
        face = "white" if mark.is_faint else colour
        axes.plot(x, y, "o", color=colour, markerfacecolor=face, markersize=4.5, label=label)
    elif mark.values is not None:
        low, high = mark.limits or (None, None)
        drawn = axes.scatter(
            x, y, c=np.asarray(mark.values, float), cmap=SEQUENTIAL.lower(), vmin=low, vmax=high, s=18
        )
        drawn.set_rasterized(is_many)
        _draw_scale(axes, drawn, mark)
    else:
        face = "none" if mark.is_faint else colour
        axes.scatter(x, y, s=14, facecolors=face, edgecolors=colour, label=label, rasterized=is_many)
        for at, over, said in zip(x, y, mark.labels or (), strict=False):
            where: dict[str, Any] = {
                "xytext": (0, 4),
                "textcoords": "offset points",
                "ha": "center",
                "fontsize": 7,
            }
            axes.annotate(_plain(said), (at, over), **where)


def _draw_map(axes: Axes, mark: Mark) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize

    x, y, z = (np.asarray(each, dtype=np.float64) for each in (mark.x, mark.y, mark.z))
    low, high = mark.limits or (float(np.nanmin(z)), float(np.nanmax(z)))
    colours: Any = SEQUENTIAL.lower()
    if mark.diverges:
        colours = LinearSegmentedColormap.from_list("diverging", list(DIVERGING))
    norm = LogNorm(low, high, clip=True) if mark.is_log else Normalize(low, high)
    if mark.is_log:
        z = np.maximum(z, low)
    step = max(1, -(-z.shape[1] // _MOST_COLUMNS))
    half_x = (x[1] - x[0]) / 2 if len(x) > 1 else 0.5
    half_y = (y[1] - y[0]) / 2 if len(y) > 1 else 0.5
    image = axes.imshow(
        _thin(z, step),
        extent=(x[0] - half_x, x[-1] + half_x, y[0] - half_y, y[-1] + half_y),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=colours,
        norm=norm,
        zorder=1,
    )
    _draw_scale(axes, image, mark)
    for row, labels in enumerate(mark.labels or ()):
        for column, label in enumerate(labels):
            shade = image.cmap(image.norm(z[row, column]))
            # dark on light and light on dark: weights are those of the eye for red, green and blue
            is_dark = float(np.dot(shade[:3], (0.3, 0.6, 0.1))) < 0.5 and np.isfinite(z[row, column])
            how: dict[str, Any] = {
                "ha": "center",
                "va": "center",
                "fontsize": 7,
                "color": "white" if is_dark else "black",
            }
            axes.text(x[column], y[row], _plain(label), **how)


def _draw_scale(axes: Axes, drawn: Any, mark: Mark) -> None:
    # within the place of the panel: panels below each other stay aligned, with a bar or without
    bar = axes.figure.colorbar(drawn, cax=axes.inset_axes((1.015, 0.0, 0.02, 1.0)), label=_plain(mark.scale))
    if mark.is_log and mark.limits is not None:
        ticks = choose_ticks(mark.limits)
        bar.set_ticks([10.0**place for place in ticks], labels=list(ticks.values()))
        bar.ax.minorticks_off()


def _thin(values: np.ndarray, step: int) -> np.ndarray:
    """Return the mean over every `step` columns; what is missing in all of them is missing."""
    if step == 1:
        return values
    edges = np.arange(0, values.shape[1], step)
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0.0), edges, axis=1)
    count = np.add.reduceat(known, edges, axis=1)
    thinned: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return thinned


def _dress(axes: Axes, panel: Panel) -> None:
    axes.set_xlabel(_plain(panel.x_label))
    axes.set_ylabel(_plain(panel.y_label))
    axes.set_title(_plain(panel.title), loc="left", fontsize="medium", pad=14)
    if panel.x_is_log:
        axes.set_xscale("log")
    if panel.y_is_log:
        axes.set_yscale("log")
    for at in panel.lines_y:
        axes.axhline(at, color="0.4", linestyle="--", linewidth=0.8, zorder=0.5)
    for at in panel.lines_x:
        axes.axvline(at, color="0.4", linestyle="--", linewidth=0.8, zorder=0.5)
    if panel.y_names is not None:
        axes.set_yticks(list(panel.y_names), [_plain(each) for each in panel.y_names.values()], fontsize=8)
        if panel.runs_down:
            axes.set_ylim(len(panel.y_names) - 0.5, -0.5)
    if panel.x_names is not None:
        names = [_plain(each) for each in panel.x_names.values()]
        axes.set_xticks(list(panel.x_names), names, rotation=45, ha="right", fontsize=8)
    if panel.is_square:
        # the frame grows, not the scale: room for names beside the outermost places
        axes.margins(0.35 if any(mark.labels for mark in panel.marks) else 0.05)
        axes.set_aspect("equal", adjustable="datalim")
    axes.spines[["top", "right"]].set_visible(False)
    if any(mark.name for mark in panel.marks if mark.kind != "map"):
        axes.legend(fontsize=7, frameon=False, loc="best")


def _plain(text: str) -> str:
    """Return a text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
