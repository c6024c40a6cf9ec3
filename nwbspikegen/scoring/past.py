"""Which recorded bins a predictor may have read before the segment that is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.observed import is_same_recording

if TYPE_CHECKING:
    import xarray as xr


def find_context(
    spike_probability: xr.DataArray, recorded: xr.Dataset, context: xr.Dataset | None
) -> xr.Dataset | None:
    """Return the bins that were read before `recorded`, None when there are none (cold).

    They are those before the segment's first bin in `context`, or else in what `generate` left in
    `spike_probability.encoding["context"]`, from `spike_probability.attrs["context_start"]` on when
    that is given.

    Raises
    ------
    InputError
        The prediction says "warm" and no context is at hand, or "cold" and one is given; the context
        has other units, does not reach up to the segment, or starts after `context_start`.
    """
    said = str(spike_probability.attrs.get("context", ""))
    if said == "cold":
        if context is not None:
            raise InputError(
                "a context for a prediction made cold",
                "the same past for every predictor",
                "leave context out, or generate with it",
            )
        return None
    if context is None:
        context = spike_probability.encoding.get("context")
    if context is None:
        if said == "warm":
            raise InputError(
                "a warm prediction without its context",
                "the recorded bins that it read before the segment",
                "pass context= with the dataset that generate was given",
            )
        return None
    return _cut_context(context, recorded, spike_probability.attrs.get("context_start"))


def overlap_in_time(one: xr.Dataset, other: xr.Dataset) -> bool:
    """Return whether two records of one recording share a bin; their bins have the same width."""
    half = float(one.attrs["bin_size"]) / 2
    (one_start, one_stop), (start, stop) = extent(one), extent(other)
    return one_start < stop - half and start < one_stop - half


def match_units(record: xr.Dataset, recorded: xr.Dataset, called: str) -> xr.Dataset:
    """Return `record` with the units of `recorded`, in their order; `InputError` when some lack."""
    missing = set(recorded["unit"].values.tolist()) - set(record["unit"].values.tolist())
    if missing:
        raise InputError(
            f"a {called} without {len(missing)} of the {recorded.sizes['unit']} units",
            "the same units as in the segment",
            f"open the {called} with the same selection of units",
        )
    return record.sel(unit=recorded["unit"].values)


def require_bin_size(record: xr.Dataset, recorded: xr.Dataset, called: str) -> None:
    """Raise `InputError` when two records are binned differently."""
    here, there = float(record.attrs["bin_size"]), float(recorded.attrs["bin_size"])
    if not np.isclose(here, there):
        raise InputError(f"{called} in bins of {here} s", f"bins of {there} s", "open both with one bin size")


def _cut_context(context: xr.Dataset, recorded: xr.Dataset, start: Any) -> xr.Dataset | None:
    bin_size = float(recorded.attrs["bin_size"])
    require_bin_size(context, recorded, "context")
    if not is_same_recording(context.attrs, recorded.attrs, unknown=True):
        raise InputError(
            f"a context from {context.attrs.get('identifier') or context.attrs.get('source')}",
            "bins of the recording that is scored",
            "pass the window that the segment was cut from",
        )
    segment_start, half = float(recorded["time"].values[0]), bin_size / 2
    time = context["time"].values
    last = int(np.searchsorted(time, segment_start - half))
    begin = float(time[0] if start is None and len(time) else start or 0.0)
    first = int(np.searchsorted(time, begin - half))
    num_wanted = round((segment_start - begin) / bin_size)
    if start is not None and num_wanted == 0:
        return None
    found = time[first:last]
    if len(found) == 0 or len(found) != num_wanted or abs(found[0] - begin) > half:
        raise InputError(
            f"a context with {len(found)} bins from {begin} s to the segment at {segment_start} s",
            f"all {max(num_wanted, 1)} bins up to the segment",
            "pass the window that the segment was cut from",
        )
    return match_units(context.isel(time=slice(first, last)), recorded, "context")


def extent(record: xr.Dataset) -> tuple[float, float]:
    """Return start and stop of a record in seconds on the session clock."""
    time = record["time"].values
    return float(time[0]), float(time[-1]) + float(record.attrs["bin_size"])
