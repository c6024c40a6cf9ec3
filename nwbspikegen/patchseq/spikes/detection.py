"""Where the spikes of one voltage trace are, by the slope of the filtered voltage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.patchseq.spikes import kernels as spike_kernels

# so far beyond a window the filter runs, to give the slopes of the whole sweep: at 50 kHz it forgets within
# a tenth of this (2e-7 mV/ms); near 20 kHz, where it rings longest, 4 ms leave 1e-3 mV/ms
_MARGIN = 0.004


@dataclass(frozen=True)
class SpikeSettings:
    """What counts as a spike; the defaults are those of Gouwens et al. 2019 and 2020.

    Parameters
    ----------
    onset_slope : float
        dV/dt at which a candidate begins (mV/ms).
    threshold_fraction : float
        The threshold is where dV/dt was last at or below this fraction of the sweep's mean maximal upstroke.
    minimum_peak_mv, minimum_height_mv : float
        Lower candidates, from the threshold's side or absolutely, are no spikes.
    longest_rise : float
        From threshold to peak (s).
    lowpass_hz : float
        Corner of the 4-pole Bessel filter before dV/dt, both ways in time; left out when the sampling rate
        is too low for it (at or below twice this).
    clipped_within_mv : float
        The last spike is clipped when the voltage does not come back to its threshold, give or take this.
    end_fraction : float
        The spike ends (fast trough) where dV/dt has come back to this fraction of its steepest fall.
    slow_drop_mv : float
        There is a slow trough when the voltage falls by more than this after the fast trough and another
        spike follows.
    """

    # IPFX's defaults too; with them the families of 24 simulated cells, of 3,482 spikes, are IPFX's to
    # 1e-10 (docs/benchmarks/patchseq_features.md)
    onset_slope: float = 20.0
    threshold_fraction: float = 0.05
    minimum_peak_mv: float = -30.0
    minimum_height_mv: float = 2.0
    longest_rise: float = 0.005
    lowpass_hz: float = 10e3
    clipped_within_mv: float = 1.0
    end_fraction: float = 0.01
    slow_drop_mv: float = 0.5


@dataclass(frozen=True)
class SpikeSamples:
    """Samples of each spike's points (-1: there is none), and its slopes and widths.

    `fast_trough` is the end of the fall, `trough` the lowest sample before the next spike; slopes in mV/ms,
    widths in s.
    """

    threshold: Int64[np.ndarray, " spike"]
    peak: Int64[np.ndarray, " spike"]
    upstroke: Int64[np.ndarray, " spike"]
    downstroke: Int64[np.ndarray, " spike"]
    trough: Int64[np.ndarray, " spike"]
    fast_trough: Int64[np.ndarray, " spike"]
    slow_trough: Int64[np.ndarray, " spike"]
    clipped: Bool[np.ndarray, " spike"]
    upstroke_slope: Float64[np.ndarray, " spike"]
    downstroke_slope: Float64[np.ndarray, " spike"]
    width: Float64[np.ndarray, " spike"]


def measure_slope(
    voltage_mv: Float64[np.ndarray, " sample"], sampling_rate_hz: float, lowpass_hz: float = 10e3
) -> Float64[np.ndarray, " interval"]:
    """Filter the voltage and take dV/dt (mV/ms), one value per pair of neighbouring samples.

    Examples
    --------
    >>> measure_slope(np.linspace(0.0, 100.0, 1001), 50e3)[500].round(3)  # 0.1 mV per 0.02 ms
    np.float64(5.0)
    """
    from scipy.signal import filtfilt

    corner = 2 * lowpass_hz / sampling_rate_hz
    # filtfilt reflects 15 samples at each end, three times the five coefficients. Forwards and backwards,
    # so that no point of a spike is moved in time; the corner is that of one way, the attenuation there
    # twice that
    if corner < 1 and voltage_mv.size > 15:
        voltage_mv = filtfilt(*_bessel(corner), voltage_mv)
    return np.asarray(np.diff(voltage_mv) * (sampling_rate_hz / 1000.0))


@lru_cache(maxsize=16)
def _bessel(corner: float) -> tuple[Float64[np.ndarray, " tap"], Float64[np.ndarray, " tap"]]:
    from scipy.signal import bessel

    numerator, denominator = bessel(4, corner, "low")
    return numerator, denominator


def locate_spikes(
    voltage_mv: Float64[np.ndarray, " sample"],
    sampling_rate_hz: float,
    first: int,
    last: int,
    settings: SpikeSettings | None = None,
) -> SpikeSamples:
    """Find the spikes whose onset and peak lie in samples `first` to `last`, and the points of each.

    Candidates begin where dV/dt rises through `onset_slope`; candidates between which it never turns
    negative are one. Each needs a peak and a height, a threshold refined by the mean maximal upstroke, and
    a rise that is short.

    Raises
    ------
    IndexError
        `first` and `last` do not lie in the trace.

    Examples
    --------
    >>> time_ms = np.arange(0, 40, 0.02)
    >>> voltage_mv = -70 + 100 * np.exp(-(((time_ms - 20) / 0.3) ** 2))
    >>> spikes = locate_spikes(voltage_mv, 50e3, 500, 1900)
    >>> spikes.peak
    array([1000])
    """
    settings = settings or SpikeSettings()
    if not 0 <= first <= last < voltage_mv.size:
        raise IndexError(f"samples {first} to {last} of a trace of {voltage_mv.size}")
    # subthreshold sweeps stay below this, and are never filtered
    if not np.max(voltage_mv[first : last + 1], initial=-np.inf) >= settings.minimum_peak_mv:
        return _no_spikes()
    # no more than the window is filtered: a ramp or a long silence behind it costs nothing
    margin = round(_MARGIN * sampling_rate_hz)
    begin = max(0, first - margin)
    voltage = voltage_mv[begin : last + 1 + margin]
    slope = measure_slope(voltage, sampling_rate_hz, settings.lowpass_hz)
    found = _locate(voltage, slope, first - begin, last - begin, sampling_rate_hz, settings)
    moved = {
        name: np.where(indices < 0, -1, indices + begin)
        for name, indices in found.items()
        if indices.dtype == int
    }
    return SpikeSamples(**{**found, **moved})


def _locate(
    voltage: Float64[np.ndarray, " sample"],
    slope: Float64[np.ndarray, " interval"],
    first: int,
    last: int,
    sampling_rate_hz: float,
    settings: SpikeSettings,
) -> dict[str, np.ndarray]:
    # slope k lies between samples k and k + 1: there is one fewer of them
    onset = spike_kernels.find_onsets(slope, first, min(last, slope.size), settings.onset_slope)
    onset, peak = spike_kernels.merge_unfallen(slope, onset, spike_kernels.find_peaks(voltage, onset, last))
    high = (voltage[peak] >= settings.minimum_peak_mv) & (
        voltage[peak] - voltage[onset] >= settings.minimum_height_mv
    )
    onset, peak = onset[high], peak[high]
    upstroke = spike_kernels.find_upstrokes(slope, onset, peak)
    # of the mean of the sweep, as in IPFX: one slope is the threshold of all its spikes
    target = settings.threshold_fraction * slope[upstroke].mean() if upstroke.size else np.nan
    threshold = spike_kernels.refine_thresholds(slope, upstroke, target)
    threshold, peak, upstroke = spike_kernels.check_spikes(
        slope,
        threshold,
        peak,
        upstroke,
        settings.threshold_fraction,
        # a rise of exactly the longest is too long at every rate, also where the product comes out a bit
        # above a whole number
        settings.longest_rise * sampling_rate_hz - 1e-6,
    )
    clipped = np.zeros(peak.size, dtype=bool)
    # only the last spike can be cut off by the end of the window
    if peak.size:
        after = voltage[peak[-1] : last + 1]
        clipped[-1] = not (after <= voltage[threshold[-1]] + settings.clipped_within_mv).any()
    trough, downstroke = spike_kernels.find_troughs(voltage, slope, threshold, peak, clipped, last)
    ends = spike_kernels.find_fast_troughs(slope, threshold, peak, clipped, last, settings.end_fraction)
    return {
        "threshold": threshold,
        "peak": peak,
        "upstroke": upstroke,
        "downstroke": downstroke,
        "trough": trough,
        "fast_trough": ends,
        "slow_trough": _find_slow_troughs(voltage, trough, ends, settings.slow_drop_mv),
        "clipped": clipped | (ends < 0),
        "upstroke_slope": slope[upstroke],
        "downstroke_slope": np.where(downstroke < 0, np.nan, slope[downstroke]),
        "width": spike_kernels.measure_widths(voltage, threshold, peak, ends) / sampling_rate_hz,
    }


def _find_slow_troughs(
    voltage: Float64[np.ndarray, " sample"],
    trough: Int64[np.ndarray, " spike"],
    fast_trough: Int64[np.ndarray, " spike"],
    drop_mv: float,
) -> Int64[np.ndarray, " spike"]:
    """The trough, where another spike follows and the voltage has gone on falling after the fast trough."""
    slow = np.where((fast_trough < 0) | (voltage[fast_trough] - voltage[trough] <= drop_mv), -1, trough)
    # behind the last spike the lowest sample is where the window ends, if the cell is still coming down
    slow[-1:] = -1
    return slow


def _no_spikes() -> SpikeSamples:
    nowhere, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    return SpikeSamples(
        threshold=nowhere,
        peak=nowhere,
        upstroke=nowhere,
        downstroke=nowhere,
        trough=nowhere,
        fast_trough=nowhere,
        slow_trough=nowhere,
        clipped=np.zeros(0, dtype=bool),
        upstroke_slope=nothing,
        downstroke_slope=nothing,
        width=nothing,
    )
