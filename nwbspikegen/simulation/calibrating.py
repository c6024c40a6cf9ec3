"""The bias that gives each unit the rate it should have, with its refractoriness, bursts, inputs and states.

Without it a unit that bursts would fire several times as much as the family's distribution of rates says.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from nwbspikegen.simulation.drawn_kernels import REFRACTORY_LOG_GAIN

# s after a spike, when nothing of bursts and pauses is left
_HORIZON = 0.3
# hazard in Hz, without after-effects, at which the rate is computed; between them it is interpolated
_HAZARDS = np.geomspace(1e-5, 2e3, 80)


def solve_bias(
    rate_hz: Float64[np.ndarray, " unit"],
    own_weight: Float64[np.ndarray, "unit 2"],
    own_time: Float64[np.ndarray, "unit 2"],
    refractory: Float64[np.ndarray, " unit"],
    state_gain: Float64[np.ndarray, " unit"],
    up_share: float,
    bin_size: float,
) -> Float64[np.ndarray, " unit"]:
    """Return the log rate (Hz) without after-effects at which units fire at `rate_hz`.

    Between spikes a unit is a renewal process (bursts and pauses start anew at each spike); adaptation is
    taken at its mean. A share `up_share` of the time has the log rate raised by `state_gain`.
    """
    bias = np.empty(rate_hz.size)
    for unit in range(rate_hz.size):
        renewal = renewal_rate(_HAZARDS, own_weight[unit, 0], own_time[unit, 0], refractory[unit], bin_size)
        # with adaptation, the same rate needs so much more hazard
        log_hazard = np.log(_HAZARDS) - own_weight[unit, 1] * own_time[unit, 1] * renewal
        raised = np.interp(log_hazard + state_gain[unit], log_hazard, renewal)
        mean = up_share * raised + (1 - up_share) * renewal
        bias[unit] = np.interp(np.log(rate_hz[unit]), np.log(mean), log_hazard)
    return bias


def renewal_rate(
    hazard_hz: Float64[np.ndarray, " hazard"], weight: float, time: float, refractory: float, bin_size: float
) -> Float64[np.ndarray, " hazard"]:
    """Return the rate (Hz) of units whose log hazard changes by `weight` after a spike, decaying in `time`.

    Source: renewal theory; the mean interval is the sum over bins of the probability of not having fired yet.

    Examples
    --------
    >>> renewal_rate(np.array([1.0, 100.0]), 0.0, 0.01, 0.002, 0.001).round(2)
    array([ 1.  , 79.95])
    """
    lag = np.arange(round(_HORIZON / bin_size))
    log_gain = weight * np.exp(-lag * bin_size / time)
    log_gain[: round(refractory / bin_size)] += REFRACTORY_LOG_GAIN
    passed = bin_size * np.cumsum(np.exp(log_gain))
    survival = np.exp(-np.outer(hazard_hz, passed))
    tail = survival[:, -1] / -np.expm1(-hazard_hz * bin_size)
    rate: Float64[np.ndarray, " hazard"] = 1.0 / (bin_size * (1.0 + survival[:, :-1].sum(axis=1) + tail))
    return rate


def input_gain(
    coupling: Float64[np.ndarray, "unit unit"],
    output_time: Float64[np.ndarray, " unit"],
    rate_hz: Float64[np.ndarray, " unit"],
) -> Float64[np.ndarray, "unit unit"]:
    """Return by what factor each source, firing at `rate_hz`, raises the mean rate of each target.

    Only the latest spike of a source counts: the mean is over the exponential time since it.
    """
    gain = np.ones(coupling.shape)
    # over 5 decay times, by quadrature at the middles of 40 parts
    for lag in (np.arange(40) + 0.5) / 8.0:
        density = rate_hz * output_time / 8.0 * np.exp(-rate_hz * output_time * lag)
        gain += density * np.expm1(coupling * np.exp(-lag))
    return gain


def spectral_radius(matrix: Float64[np.ndarray, "unit unit"]) -> float:
    """Return the growth factor of a matrix without negative entries, by power iteration."""
    vector = np.ones(len(matrix))
    growth = 0.0
    for _ in range(30):
        vector = matrix @ vector
        growth = float(vector.max())
        if growth == 0.0:
            return 0.0
        vector /= growth
    return growth
