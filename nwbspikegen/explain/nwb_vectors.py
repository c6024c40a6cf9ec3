"""Arrays with one dimension or none as time series and tables, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.nwb_axes import find_grid, follow_grid, is_time, is_unit
from nwbspikegen.explain.nwb_matrices import plain_description, split_known
from nwbspikegen.nwb.columns import decode_text, name_units, read_column, read_unit_ids, require_array
from nwbspikegen.nwb.names import join_attributes, split_attributes
from nwbspikegen.nwb.tables import to_table
from nwbspikegen.nwb.unit_table import require_columns
from nwbspikegen.prediction.generated_units import find_rows

_VALUE = "value"


def to_vector(name: str, array: xr.DataArray, units: Any, attrs: Mapping[Any, Any]) -> Any:
    """Return an array as a `TimeSeries` when it follows the session's time, else as a `DynamicTable`."""
    if array.dtype.kind not in "biufUO":
        raise InputError(f"{name} of type {array.dtype}", "numbers or texts", "convert or leave it out")
    if array.ndim == 1 and is_time(array, str(array.dims[0])) and array.dtype.kind in "iuf":
        return _to_series(name, array, attrs)
    known, rest = split_known(name, array.attrs)
    frame = pd.DataFrame({_VALUE: np.atleast_1d(array.values)})
    dims = list(map(str, array.dims))
    if dims and not is_unit(dims[0]):
        frame.insert(0, dims[0], array[dims[0]].values)
    table = to_table(name, known["description"], frame)
    # set in the fields: the attribute of a container can be written once only
    table.fields["description"] = join_attributes(
        known["description"],
        {"vector": dims, "attrs": {**rest, "measure": known["measure"], "units": known["units"]}},
    )
    if dims and is_unit(dims[0]):
        rows = find_rows(array[dims[0]].values, name_units(units)).tolist()
        table.add_column(name=dims[0], description="Recorded unit, a row of /units.", data=rows, table=units)
    return table


def _to_series(name: str, array: xr.DataArray, attrs: Mapping[Any, Any]) -> Any:
    from pynwb import TimeSeries

    dim = str(array.dims[0])
    times, (known, rest) = array[dim].values, split_known(name, array.attrs)
    grid = find_grid(times, attrs)
    when: dict[str, Any] = (
        {"timestamps": times}
        if grid is None
        else {"starting_time": float(times[0]), "rate": 1 / grid["step"]}
    )
    stored = {"vector": [dim], "grid": grid, "attrs": {**rest, "measure": known["measure"]}}
    return TimeSeries(
        name=name,
        description=known["description"],
        unit=known["units"],
        data=array.values,
        comments=join_attributes("Computed, not recorded.", stored),
        **when,
    )


def read_vector(group: h5py.Group) -> xr.DataArray | None:
    """Return what `to_vector` made, None for a group that is none."""
    if "data" in group:
        return _read_series(group)
    text = decode_text(group.attrs.get("description", ""))
    stored = split_attributes(text)
    if "vector" not in stored:
        return None
    dims: list[str] = stored["vector"]
    require_columns(group, strict=True)
    values = np.asarray(read_column(require_array(group, _VALUE)))
    attrs = {"description": plain_description(text), **stored["attrs"]}
    if not dims:
        return xr.DataArray(values[0], attrs=attrs)
    places = np.asarray(read_column(require_array(group, dims[0])))
    if is_unit(dims[0]):
        places = read_unit_ids(group.file, places)
    return xr.DataArray(values, {dims[0]: (dims[0], places)}, dims, attrs=attrs)


def _read_series(group: h5py.Group) -> xr.DataArray | None:
    stored = split_attributes(decode_text(group.attrs.get("comments", "")))
    if "vector" not in stored:
        return None
    values, (dim,) = require_array(group, "data")[:], stored["vector"]
    times = (
        require_array(group, "timestamps")[:]
        if stored["grid"] is None
        else follow_grid(stored["grid"], len(values))
    )
    attrs = {"description": decode_text(group.attrs["description"]), **stored["attrs"]}
    attrs["units"] = decode_text(group["data"].attrs["unit"])
    return xr.DataArray(values, {dim: (dim, times)}, (dim,), attrs=attrs)
