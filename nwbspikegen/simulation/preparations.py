"""The two preparations: frozen constants, and the units drawn from them.

Changing a number here changes every benchmark made on simulated data: add a preparation instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from nwbspikegen.core.errors import InputError


@dataclass(frozen=True)
class Preparation:
    """Distributions from which the units of one preparation are drawn; times in seconds, rates in Hz.

    Weights are changes of the log rate; `(mean, SD)` pairs are of normal distributions, cut at 2 SD.
    """

    name: str
    median_rate: float
    spread_log_rate: float
    refractory_time: float
    bursty_share: float
    bursty_weight: tuple[float, float]
    regular_weight: tuple[float, float]
    bursty_time: tuple[float, float]
    regular_time: tuple[float, float]
    tired_weight: tuple[float, float]
    tired_time: float
    inputs_per_unit: int
    inhibitory_share: float
    excitatory_weight: tuple[float, float]
    inhibitory_weight: tuple[float, float]
    excitatory_time: float
    inhibitory_time: float
    gain: tuple[float, float]
    fatigue: tuple[float, float]
    fast_time: float
    slow_time: float
    reference_rate: float


# bursts of the whole network: a strong fast drive (gain), ended by fatigue that decays over seconds
IN_VITRO = Preparation(
    name="in_vitro",
    median_rate=0.7,
    spread_log_rate=1.0,
    refractory_time=0.002,
    bursty_share=0.4,
    bursty_weight=(2.8, 0.4),
    bursty_time=(0.005, 0.012),
    regular_weight=(-2.5, 0.5),
    regular_time=(0.015, 0.060),
    tired_weight=(-0.15, 0.05),
    tired_time=0.3,
    inputs_per_unit=2,
    inhibitory_share=0.25,
    excitatory_weight=(1.6, 0.3),
    inhibitory_weight=(-1.6, 0.3),
    excitatory_time=0.010,
    inhibitory_time=0.015,
    gain=(3.5, 0.4),
    fatigue=(1.3, 0.2),
    fast_time=0.040,
    slow_time=2.5,
    reference_rate=2.5,
)

# irregular and asynchronous: a weaker drive and a faster fatigue, more rate and more inhibition
IN_VIVO = Preparation(
    name="in_vivo",
    median_rate=2.0,
    spread_log_rate=1.0,
    refractory_time=0.002,
    bursty_share=0.6,
    bursty_weight=(3.5, 0.4),
    bursty_time=(0.005, 0.012),
    regular_weight=(-3.0, 0.8),
    regular_time=(0.015, 0.060),
    tired_weight=(-0.10, 0.05),
    tired_time=0.2,
    inputs_per_unit=2,
    inhibitory_share=0.35,
    excitatory_weight=(1.6, 0.3),
    inhibitory_weight=(-1.6, 0.3),
    excitatory_time=0.008,
    inhibitory_time=0.020,
    gain=(2.3, 0.4),
    fatigue=(1.0, 0.1),
    fast_time=0.050,
    slow_time=1.0,
    reference_rate=4.5,
)

PREPARATIONS = {preparation.name: preparation for preparation in (IN_VITRO, IN_VIVO)}


@dataclass(frozen=True)
class SimulatedUnits:
    """The parameters of the drawn units.

    Attributes
    ----------
    bias : array (unit,)
        Log rate (Hz) in a silent population.
    own_weight, own_time : arrays (unit, 3)
        Refractoriness, after-effect and adaptation: weight on the log rate, and decay time in s.
    coupling : array (target unit, source unit)
        Change of the target's log rate in the bin after a spike of the source.
    output_time : array (unit,)
        Decay time, in s, of what the unit does to its targets.
    gain, fatigue : arrays (unit,)
        Weight of the population's fast and (subtracted) slow trace.
    """

    bias: Float64[np.ndarray, " unit"]
    own_weight: Float64[np.ndarray, "unit 3"]
    own_time: Float64[np.ndarray, "unit 3"]
    coupling: Float64[np.ndarray, "unit unit"]
    output_time: Float64[np.ndarray, " unit"]
    gain: Float64[np.ndarray, " unit"]
    fatigue: Float64[np.ndarray, " unit"]


def choose_preparation(name: str) -> Preparation:
    """Return the preparation called `name`, or raise an InputError that lists those there are."""
    if name not in PREPARATIONS:
        names = " or ".join(repr(known) for known in PREPARATIONS)
        raise InputError(f"preparation {name!r}", names, "choose one of these")
    return PREPARATIONS[name]


def draw_units(preparation: Preparation, num_units: int, rng: np.random.Generator) -> SimulatedUnits:
    """Draw the parameters of `num_units` units."""
    bias = np.log(preparation.median_rate) + preparation.spread_log_rate * _normal(rng, (0.0, 1.0), num_units)
    bursty = rng.random(num_units) < preparation.bursty_share
    after = np.where(
        bursty,
        _normal(rng, preparation.bursty_weight, num_units),
        _normal(rng, preparation.regular_weight, num_units),
    )
    tired = _normal(rng, preparation.tired_weight, num_units)
    after_time = np.where(
        bursty,
        rng.uniform(*preparation.bursty_time, num_units),
        rng.uniform(*preparation.regular_time, num_units),
    )
    # of the source: a unit excites all its targets or inhibits all (Dale's principle)
    inhibitory = rng.random(num_units) < preparation.inhibitory_share
    full = np.ones(num_units)
    return SimulatedUnits(
        bias=bias,
        # exp(-8) of the rate, a three-thousandth: no spike while refractory, and a log rate that is finite
        own_weight=np.stack([-8.0 * full, after, tired], axis=1),
        own_time=np.stack(
            [preparation.refractory_time * full, after_time, preparation.tired_time * full], axis=1
        ),
        coupling=_draw_coupling(preparation, bias, inhibitory, rng),
        output_time=np.where(inhibitory, preparation.inhibitory_time, preparation.excitatory_time),
        gain=_normal(rng, preparation.gain, num_units),
        fatigue=_normal(rng, preparation.fatigue, num_units),
    )


def _draw_coupling(
    preparation: Preparation,
    bias: Float64[np.ndarray, " unit"],
    inhibitory: Bool[np.ndarray, " unit"],
    rng: np.random.Generator,
) -> Float64[np.ndarray, "unit unit"]:
    num_units = bias.size
    num_inputs = min(preparation.inputs_per_unit, num_units - 1)
    weight = np.where(
        inhibitory,
        _normal(rng, preparation.inhibitory_weight, (num_units, num_units)),
        _normal(rng, preparation.excitatory_weight, (num_units, num_units)),
    )
    coupling = np.zeros((num_units, num_units))
    # few strong inputs, from units that fire: what a few minutes of data can tell
    # the square root of the rate: fast units are chosen more often, and do not drive everyone
    attraction = np.exp(0.5 * bias)
    for unit in range(num_units):
        chance = attraction.copy()
        chance[unit] = 0.0
        sources = rng.choice(num_units, size=num_inputs, replace=False, p=chance / chance.sum())
        coupling[unit, sources] = weight[unit, sources]
    return coupling


def _normal(
    rng: np.random.Generator, mean_and_sd: tuple[float, float], shape: int | tuple[int, ...]
) -> Float64[np.ndarray, "..."]:
    mean, deviation = mean_and_sd
    # at 2 SD: one unit with an odd draw would dominate a population of 16
    return mean + deviation * np.clip(rng.standard_normal(shape), -2.0, 2.0)
