"""What SpikeInterface saves of a sorting and of what was made with it, as its files have it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class Analyzed:
    """What an analyzer adds to its sorting.

    Attributes
    ----------
    recording : mapping
        Its `recording_attributes`: `channel_ids`, `num_samples`, `properties`.
    probes : mapping or None
        Probeinterface's description.
    places : ndarray, shape (unit, axis), or None
        The extension `unit_locations` (um).
    metrics : mapping of str to ndarray, shape (unit,)
        The extension `quality_metrics`.
    """

    recording: Mapping[str, Any]
    probes: Mapping[str, Any] | None
    places: Float64[np.ndarray, "unit axis"] | None
    metrics: Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Saved:
    """A sorting with one segment, as it was saved.

    Attributes
    ----------
    ids : ndarray, shape (unit,)
        Numbers or texts.
    sampling_frequency : float
        Frames per second.
    frames, units : ndarray of int64, shape (spike,)
        When, and the position in `ids` of what fired.
    properties : mapping of str to ndarray, shape (unit, ...)
        Of the units.
    annotations : mapping
        Of the sorting.
    analyzed : Analyzed or None
        What an analyzer adds.
    """

    ids: np.ndarray
    sampling_frequency: float
    frames: Int64[np.ndarray, " spike"]
    units: Int64[np.ndarray, " spike"]
    properties: Mapping[str, np.ndarray]
    annotations: Mapping[str, Any]
    analyzed: Analyzed | None


def require_sound(
    place: object, ids: np.ndarray, rate_hz: Any, num_segments: Any, frames: Any, units: Any
) -> None:
    """Raise `InputError` for parts that make no sorting of one segment."""
    whole = all(each is not None and each.ndim == 1 and each.dtype.kind in "iu" for each in (frames, units))
    checks = (
        (
            ids.ndim == 1 and ids.size > 0 and ids.dtype.kind in "iuU" and len(set(ids.tolist())) == ids.size,
            "unit_ids that do not name each unit once",
            "numbers or texts, each once",
        ),
        (isinstance(rate_hz, int | float) and 0 < rate_hz < np.inf, f"a rate of {rate_hz} Hz", "more than 0"),
        (num_segments == 1, f"{num_segments} segments", "one: save one segment at a time"),
        (whole and len(frames) == len(units), "spikes without frames and units", "both, whole numbers"),
    )
    for is_fitting, found, expected in checks:
        if not is_fitting:
            raise InputError(f"{found} in {place}", expected, "check that it was copied whole")
    if len(units) and not (units.min() >= 0 and units.max() < ids.size and frames.min() >= 0):
        raise InputError(
            f"spikes of units that are not in {place}, or before its start",
            f"units 0 to {ids.size - 1}, and frames from 0",
            "check that it was copied whole",
        )


def keep_fitting(columns: Mapping[str, np.ndarray | None], num_units: int) -> dict[str, np.ndarray]:
    """Return the arrays that have a row of numbers or texts for each unit."""
    return {
        name: values
        for name, values in columns.items()
        if values is not None
        and len(values.shape)
        and len(values) == num_units
        and values.dtype.kind in "biufU"
    }


def to_places(values: np.ndarray | None, num_units: int) -> Float64[np.ndarray, "unit axis"] | None:
    """Return what can be places of units, x and y at least, as float64; None for anything else."""
    if values is None or values.dtype.kind not in "iuf" or values.ndim != 2:
        return None
    return values.astype(np.float64) if len(values) == num_units and values.shape[1] >= 2 else None
