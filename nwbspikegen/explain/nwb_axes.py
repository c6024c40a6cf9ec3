"""The axes of matrices: which kind each is in NWB, and its coordinate again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.nwb.columns import name_units, read_column, read_unit_ids, require_array
from nwbspikegen.prediction.generated_units import find_rows

_TIME_DIMS = ("time", "query", "key")
# seconds: nwbinspector asks for a rate where steps are alike to nine decimals; rounding is some 1e-12
_EVEN = 0.5e-9


def is_time(array: xr.DataArray, dim: str) -> bool:
    """Return whether a dim holds times of the session (s); offsets and lags do not."""
    return dim in _TIME_DIMS and array[dim].dtype == np.float64


def is_unit(dim: str) -> bool:
    """Return whether a dim holds ids of `/units`."""
    return dim == "unit" or dim.endswith("_unit")


def find_grid(times: Float64[np.ndarray, " place"], attrs: Mapping[Any, Any]) -> dict[str, float] | None:
    """Return origin, first place and step (s) of evenly spaced times, or None.

    They give the times back to the last bit where a view's way of counting does, and else to a
    nanosecond.

    Examples
    --------
    >>> find_grid(np.array([0.5, 0.75, 1.0]), {})
    {'origin': 0.5, 'first': 0, 'step': 0.25}
    >>> find_grid(np.arange(317, 337) * 0.01 + 0.1, {"bin_size": 0.01})["first"]
    0
    >>> find_grid(np.array([0.5, 0.75, 1.1]), {}) is None
    True
    """
    if len(times) < 2 or not np.isfinite(times).all():
        return None
    step = float(times[-1] - times[0]) / (len(times) - 1)
    # views count bins from the session's start or from the window's, and sums of steps round differently: the
    # first that gives the same bits is kept. NWB's rate, 1 / step, would not give them back
    for each in (attrs.get("bin_size", step), step, round(step, 9)):
        for origin in (float(times[0]), 0.0, float(attrs.get("start_time", 0.0))):
            if each > 0:
                grid = {"origin": origin, "first": round((times[0] - origin) / each), "step": float(each)}
                if np.array_equal(follow_grid(grid, len(times)), times):
                    return grid
    grid = {"origin": float(times[0]), "first": 0, "step": step}
    # a window that began at another place rounds in a way of its own, and is as even
    is_even = step > 0 and bool(np.abs(follow_grid(grid, len(times)) - times).max() < _EVEN)
    return grid if is_even else None


def follow_grid(grid: Mapping[str, float], size: int) -> Float64[np.ndarray, " place"]:
    """Return the times that `find_grid` described."""
    places = np.arange(grid["first"], grid["first"] + size, dtype=np.float64)
    return places * grid["step"] + grid["origin"]


def describe_axis(
    axis: str, array: xr.DataArray, dim: str, units: Any, attrs: Mapping[Any, Any]
) -> tuple[dict[str, Any], dict[str, float] | None]:
    """Return what `LabeledMatrix` takes for an axis, and the grid of its times if they have one."""
    from hdmf.common import DynamicTableRegion

    places = array[dim].values
    if is_unit(dim):
        region = DynamicTableRegion(
            name=f"{axis}_region",
            data=find_rows(places, name_units(units)).tolist(),
            description=f"Recorded units, rows of /units, that the {dim} axis stands for.",
            table=units,
        )
        return {f"{axis}_region": region}, None
    if is_time(array, dim):
        grid = find_grid(places, attrs)
        if grid is None:
            return {f"{axis}_timestamps": places}, None
        return {f"{axis}_starting_time": float(places[0]), f"{axis}_rate": 1 / grid["step"]}, grid
    # h5py stores no texts of NumPy's fixed width
    labels = places if places.dtype.kind in "biuf" else [str(place) for place in places]
    unit = array[dim].attrs.get("units")
    return {f"{axis}_labels": labels, f"{axis}_labels_unit": unit if isinstance(unit, str) else None}, None


def read_axis(group: h5py.Group, axis: str, grid: Mapping[str, float] | None, size: int) -> np.ndarray:
    """Return the coordinate that `describe_axis` described."""
    if grid is not None:
        return follow_grid(grid, size)
    if f"{axis}_region" in group:
        return read_unit_ids(group.file, require_array(group, f"{axis}_region")[:])
    if f"{axis}_starting_time" in group:
        start = group[f"{axis}_starting_time"]
        return np.asarray(start[()] + np.arange(size) / start.attrs["rate"])
    name = f"{axis}_timestamps" if f"{axis}_timestamps" in group else f"{axis}_labels"
    return np.asarray(read_column(require_array(group, name)))
