"""What a sweep is: one stimulus given to one cell in current clamp, and the response to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

LONG_SQUARE = "long_square"
SHORT_SQUARE = "short_square"
RAMP = "ramp"
OTHER = "other"
PROTOCOLS = (LONG_SQUARE, SHORT_SQUARE, RAMP, OTHER)


@dataclass(frozen=True)
class SweepInfo:
    """What is known of a sweep without holding its samples.

    Parameters
    ----------
    number : int
        The sweep's number in its file.
    stimulus_code : str
        The stimulus as the file calls it, without the suffix ``_DA_0``; empty when it says nothing.
    protocol : str
        "long_square", "short_square", "ramp" or "other".
    sampling_rate_hz : float
        Samples per second.
    start : float
        Start of the sweep on the session clock (s).
    stimulus_start, stimulus_stop : float
        From the start of the sweep (s): the first stimulated sample, and the first after them.
    amplitude_pa : float
        Height of the step, or last value of the ramp, above the holding current.
    response_path, stimulus_path : str
        Places of the two series in the file; empty for a simulated sweep.
    bridge_balance_mohm, capacitance_compensation_pf, bias_current_pa : float
        How the amplifier was set (megaohm, pF, pA), NaN where the file does not state it.

    Examples
    --------
    >>> SweepInfo(3, "X4PS_SupraThresh", "long_square", 50e3, 12.0, 0.6, 1.6, 150.0, "", "").amplitude_pa
    150.0
    """

    number: int
    stimulus_code: str
    protocol: str
    sampling_rate_hz: float
    start: float
    stimulus_start: float
    stimulus_stop: float
    amplitude_pa: float
    response_path: str
    stimulus_path: str
    bridge_balance_mohm: float = np.nan
    capacitance_compensation_pf: float = np.nan
    bias_current_pa: float = np.nan


@dataclass(frozen=True)
class Sweep:
    """A sweep with its samples.

    Parameters
    ----------
    info : SweepInfo
        What it is.
    voltage_mv : array of shape (samples,)
        Membrane potential, cut where recording stopped.
    current_pa : array of shape (samples,)
        Injected current as the file stores it, with the test pulse.
    """

    info: SweepInfo
    voltage_mv: Float64[np.ndarray, " sample"]
    current_pa: Float64[np.ndarray, " sample"]
