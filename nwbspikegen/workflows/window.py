"""The window of a recording that commands share: which time, which bins, which units, which split."""

from __future__ import annotations

import dataclasses
import logging
import os
from typing import Any

import xarray as xr

from nwbspikegen.views import Split, count_merged, open_units, select_units, split_fractions

_LOG = logging.getLogger("nwbspikegen")


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
    return units, split_fractions(units, options.split)
