"""Scalars of the membrane below threshold: rest, resistance, time constant, sag."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.features.family_steps import (
    LongSquares,
    find_deflection,
    measure_baseline,
)
from nwbspikegen.patchseq.spikes.detect import SpikingSweep

# all of these are IPFX's: over 24 simulated cells ri and sag agree with it to 1e-14, tau to 6e-6
# (docs/benchmarks/patchseq_features.md)
_SAG_TARGET_MV = -100.0
_SAG_PEAK = 0.005
_SAG_STEADY = 0.03
# larger steps open the sag's conductance far enough to bend the line through current and deflection
_LARGEST_STEP_PA = -100.0
_FIT_FROM = 0.1
_MIN_SIGNAL_TO_NOISE = 20.0
_BASELINE = 0.1
_WORST_RMSE_MV = 1.0


def measure_subthreshold(long_squares: LongSquares) -> dict[str, float]:
    """Measure vrest (mV), ri (MOhm), tau (ms), sag and vm_for_sag (mV); NaN where the steps do not allow it.

    Sag is taken from the hyperpolarizing step that comes nearest -100 mV; resistance (slope of peak
    deflection over current) and time constant (mean of exponential fits, none longer than the median time
    to the peak) from all steps above -100 pA.
    """
    baselines = [measure_baseline(sweep) for sweep in long_squares.sweeps]
    scalars = {"vrest": float(np.nanmean(baselines)) if np.isfinite(baselines).any() else np.nan}
    steps = long_squares.hyperpolarized
    small = [step for step in steps if step.sweep.info.amplitude_pa > _LARGEST_STEP_PA]
    scalars["ri"] = _fit_resistance(small)
    peaks = [(find_deflection(step) - step.first) / step.rate_hz for step in small]
    taus = [measure_tau(step, float(np.median(peaks))) for step in small]
    scalars["tau"] = 1000 * float(np.nanmean(taus)) if np.isfinite(taus).any() else np.nan
    nearest = min(steps, key=_distance_to_target, default=None)
    scalars["sag"] = np.nan if nearest is None else measure_sag(nearest)
    scalars["vm_for_sag"] = np.nan if nearest is None else float(nearest.voltage_mv[find_deflection(nearest)])
    return scalars


def measure_sag(step: SpikingSweep) -> float:
    """Fraction of the peak deflection, from the 30 ms before, that has gone by the last 30 ms of the step."""
    peak = find_deflection(step)
    # the mean of 5 ms about it, since the lowest single sample is the noisiest
    half = round(_SAG_PEAK / 2 * step.rate_hz)
    at_peak = step.voltage_mv[max(peak - half, 0) : peak + half].mean()
    steady = step.voltage_mv[step.last - round(_SAG_STEADY * step.rate_hz) : step.last].mean()
    deflection = at_peak - measure_baseline(step, _SAG_STEADY)
    # 0 without sag; 1 when the potential comes back to where it was
    return float((at_peak - steady) / deflection) if deflection else np.nan


def measure_tau(step: SpikingSweep, latest: float = np.inf) -> float:
    """Time constant (s) of one exponential, from a tenth of the deflection to its peak or to `latest`.

    NaN when the deflection is less than 20 times the baseline's standard deviation or the fit leaves 1 mV.

    Parameters
    ----------
    step : SpikingSweep
    latest : float
        Last end of the fit, from the start of the step (s): noise puts the peak of a small step anywhere.
    """
    baseline = measure_baseline(step)
    # infinity cannot be rounded to samples
    end = min(find_deflection(step), step.first + round(min(latest, 1e3) * step.rate_hz))
    noise = float(np.std(step.voltage_mv[max(0, step.first - round(_BASELINE * step.rate_hz)) : step.first]))
    deflection = step.voltage_mv[end] - baseline
    if not abs(deflection) >= _MIN_SIGNAL_TO_NOISE * noise:
        return np.nan
    below = np.flatnonzero(step.voltage_mv[step.first : end] <= baseline + _FIT_FROM * deflection)
    # three parameters need more than three samples
    if below.size == 0 or end - step.first - below[0] < 4:
        return np.nan
    return _fit_exponential(step.voltage_mv[step.first + below[0] : end], step.rate_hz)


def _distance_to_target(step: SpikingSweep) -> float:
    return abs(float(step.voltage_mv[find_deflection(step)]) - _SAG_TARGET_MV)


def _fit_resistance(steps: list[SpikingSweep]) -> float:
    amplitudes = np.array([step.sweep.info.amplitude_pa for step in steps])
    if amplitudes.size == 0:
        return np.nan
    # of potentials, not deflections: the slope does not see what all have in common. mV over pA are
    # gigaohms
    deflections = np.array([step.voltage_mv[find_deflection(step)] for step in steps])
    if amplitudes.size == 1:
        # no line goes through one point: its deflection from rest has to do
        return float(1000 * (deflections[0] - measure_baseline(steps[0])) / amplitudes[0])
    return float(1000 * np.polyfit(amplitudes, deflections, 1)[0])


def _fit_exponential(voltage_mv: Float64[np.ndarray, " sample"], rate_hz: float) -> float:
    from scipy.optimize import least_squares

    time = np.arange(voltage_mv.size) / rate_hz

    def leave(parameters: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, " sample"]:
        height, inverse_tau, end = parameters
        return np.asarray(end + height * np.exp(-inverse_tau * time) - voltage_mv)

    def slope(parameters: Float64[np.ndarray, " 3"]) -> Float64[np.ndarray, "sample 3"]:
        decay = np.exp(-parameters[1] * time)
        return np.column_stack([decay, -parameters[0] * time * decay, np.ones_like(time)])

    # one over tau, 20 ms to start with, rather than tau: the fit then has no pole at 0
    start = np.array([voltage_mv[0] - voltage_mv[-1], 50.0, voltage_mv[-1]])
    fit = least_squares(leave, start, jac=slope, method="lm", max_nfev=400)
    rmse = np.sqrt(np.mean(fit.fun**2))
    if not fit.success or rmse > _WORST_RMSE_MV or fit.x[1] <= 0:
        return np.nan
    return float(1 / fit.x[1])
