"""A window in memory, so that what several steps read is binned once."""

from __future__ import annotations

import numpy as np
import xarray as xr

from nwbspikegen.core.large_arrays import READ_AT_ONCE, cut_rows, empty_array
from nwbspikegen.views.splits import Split


def hold(units: xr.Dataset) -> xr.Dataset:
    """Return a view whose spikes and mask were read: in memory, or in a file where they are large.

    What is held knows its recording as before; slices of it are no copies.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=10, seed=1).sorting)
    >>> units.spikes.variable._in_memory, hold(units).spikes.variable._in_memory
    (False, True)
    """
    return units.assign({str(name): _hold_variable(each.variable) for name, each in units.data_vars.items()})


def _hold_variable(variable: xr.Variable) -> xr.Variable:
    held = empty_array(variable.shape, variable.dtype)
    for piece in cut_rows(held, num_bytes=READ_AT_ONCE):
        held[piece] = variable[piece].values
    return variable.copy(data=held)


def hold_window(units: xr.Dataset, parts: Split) -> tuple[xr.Dataset, Split]:
    """Return a window as `hold` does, and its split cut from it."""
    held = hold(units)
    # bins are found by a place half a bin before their start, which no rounding of starts can cross
    half = float(units.attrs["bin_size"]) / 2

    def cut(part: xr.Dataset) -> xr.Dataset:
        first = int(np.searchsorted(units.time.values, float(part.time[0]) - half))
        return held.isel(time=slice(first, first + part.sizes["time"])).assign_attrs(part.attrs)

    return held, Split(cut(parts.train), cut(parts.validation), cut(parts.test))
