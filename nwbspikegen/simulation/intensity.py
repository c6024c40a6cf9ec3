"""The probability of a spike given the past, which the simulation draws from and spikes replay."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation.kernels import run_population
from nwbspikegen.simulation.preparations import Preparation, SimulatedUnits, choose_preparation, draw_units


def conditional_intensity(
    spikes: UInt8[np.ndarray, "time unit"], preparation: str, *, bin_size: float = 0.001, seed: int = 0
) -> Float32[np.ndarray, "time unit"]:
    """Probability of a spike in each bin given all bins before it, under a simulated population.

    Parameters
    ----------
    spikes : array (time, unit) of uint8
        Observed spikes, 0 or 1, from the first bin of the simulation on; any spikes will do, those
        of `simulate` give back its `intensity` exactly.
    preparation, seed
        Which population, as given to `simulate`; the number of units is that of `spikes`.
    bin_size : float
        Width of a bin in seconds.

    Returns
    -------
    array (time, unit) of float32
        Row `t` depends on rows before `t` only.

    Raises
    ------
    InputError
        For an unknown preparation or fewer than 2 units.

    Examples
    --------
    >>> from nwbspikegen.simulation import simulate
    >>> simulation = simulate("in_vivo", num_units=16, duration=2.0, seed=3)
    >>> intensity = conditional_intensity(simulation.spikes, "in_vivo", seed=3)
    >>> bool((intensity == simulation.intensity).all())
    True
    """
    constants = choose_preparation(preparation)
    units = draw_units(constants, check_num_units(spikes.shape[1]), parameter_rng(seed))
    intensity = np.empty(spikes.shape, dtype=np.float32)
    run_units(constants, units, spikes, intensity, bin_size, None)
    return intensity


def check_num_units(num_units: int) -> int:
    """Return `num_units`, or raise an InputError when there is nobody to be coupled to."""
    if num_units < 2:
        raise InputError(f"num_units={num_units}", "2 or more units", "ask for more units")
    return num_units


def parameter_rng(seed: int) -> np.random.Generator:
    """Generator of the units' parameters; spikes are drawn from another one, `spike_rng`."""
    # a stream of its own, so that a longer recording has the same units, and its beginning the same spikes
    return np.random.default_rng([seed, 0])


def spike_rng(seed: int) -> np.random.Generator:
    """Generator of the spikes."""
    return np.random.default_rng([seed, 1])


def run_units(
    constants: Preparation,
    units: SimulatedUnits,
    spikes: UInt8[np.ndarray, "time unit"],
    intensity: Float32[np.ndarray, "time unit"],
    bin_size: float,
    rng: np.random.Generator | None,
) -> None:
    """Fill `intensity` in place from `spikes`; with an `rng`, draw the spikes in place too."""
    # coupling is sparse (two inputs a unit): the loop walks lists of inputs, not rows of the matrix
    target, source = np.nonzero(units.coupling)

    def decay(time: float | Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        return np.exp(-bin_size / np.asarray(time, dtype=np.float64))

    run_population(
        spikes,
        intensity,
        # the compiled loop wants one of that type even where it draws nothing
        rng if rng is not None else np.random.default_rng(),
        rng is not None,
        float(bin_size),
        units.bias,
        units.own_weight,
        decay(units.own_time),
        np.searchsorted(target, np.arange(units.bias.size + 1)),
        source,
        units.coupling[target, source],
        decay(units.output_time),
        units.gain,
        units.fatigue,
        decay(np.array([constants.fast_time, constants.slow_time])),
        float(constants.reference_rate),
    )
