"""The window of a recording that commands share: which time, which bins, which units, which split."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
from typing import Any

import numpy as np
import xarray as xr

from nwbspikegen.errors import InputError
from nwbspikegen.views import Split, count_merged, open_units, select_units, split_fractions

_LOG = logging.getLogger("nwbspikegen")
_SHORT_TRAINING = 10.0


@dataclasses.dataclass(frozen=True)
class WindowOptions:
    """Which part of a recording is used; the defaults are those of Shimono 2026.

    Attributes
    ----------
    start, duration : float
        Seconds from the start of observation, and how many.
    bin_size : float
        Seconds per bin.
    skip_units, take_units : int
        Units left out at the start of the table, and taken after them.
    split : tuple of three floats
        Shares of training, validation and test.
    """

    start: float = 0.0
    duration: float = 600.0
    bin_size: float = 0.001
    skip_units: int = 100
    take_units: int = 128
    split: tuple[float, float, float] = (0.5, 0.25, 0.25)

    def as_dict(self) -> dict[str, Any]:
        """Return the options as JSON holds them."""
        return {**dataclasses.asdict(self), "split": list(self.split)}

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> WindowOptions:
        """Return the options that `as_dict` gave."""
        return cls(**{**options, "split": tuple(options["split"])})


def open_window(path: str | os.PathLike[str], options: WindowOptions) -> tuple[xr.Dataset, Split]:
    """Open an NWB file and return its window, lazily binned, and the window's split.

    Examples
    --------
    >>> WindowOptions(duration=400.0).as_dict()["split"]
    [0.5, 0.25, 0.25]
    """
    units = open_units(path, bin_size=options.bin_size, start=options.start, duration=options.duration)
    units = select_units(units, skip=options.skip_units, take=options.take_units)
    if merged := count_merged(units):
        _LOG.info("%d spikes shared a bin with another of their unit and were merged", merged)
    parts = split_fractions(units, options.split)
    seconds = parts.train.sizes["time"] * options.bin_size
    if seconds < _SHORT_TRAINING:
        _LOG.warning("a training segment of %g s is short: expect little of what is learnt from it", seconds)
    return units, parts


def open_trained_window(
    path: str | os.PathLike[str], training: dict[str, Any], *, bin_size: float, duration: float
) -> tuple[xr.Dataset, Split]:
    """Open a file with the units and segments of a model's training record.

    What follows validation is the test segment, up to `duration` seconds from the start of training.
    """
    units = open_units(path, bin_size=bin_size).sel(unit=training["unit_ids"])
    time = units.time.values
    stops = [*training["split"]["validation"], training["split"]["train"][0] + duration]
    edges = [
        int(np.searchsorted(time, stop - bin_size / 2)) for stop in (training["split"]["train"][0], *stops)
    ]
    first, validation, test, last = edges
    if test >= last:
        raise InputError(
            f"no bin behind validation within {duration} s of the start of training",
            "a test segment",
            "pass a longer --duration",
        )
    parts = [units.isel(time=slice(*pair)) for pair in itertools.pairwise((first, validation, test, last))]
    return units.isel(time=slice(first, last)), Split(*parts)
