"""Analyzers of spikes alone, without a recording."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from spikeinterface.core import BaseSorting, NumpySorting, SortingAnalyzer

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.sortings import read_attribute

ORIGIN = "nwbspikegen"
"""Key of an analyzer's attributes, which outlive saving and merging as annotations of sortings do not.

There are `clock_start`, when the first sample of each segment was on the session clock (s), and
`texts`, the sorting's annotations that are texts: session, subject, identifier.
"""

_FORMATS = ("memory", "binary_folder", "zarr")


def create_spike_analyzer(
    sorting: BaseSorting,
    *,
    observation_interval: tuple[float, float] | None = None,
    format: str = "memory",
    folder: str | os.PathLike[str] | None = None,
) -> SortingAnalyzer:
    """Make an analyzer of a sorting that has no recording.

    Extensions that need no traces (correlograms, `nwbspikegen_generation`) can be computed on it. It has
    one channel in name only. Its first sample is the start of observation and its length comes from
    the interval, not from the last spike: silence at the end is data.

    Parameters
    ----------
    sorting : BaseSorting
        A sorting with one segment or more.
    observation_interval : (float, float), optional
        Start and stop of the observation on the session clock (s). By default that of the sorting: its
        attribute or annotation `observation_interval`, its attribute `num_samples`, or its registered
        recording. With several segments, annotated pairs, one for each, or the recording.
    format : {"memory", "binary_folder", "zarr"}
        Where the analyzer lives.
    folder : path, optional
        Where to save it, unless in memory.

    Returns
    -------
    SortingAnalyzer

    Raises
    ------
    InputError
        The sorting does not say how long it was observed, or has spikes outside.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> sorting = nsg.simulate("in_vivo", num_units=4, duration=10, seed=1).sorting
    >>> analyzer = create_spike_analyzer(sorting)
    >>> analyzer.get_total_duration(), analyzer.has_recording()
    (10.0, False)
    """
    if format not in _FORMATS or (folder is None) != (format == "memory"):
        raise InputError(
            f"format {format!r} and folder {folder}",
            f"one of {', '.join(_FORMATS)}, all but memory in a folder",
            "pass both format= and folder=",
        )
    if folder is not None and os.path.exists(folder):
        raise InputError(f"{folder}, which exists", "nothing there", "choose another folder")
    intervals = _read_intervals(sorting, observation_interval)
    rebased = _rebase(sorting, intervals)
    rate = sorting.sampling_frequency
    named = {name: sorting.get_annotation(name) for name in sorting.get_annotation_keys()}
    origin = {
        "clock_start": [start for start, _ in intervals],
        "texts": {name: text for name, text in named.items() if isinstance(text, str)},
    }
    attributes = {
        "channel_ids": np.array(["0"]),
        "sampling_frequency": rate,
        "num_channels": 1,
        "num_samples": [round((stop - start) * rate) for start, stop in intervals],
        "is_filtered": True,
        "properties": {},
        "dtype": "float32",
        "probegroup": None,
        ORIGIN: origin,
    }
    how = {
        "sparsity": None,
        "return_in_uV": True,
        "peak_sign": "both",
        "peak_mode": "extremum",
        "rec_attributes": attributes,
    }
    with warnings.catch_warnings():
        # both are so by design: there is no recording, and the analyzer holds a copy of the spikes
        warnings.filterwarnings("ignore", message="Recording not provided")
        warnings.filterwarnings("ignore", message="The extractor is not serializable")
        if format == "memory":
            return SortingAnalyzer.create_memory(rebased, None, **how)
        create = SortingAnalyzer.create_zarr if format == "zarr" else SortingAnalyzer.create_binary_folder
        return create(folder, rebased, None, backend_options=None, **how)


def _read_intervals(sorting: BaseSorting, given: tuple[float, float] | None) -> list[tuple[float, float]]:
    """Return start and stop of every segment (s)."""
    intervals: list[tuple[float, float]] = []
    for segment in range(sorting.get_num_segments()):
        interval = given if given is not None else _find_interval(sorting, segment)
        if interval is None:
            raise InputError(
                f"a sorting of {sorting.get_num_segments()} segments without the time it was observed",
                "an observation interval, or a registered recording",
                "pass observation_interval=(start, stop) in seconds",
            )
        start, stop = float(interval[0]), float(interval[1])
        if not (np.isfinite([start, stop]).all() and start < stop):
            raise InputError(
                f"an observation from {start} to {stop} s", "a start before a stop", "correct the interval"
            )
        intervals.append((start, stop))
    return intervals


def _find_interval(sorting: BaseSorting, segment: int) -> Any:
    if sorting.has_recording():
        start = float(sorting.sample_index_to_time(0, segment_index=segment))
        stop = float(sorting.get_end_time(segment_index=segment)) + 1 / sorting.sampling_frequency
        return start, stop
    interval, number = read_attribute(sorting, "observation_interval"), sorting.get_num_segments()
    if number > 1:
        return interval[segment] if np.shape(interval) == (number, 2) else None
    if interval is not None:
        return interval
    if isinstance(num_samples := getattr(sorting, "num_samples", None), int | np.integer):
        start = float(sorting.get_start_time(segment_index=segment))
        return start, start + int(num_samples) / sorting.sampling_frequency
    return None


def _rebase(sorting: BaseSorting, intervals: list[tuple[float, float]]) -> NumpySorting:
    """Return the spikes counted in samples from the start of observation."""
    samples, labels = [], []
    for segment, (start, stop) in enumerate(intervals):
        trains = [
            np.round(
                (sorting.get_unit_spike_train_in_seconds(unit, segment_index=segment) - start)
                * sorting.sampling_frequency
            ).astype(np.int64)
            for unit in sorting.unit_ids
        ]
        frames = np.concatenate(trains)
        last = round((stop - start) * sorting.sampling_frequency)
        if outside := int(np.count_nonzero((frames < 0) | (frames >= last))):
            raise InputError(
                f"{outside} spikes outside the observation from {start:g} to {stop:g} s",
                "none",
                "pass the interval that holds them, or cut the sorting with frame_slice",
            )
        order = np.argsort(frames, kind="stable")
        samples.append(frames[order])
        labels.append(np.repeat(np.arange(len(trains)), [len(train) for train in trains])[order])
    positions = {unit: place for place, unit in enumerate(sorting.unit_ids)}
    rebased = NumpySorting.from_samples_and_labels(
        samples,
        [np.asarray(sorting.unit_ids)[each] for each in labels],
        sorting.sampling_frequency,
        unit_ids=np.array(list(positions)),
    )
    sorting.copy_metadata(rebased)
    return rebased
