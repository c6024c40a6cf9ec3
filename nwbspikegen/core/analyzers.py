"""What a SpikeInterface SortingAnalyzer knows of its units, as a sorting has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float64


def is_analyzer(source: Any) -> bool:
    """Return whether something is a `SortingAnalyzer`, without importing SpikeInterface."""
    return all(hasattr(source, name) for name in ("sorting", "get_extension", "rec_attributes"))


def read_analyzer(analyzer: Any) -> Any:
    """Return an analyzer's sorting, with what its extensions say of units as properties.

    `rel_x`, `rel_y` and `depth` (um) come from the extension `unit_locations`; the columns of
    `quality_metrics` keep their names. The observation is the analyzer's recording, or as many samples
    as it had.

    Parameters
    ----------
    analyzer : spikeinterface.SortingAnalyzer
        In memory or loaded. It is not changed.
    """
    # a copy, with properties and annotations
    sorting = analyzer.sorting.select_units(analyzer.unit_ids)
    if analyzer.has_recording():
        # its times count, where it has some
        sorting.register_recording(analyzer.recording)
    elif "observation_interval" not in sorting.get_annotation_keys() and sorting.get_num_segments() == 1:
        start = float(sorting.get_start_time(segment_index=0))
        seconds = int(analyzer.rec_attributes["num_samples"][0]) / sorting.sampling_frequency
        sorting.annotate(observation_interval=(start, start + seconds))
    metrics = analyzer.get_extension("quality_metrics")
    table = None if metrics is None else metrics.get_data().loc[list(analyzer.unit_ids)]
    columns = {} if table is None else {str(name): table[name].to_numpy() for name in table.columns}
    known = set(sorting.get_property_keys())
    for name, values in describe_units(read_places(analyzer), columns).items():
        # what the user has set has the say
        if name not in known:
            sorting.set_property(name, values)
    return sorting


def read_places(analyzer: Any) -> Float64[np.ndarray, "unit axis"] | None:
    """Return where an analyzer's units are (um), None without the extension `unit_locations`."""
    places = analyzer.get_extension("unit_locations")
    return None if places is None else np.asarray(places.get_data(), dtype=np.float64)


def describe_units(
    places: Float64[np.ndarray, "unit axis"] | None, metrics: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return columns of units from their places (um; x, y and perhaps z) and their metrics.

    Examples
    --------
    >>> describe_units(np.array([[1.0, 20.0, 5.0]]), {"snr": np.array([4.5])})["depth"].tolist()
    [20.0]
    """
    columns = {name: _to_plain(values) for name, values in metrics.items()}
    if places is not None:
        columns |= {"rel_x": places[:, 0], "rel_y": places[:, 1]}
        # probes lie along y
        columns["depth"] = places[:, 1]
    return columns


def _to_plain(values: np.ndarray) -> np.ndarray:
    """Return numbers of pandas' own types, which have missing values, as float64; texts as texts."""
    if values.dtype.kind in "biufU":
        return values
    try:
        return np.array([np.nan if value is None else value for value in values.tolist()], dtype=np.float64)
    except (ValueError, TypeError):
        return np.array([str(value) for value in values.tolist()])
