"""Profiles of attention: by distance, and by place in the window, for all heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, new_figure

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_TITLES = {
    "head_offset_curve": ("Distance of key from query (s)", "(i + 1) A(i, j) by i - j"),
    "head_key_profile": ("Key (s from the window's start)", "(i + 1) A(i, j) by key"),
    "head_query_profile": ("Query (s from the window's start)", "Entropy / log(i + 1) by query"),
}


def plot_attention_curves(maps: xr.Dataset) -> Figure:
    """Draw offset curve, key profile and query profile: a thin line per head, a thick one for their mean.

    With equal logits every line is at 1. Lines are running medians over 1 % of the axis.

    Parameters
    ----------
    maps : Dataset
        `head_offset_curve`, `head_key_profile`, `head_query_profile`, as `map_attention` returns them.

    Raises
    ------
    InputError
        When one is not there.
    MissingExtraError
        When matplotlib is not installed.
    """
    for name in _TITLES:
        if name not in maps:
            raise InputError(f"maps without {name}", "what map_attention returned", "explain a model first")
    figure = new_figure(11.0, 3.4)
    for axes, (name, (label, title)) in zip(figure.subplots(1, 3), _TITLES.items(), strict=True):
        curve = maps[name]
        places = curve[curve.dims[1]].values
        for head in curve.values:
            axes.plot(places, _smooth(head), color="0.7", linewidth=0.6)
        axes.plot(places, _smooth(curve.values.mean(axis=0)), color=COLOURS[0], linewidth=1.6)
        axes.axhline(1.0, color=COLOURS[1], linewidth=0.8, linestyle="--")
        axes.set_xlabel(label)
        axes.set_title(title, loc="left", fontsize="medium")
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.spines[["top", "right"]].set_visible(False)
        _bound(axes, curve.values)
    return figure


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return medians over about 1 % of the values, each at its own place."""
    import pandas as pd

    # medians and not means: where few pairs are averaged single values stand out
    width = max(1, len(values) // 100)
    return np.asarray(pd.Series(values).rolling(width, center=True, min_periods=1).median())


def _bound(axes: Any, values: np.ndarray) -> None:
    """Leave out the few values at which hardly any pair was averaged."""
    found = values[np.isfinite(values)]
    if len(found):
        low, high = np.percentile(found, [0.5, 99.5])
        room = 0.05 * max(high - low, 0.01)
        axes.set_ylim(min(low, 1.0) - room, max(high, 1.0) + room)
