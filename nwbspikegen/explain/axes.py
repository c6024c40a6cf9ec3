"""Maps as arrays with axes: what each holds, in which unit, along what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float32, Float64

QUERY, KEY = "query_in_window", "key_in_window"
"""Axes of maps that are means over windows: seconds from the start of a window, not of the session."""


@dataclass(frozen=True)
class WindowMaps:
    """What one window gave."""

    attention: Float32[np.ndarray, "head query key"]
    weighted: Float32[np.ndarray, "query key"]
    by_bin: dict[str, np.ndarray]
    by_offset: dict[str, np.ndarray]
    by_head: dict[str, np.ndarray]
    importance: Float32[np.ndarray, "bin unit"]
    log_odds: Float32[np.ndarray, "bin unit"]


def label_maps(
    windows: Sequence[WindowMaps], segment: xr.Dataset, *, times: Float64[np.ndarray, "window bin"], cell: int
) -> xr.Dataset:
    """Return maps and curves as means over windows, and what belongs to a bin at its session time."""
    bin_size, length = float(segment.attrs["bin_size"]), times.shape[1]
    # maps are means over windows that began at different times: a place in them has no time of the session
    cells = np.arange(windows[0].weighted.shape[0]) * cell * bin_size
    attention = np.mean([window.attention for window in windows], axis=0)
    values: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "attention": (("head", QUERY, KEY), attention),
        "attention_mean": ((QUERY, KEY), attention.mean(axis=0)),
        "attention_weighted_importance": ((QUERY, KEY), _mean([window.weighted for window in windows])),
        # windows do not overlap: their bins follow each other on the session's clock, with gaps in between
        "importance": (("time", "unit"), np.concatenate([window.importance for window in windows])),
        "importance_unit": (("unit",), _mean([window.importance.sum(axis=0) for window in windows])),
    }
    for name in windows[0].by_bin:
        values[name] = (("time",), np.concatenate([window.by_bin[name] for window in windows]))
    for name in windows[0].by_offset:
        values[name] = (("offset",), _mean([window.by_offset[name] for window in windows]))
    for name in windows[0].by_head:
        axis = "offset" if name.endswith("_curve") else "time_in_window"
        values[name] = (("head", axis), _mean([window.by_head[name] for window in windows]))
    in_window = np.arange(length) * bin_size
    coords = {
        QUERY: _axis(QUERY, cells, "query, from the start of a window"),
        KEY: _axis(KEY, cells, "key, from the start of a window"),
        "time_in_window": _axis("time_in_window", in_window, "bin, from the start of a window"),
        "offset": _axis("offset", in_window, "how far the key lies before the query"),
        "time": _axis("time", times.ravel(), "bin start on the session clock"),
        "head": np.arange(len(attention)),
        "unit": segment.unit.values,
    }
    arrays = {
        name: xr.DataArray(array, dims=dims, attrs=name_axis(name)) for name, (dims, array) in values.items()
    }
    return xr.Dataset(
        arrays,
        coords=coords,
        attrs={"num_windows": len(windows), "window_bins": length, "cell_bins": cell, "bin_size": bin_size},
    )


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean(values, axis=0))


def _axis(name: str, places: np.ndarray, description: str) -> xr.Variable:
    return xr.Variable((name,), places, attrs={"units": "s", "description": description})


_ATTENTION, _AWI = "attention", "attention_weighted_importance"
_GRADIENT = "loss per spike"
_DESCRIPTIONS = {
    "attention": ("1", _ATTENTION, "Softmax weight of a key in the row of a query, mean over windows."),
    "attention_mean": ("1", _ATTENTION, "Softmax weight, mean over heads and windows."),
    _AWI: (_GRADIENT, _AWI, "A(i, j) G(j), A the mean of heads, mean over windows."),
    "importance": (_GRADIENT, "importance", "|dL/dh| of the encoder's input, L the loss of a window."),
    "importance_unit": (
        _GRADIENT,
        "importance",
        "|dL/dh| summed over the bins of a window, mean of windows.",
    ),
    "importance_bin": (_GRADIENT, "importance", "G: |dL/dh| summed over units."),
    "key_profile": ("1", _ATTENTION, "Mean of (i + 1) A(i, j) over queries i >= j; 1 is an equal share."),
    "query_profile": ("1", _ATTENTION, "Entropy of a row over log(i + 1); 1 is an equal share."),
    "offset_curve": ("1", _ATTENTION, "Mean of (i + 1) A(i, j) by i - j; 1 is an equal share."),
    "awi_key_profile": (_GRADIENT, _AWI, "Mean of (i + 1) A(i, j) G(j) over queries i >= j."),
    "awi_query_profile": (_GRADIENT, _AWI, "Sum over keys of A(i, j) G(j)."),
    "awi_offset_curve": (_GRADIENT, _AWI, "Mean of (i + 1) A(i, j) G(j) by i - j."),
}


def name_axis(name: str) -> dict[str, str]:
    """Return units, measure and description of an array; those of heads are those of their mean.

    Examples
    --------
    >>> name_axis("head_offset_curve")["units"]
    '1'
    """
    units, measure, description = _DESCRIPTIONS[name.removeprefix("head_")]
    return {"units": units, "measure": measure, "description": description}
