"""Small simulated recordings that tests share."""

from __future__ import annotations

import functools

import xarray as xr

import nwbspikegen as nsg


@functools.cache
def small_population(preparation: str = "in_vivo", num_units: int = 8, duration: float = 40.0) -> xr.Dataset:
    """Return a view of a simulated population that is the same in every test."""
    simulation = nsg.simulate(preparation, num_units=num_units, duration=duration, seed=3)
    return nsg.open_units(simulation.sorting)


def small_split(**kwargs: object) -> nsg.Split:
    """Return the population split 50/25/25."""
    return nsg.split_fractions(small_population(**kwargs), (0.5, 0.25, 0.25))
