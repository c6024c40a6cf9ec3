"""Families cut from the voltage: subthreshold steps, the first spike, the interval between spikes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.spikes.detect import SpikingSweep

# 3 ms at 50 kHz; 0.2 + 1 + 0.2 s in bins of 10 ms; the lengths of Gouwens et al.
WAVEFORM_HZ = 50_000.0
WAVEFORM_SAMPLES = 150
STEP_BINS = 140
INTERVAL_POINTS = 100
_BIN = 0.01
_EXTEND = 0.2
# after a single spike, as IPFX has it: back to 1 mV below the end of the step, in 0.1 s at most
_RETURN_MV = 1.0
_LONGEST_RETURN = 0.1
_STEADY = 0.1


def average_step(spiking: SpikingSweep) -> Float64[np.ndarray, " bin"] | None:
    """Mean voltage in bins of 10 ms, from 0.2 s before a 1 s step to 0.2 s after; None when not recorded."""
    width = round(_BIN * spiking.rate_hz)
    begin = spiking.first - round(_EXTEND * spiking.rate_hz)
    end = begin + STEP_BINS * width
    if begin < 0 or end > spiking.voltage_mv.size:
        return None
    return np.asarray(spiking.voltage_mv[begin:end].reshape(STEP_BINS, width).mean(axis=1))


def fill_from_neighbours(
    parts: Mapping[float, np.ndarray], targets: Sequence[float], tolerance: float
) -> list[np.ndarray]:
    """Take the part within `tolerance` of each target, or the mean of its neighbours below and above.

    At the ends, where there is one neighbour, that one stands in.

    Examples
    --------
    >>> parts = {-90.0: np.array([9.0]), -30.0: np.array([3.0])}
    >>> [float(part[0]) for part in fill_from_neighbours(parts, [-90.0, -50.0, -10.0], 5.0)]
    [9.0, 6.0, 3.0]
    """
    amplitudes = sorted(parts)
    filled = []
    for target in targets:
        nearest = min(amplitudes, key=lambda amplitude: abs(amplitude - target))
        if abs(nearest - target) <= tolerance:
            filled.append(parts[nearest])
            continue
        below = [amplitude for amplitude in amplitudes if amplitude < target][-1:]
        above = [amplitude for amplitude in amplitudes if amplitude > target][:1]
        filled.append(np.mean([parts[amplitude] for amplitude in below + above], axis=0))
    return filled


def cut_first_spike(spiking: SpikingSweep) -> Float64[np.ndarray, " sample"] | None:
    """First spike from its threshold, 3 ms at 50 kHz, or None when the sweep has no spike or ends within it.

    Faster sampling is averaged down when it is a multiple of 50 kHz; every other rate is interpolated.
    """
    if spiking.count == 0:
        return None
    begin = int(spiking.spikes.threshold[0])
    ratio = spiking.rate_hz / WAVEFORM_HZ
    if ratio >= 1 and ratio == round(ratio):
        # a mean over the samples that one stands for, which keeps what is faster from folding back
        width = round(ratio)
        piece = spiking.voltage_mv[begin : begin + WAVEFORM_SAMPLES * width]
        whole = piece.size == WAVEFORM_SAMPLES * width
        return np.asarray(piece.reshape(-1, width).mean(axis=1)) if whole else None
    places = begin + np.arange(WAVEFORM_SAMPLES) * ratio
    if places[-1] > spiking.voltage_mv.size - 1:
        return None
    # one sample more than the last place, between which and the next it lies
    around = spiking.voltage_mv[begin : int(places[-1]) + 2]
    return np.asarray(np.interp(places - begin, np.arange(around.size), around))


def average_interval(spiking: SpikingSweep) -> Float64[np.ndarray, " point"] | None:
    """Mean voltage between spikes above the threshold before, with the duration of each interval made one.

    An interval runs from the fast trough to the next threshold and is averaged in 100 equal bins; intervals
    of fewer than 100 samples are left out. After a single spike it runs to where the voltage has come back
    to 1 mV below its mean over the last 0.1 s of the step, for 0.1 s at most.
    """
    spikes = spiking.spikes
    if spiking.count == 1:
        if spikes.fast_trough[0] < 0:
            return None
        begins, ends = spikes.fast_trough, np.array([_find_return(spiking)])
    else:
        begins, ends = spikes.fast_trough[:-1], spikes.threshold[1:]
    shapes = []
    for begin, end, threshold in zip(begins, ends, spikes.threshold, strict=False):
        width = int(end - begin) // INTERVAL_POINTS
        # -1: the spike has no fast trough
        if begin < 0 or width == 0:
            continue
        piece = spiking.voltage_mv[begin : begin + INTERVAL_POINTS * width]
        shapes.append(piece.reshape(INTERVAL_POINTS, width).mean(axis=1) - spiking.voltage_mv[threshold])
    return np.mean(shapes, axis=0) if shapes else None


def _find_return(spiking: SpikingSweep) -> int:
    begin = int(spiking.spikes.fast_trough[0])
    steady = spiking.voltage_mv[spiking.last - round(_STEADY * spiking.rate_hz) : spiking.last].mean()
    longest = min(begin + round(_LONGEST_RETURN * spiking.rate_hz), spiking.last)
    # below, since the afterhyperpolarization comes up from there
    returned = np.flatnonzero(spiking.voltage_mv[begin:longest] >= steady - _RETURN_MV)
    end = begin + int(returned[0]) if returned.size else longest
    # a sample for each point at least
    return min(max(end, begin + INTERVAL_POINTS), spiking.voltage_mv.size)
