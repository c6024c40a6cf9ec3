"""Which sweeps are good enough to be measured, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.reading.stimulus import LONG_LASTS, SHORT_LASTS, Stimulus
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE

_WINDOW = 1.5e-3  # s, over which noise is taken, so that slow changes do not count as noise
_BASELINE = 0.1  # s before the stimulus, and at the end of the sweep, that are compared
_SETTLED = 0.1  # s after a stimulus before the potential is back
_CLIPPED = 2e-3  # s at one and the same extreme value
_CLIPPED_SAMPLES = 10


@dataclass(frozen=True)
class QualityLimits:
    """What a sweep may have at most, or must have at least.

    The defaults let through what other laboratories publish; `ALLEN_LIMITS` are those of the Allen
    Institute's cell types database (its technical white paper on electrophysiology).

    Parameters
    ----------
    noise_mv : float
        Root mean square within windows of 1.5 ms before the stimulus (their median). The default is half
        the height of the smallest spike that is detected, 2 mV.
    wander_mv : float
        Standard deviation of the baseline before the stimulus.
    drift_mv : float
        Difference of the mean potential before the stimulus and at the end of the sweep. An
        afterhyperpolarization that has not ended takes up to some millivolts.
    holding_pa : float
        Holding current: a cell that needs more leaks.
    baseline : float
        Least recorded time before the stimulus (s), to have a resting potential at all.
    """

    # the three real recordings at hand, of other laboratories, have at most 0.9 (noise), 3.5 (wander) and 7
    # mV (drift), the two whose units are plausible 0.3, 0.4 and 2.6; one of them is held with 81 pA
    noise_mv: float = 1.0
    wander_mv: float = 3.0
    drift_mv: float = 8.0
    holding_pa: float = 100.0
    baseline: float = 0.01


ALLEN_LIMITS = QualityLimits(noise_mv=0.07, wander_mv=0.5, drift_mv=1.0)


def find_faults(
    voltage_mv: Float64[np.ndarray, " recorded"],
    stimulus: Stimulus,
    protocol: str,
    rate_hz: float,
    holding_pa: float,
    limits: QualityLimits,
) -> list[str]:
    """Return why a sweep should not be measured; an empty list when it is good.

    Parameters
    ----------
    voltage_mv : array of shape (recorded samples,)
        The membrane potential, without the padding after an early stop.
    stimulus : Stimulus
        Where the stimulus is, in samples.
    protocol : str
        A ramp may end early: one stops it when the cell has fired.
    rate_hz : float
        Samples per second.
    holding_pa : float
        Holding current.
    limits : QualityLimits
        What is still good.

    Examples
    --------
    >>> voltage = np.full(1000, -70.0) + 0.01 * np.sin(np.arange(1000))
    >>> find_faults(voltage, Stimulus(100, 1500, "long_square", 50.0, 0.0), "long_square", 1e3, 0.0,
    ...             QualityLimits())
    ['incomplete: the recording ends 0.5 s before the stimulus']
    """
    if stimulus.first < 0:
        return ["no stimulus in the current"]
    if len(voltage_mv) <= stimulus.first:
        return ["incomplete: the recording ends before the stimulus begins"]
    faults = _find_missing(voltage_mv, stimulus, protocol, rate_hz)
    if stimulus.first < limits.baseline * rate_hz:
        faults.append(f"too short: {stimulus.first / rate_hz:.3g} s before the stimulus")
    # medians and deviations of gaps would be NaN, and below every limit
    elif not np.isnan(voltage_mv).any():
        faults += _find_unrest(voltage_mv, stimulus, protocol, rate_hz, limits)
    if abs(holding_pa) > limits.holding_pa:
        faults.append(f"holding current {holding_pa:.3g} pA, above {limits.holding_pa:g}")
    if _is_clipped(voltage_mv, rate_hz):
        faults.append("clipped: the potential stays at its extreme value")
    return faults


def _find_missing(voltage: np.ndarray, stimulus: Stimulus, protocol: str, rate_hz: float) -> list[str]:
    faults = []
    if len(voltage) < stimulus.last and protocol != RAMP:
        missing = (stimulus.last - len(voltage)) / rate_hz
        faults.append(f"incomplete: the recording ends {missing:.3g} s before the stimulus")
    elif len(voltage) == stimulus.last and protocol != RAMP:
        # the file may have cut the current where it cut the response
        faults.append("incomplete: nothing was recorded after the stimulus")
    if np.isnan(voltage).any():
        faults.append(f"{int(np.isnan(voltage).sum())} samples missing within the sweep")
    duration = (stimulus.last - stimulus.first) / rate_hz
    if protocol == LONG_SQUARE and duration < LONG_LASTS:
        faults.append(f"incomplete: a long square of {duration:.3g} s")
    if protocol == SHORT_SQUARE and duration > SHORT_LASTS:
        faults.append(f"a short square of {duration:.3g} s")
    return faults


def _find_unrest(
    voltage: np.ndarray, stimulus: Stimulus, protocol: str, rate_hz: float, limits: QualityLimits
) -> list[str]:
    faults = []
    before = voltage[max(0, stimulus.first - round(_BASELINE * rate_hz)) : stimulus.first]
    width = max(2, round(_WINDOW * rate_hz))
    # the rest is cut off in front: what is next to the stimulus counts
    windows = before[len(before) % width :].reshape(-1, width)
    noise = float(np.median(windows.std(axis=1))) if len(windows) else 0.0
    if noise > limits.noise_mv:
        faults.append(f"noise {noise:.2g} mV, above {limits.noise_mv:g}")
    wander = float(before.std())
    if wander > limits.wander_mv:
        faults.append(f"baseline wanders by {wander:.2g} mV, above {limits.wander_mv:g}")
    after = voltage[stimulus.last + round(_SETTLED * rate_hz) :][-round(_BASELINE * rate_hz) :]
    if protocol != RAMP and len(after) >= width:
        # medians, since a late spike is no drift
        drift = float(np.median(after) - np.median(before))
        if abs(drift) > limits.drift_mv:
            faults.append(f"baseline drifts by {drift:.2g} mV, above {limits.drift_mv:g}")
    return faults


def _is_clipped(voltage: np.ndarray, rate_hz: float) -> bool:
    """Return whether the potential stays at its highest or lowest value, as amplifiers at their end do."""
    # at 5 kHz 2 ms are ten samples; at lower rates fewer could be equal by the steps of a converter
    needed = max(_CLIPPED_SAMPLES, round(_CLIPPED * rate_hz))
    for extreme in (np.nanmax(voltage), np.nanmin(voltage)):
        edges = np.flatnonzero(np.diff(np.r_[False, voltage == extreme, False].astype(np.int8)))
        if len(edges) and int(np.diff(edges)[::2].max()) >= needed:
            return True
    return False
