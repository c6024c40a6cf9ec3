"""Loops over samples that find spikes and measure their shape; indices count from the first sample given."""

from __future__ import annotations

import numba
import numpy as np

# a number, since arrays of integers have no NaN
ABSENT = -1


@numba.njit(cache=True, nogil=True)
def find_onsets(slope, start, stop, onset_slope):  # type: ignore[no-untyped-def]
    """Samples just before `slope` rises through `onset_slope`, one per fall below zero."""
    # room for the most there can be: lists are slow in compiled loops
    onsets = np.empty(stop - start, np.int64)
    count = 0
    fell = True
    for k in range(start, stop - 1):
        if slope[k] < onset_slope and slope[k + 1] >= onset_slope:
            if fell:
                onsets[count] = k
                count += 1
            # noise about the onset slope crosses it several times in one rise
            fell = slope[k] < 0
        elif slope[k] < 0:
            fell = True
    return onsets[:count]


@numba.njit(cache=True, nogil=True)
def find_peaks(voltage, onsets, stop):  # type: ignore[no-untyped-def]
    """Highest sample between each onset and the next."""
    peaks = np.empty(onsets.size, np.int64)
    for j in range(onsets.size):
        until = onsets[j + 1] if j + 1 < onsets.size else stop
        best = onsets[j]
        for k in range(onsets[j] + 1, until):
            if voltage[k] > voltage[best]:
                best = k
        peaks[j] = best
    return peaks


@numba.njit(cache=True, nogil=True)
def merge_unfallen(slope, onsets, peaks):  # type: ignore[no-untyped-def]
    """Join events between which the slope never turns negative: the first's onset, the last's peak."""
    kept_onsets = np.empty_like(onsets)
    kept_peaks = np.empty_like(peaks)
    count = 0
    for j in range(onsets.size):
        joined = False
        if j > 0:
            joined = True
            for k in range(peaks[j - 1], onsets[j]):
                if slope[k] < 0:
                    joined = False
                    break
        if joined:
            kept_peaks[count - 1] = peaks[j]
        else:
            kept_onsets[count] = onsets[j]
            kept_peaks[count] = peaks[j]
            count += 1
    return kept_onsets[:count], kept_peaks[:count]


@numba.njit(cache=True, nogil=True)
def find_upstrokes(slope, onsets, peaks):  # type: ignore[no-untyped-def]
    """Steepest sample between each onset and its peak."""
    upstrokes = np.empty(onsets.size, np.int64)
    for j in range(onsets.size):
        best = onsets[j]
        for k in range(onsets[j] + 1, peaks[j]):
            if slope[k] > slope[best]:
                best = k
        upstrokes[j] = best
    return upstrokes


@numba.njit(cache=True, nogil=True)
def refine_thresholds(slope, upstrokes, target):  # type: ignore[no-untyped-def]
    """Last sample before each upstroke whose slope is at most `target`, not before the previous upstroke."""
    thresholds = np.empty(upstrokes.size, np.int64)
    earliest = 0
    for j in range(upstrokes.size):
        k = upstrokes[j]
        while k > earliest and slope[k] > target:
            k -= 1
        thresholds[j] = k
        # of two close spikes the second would else take the threshold of the first
        earliest = upstrokes[j]
    return thresholds


@numba.njit(cache=True, nogil=True)
def check_spikes(slope, thresholds, peaks, upstrokes, threshold_fraction, longest_rise):  # type: ignore[no-untyped-def]
    """Merge spikes that overlap; move or drop those whose rise takes `longest_rise` samples or more."""
    kept = np.empty((3, thresholds.size), np.int64)
    merged = 0
    for j in range(thresholds.size):
        if j > 0 and thresholds[j] <= peaks[j - 1]:
            kept[1, merged - 1] = peaks[j]
            kept[2, merged - 1] = upstrokes[j]
        else:
            kept[0, merged] = thresholds[j]
            kept[1, merged] = peaks[j]
            kept[2, merged] = upstrokes[j]
            merged += 1
    target = threshold_fraction * slope[kept[2, :merged]].mean() if merged else np.nan
    count = 0
    for j in range(merged):
        threshold, peak, upstroke = kept[0, j], kept[1, j], kept[2, j]
        if peak - threshold >= longest_rise:
            # a slow rise hid the onset: try again with the mean of the spikes that are left
            k = upstroke
            while k > threshold and slope[k] > target:
                k -= 1
            threshold = k
        if peak - threshold < longest_rise:
            kept[0, count] = threshold
            kept[1, count] = peak
            kept[2, count] = upstroke
            count += 1
    return kept[0, :count].copy(), kept[1, :count].copy(), kept[2, :count].copy()


@numba.njit(cache=True, nogil=True)
def _lowest(values, start, stop):  # type: ignore[no-untyped-def]
    best = start
    for k in range(start + 1, stop):
        if values[k] < values[best]:
            best = k
    return best


@numba.njit(cache=True, nogil=True)
def find_troughs(voltage, slope, thresholds, peaks, clipped, stop):  # type: ignore[no-untyped-def]
    """Lowest sample before the next spike, and steepest fall on the way there; ABSENT where clipped."""
    troughs = np.full(peaks.size, ABSENT, np.int64)
    downstrokes = np.full(peaks.size, ABSENT, np.int64)
    for j in range(peaks.size):
        if clipped[j]:
            continue
        until = thresholds[j + 1] if j + 1 < peaks.size else stop
        trough = _lowest(voltage, peaks[j], until)
        # the window ends on the peak
        if trough == peaks[j]:
            continue
        troughs[j] = trough
        downstrokes[j] = _lowest(slope, peaks[j], trough)
    return troughs, downstrokes


@numba.njit(cache=True, nogil=True)
def find_fast_troughs(slope, thresholds, peaks, clipped, stop, end_fraction):  # type: ignore[no-untyped-def]
    """Where the fall has slowed to `end_fraction` of its steepest: the end of the spike."""
    fast_troughs = np.full(peaks.size, ABSENT, np.int64)
    until = stop
    # backwards, so that each search ends at the threshold of the next spike that was measured
    for j in range(peaks.size - 1, -1, -1):
        if clipped[j]:
            continue
        steepest = _lowest(slope, peaks[j], until)
        target = end_fraction * slope[steepest]
        for k in range(steepest, until):
            if slope[k] >= target:
                fast_troughs[j] = k
                break
        until = thresholds[j]
    return fast_troughs


@numba.njit(cache=True, nogil=True)
def measure_widths(voltage, thresholds, peaks, fast_troughs):  # type: ignore[no-untyped-def]
    """Samples at half height, from the fast trough, or from the threshold where that lies above half."""
    widths = np.full(peaks.size, np.nan)
    for j in range(peaks.size):
        if fast_troughs[j] == ABSENT:
            continue
        top = voltage[peaks[j]]
        level = 0.5 * (top + voltage[fast_troughs[j]])
        # a deep fast trough puts half height below the threshold, where the rise has not begun
        if level < voltage[thresholds[j]]:
            level = 0.5 * (top + voltage[thresholds[j]])
        first = peaks[j]
        while first > thresholds[j] and voltage[first] > level:
            first -= 1
        last = peaks[j]
        while last < fast_troughs[j] and voltage[last] > level:
            last += 1
        widths[j] = last - first
    return widths
