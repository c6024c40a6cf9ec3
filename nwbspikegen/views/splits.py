"""Cutting a recording into parts that share no bin."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import xarray as xr

from nwbspikegen.core.errors import InputError

# of a bin, as in binning: 0.3 / 0.001 is 299.99999999999994
_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True)
class Split:
    """Three contiguous parts of a recording, in the order of time, that share no bin.

    Parameters
    ----------
    train, validation, test : Dataset
        Views like the one that was cut; `attrs["start_time"]` is that of the part.
    """

    train: xr.Dataset
    validation: xr.Dataset
    test: xr.Dataset


def split_time(units: xr.Dataset, *, train: float | int, validation: float | int, test: float | int) -> Split:
    """Cut a recording from its start into parts of so many seconds, each floored to whole bins.

    Parameters
    ----------
    units : Dataset
        What `open_units` returns.
    train, validation, test : float
        Lengths of the parts (s). What is left over at the end is not used.

    Raises
    ------
    InputError
        A part is shorter than one bin, or the parts are longer than the recording.

    Examples
    --------
    >>> units = xr.Dataset(
    ...     {"spikes": (("time", "unit"), [[0], [1], [0], [1]])},
    ...     coords={"time": [0.0, 0.5, 1.0, 1.5]}, attrs={"bin_size": 0.5})
    >>> split_time(units, train=1.0, validation=0.5, test=0.5).test.time.values
    array([1.5])
    """
    bin_size = float(units.attrs["bin_size"])
    lengths = (train, validation, test)
    if not all(math.isfinite(length) for length in lengths):
        raise _cannot_split(f"parts of {train}, {validation} and {test} s", units)
    bins = [math.floor(length / bin_size + _TOLERANCE) for length in lengths]
    return _cut(units, [0, *itertools.accumulate(bins)], f"parts of {train:g}, {validation:g} and {test:g} s")


def split_fractions(units: xr.Dataset, fractions: Sequence[float | int] = (0.5, 0.25, 0.25)) -> Split:
    """Cut a recording from its start into parts that are fractions of it.

    Parameters
    ----------
    units : Dataset
        What `open_units` returns.
    fractions : sequence of three float
        Train, validation and test, together at most 1.

    Raises
    ------
    InputError
        Not three fractions, a part is shorter than one bin, or together they are more than 1.

    Examples
    --------
    >>> units = xr.Dataset(
    ...     {"spikes": (("time", "unit"), [[0], [1], [0], [1]])},
    ...     coords={"time": [0.0, 0.5, 1.0, 1.5]}, attrs={"bin_size": 0.5})
    >>> split_fractions(units).train.sizes["time"]
    2
    """
    asked = f"fractions {', '.join(f'{part:g}' for part in fractions)}"
    if len(fractions) != 3 or not all(math.isfinite(part) for part in fractions):
        raise _cannot_split(asked, units)
    # ends are floored, not lengths: so no bin is lost between parts that add up to 1
    ends = itertools.accumulate(fractions)
    return _cut(units, [0, *(math.floor(end * units.sizes["time"] + _TOLERANCE) for end in ends)], asked)


def _cut(units: xr.Dataset, edges: Sequence[int], asked: str) -> Split:
    if edges[-1] > units.sizes["time"] or any(end <= begin for begin, end in itertools.pairwise(edges)):
        raise _cannot_split(asked, units)
    parts = [units.isel(time=slice(begin, end)) for begin, end in itertools.pairwise(edges)]
    return Split(*(part.assign_attrs(start_time=float(part["time"][0])) for part in parts))


def _cannot_split(asked: str, units: xr.Dataset) -> InputError:
    length = units.sizes["time"] * float(units.attrs["bin_size"])
    return InputError(
        asked, f"three parts of at least one bin that fit into {length:g} s", "pass another --split"
    )
