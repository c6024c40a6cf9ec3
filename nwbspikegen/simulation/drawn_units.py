"""The units of a drawn population: places, rates, what follows a spike, coupling, noise, duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.simulation.calibrating import input_gain, solve_bias, spectral_radius

# Hz: faster than any mean rate in the families' sources; one such unit would hold half of all spikes
_FASTEST = 80.0
# Hz, within up states, bursts and waves: few cells fire faster for longer than a burst of spikes
_FASTEST_UP = 150.0
# spikes that one spike may cause in the end, while the population is up: below 1, or activity runs away
_MOST_BRANCHING = 0.4
# um between a unit and its duplicate: sorters find one cell twice on neighbouring channels
_DUPLICATE_UM = 20.0


@dataclass(frozen=True)
class DrawnUnits:
    """The parameters of the drawn units; weights are changes of the log rate, times in seconds.

    Attributes
    ----------
    positions_um : array (unit, 2)
    rate_hz : array (unit,)
        Mean rate that the unit was given, noise included.
    bias : array (unit,)
        Log rate (Hz) of the unit itself, in a down state or where there are no states.
    own_weight, own_time : arrays (unit, 2)
        Burst or pause after a spike, and adaptation.
    refractory : array (unit,)
    coupling : array (target unit, source unit)
    output_time : array (unit,)
    noise_hz : array (unit,)
        Rate of spikes that are not the unit's.
    parent : array (unit,)
        Of which unit this is a duplicate; -1 for none.
    overlap : array (unit,)
        Probability that a duplicate has a spike of its parent.
    state_gain, cosine, sine : arrays (unit,)
        Weights of the up state and of the oscillation's phase.
    """

    positions_um: Float64[np.ndarray, "unit 2"]
    rate_hz: Float64[np.ndarray, " unit"]
    bias: Float64[np.ndarray, " unit"]
    own_weight: Float64[np.ndarray, "unit 2"]
    own_time: Float64[np.ndarray, "unit 2"]
    refractory: Float64[np.ndarray, " unit"]
    coupling: Float64[np.ndarray, "unit unit"]
    output_time: Float64[np.ndarray, " unit"]
    noise_hz: Float64[np.ndarray, " unit"]
    parent: Int64[np.ndarray, " unit"]
    overlap: Float64[np.ndarray, " unit"]
    state_gain: Float64[np.ndarray, " unit"]
    cosine: Float64[np.ndarray, " unit"]
    sine: Float64[np.ndarray, " unit"]


def draw_drawn_units(parameters: dict[str, float], bin_size: float, seed: int) -> DrawnUnits:
    """Draw the units of a population with these parameters."""
    rng = np.random.default_rng([seed, 12])
    num_units = int(parameters["num_units"])
    positions_um = _draw_positions(parameters, rng)
    log_rate = np.log(parameters["median_rate_hz"]) + parameters["log_rate_sd"] * _normal(rng, num_units)
    # strength differs between units by a quarter either way; none turns round
    state_gain = parameters["state_depth"] * rng.uniform(0.75, 1.25, num_units)
    up_share = parameters["up_s"] / (parameters["up_s"] + parameters["down_s"])
    up_share = up_share if parameters["state_depth"] > 0 else 0.0
    up_factor = np.exp(state_gain) / (1.0 + up_share * np.expm1(state_gain))
    rate_hz = np.minimum(np.exp(log_rate), np.minimum(_FASTEST, _FASTEST_UP / up_factor))
    own_weight, own_time = _draw_after_effects(parameters, rng)
    parent = _draw_parents(parameters, rng)
    copies = parent >= 0
    positions_um[copies] = positions_um[parent[copies]] + rng.uniform(
        -_DUPLICATE_UM, _DUPLICATE_UM, (copies.sum(), 2)
    )
    rate_hz[copies] = rate_hz[parent[copies]]
    overlap = np.where(copies, parameters["duplicate_overlap"], 0.0)
    noisy = rng.random(num_units) < parameters["noisy_share"]
    # a duplicate's other spikes are somebody's, at a constant rate
    noise_hz = rate_hz * np.where(copies, 1.0 - overlap, noisy * parameters["contamination"])
    depth = parameters["oscillation_depth"] * rng.uniform(0.5, 1.5, num_units)
    phase = rng.vonmises(0.0, 2.0, num_units) + parameters["phase_per_mm"] * positions_um[:, 1] / 1000.0
    clean_hz = np.where(copies, rate_hz, rate_hz - noise_hz)
    # without states the factor is 1
    up_rate_hz = clean_hz * up_factor
    coupling, output_time = _draw_coupling(parameters, positions_um, up_rate_hz, copies, rng)
    refractory = np.full(num_units, parameters["refractory_ms"] / 1000.0)
    bias = solve_bias(clean_hz, own_weight, own_time, refractory, state_gain, up_share, bin_size)
    # spikes that inputs cause come on top of those that the unit fires by itself
    bias -= np.log(input_gain(coupling, output_time, up_rate_hz)).sum(axis=1)
    # mean of exp(depth x cosine), and of exp(drift): modulation shall not raise the rate
    bias -= np.log(np.i0(depth)) + parameters["drift_sd"] ** 2 / 2
    return DrawnUnits(
        positions_um, rate_hz, bias, own_weight, own_time, refractory, coupling, output_time,
        noise_hz, parent, overlap, state_gain, depth * np.cos(phase), depth * np.sin(phase),
    )  # fmt: skip


def _normal(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Float64[np.ndarray, "..."]:
    # at 2.5 SD: beyond lies one unit in 80, whose odd draw would dominate a population of 16
    return np.asarray(np.clip(rng.standard_normal(shape), -2.5, 2.5))


def _draw_positions(parameters: dict[str, float], rng: np.random.Generator) -> Float64[np.ndarray, "unit 2"]:
    size = np.array([parameters["array_width_um"], parameters["array_height_um"]])
    positions = rng.random((int(parameters["num_units"]), 2)) * size
    # sorters number units along the probe
    return np.asarray(positions[np.argsort(positions[:, 1])])


def _draw_after_effects(
    parameters: dict[str, float], rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "unit 2"], Float64[np.ndarray, "unit 2"]]:
    num_units = int(parameters["num_units"])
    bursty = rng.random(num_units) < parameters["bursty_share"]
    strength = 1.0 + 0.2 * _normal(rng, (num_units, 2))
    pace = np.exp(0.2 * _normal(rng, (num_units, 2)))
    after = np.where(bursty, parameters["burst_weight"], -parameters["pause_weight"])
    time_ms = np.where(bursty, parameters["burst_time_ms"], parameters["pause_time_ms"])
    weight = strength * np.stack([after, np.full(num_units, -parameters["adaptation_weight"])], axis=1)
    time = pace * np.stack([time_ms, np.full(num_units, parameters["adaptation_time_ms"])], axis=1) / 1000.0
    return weight, time


def _draw_parents(parameters: dict[str, float], rng: np.random.Generator) -> Int64[np.ndarray, " unit"]:
    num_units = int(parameters["num_units"])
    order = rng.permutation(num_units)
    # a half at most, each of a unit of its own that is no duplicate itself
    count = min(round(parameters["duplicate_share"] * num_units), num_units // 2)
    parent = np.full(num_units, -1)
    parent[order[:count]] = order[count : 2 * count]
    return parent


def _draw_coupling(
    parameters: dict[str, float],
    positions_um: Float64[np.ndarray, "unit 2"],
    up_rate_hz: Float64[np.ndarray, " unit"],
    copies: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Float64[np.ndarray, "unit unit"], Float64[np.ndarray, " unit"]]:
    num_units = len(positions_um)
    # of the source: a unit excites all its targets or inhibits all (Dale's principle)
    inhibitory = rng.random(num_units) < parameters["inhibitory_share"]
    distance_um = np.linalg.norm(positions_um[:, np.newaxis] - positions_um[np.newaxis], axis=2)
    chance = np.exp(-distance_um / parameters["coupling_reach_um"])
    possible = ~np.eye(num_units, dtype=bool) & ~copies[np.newaxis] & ~copies[:, np.newaxis]
    chance = np.where(possible, chance, 0.0)
    # scaled so that the stated share of all pairs is connected, the near ones more often
    chance *= parameters["coupling_density"] * possible.sum() / max(chance.sum(), 1e-12)
    connected = rng.random((num_units, num_units)) < chance
    # log-normal strengths: Song 2005
    strength = np.exp(0.4 * _normal(rng, (num_units, num_units)))
    weight = np.where(inhibitory, -parameters["inhibitory_weight"], parameters["excitatory_weight"])
    coupling = np.where(connected, weight * strength, 0.0)
    output_time = np.where(inhibitory, parameters["inhibitory_time_ms"], parameters["excitatory_time_ms"])
    output_time = output_time / 1000.0
    while _branching(coupling, output_time, up_rate_hz) > _MOST_BRANCHING:
        coupling = np.where(coupling > 0, 0.9 * coupling, coupling)
    return coupling, output_time


def _branching(
    coupling: Float64[np.ndarray, "unit unit"],
    output_time: Float64[np.ndarray, " unit"],
    rate_hz: Float64[np.ndarray, " unit"],
) -> float:
    # spikes of each target that one spike of each source adds: the gain at a low rate, per spike
    low_hz = 1e-3
    gain = input_gain(np.maximum(coupling, 0.0), output_time, np.full(rate_hz.size, low_hz))
    return spectral_radius((gain - 1.0) / low_hz * rate_hz[:, np.newaxis])
