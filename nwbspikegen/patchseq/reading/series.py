"""One series of a sweep: its clock, its unit, and its samples when they are asked for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import find_array, find_group, to_text

# a volt in millivolts, an ampere in picoamperes
MILLIVOLT, PICOAMPERE = 1e3, 1e12
# what one of the unit is in volts or amperes; the schema fixes both, but files say this too
SIZES_OF_UNITS = {
    "v": 1.0,
    "volt": 1.0,
    "volts": 1.0,
    "mv": 1e-3,
    "millivolt": 1e-3,
    "millivolts": 1e-3,
    "uv": 1e-6,
    "microvolt": 1e-6,
    "microvolts": 1e-6,
    "a": 1.0,
    "amp": 1.0,
    "amps": 1.0,
    "ampere": 1.0,
    "amperes": 1.0,
    "na": 1e-9,
    "nanoamp": 1e-9,
    "nanoamps": 1e-9,
    "nanoampere": 1e-9,
    "nanoamperes": 1e-9,
    "pa": 1e-12,
    "picoamp": 1e-12,
    "picoamps": 1e-12,
    "picoampere": 1e-12,
    "picoamperes": 1e-12,
}
# samples that are further than this from an even clock make a series uneven (in periods)
_MOST_JITTER = 0.05


class Clock(NamedTuple):
    """When the samples of a series are: the first (s, session clock) and how many a second."""

    start: float
    rate_hz: float


def read_clock(series: Any) -> Clock:
    """Return the clock of a series that has a rate, or timestamps that are even.

    Raises
    ------
    InputError
        If it has neither.
    """
    start = find_array(series, "starting_time")
    if start is not None:
        # Zarr has no scalars, but arrays of one number
        return Clock(float(np.ravel(start[()])[0]), float(start.attrs["rate"]))
    stamps = find_array(series, "timestamps")
    times = np.zeros(0) if stamps is None else np.asarray(stamps[:], dtype=np.float64)
    if len(times) < 2:
        raise InputError(f"{series.name} without rate or timestamps", "one of them", "leave it out")
    # over all of them: one difference of stamps in float32 is off by far more
    period = (times[-1] - times[0]) / (len(times) - 1)
    even = times[0] + period * np.arange(len(times))
    if not period > 0.0 or float(np.abs(times - even).max()) > _MOST_JITTER * period:
        raise InputError(f"{series.name} with uneven timestamps", "even ones", "resample it")
    return Clock(float(times[0]), 1.0 / float(period))


def read_scale(series: Any, to: float) -> tuple[float, float]:
    """Return factor and offset that turn stored numbers into millivolts or picoamperes.

    NWB has ``value = stored x conversion + offset``, in the unit that is named. A writer that names a
    unit with a prefix and gives that prefix as conversion too means volts or amperes: the prefix is
    not applied twice. Units that are not known are taken as the schema fixes them, SI.

    Parameters
    ----------
    series : group
        The series.
    to : float
        `MILLIVOLT` or `PICOAMPERE`.
    """
    attributes = find_array(series, "data").attrs
    conversion = float(attributes.get("conversion", 1.0))
    # Unicode has two signs for micro, which folding makes one
    unit = to_text(attributes.get("unit", "")).strip().casefold().replace("\u03bc", "u")
    prefix = SIZES_OF_UNITS.get(unit, 1.0)
    # rtol for conversions that went through float32
    if prefix != 1.0 and np.isclose(conversion, prefix, rtol=1e-6, atol=0.0):
        prefix = 1.0
    return conversion * prefix * to, float(attributes.get("offset", 0.0)) * prefix * to


def count_samples(series: Any) -> int:
    """Return how many samples a series has."""
    data = find_array(series, "data")
    return 0 if data is None or len(data.shape) != 1 else int(data.shape[0])


def read_samples(series: Any, to: float, first: int = 0, count: int = -1) -> Float64[np.ndarray, " sample"]:
    """Return samples of a series in millivolts or picoamperes; a negative count means all."""
    factor, offset = read_scale(series, to)
    data = find_array(series, "data")
    values = np.asarray(data[first : None if count < 0 else first + count], dtype=np.float64)
    return values * factor + offset


def count_recorded(voltage_mv: Float64[np.ndarray, " sample"], rate_hz: float) -> int:
    """Return how many samples were recorded: what follows an early stop is NaN, or exactly zero.

    Zeros count as padding when they last for 10 ms: no membrane stays at exactly 0 mV.

    Examples
    --------
    >>> count_recorded(np.array([-70.0, -70.1, np.nan, np.nan]), 1000.0)
    2
    """
    padding = np.isnan(voltage_mv) | (voltage_mv == 0.0)
    made = np.flatnonzero(~padding)
    last = int(made[-1]) + 1 if len(made) else 0
    # a trace that happens to end on a zero is no padding
    is_long = len(voltage_mv) - last >= 0.01 * rate_hz
    return last if is_long or np.isnan(voltage_mv[last:]).any() else len(voltage_mv)


def kind_of(series: Any) -> str:
    """Return the neurodata type of a series."""
    return to_text(series.attrs.get("neurodata_type", ""))


def electrode_of(root: Any, series: Any) -> str:
    """Return the name of the electrode that a series was recorded with, or ""."""
    electrode = find_group(series, "electrode")
    all_electrodes = find_group(root, "general/intracellular_ephys")
    if electrode is None or all_electrodes is None:
        return ""
    # HDF5 links keep no name: the same object is looked for among the electrodes
    for name in all_electrodes:
        if find_group(all_electrodes, name) == electrode:
            return str(name)
    return ""
