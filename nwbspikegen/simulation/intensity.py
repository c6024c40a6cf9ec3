"""The probability of a spike given the past, which the simulation draws from and spikes replay."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

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


def draw_hidden(
    spikes: UInt8[np.ndarray, "time unit"],
    preparation: str,
    hidden: Bool[np.ndarray, " unit"],
    *,
    first: int = 0,
    bin_size: float = 0.001,
    seed: int = 0,
    sample: int = 0,
) -> UInt8[np.ndarray, "time unit"]:
    """Draw hidden units of a simulated population, bin by bin, given what all units did before.

    What the true population would do, were the other units held to the spikes that they have. With all units
    hidden it is the population run freely from its past.

    Parameters
    ----------
    spikes : array (time, unit) of uint8
        Spikes from the first bin of the simulation on.
    preparation, bin_size, seed
        As for `conditional_intensity`.
    hidden : bool array (unit,)
        Units that are drawn.
    first : int, default: 0
        The bin from which they are; before it their spikes are those given.
    sample : int, default: 0
        Which of many draws.

    Returns
    -------
    array (time, unit) of uint8
        A copy of `spikes` with other spikes of the hidden units from `first` on.

    Examples
    --------
    >>> from nwbspikegen.simulation import simulate
    >>> spikes = simulate("in_vivo", num_units=16, duration=2.0, seed=3).spikes
    >>> drawn = draw_hidden(spikes, "in_vivo", np.arange(16) < 4, first=1000, seed=3)
    >>> bool((drawn[:, 4:] == spikes[:, 4:]).all() and (drawn[:1000] == spikes[:1000]).all())
    True
    >>> bool((drawn[1000:, :4] == spikes[1000:, :4]).all())
    False
    """
    constants = choose_preparation(preparation)
    units = draw_units(constants, check_num_units(spikes.shape[1]), parameter_rng(seed))
    drawn, intensity = spikes.copy(), np.empty(spikes.shape, dtype=np.float32)
    # a third stream: the simulation's own spikes are drawn from another
    rng = np.random.default_rng([seed, 2, sample])
    run_units(constants, units, drawn, intensity, bin_size, rng, hidden=hidden, first=first)
    return drawn


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
    *,
    hidden: Bool[np.ndarray, " unit"] | None = None,
    first: int = 0,
) -> None:
    """Fill `intensity` in place from `spikes`; with an `rng`, draw the spikes in place too.

    All of them, or those of `hidden` units from bin `first` on.
    """
    # coupling is sparse (two inputs a unit): the loop walks lists of inputs, not rows of the matrix
    target, source = np.nonzero(units.coupling)

    def decay(time: float | Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        return np.exp(-bin_size / np.asarray(time, dtype=np.float64))

    run_population(
        spikes,
        intensity,
        # the compiled loop wants one of that type even where it draws nothing
        rng if rng is not None else np.random.default_rng(),
        np.full(units.bias.size, rng is not None) if hidden is None else hidden,
        first,
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
