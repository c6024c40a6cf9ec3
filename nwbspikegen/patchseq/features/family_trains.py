"""Families binned over a step: rates of firing, and how spikes change along the train."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.spikes.detect import SpikingSweep

# of 1 s: 20 ms for features of spikes, 50 ms for counts, where 20 ms would mostly be 0 or 1
BINS = 50
RATE_BINS = 20
_RATE_BIN = 0.05

SPIKE_FEATURES = ("upstroke_downstroke_ratio", "peak_v", "fast_trough_v", "threshold_v", "width")


def bin_instantaneous_rate(spiking: SpikingSweep) -> Float64[np.ndarray, " bin"]:
    """Instantaneous rate (Hz) in 50 bins of the step.

    At each spike it is one over the mean of the intervals on both sides; at the start of the step one over
    the latency. At the end it is one over the time since the last spike, or over the last interval when
    that is longer, and then the last spike has that rate too.
    """
    times = (spiking.spikes.threshold - spiking.first) / spiking.rate_hz
    duration = (spiking.last - spiking.first) / spiking.rate_hz
    intervals = np.diff(np.concatenate([[0.0], times, [duration]]))
    intervals[0] = max(intervals[0], 1.0 / spiking.rate_hz)  # a threshold refined to before the step
    at_spikes = 2.0 / (intervals[:-1] + intervals[1:])
    # the step ends before the next spike would be due, so the time since the last tells too high a rate
    if intervals[-1] < intervals[-2]:
        intervals[-1] = intervals[-2]
        at_spikes[-1] = 1.0 / intervals[-2]
    places = np.concatenate([[0], _find_bins(spiking, BINS), [BINS - 1]])
    return _average_bins(places, np.concatenate([[1 / intervals[0]], at_spikes, [1 / intervals[-1]]]))


def bin_rate(spiking: SpikingSweep) -> Float64[np.ndarray, " bin"]:
    """Spikes per second in 20 bins of 50 ms."""
    return np.asarray(np.bincount(_find_bins(spiking, RATE_BINS), minlength=RATE_BINS) / _RATE_BIN)


def bin_feature(spiking: SpikingSweep, feature: str) -> Float64[np.ndarray, " bin"] | None:
    """Mean of a spike feature in 50 bins, joined by straight lines; None when no spike has it.

    Clipped spikes are left out, whatever the feature.
    """
    values = read_feature(spiking, feature)
    # a clipped spike has a threshold and a peak, but IPFX leaves it out with every feature of it
    known = np.isfinite(values) & ~spiking.spikes.clipped
    if not known.any():
        return None
    return _average_bins(_find_bins(spiking, BINS)[known], values[known])


def read_feature(spiking: SpikingSweep, feature: str) -> Float64[np.ndarray, " spike"]:
    """One of `SPIKE_FEATURES` for each spike: mV, s for widths."""
    if feature == "upstroke_downstroke_ratio":
        return spiking.ratio
    if feature == "width":
        return spiking.spikes.width
    return spiking.read_voltage(getattr(spiking.spikes, feature.removesuffix("_v")))


def choose_steps(
    amplitudes_pa: Sequence[float],
    rheobase_pa: float,
    targets_pa: Sequence[float],
    shift_pa: float,
    tolerance_pa: float,
) -> list[int | None] | None:
    """Choose the first sweep within tolerance of each target above rheobase; None when fewer than two match.

    Rheobase is taken `shift_pa` higher when fewer than two match at first.

    Examples
    --------
    >>> choose_steps([50.0, 70.0, 110.0], 50.0, [0.0, 20.0, 40.0], 10.0, 5.0)
    [0, 1, None]
    """
    # a finer rheobase, of 5 or 10 pA, lies between the steps of 20 pA that follow
    for base in (rheobase_pa, rheobase_pa + shift_pa):
        chosen: list[int | None] = []
        for target in targets_pa:
            near = [
                j
                for j, amplitude in enumerate(amplitudes_pa)
                if abs(amplitude - base - target) <= tolerance_pa
            ]
            chosen.append(near[0] if near else None)
        if sum(choice is not None for choice in chosen) > 1:
            return chosen
    return None


def normalise_steps(
    rates_hz: Float64[np.ndarray, " bin"], bins_per_step: int = BINS
) -> Float64[np.ndarray, " bin"]:
    """Divide each step by its highest rate; a silent step stays zero.

    Examples
    --------
    >>> normalise_steps(np.array([1.0, 2.0, 0.0, 0.0]), bins_per_step=2)
    array([0.5, 1. , 0. , 0. ])
    """
    steps = rates_hz.reshape(-1, bins_per_step)
    highest = steps.max(axis=1, keepdims=True)
    return np.asarray(steps / np.where(highest > 0, highest, 1.0)).ravel()


def _find_bins(spiking: SpikingSweep, bins: int) -> np.ndarray:
    """Bin of each threshold; in whole samples, so that a threshold on an edge opens a bin."""
    # in seconds 1.4 - 0.4 is less than 1: IPFX makes 49 bins of a step that starts at 0.4 s
    samples = spiking.spikes.threshold - spiking.first
    return np.asarray(np.clip(samples * bins // (spiking.last - spiking.first), 0, bins - 1))


def _average_bins(places: np.ndarray, values: Float64[np.ndarray, " point"]) -> Float64[np.ndarray, " bin"]:
    count = np.bincount(places, minlength=BINS)
    filled = np.flatnonzero(count)
    means = np.bincount(places, weights=values, minlength=BINS)[filled] / count[filled]
    # flat before the first and behind the last bin that has a value
    return np.interp(np.arange(BINS), filled, means)
