"""A window in memory, so that what several steps read is binned once."""

from __future__ import annotations

import logging

import numpy as np
import xarray as xr

from nwbspikegen.views.splits import Split

_LOG = logging.getLogger("nwbspikegen")

# ten minutes of 128 units are 77 MB. Predictions of a window of more than this, four bytes for each of
# its bins and several side by side, are what runs out of memory first
_MOST_BYTES = 2**30


def hold(units: xr.Dataset) -> xr.Dataset:
    """Return a view whose spikes and mask are in memory, or the view itself where they take over 1 GiB.

    What is held knows its recording as before; slices of it are no copies.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=10, seed=1).sorting)
    >>> units.spikes.variable._in_memory, hold(units).spikes.variable._in_memory
    (False, True)
    """
    num_bytes = sum(variable.nbytes for variable in units.data_vars.values())
    if num_bytes > _MOST_BYTES:
        _LOG.info(
            "%.1f GiB of bins are not held in memory: they are binned whenever they are read",
            num_bytes / 2**30,
        )
        return units
    return units.compute()


def hold_window(units: xr.Dataset, parts: Split) -> tuple[xr.Dataset, Split]:
    """Return a window as `hold` does, and its split cut from it."""
    held = hold(units)
    if held is units:
        return units, parts
    # bins are found by a place half a bin before their start, which no rounding of starts can cross
    half = float(units.attrs["bin_size"]) / 2

    def cut(part: xr.Dataset) -> xr.Dataset:
        first = int(np.searchsorted(units.time.values, float(part.time[0]) - half))
        return held.isel(time=slice(first, first + part.sizes["time"])).assign_attrs(part.attrs)

    return held, Split(cut(parts.train), cut(parts.validation), cut(parts.test))
