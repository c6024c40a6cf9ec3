"""The samples of one sweep: response and stimulus on one clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.reading.pairs import Pair
from nwbspikegen.patchseq.reading.series import (
    MILLIVOLT,
    PICOAMPERE,
    count_recorded,
    count_samples,
    read_clock,
    read_samples,
)

# rates told from timestamps differ in their last digits; at this a sweep of 1 s is off by 0.1 ms at its end
_SAME_RATE = 1e-4


class Scales(NamedTuple):
    """What corrects potentials and currents.

    Both are multiplied where a file gives them in wrong units, by `mv` and `pa`; the liquid junction
    potential `junction_mv` is subtracted from potentials afterwards.
    """

    mv: float = 1.0
    pa: float = 1.0
    junction_mv: float = 0.0


AS_GIVEN = Scales()


@dataclass(frozen=True)
class Samples:
    """A sweep's potential, cut where recording stopped, and the whole current, from the same moment."""

    start: float
    rate_hz: float
    voltage_mv: Float64[np.ndarray, " recorded"]
    current_pa: Float64[np.ndarray, " sample"]


def read_pair(root: Any, pair: Pair, scales: Scales = AS_GIVEN) -> Samples:
    """Read both series of a sweep, corrected by `scales`.

    The current is nought where its series does not cover the response.

    Raises
    ------
    InputError
        If a clock is missing or uneven, or the two series were sampled at different rates.
    """
    response, stimulus = root[pair.response], root[pair.stimulus]
    clock, other = read_clock(response), read_clock(stimulus)
    if abs(clock.rate_hz - other.rate_hz) > _SAME_RATE * clock.rate_hz:
        raise InputError(
            f"a stimulus at {other.rate_hz:g} Hz for a response at {clock.rate_hz:g} Hz",
            "one rate",
            "resample the stimulus",
        )
    for series in (response, stimulus):
        if not count_samples(series):
            raise InputError(f"{series.name} without samples", "one number per sample", "leave it out")
    voltage = scales.mv * read_samples(response, MILLIVOLT, *pair.response_span)
    current = scales.pa * read_samples(stimulus, PICOAMPERE, *pair.stimulus_span)
    start = clock.start + pair.response_span[0] / clock.rate_hz
    # the stimulus may have been stored from its own first sample on
    late = other.start + pair.stimulus_span[0] / other.rate_hz - start
    aligned = _align(current, round(late * clock.rate_hz), len(voltage))
    # counted before the junction is subtracted, which would make padding of zeros look recorded
    recorded = voltage[: count_recorded(voltage, clock.rate_hz)] - scales.junction_mv
    # the current stays whole: it tells that a stimulus was to go on where recording stopped
    return Samples(start, clock.rate_hz, recorded, aligned)


def _align(
    current: Float64[np.ndarray, " given"], offset: int, length: int
) -> Float64[np.ndarray, " sample"]:
    """Return a current as the response has its samples; clocks that do not meet are not used."""
    if offset == 0 and len(current) == length:
        return current
    # such as one that counts from another beginning
    if offset >= length or offset + len(current) <= 0:
        offset = 0
    aligned = np.zeros(length)
    first, last = max(0, offset), min(length, offset + len(current))
    aligned[first:last] = current[first - offset : last - offset]
    return aligned
