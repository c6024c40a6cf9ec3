"""Which recorded bins a predictor may have read before the segment that is scored."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.core.context_start import find_context_start
from nwbspikegen.core.errors import InputError
from nwbspikegen.views.looking_back import look_back
from nwbspikegen.views.observed import is_same_recording

if TYPE_CHECKING:
    import xarray as xr

_LOG = logging.getLogger("nwbspikegen")
# s: finer than any bin, coarser than the rounding of a start that was written to a file and read again
_SAME_START = 1e-6


def find_context(
    spike_probability: xr.DataArray, recorded: xr.Dataset, context: xr.Dataset | None
) -> xr.Dataset | None:
    """Return the bins that were read before `recorded`, None when there are none (cold).

    They begin at the prediction's `context_start`, and are taken from `context`, or else from the
    recording that `recorded` was cut from. A prediction made by hand that says nothing of its past has
    read all of `context`.

    Raises
    ------
    InputError
        The prediction has read bins before the segment, and they are not at hand; it has read none, and
        a context with such bins is given; the context has other units, does not reach up to the segment,
        or starts after `context_start`.
    """
    start = find_context_start(spike_probability)
    said = str(spike_probability.attrs.get("context", ""))
    if _is_cold(start, said, recorded):
        if context is not None and _has_earlier(context, recorded):
            raise InputError(
                "a context for a prediction made cold",
                "the same past for every predictor",
                "leave context out, or generate with it",
            )
        return None
    # the prediction says since when it has read: its baselines read the same without being told
    if context is None and start is not None:
        context = look_back(recorded, start)
    if context is not None:
        return _cut_context(context, recorded, start)
    if start is not None or said == "warm":
        raise InputError(
            "a warm prediction without its context",
            "the recorded bins that it read before the segment",
            "pass context= with the dataset that generate was given",
        )
    _LOG.warning("the prediction does not say what it read before the segment: baselines read nothing")
    return None


def require_same_start(name: str, prediction: xr.DataArray, spike_probability: xr.DataArray) -> None:
    """Raise `InputError` when two predictions say that they have read since different times."""
    here, there = find_context_start(prediction), find_context_start(spike_probability)
    if here is not None and there is not None and not np.isclose(here, there, rtol=0, atol=_SAME_START):
        raise InputError(
            f"{name}, which has read since {here} s, beside a prediction that has since {there} s",
            "the same past for every predictor",
            "generate both with the same context",
        )


def _is_cold(start: float | None, said: str, recorded: xr.Dataset) -> bool:
    """Return whether a prediction says that it has read nothing before the segment."""
    if start is None:
        return said == "cold"
    first, bin_size = float(recorded["time"].values[0]), float(recorded.attrs["bin_size"])
    if round((first - start) / bin_size) < 0:
        raise InputError(
            f"a prediction that has read since {start} s, and a segment from {first} s",
            "a start at the segment or before it",
            "score the segment that was predicted",
        )
    return round((first - start) / bin_size) == 0


def _has_earlier(context: xr.Dataset, recorded: xr.Dataset) -> bool:
    """Return whether a context holds bins before the segment."""
    half = float(recorded.attrs["bin_size"]) / 2
    return bool((context["time"].values < recorded["time"].values[0] - half).any())


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
    if np.array_equal(record["unit"].values, recorded["unit"].values):
        # a selection of what is held in memory is a copy, of an hour of 1,000 units 3 GB
        return record
    return record.sel(unit=recorded["unit"].values)


def require_bin_size(record: xr.Dataset, recorded: xr.Dataset, called: str) -> None:
    """Raise `InputError` when two records are binned differently."""
    here, there = float(record.attrs["bin_size"]), float(recorded.attrs["bin_size"])
    if not np.isclose(here, there):
        raise InputError(f"{called} in bins of {here} s", f"bins of {there} s", "open both with one bin size")


def _cut_context(context: xr.Dataset, recorded: xr.Dataset, start: float | None) -> xr.Dataset:
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
    # bins are found to half a bin: starts were summed in another order when the file was written
    begin = float(time[0]) if start is None and len(time) else float(start or 0.0)
    first = int(np.searchsorted(time, begin - half))
    num_wanted = round((segment_start - begin) / bin_size)
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
