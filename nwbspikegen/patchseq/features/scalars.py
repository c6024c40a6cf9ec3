"""Scalars of a cell, with the names and units of the Allen Institute's mouse Patch-seq table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.features.family_steps import LongSquares, choose_common_amplitude
from nwbspikegen.patchseq.features.scalar_subthreshold import measure_subthreshold
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE
from nwbspikegen.patchseq.spikes.detect import SpikingSweep

_FIRST_SPIKE = (
    "upstroke_downstroke_ratio",
    "peak_v",
    "peak_t",
    "trough_v",
    "trough_t",
    "fast_trough_v",
    "fast_trough_t",
    "slow_trough_v",
    "slow_trough_t",
    "threshold_v",
    "threshold_i",
    "threshold_t",
    "width",
    "upstroke",
    "downstroke",
)


def measure_scalars(sweeps: Sequence[SpikingSweep], long_squares: LongSquares) -> dict[str, float]:
    """Measure every scalar of a cell; NaN where its protocol is missing.

    Of the long squares: `vrest` (mV), `ri` (MOhm), `tau` (ms), `sag`, `vm_for_sag` (mV),
    `rheobase_sweep_num`, `f_i_curve_slope` (Hz/pA), and of the hero sweep (the smallest step 39 to 61 pA
    above rheobase) `adaptation`, `latency` (s), `avg_isi` (ms), `isi_cv`. Of the first spike in the
    rheobase sweep, the ramps and the short squares (means over sweeps), with the suffix of the protocol:
    ratio, peak, trough, fast and slow trough and threshold (mV, s from the start of the sweep, pA), width
    (s), upstroke and downstroke (mV/ms). `threshold_i` of a square is its step.

    Examples
    --------
    >>> scalars = measure_scalars([], LongSquares([]))
    >>> len(scalars), bool(np.isnan(scalars["threshold_v_ramp"]))
    (56, True)
    """
    scalars = {"rheobase_sweep_num": _number(long_squares.rheobase)}
    scalars |= measure_subthreshold(long_squares)
    scalars["f_i_curve_slope"] = _fit_slope(long_squares.spiking)
    scalars |= measure_train(long_squares.hero)
    groups = {
        LONG_SQUARE: [long_squares.rheobase] if long_squares.rheobase else [],
        RAMP: _choose_spiking(sweeps, RAMP),
        SHORT_SQUARE: choose_common_amplitude(_choose_spiking(sweeps, SHORT_SQUARE)),
    }
    for protocol, group in groups.items():
        first = [_measure_first(sweep) for sweep in group]
        for name in _FIRST_SPIKE:
            values = [spike[name] for spike in first]
            scalars[f"{name}_{protocol}"] = float(np.nanmean(values)) if np.isfinite(values).any() else np.nan
    return scalars


def measure_train(sweep: SpikingSweep | None) -> dict[str, float]:
    """Measure `adaptation`, `latency` (s), `avg_isi` (ms) and `isi_cv` of one sweep's spikes.

    Adaptation is the mean of (b - a) / (b + a) over neighbouring intervals a, b: positive when the cell
    slows down.
    """
    scalars = dict.fromkeys(("adaptation", "latency", "avg_isi", "isi_cv"), np.nan)
    if sweep is None:
        return scalars
    times = sweep.spikes.threshold / sweep.rate_hz
    scalars["latency"] = float(times[0] - sweep.first / sweep.rate_hz)
    intervals = np.diff(times)
    if intervals.size:
        scalars["avg_isi"] = 1000 * float(intervals.mean())
        # the deviation of these intervals, not an estimate (divided by n, as IPFX does)
        scalars["isi_cv"] = float(intervals.std() / intervals.mean())
    if intervals.size > 1:
        scalars["adaptation"] = float(np.mean(np.diff(intervals) / (intervals[1:] + intervals[:-1])))
    return scalars


def _choose_spiking(sweeps: Sequence[SpikingSweep], protocol: str) -> list[SpikingSweep]:
    return [sweep for sweep in sweeps if sweep.sweep.info.protocol == protocol and sweep.count]


def _number(sweep: SpikingSweep | None) -> float:
    return np.nan if sweep is None else float(sweep.sweep.info.number)


def _fit_slope(spiking: Sequence[SpikingSweep]) -> float:
    amplitudes = np.array([sweep.sweep.info.amplitude_pa for sweep in spiking])
    if np.unique(amplitudes).size < 2:
        return np.nan
    # over the step, not over the spikes: a cell that falls silent fires less
    rates = [sweep.count * sweep.rate_hz / (sweep.last - sweep.first) for sweep in spiking]
    return float(np.polyfit(amplitudes, rates, 1)[0])


def _measure_first(sweep: SpikingSweep) -> dict[str, float]:
    spikes = sweep.spikes
    values: dict[str, Float64[np.ndarray, " spike"]] = {
        "upstroke_downstroke_ratio": sweep.ratio[:1],
        "width": spikes.width[:1],
        "upstroke": spikes.upstroke_slope[:1],
        "downstroke": spikes.downstroke_slope[:1],
        "threshold_i": sweep.read_current(spikes.threshold[:1]),
    }
    for point in ("peak", "trough", "fast_trough", "slow_trough", "threshold"):
        samples = getattr(spikes, point)[:1]
        values[f"{point}_v"] = sweep.read_voltage(samples)
        values[f"{point}_t"] = sweep.read_time(samples)
    if sweep.sweep.info.protocol != RAMP:
        # a recorded current is noisy at any one sample, and the step is known
        values["threshold_i"] = np.array([sweep.sweep.info.amplitude_pa])
    return {name: float(value[0]) for name, value in values.items()}
