"""What all units of a drawn population share: states that travel, an oscillation's phase, drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

# s between two knots of the drift, between which the log rate is a straight line
KNOT = 5.0


@dataclass(frozen=True)
class Drive:
    """The shared drive of one recording.

    Attributes
    ----------
    begin, end : arrays (event, unit)
        Seconds at which up states, bursts or waves reach each unit and leave it, each sorted along events:
        two waves may meet, and a unit is up while more have begun than ended.
    phase : array (time,)
        Phase of the oscillation in rad.
    drift : array (knot, unit)
        Change of the log rate every `KNOT` seconds.
    """

    begin: Float64[np.ndarray, "event unit"]
    end: Float64[np.ndarray, "event unit"]
    phase: Float64[np.ndarray, " time"]
    drift: Float64[np.ndarray, "knot unit"]


def draw_drive(
    parameters: dict[str, float],
    positions_um: Float64[np.ndarray, "unit 2"],
    num_bins: int,
    bin_size: float,
    seed: int,
) -> Drive:
    """Draw the drive of a recording; a longer one begins like a shorter."""
    begin, end = _draw_states(
        parameters, positions_um, num_bins * bin_size, np.random.default_rng([seed, 13])
    )
    return Drive(
        begin,
        end,
        _draw_phase(parameters, num_bins, bin_size, np.random.default_rng([seed, 14])),
        _draw_drift(parameters, len(positions_um), num_bins * bin_size, np.random.default_rng([seed, 15])),
    )


def _draw_states(
    parameters: dict[str, float],
    positions_um: Float64[np.ndarray, "unit 2"],
    duration: float,
    rng: np.random.Generator,
) -> tuple[Float64[np.ndarray, "event unit"], Float64[np.ndarray, "event unit"]]:
    onsets, offsets, origins = [], [], []
    # gamma: the one distribution of positive durations with a mean and a coefficient of variation to choose
    shape = parameters["state_cv"] ** -2
    size_um = np.array([parameters["array_width_um"], parameters["array_height_um"]])
    # begun before the recording, by longer than a wave travels: no first event that all recordings share
    time = -np.linalg.norm(size_um) / parameters["speed_um_per_s"] - parameters["down_s"] * rng.random()
    while parameters["state_depth"] > 0 and time < duration:
        down, up = rng.gamma(shape, 1.0 / shape, size=2) * (parameters["down_s"], parameters["up_s"])
        onsets.append(time + down)
        offsets.append(time + down + up)
        origins.append(rng.random(2) * size_um)
        time += down + up
    distance_um = np.linalg.norm(np.reshape(origins, (-1, 1, 2)) - positions_um[np.newaxis], axis=2)
    delay = distance_um / parameters["speed_um_per_s"]
    begin = np.reshape(onsets, (-1, 1)) + delay
    return np.sort(begin, axis=0), np.sort(begin + np.reshape(np.subtract(offsets, onsets), (-1, 1)), axis=0)


def _draw_phase(
    parameters: dict[str, float], num_bins: int, bin_size: float, rng: np.random.Generator
) -> Float64[np.ndarray, " time"]:
    frequency = parameters["oscillation_hz"]
    # phase diffuses by 1 rad (SD) over so many cycles: the spectrum has a peak of finite width
    diffusion = np.sqrt(frequency * bin_size / parameters["oscillation_cycles"])
    start = 2 * np.pi * rng.random()
    steps = 2 * np.pi * frequency * bin_size + diffusion * rng.standard_normal(num_bins)
    phase: Float64[np.ndarray, " time"] = start + np.cumsum(steps)
    return phase


def _draw_drift(
    parameters: dict[str, float], num_units: int, duration: float, rng: np.random.Generator
) -> Float64[np.ndarray, "knot unit"]:
    shared = parameters["drift_shared"]
    normal = rng.standard_normal((int(duration // KNOT) + 2, num_units + 1))
    step = np.sqrt(shared) * normal[:, :1] + np.sqrt(1 - shared) * normal[:, 1:]
    # an Ornstein-Uhlenbeck process, begun in its stationary distribution
    keep = np.exp(-KNOT / parameters["drift_time_s"])
    drift = np.empty_like(step)
    drift[0] = step[0]
    for knot in range(1, len(step)):
        drift[knot] = keep * drift[knot - 1] + np.sqrt(1 - keep**2) * step[knot]
    return np.asarray(parameters["drift_sd"] * drift)
