"""Panels as specifications of Plotly figures, which the page's script draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from nwbspikegen.plot.canvas import COLOURS
from nwbspikegen.plot.colours import (
    DIVERGING,
    INK,
    SEQUENTIAL,
    SPAN_NAMES,
    SPANS,
    choose_ticks,
)
from nwbspikegen.reports.packing import escape
from nwbspikegen.reports.parts import Mark, Panel, Span

# letters of a name on an axis: longer ones would leave a phone no room for what is drawn
_LONGEST_NAME = 32


def to_plotly(panel: Panel, first_unit: int = 0) -> dict[str, Any]:
    """Return `data` and `layout` of a panel, and `by_unit`: what changes when a unit is chosen.

    Examples
    --------
    >>> panel = Panel("a", "A", "", [Mark("line", [0.0, 1.0], [2.0, 3.0])], "Time (s)", "Rate (Hz)")
    >>> to_plotly(panel)["data"][0]["mode"]
    'lines'
    """
    data: list[dict[str, Any]] = []
    by_unit = []
    for place, mark in enumerate(panel.marks):
        by_unit += [
            {"trace": len(data), "key": key, "rows": _small(getattr(mark, key))} for key in mark.by_unit
        ]
        shown = mark.of_unit(first_unit) if mark.by_unit else mark
        data += _traces(shown, mark.colour or COLOURS[place % len(COLOURS)])
    return {
        "name": panel.name,
        "data": data,
        "layout": _lay_out(panel),
        "by_unit": by_unit,
        "notes": list(panel.notes),
        "is_time": panel.is_time,
        "spikes": panel.spikes,
        "unit_spikes": panel.unit_spikes,
        "picks": "row" if panel.rows_are_units else "cell" if panel.cells_are_units else "point",
    }


def _small(values: Any) -> np.ndarray:
    """Return many values in four bytes each, of which three digits are kept and compress well.

    Examples
    --------
    >>> [round(each, 9) for each in _small([1 / 3, 0.0, np.nan]).tolist()]
    [0.333251953, 0.0, nan]
    """
    rounded = np.array(values, dtype=np.float32)
    # the last 13 of 23 bits of each fraction: a difference of one in 2,000, less than a colour or a pixel
    rounded.view(np.uint32)[...] &= np.uint32(0xFFFFE000)
    return rounded


def _numbers(values: Any) -> np.ndarray:
    """Return values in eight bytes each: in four, a time of a day would lose its milliseconds."""
    return np.asarray(values, dtype=np.float64)


def _traces(mark: Mark, colour: str) -> list[dict[str, Any]]:
    if mark.kind == "map":
        return [_map(mark)]
    if mark.kind == "intervals":
        return _intervals(mark, colour)
    trace: dict[str, Any] = {"x": _numbers(mark.x), "y": _numbers(mark.y), "name": escape(mark.name)}
    trace["showlegend"] = bool(mark.name)
    if mark.text is not None:
        trace |= {"text": [escape(each) for each in mark.text], "hovertemplate": "%{text}<extra></extra>"}
    if mark.units is not None:
        trace["customdata"] = list(mark.units)
    if mark.kind == "bars":
        return [{**trace, "type": "bar", "marker": {"color": colour}}]
    trace["type"] = "scatter"
    if mark.kind == "line":
        line = {"color": colour, "width": 1.5, "dash": "dash" if mark.is_faint else "solid"}
        return [{**trace, "mode": "lines", "line": line}]
    marker: dict[str, Any] = {
        "size": 8,
        "color": colour,
        "symbol": "circle-open" if mark.is_faint else "circle",
    }
    if mark.values is not None:
        marker |= {"color": _numbers(mark.values), "colorscale": SEQUENTIAL, "showscale": True}
        marker |= {"colorbar": _bar(mark.scale), "line": {"width": 0.5, "color": INK}}
        if mark.limits:
            marker |= {"cmin": mark.limits[0], "cmax": mark.limits[1]}
    if mark.labels is not None:
        written = {"text": [escape(each) for each in mark.labels], "textposition": "top center"}
        return [{**trace, **written, "mode": "markers+text", "marker": marker, "showlegend": False}]
    return [{**trace, "mode": "markers", "marker": marker}]


def _map(mark: Mark) -> dict[str, Any]:
    x, y = np.asarray(mark.x, dtype=float), np.asarray(mark.y, dtype=float)
    limits, bar = mark.limits, _bar(mark.scale)
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": _small(mark.z),
        "colorscale": [list(each) for each in DIVERGING] if mark.diverges else SEQUENTIAL,
        "colorbar": bar,
        "name": escape(mark.name),
        "hovertemplate": "%{x:.6g}, %{y}: %{z:.4g}<extra></extra>",
        "meta": {},
    }
    if mark.is_log and limits:
        ticks = choose_ticks(limits)
        bar |= {"tickvals": list(ticks), "ticktext": list(ticks.values())}
        # the page's script takes the logarithm, so that what is pointed at and taken away is the value
        trace |= {
            "meta": {"log_from": limits[0]},
            "hovertemplate": "%{x:.6g}, %{y}: %{customdata:.4g}<extra></extra>",
        }
        limits = (float(np.log10(limits[0])), float(np.log10(limits[1])))
    for key, at in (("x", x), ("y", y)):
        trace[f"{key}0"] = float(at[0])
        trace[f"d{key}"] = float(at[1] - at[0]) if len(at) > 1 else 1.0
    if mark.labels is not None:
        trace |= {
            "text": [[escape(each) for each in row] for row in mark.labels],
            "texttemplate": "%{text}",
            "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
        }
    if limits:
        trace |= {"zmin": limits[0], "zmax": limits[1]}
    return trace


def _intervals(mark: Mark, colour: str) -> list[dict[str, Any]]:
    low, high, y = (np.asarray(each, dtype=float) for each in (mark.low, mark.high, mark.y))
    gap = np.full(len(y), np.nan)
    whiskers = {
        "type": "scatter",
        # points that do not show keep ends off the edge: a range leaves no room beside a line
        "mode": "lines+markers",
        "marker": {"opacity": 0},
        "x": np.stack([low, high, gap], axis=1).ravel(),
        "y": np.stack([y, y, gap], axis=1).ravel(),
        "line": {"color": colour, "width": 2, "dash": "dot" if mark.is_faint else "solid"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    centres = Mark("points", mark.x, mark.y, name=mark.name, text=mark.text, is_faint=mark.is_faint)
    return [whiskers, *_traces(centres, colour)]


def _bar(scale: str) -> dict[str, Any]:
    return {"title": {"text": escape(scale), "side": "right"}, "thickness": 12}


def _lay_out(panel: Panel) -> dict[str, Any]:
    x = _axis(panel.x_label, panel.x_is_log, panel.x_names)
    y = _axis(panel.y_label, panel.y_is_log, panel.y_names)
    if panel.is_square:
        y |= {"scaleanchor": "x", "scaleratio": 1}
    if panel.runs_down:
        y["range"] = [len(panel.y_names or ()) - 0.5, -0.5]
    across = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at} for at in panel.lines_y]
    upright = [
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at} for at in panel.lines_x
    ]
    lines = [{**each, "line": {"color": "#666666", "width": 1, "dash": "dash"}} for each in across + upright]
    return {
        "height": panel.height,
        "margin": {"l": 60, "r": 10, "t": 24, "b": 44},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "font": {"color": INK, "size": 12},
        "xaxis": x,
        "yaxis": y,
        "shapes": [*(_shade(span) for span in panel.spans), *lines],
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "closest",
        "dragmode": "pan" if panel.is_time else "zoom",
        "bargap": 0.05,
    }


def _axis(label: str, is_log: bool, names: Any) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": escape(label)}, "zeroline": False, "automargin": True}
    axis |= {"showline": True, "linecolor": INK, "ticks": "outside", "gridcolor": "#E5E5E5"}
    if is_log:
        axis |= {"type": "log", "dtick": 1, "exponentformat": "power"}
    if names is not None:
        axis |= {"tickvals": list(names), "ticktext": [_shorten(each) for each in names.values()]}
    return axis


def _shorten(name: str) -> str:
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return escape(short)


def _shade(span: Span) -> dict[str, Any]:
    label = {"text": SPAN_NAMES[span.kind], "textposition": "top left", "font": {"size": 10, "color": INK}}
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": span.start,
        "x1": span.stop,
        "y0": 0,
        # above what is drawn, where a map would hide it
        "y1": 1,
        "fillcolor": SPANS[span.kind],
        "line": {"width": 0},
        "layer": "below",
        "label": label if span.kind != "unobserved" else {},
    }
