"""The part of a page that shows what a model looks at."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.explain.nwb import read_attention
from nwbspikegen.explain.results import name_loss
from nwbspikegen.plot.canvas import COLOURS
from nwbspikegen.plot.panels import Kind
from nwbspikegen.reports.meanings import iterate_rows, tell_metrics
from nwbspikegen.reports.parts import Mark, Panel, Part, Section, Table
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

# rows of a map that a page holds; more are averaged
_MOST_ROWS = 512
# of couplings: a few sources that fire all the time would otherwise hide all others
_REACH = 97.0
_PAIR = ("influence", "coupling")
_MEANINGS = {
    "control": "What the model lost, or what was done to what it reads.",
    "metric": "What was measured.",
    "value": "The score of the model with the control.",
    "cost": "How much worse than the whole model: above zero, what was lost was used.",
    "cost_ci_low": "Lower end of the cost's 95 % interval.",
    "cost_ci_high": "Upper end of the cost's 95 % interval.",
    "status": "Whether it was measured, or why not.",
    "ci_reliable": "Whether there are blocks enough for the interval.",
}


def show_explanation(path: str | os.PathLike[str], places: pd.DataFrame | None = None) -> Section:
    """Return what `explain` found: costs first, then couplings or attention, then the tables.

    `places` are x and y of units, by id: couplings are sorted by them.
    """
    maps, correlations, ablations = read_attention(path)
    parts: list[Part] = [*_draw_costs(ablations), *_draw_couplings(maps, places)]
    for name in map(str, maps.data_vars):
        if name not in _PAIR:
            parts += _draw_any(name, maps[name])
    if len(correlations):
        parts.append(Table("rate_correlations", "How importance goes with rate", correlations))
    if len(ablations):
        told = {**_MEANINGS, "metric": tell_metrics(ablations)}
        parts.append(Table("ablations", "All controls", ablations, "", told))
    return Section("explanation", "What the model looks at", parts)


def pick_costs(ablations: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that say how many bits per spike a control costs; the whole model costs nothing."""
    if "cost" not in ablations:
        return pd.DataFrame()
    is_bits = (ablations.metric == BITS_PER_SPIKE.name) & (ablations.control != "intact")
    return ablations[is_bits & np.isfinite(ablations.cost.astype(float))]


def judge_explanation(path: str | os.PathLike[str]) -> str:
    """Return which controls cost most, in words made from the table."""
    rows = pick_costs(read_attention(path)[2])
    if not len(rows):
        return ""
    ordered = rows.sort_values("cost", ascending=False)
    told = [
        f"{name_loss(str(row.control))} {row.cost:.2g} ({row.cost_ci_low:.2g} to {row.cost_ci_high:.2g})"
        for row in iterate_rows(ordered.head(3))
    ]
    few = "" if rows.ci_reliable.astype(bool).all() else " Few blocks or bins: the intervals are unreliable."
    return f"What it costs most to lose, in bits per spike: {'; '.join(told)}.{few}"


def _draw_costs(ablations: pd.DataFrame) -> list[Part]:
    if not len(ablations) or "cost" not in ablations:
        return []
    rows = pick_costs(ablations)
    if not len(rows):
        return []
    marks = []
    for place, row in enumerate(iterate_rows(rows)):
        text = f"{row.control}: {row.cost:.3g} ({row.cost_ci_low:.3g} to {row.cost_ci_high:.3g})"
        faint = not bool(row.ci_reliable)
        marks.append(
            Mark(
                "intervals",
                [row.cost],
                [float(place)],
                low=[row.cost_ci_low],
                high=[row.cost_ci_high],
                colour=COLOURS[0],
                text=[f"{text}{'; few blocks: unreliable' if faint else ''}"],
                is_faint=faint,
            )
        )
    few = (
        ""
        if rows.ci_reliable.astype(bool).all()
        else " Dotted and hollow: few blocks, the interval is unreliable."
    )
    return [
        Panel(
            "costs",
            "What it costs to lose each",
            "Bits per spike that the model loses under each control, with 95 % intervals; right of the "
            "line, what "
            f"was lost was used.{few}",
            marks,
            "Cost (bits per spike)",
            "",
            y_names={place: _label_control(str(name)) for place, name in enumerate(rows.control)},
            lines_x=(0.0,),
            height=110 + 26 * len(rows),
        )
    ]


def _label_control(name: str) -> str:
    """Return a control's name, short enough for an axis."""
    *words, last = name.split("_")
    if words == ["units", "permuted"]:
        return f"units permuted, {last} % of bins"
    if words[:1] == ["lags"]:
        return f"lags {words[1]} to {last} bins"
    return name.replace("_", " ")


def _draw_couplings(maps: xr.Dataset, places: pd.DataFrame | None) -> list[Part]:
    """Return influences between units, signed as their coupling, units by place and by likeness."""
    if not all(name in maps for name in _PAIR) or maps["coupling"].ndim != 2:
        return []
    values = maps["influence"].values * np.sign(maps["coupling"].values)
    ids = maps["target_unit"].values.tolist()
    orders = {"likeness": _sort_by_likeness(values)}
    if places is not None:
        known = places.reindex(ids)
        if known.notna().all(axis=None):
            orders = {"place": np.lexsort((known["x"].to_numpy(), known["y"].to_numpy())), **orders}
    reach = float(np.nanpercentile(np.abs(values), _REACH)) or 1.0
    said = {"place": "in the order of their y, then x", "likeness": "grouped by likeness (average linkage)"}
    panels: list[Part] = []
    for name, order in orders.items():
        x = np.arange(len(order))
        panels.append(
            Panel(
                f"couplings_by_{name}",
                f"Couplings, units by {name}",
                "Influence of a source (across) on the hazard of a target (down), signed as the "
                "coupling: orange "
                f"raises, blue lowers. Units {said[name]}; the colour ends at {reach:.3g}, the {_REACH:g}th "
                "percentile.",
                [
                    Mark(
                        "map",
                        x,
                        x,
                        values[np.ix_(order, order)],
                        scale="influence",
                        limits=(-reach, reach),
                        diverges=True,
                    )
                ],
                "Source unit (sorted)",
                "Target unit (sorted)",
                height=440,
            )
        )
    return panels


def _sort_by_likeness(values: np.ndarray) -> np.ndarray:
    """Return an order of units in which those that influence and are influenced alike lie together."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    features = np.nan_to_num(np.concatenate([values, values.T], axis=1))
    if len(features) < 3:
        return np.arange(len(features))
    order: np.ndarray = leaves_list(linkage(features, "average"))
    return order


def _draw_any(name: str, values: xr.DataArray) -> list[Part]:
    """Return a variable of one or two axes as a line or a map; of more, the mean over the first ones."""
    while values.ndim > 2:
        values = values.mean(str(values.dims[0]), keep_attrs=True)
    if values.ndim == 0 or not np.isfinite(values.values.astype(float)).any():
        return []
    title = name.replace("_", " ").capitalize()
    caption = str(values.attrs.get("description", "")) or f"{title}, as the file stores it."
    if values.ndim == 1:
        dim = str(values.dims[0])
        at, names = _axis_of(values, dim)
        kind: Kind = "points" if names is not None or "unit" in dim else "line"
        drawn = Mark(kind, at, values.values.astype(float), colour=COLOURS[0])
        return [
            Panel(
                f"map_{name}", title, caption, [drawn], _label(values, dim), title, x_names=names, height=280
            )
        ]
    rows, columns = map(str, values.dims)
    thinned = values.coarsen(
        {dim: max(1, values.sizes[dim] // _MOST_ROWS) for dim in (rows, columns)}, boundary="trim"
    )
    shown = thinned.mean()
    y, x = np.arange(shown.sizes[rows]), np.arange(shown.sizes[columns])
    if shown.sizes[rows] < values.sizes[rows]:
        caption += f" Averaged to {len(y)} rows."
    return [
        Panel(
            f"map_{name}",
            title,
            caption,
            [Mark("map", x, y, shown.values.astype(float), scale=title)],
            f"{columns} (place)",
            f"{rows} (place)",
            height=440,
        )
    ]


def _axis_of(values: xr.DataArray, dim: str) -> tuple[np.ndarray, dict[float, str] | None]:
    labels = values[dim].values if dim in values.coords else np.arange(values.sizes[dim])
    if labels.dtype.kind in "fiu" and "unit" not in dim:
        return labels.astype(float), None
    if len(labels) > 24:
        return np.arange(len(labels), dtype=float), None
    return np.arange(len(labels), dtype=float), {float(at): str(each) for at, each in enumerate(labels)}


def _label(values: xr.DataArray, dim: str) -> str:
    unit = values[dim].attrs.get("units", "") if dim in values.coords else ""
    return f"{dim.replace('_', ' ')}{f' ({unit})' if unit else ''}"
