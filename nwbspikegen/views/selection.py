"""Choosing units."""

from __future__ import annotations

import logging

import xarray as xr

from nwbspikegen.errors import InputError

_log = logging.getLogger("nwbspikegen")


def select_units(units: xr.Dataset, *, skip: int = 100, take: int = 128) -> xr.Dataset:
    """Keep `take` units after the first `skip`, in the order of the table.

    With fewer than `skip + take` units, a logged warning says so, and up to `take` units are taken from
    the start.

    Parameters
    ----------
    units : Dataset
        What `open_units` returns.
    skip, take : int
        Units to leave out, and units to keep.

    Raises
    ------
    InputError
        Fewer than two units would be left, or `skip` is negative.

    Examples
    --------
    >>> units = xr.Dataset({"spikes": (("time", "unit"), [[0, 1, 0]])}, coords={"unit": [5, 6, 7]})
    >>> select_units(units, skip=1, take=2).unit.values.tolist()
    [6, 7]
    """
    available = units.sizes["unit"]
    if skip < 0 or min(take, available) < 2:
        raise InputError(
            f"skip {skip} and take {take} of {available} units",
            "skip of 0 or more, and at least 2 units to take",
            "pass other --skip-units and --take-units, or a larger recording",
        )
    if available < skip + take:
        _log.warning(
            "%d units are fewer than %d skipped and %d taken: taking %d from the start",
            available,
            skip,
            take,
            min(take, available),
        )
        skip = 0
    return units.isel(unit=slice(skip, skip + take))
