"""Spikes out of a view, and the observed bins that precede a segment."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import UInt8

from nwbspikegen.errors import InputError


def observed_before(segment: xr.Dataset, context: xr.Dataset | None) -> xr.Dataset | None:
    """Return the bins of `context` that end where `segment` begins, or None when there are none."""
    if context is None:
        return None
    bin_size = float(segment.attrs["bin_size"])
    start = float(segment.time[0])
    num_before = int(np.searchsorted(context.time.values, start - bin_size / 2))
    if num_before == 0:
        return None
    if not np.array_equal(context.unit.values, segment.unit.values):
        raise InputError(
            "a context with other units than the segment", "the same units in the same order",
            "take both from one selection",
        )  # fmt: skip
    past = context.isel(time=slice(0, num_before))
    expected_start = start - num_before * bin_size
    last = float(past.time[-1])
    if (
        abs(last + bin_size - start) > bin_size / 2
        or abs(float(past.time[0]) - expected_start) > bin_size / 2
    ):
        raise InputError(
            f"a context that ends at {last + bin_size:.6g} s",
            f"observed bins of {bin_size} s without a gap up to the segment at {start:.6g} s",
            "pass the whole window as context",
        )
    return past


def read_spikes(units: xr.Dataset) -> UInt8[np.ndarray, "time unit"]:
    """Return the spikes of a view as uint8 (time, unit), at most one per bin."""
    counts: np.ndarray = units["spikes"].transpose("time", "unit").values
    return np.ascontiguousarray(counts > 0).view(np.uint8)
