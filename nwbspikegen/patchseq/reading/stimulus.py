"""What was injected, told from the current: holding, test pulse, and the stimulus between."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, OTHER, RAMP, SHORT_SQUARE

# currents that were recorded, not commanded, are looked at in medians of this long (s)
_BIN = 1e-3
_QUIET_PA = 0.5  # noise that may be six times smaller than this needs no medians
# six deviations: of normal noise one sample in 500 million lies further out
_NOISE_FACTOR = 6.0
_HOLDING, _QUIET_HOLDING = 5e-3, 0.5e-3  # s from which the holding current is taken
_GAP = 10e-3  # s between parts that are one stimulus, when the current is noisy
_TEST_PULSE_BEFORE, _TEST_PULSE_LASTS = 0.25, 0.1  # s: no longer stimulus than this is a test pulse
# a pulse that follows has to be much shorter, or it is a second stimulus
_MUCH_LONGER = 5.0
LONG_LASTS, SHORT_LASTS = 0.2, 0.02  # s: squares at least, and at most, as long
_FLAT = 0.1  # spread of a square's top, of its height
_LEAST_PA = 0.1  # less is a rounding error


class Stimulus(NamedTuple):
    """A stimulus as samples: from `first` up to, not including, `last`; -1 and -1 when there is none."""

    first: int
    last: int
    shape: str
    amplitude_pa: float
    holding_pa: float


def find_stimulus(current_pa: Float64[np.ndarray, " sample"], rate_hz: float) -> Stimulus:
    """Find the stimulus of a sweep in its current.

    A pulse of at most 0.1 s that begins in the first quarter of a second, with another stimulus after
    it, is a test pulse and left out; so is one that follows a stimulus at least five times longer.

    Parameters
    ----------
    current_pa : array of shape (samples,)
        Injected current, commanded or recorded.
    rate_hz : float
        Samples per second.

    Returns
    -------
    Stimulus
        Its shape is "long_square" (0.2 s or more), "short_square" (20 ms or less), "ramp" or "other".

    Examples
    --------
    >>> current = np.zeros(1000)
    >>> current[10:20], current[300:800] = -20.0, 50.0
    >>> find_stimulus(current, 1000.0)[:4]
    (300, 800, 'long_square', 50.0)
    """
    current_pa = np.nan_to_num(current_pa)
    # commanded currents are exact (0.03 pA in Lantyer et al. 2018), recorded ones are not (8 pA in Ferguson
    # et al. 2015), and only the former give edges to the sample
    is_quiet = _NOISE_FACTOR * _measure_noise(current_pa) < _QUIET_PA
    # half a millisecond is enough without noise, and ends before any test pulse
    before = current_pa[: max(1, round((_QUIET_HOLDING if is_quiet else _HOLDING) * rate_hz))]
    holding = float(np.median(before)) if len(before) else 0.0
    above = current_pa - holding
    width = 1 if is_quiet else max(1, round(_BIN * rate_hz))
    levels = above if width == 1 else np.median(above[: len(above) // width * width].reshape(-1, width), 1)
    noise = _measure_noise(levels)
    # an exact current has noise 0; what float32 rounds is a ten-millionth
    tolerance = max(_NOISE_FACTOR * noise, 1e-6 * float(np.abs(levels).max(initial=0.0)))
    parts = _find_parts(np.abs(levels) > tolerance, 0 if width == 1 else round(_GAP * rate_hz / width))
    if width > 1:
        # a spike leaks into a recorded current for about a millisecond
        parts = [(first, last) for first, last in parts if last - first > 1]
    parts = _drop_test_pulses(parts, rate_hz / width)
    if not parts:
        return Stimulus(-1, -1, OTHER, 0.0, holding)
    first, last = parts[0][0], parts[-1][1]
    shape, height = (
        _describe(levels[first:last], rate_hz / width, noise) if len(parts) == 1 else (OTHER, np.nan)
    )
    first, last = first * width, last * width
    if shape != RAMP and width > 1 and np.isfinite(height):
        first, last = _refine(above, first, last, width, height)
    if not np.isfinite(height):
        part = above[first:last]
        height = float(part[np.abs(part).argmax()])
    if abs(height) < _LEAST_PA:
        return Stimulus(-1, -1, OTHER, 0.0, holding)
    return Stimulus(first, last, shape, height, holding)


def _measure_noise(levels: Float64[np.ndarray, " level"]) -> float:
    """Return the standard deviation of noise, told from steps that neither ramps nor edges make."""
    steps = np.diff(levels)
    # 1.4826 median absolute deviations are one deviation of a normal; the difference of two samples has
    # sqrt(2) times that of one
    return 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / 2**0.5 if len(steps) else 0.0


def _find_parts(active: Bool[np.ndarray, " bin"], gap: int) -> list[tuple[int, int]]:
    """Return the runs of bins in which something was injected, joined over short gaps."""
    # rises and falls in turn: a False at both ends gives every run an end
    edges = np.flatnonzero(np.diff(np.r_[False, active, False].astype(np.int8)))
    parts: list[tuple[int, int]] = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if parts and first - parts[-1][1] <= gap:
            parts[-1] = (parts[-1][0], last)
        else:
            parts.append((first, last))
    return parts


def _drop_test_pulses(parts: list[tuple[int, int]], rate_hz: float) -> list[tuple[int, int]]:
    def is_brief(part: tuple[int, int]) -> bool:
        return part[1] - part[0] <= _TEST_PULSE_LASTS * rate_hz

    if len(parts) > 1 and is_brief(parts[0]) and parts[0][0] < _TEST_PULSE_BEFORE * rate_hz:
        parts = parts[1:]
    # a train of equal pulses has no longest one, and stays whole as "other"
    longest = max(parts, key=lambda part: part[1] - part[0], default=(0, 0))
    others = [part for part in parts if part != longest]
    length = longest[1] - longest[0]
    if all(is_brief(part) and length >= _MUCH_LONGER * (part[1] - part[0]) for part in others):
        return [longest] if parts else []
    return parts


def _describe(levels: Float64[np.ndarray, " bin"], rate_hz: float, noise: float) -> tuple[str, float]:
    """Return shape and amplitude of one part, whose levels are counted from holding."""
    # without the edges, where bins hold some of both
    inner = levels[len(levels) // 10 : len(levels) - len(levels) // 10]
    height = float(np.median(inner))
    # tenths and not extremes: spikes leak into a recorded current
    low, high = np.quantile(inner, (0.1, 0.9))
    if high - low <= _FLAT * abs(height) + _NOISE_FACTOR * noise:
        duration = len(levels) / rate_hz
        if duration >= LONG_LASTS:
            return LONG_SQUARE, height
        return (SHORT_SQUARE if duration <= SHORT_LASTS else OTHER), height
    x = np.linspace(0.0, 1.0, len(levels))
    slope, start = np.polyfit(x, levels, 1)
    misfit = float(np.median(np.abs(levels - start - slope * x)))
    # a ramp starts near the holding current and is straight: a sine and a staircase are not
    if len(levels) > 2 and abs(start) < 0.2 * abs(slope) and misfit < 0.05 * abs(slope):
        # below 2 kHz these are medians of 1 ms of a noisy current, of which the last alone says little
        return RAMP, float(np.median(levels[-3:]) if rate_hz < 2e3 else levels[-1])
    return OTHER, np.nan


def _refine(
    above: Float64[np.ndarray, " sample"], first: int, last: int, width: int, height: float
) -> tuple[int, int]:
    """Move the edges of a recorded square from whole bins to where it passes half its height."""
    # signed by the height, so that steps down pass it too
    passed = above / height > 0.5
    start = max(0, first - width)
    near_start = np.flatnonzero(passed[start : first + 2 * width])
    near_stop = np.flatnonzero(passed[max(0, last - 2 * width) : last + width])
    first = start + int(near_start[0]) if len(near_start) else first
    return first, max(0, last - 2 * width) + int(near_stop[-1]) + 1 if len(near_stop) else last
