"""Spikes out of a view, and the observed bins that precede a segment."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import READ_AT_ONCE, cut_rows, empty_array, release
from nwbspikegen.core.predictor import Bins

_LOG = logging.getLogger(__name__)


def observed_before(segment: xr.Dataset, context: xr.Dataset | None) -> xr.Dataset | None:
    """Return the bins of `context` that end where `segment` begins, or None when there are none."""
    if context is None:
        return None
    bin_size = float(segment.attrs["bin_size"])
    start = float(segment.time[0])
    # half a bin is the slack in all that follows: starts of bins agree to round-off, other bins are a whole
    # one off
    num_before = int(np.searchsorted(context.time.values, start - bin_size / 2))
    if num_before == 0:
        return None
    if not np.array_equal(context.unit.values, segment.unit.values):
        raise InputError(
            "a context with other units than the segment",
            "the same units in the same order",
            "take both from one selection",
        )
    if not is_same_recording(context.attrs, segment.attrs, unknown=True):
        raise InputError(
            "a context from another recording than the segment",
            "bins of one recording",
            "pass the window that the segment was cut from",
        )
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


def require_contiguous(units: xr.Dataset, what: str) -> None:
    """Raise `InputError` unless a view has bins, one after the other."""
    time, bin_size = units.time.values, float(units.attrs["bin_size"])
    if not len(time) or np.any(np.abs(np.diff(time) - bin_size) > bin_size / 2):
        raise InputError(
            f"a {what} whose bins do not follow each other, or without bins",
            f"bins every {bin_size} s",
            "cut it with split_time or isel(time=slice(first, stop))",
        )


def is_same_recording(one: Mapping[str, Any], other: Mapping[str, Any], *, unknown: bool) -> bool:
    """Return whether the attributes of two records name one recording.

    One identifier or sha256 is one recording, and so is one session of one subject, which another
    conversion may have given another identifier. `unknown` is the answer when nothing tells.

    Examples
    --------
    >>> is_same_recording({"identifier": "a"}, {"identifier": "b"}, unknown=True)
    False
    """

    def agree(key: str) -> bool:
        return bool(one.get(key)) and str(one.get(key)) == str(other.get(key))

    keys = ("identifier", "source_sha256")
    # the name of a session alone is not enough: every laboratory has a session 1
    if any(agree(key) for key in keys) or (agree("session_id") and agree("subject_id")):
        return True
    return unknown and not any(one.get(key) and other.get(key) for key in keys)


def find_first_unseen(recorded: xr.Dataset, *, fitted_until: float, training: Mapping[str, Any]) -> int:
    """Return the first bin of a segment behind everything that a weight or a baseline is fitted on.

    Parameters
    ----------
    recorded : Dataset (time, unit)
        A segment.
    fitted_until : float
        Where the bins end that baselines are fitted on (s).
    training : mapping
        Of a model: its `sources`, those of the same recording with the training segment they had.
    """
    seen_until = fitted_until
    for source in training.get("sources", []):
        if is_same_recording(source, recorded.attrs, unknown=False):
            split = source.get("split", training.get("split"))
            seen_until = max(seen_until, float(split["train"][1]))
    half = float(recorded.attrs["bin_size"]) / 2
    first = int(np.searchsorted(recorded.time.values, seen_until - half))
    if first == recorded.sizes["time"]:
        _LOG.warning("nothing is scored: no bin of the segment lies behind what was used for training")
    elif first:
        _LOG.warning("the first %d bins are predicted and not scored: they were used for training", first)
    return first


def require_distinct(attributes: Sequence[Mapping[str, Any]], recordings: Sequence[object]) -> None:
    """Raise `InputError` when two of some recordings are one: it would count twice, or not be held out.

    Parameters
    ----------
    attributes : sequence of mapping
        What each recording tells of itself, as in a view's `attrs`.
    recordings : sequence
        What they are called.
    """
    for at, own in enumerate(attributes):
        for before in range(at):
            if is_same_recording(attributes[before], own, unknown=False):
                raise InputError(
                    f"one recording twice, {recordings[before]} and {recordings[at]}",
                    "each recording once",
                    "leave one out",
                )


def read_bins(*parts: xr.Dataset | None) -> Bins:
    """Return the bins of views that follow each other, None being no view, as one.

    Examples
    --------
    >>> spikes = ("time", "unit"), [[1, 0], [2, 1]]
    >>> observed = ("time", "unit"), [[True, False], [True, False]]
    >>> read_bins(xr.Dataset({"spikes": spikes, "observed": observed})).spikes.tolist()
    [[1, 0], [1, 0]]
    """
    views = [part for part in parts if part is not None]
    shape = sum(view.sizes["time"] for view in views), views[0].sizes["unit"]
    spikes = empty_array(shape, np.uint8)
    observed = empty_array(shape, bool) if any("observed" in view for view in views) else None
    is_complete, done = True, 0
    for view in views:
        here = slice(done, done + view.sizes["time"])
        mask = None if observed is None else observed[here]
        is_complete &= _read_into(view, spikes[here], mask)
        done = here.stop
    return Bins(spikes, None if is_complete else observed)


def read_spikes(units: xr.Dataset) -> UInt8[np.ndarray, "time unit"]:
    """Return the observed spikes of a view as uint8 (time, unit), at most one per bin."""
    return read_bins(units).spikes


def read_observed(units: xr.Dataset) -> Bool[np.ndarray, "time unit"] | None:
    """Return in which bins each unit of a view was observed; None: in all of them."""
    if "observed" not in units:
        return None
    observed: np.ndarray = units["observed"].transpose("time", "unit").values
    return None if observed.all() else np.ascontiguousarray(observed, dtype=bool)


def observed_fraction(observed: Bool[np.ndarray, "time unit"] | None) -> float:
    """Return which part of all bins of all units was observed.

    Examples
    --------
    >>> observed_fraction(None), observed_fraction(np.array([[True, False]]))
    (1.0, 0.5)
    """
    if observed is None or not observed.size:
        return 1.0
    num_observed = sum(int(np.count_nonzero(observed[piece])) for piece in cut_rows(observed))
    return num_observed / observed.size


def find_stretches(
    observed: Bool[np.ndarray, "time unit"], start: float, bin_size: float
) -> list[Float64[np.ndarray, "_stretch 2"]]:
    """Return each unit's stretches of observed bins (s), from `start` on; an empty one where there is none.

    Examples
    --------
    >>> find_stretches(np.array([[True], [True], [False], [True]]), 10.0, 0.5)[0].tolist()
    [[10.0, 11.0], [11.5, 12.0]]
    """
    num_bins, num_units = observed.shape
    before, bins, units = np.zeros((1, num_units), dtype=bool), [], []
    for piece in cut_rows(observed):
        rows = np.concatenate([before, observed[piece]])
        changed, unit = np.nonzero(rows[1:] != rows[:-1])
        bins.append(changed + piece.start)
        units.append(unit)
        before = rows[-1:]
    # what is still observed at the end ends there
    units.append(np.flatnonzero(before[0]))
    bins.append(np.full(len(units[-1]), num_bins))
    unit = np.concatenate(units)
    # stable: the bins of each unit stay in the order of time
    ends = np.concatenate(bins)[np.argsort(unit, kind="stable")]
    of_units = np.split(ends, np.cumsum(np.bincount(unit, minlength=num_units))[:-1]) if num_units else []
    # in a table, a unit without a row would be one of which nothing is known
    return [start + bin_size * (each.reshape(-1, 2) if len(each) else np.zeros((1, 2))) for each in of_units]


def _read_into(
    view: xr.Dataset, spikes: UInt8[np.ndarray, "time unit"], observed: Bool[np.ndarray, "time unit"] | None
) -> bool:
    """Write the bins of a view into arrays, piece by piece; return whether all were observed."""
    is_complete = True
    for piece in cut_rows(spikes, num_bytes=READ_AT_ONCE):
        part = view.isel(time=piece)
        counts: np.ndarray = part["spikes"].transpose("time", "unit").values
        np.greater(counts, 0, out=spikes[piece].view(bool))
        release(counts)
        if observed is None:
            continue
        seen = read_observed(part)
        observed[piece] = True if seen is None else seen
        if seen is not None:
            # a spike in a bin that was not observed as a whole is no evidence of anything
            spikes[piece] &= seen.view(np.uint8)
            is_complete = False
        release(observed)
    return is_complete
