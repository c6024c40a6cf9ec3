"""Drawing one population of the prior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32, UInt8

from nwbspikegen.simulation.drawn_kernels import run_drawn_population
from nwbspikegen.simulation.drawn_units import DrawnUnits, draw_drawn_units
from nwbspikegen.simulation.drive import KNOT, Drive, draw_drive
from nwbspikegen.simulation.families import draw_parameters
from nwbspikegen.simulation.intensity import check_num_units
from nwbspikegen.simulation.simulating import Simulation, check_range


def draw_population(
    seed: int,
    *,
    duration: float = 60.0,
    num_units: int | None = None,
    family: str | None = None,
    parameters: Mapping[str, float] | None = None,
    bin_size: float = 0.001,
) -> Simulation:
    """Draw a population from the prior, and its spikes with the probability that each was drawn from.

    The seed chooses a family, a population of it (`parameters`, each from the family's range), its units, and
    their spikes. A unit's log rate is the sum of a bias, what follows its own spikes (refractoriness, a burst
    or a pause, adaptation), what coupled units do, and a drive that the spikes do not change: up states that
    travel, an oscillation, drift. With rate r in Hz, P(spike in a bin) = 1 - exp(-r x bin_size).

    `intensity` is conditional on all spikes before the bin *and on the drive*. Where there are up states or
    an oscillation it knows more than spikes tell: no model of the spikes alone can be expected to reach it.

    Parameters
    ----------
    seed : int
        Chooses everything; the same seed gives the same population in every process. A longer recording
        begins like a shorter one.
    duration : float
        Seconds, 1 or more, in whole bins.
    num_units : int, optional
        Instead of the number drawn, 2 or more.
    family : str, optional
        A name in `FAMILIES`, instead of the family drawn.
    parameters : mapping of str to float, optional
        Values instead of those drawn, named as in `FAMILIES`; they need not lie in the family's range.
    bin_size : float
        Width of a bin in seconds, from 0.1 to 5 ms.

    Returns
    -------
    Simulation
        With `preparation` the family's name, `parameters`, and `positions_um`.

    Raises
    ------
    InputError
        For an unknown family or parameter, a value that a parameter cannot have, too few units, a duration
        or bin size outside these ranges, or a negative seed.

    Examples
    --------
    >>> population = draw_population(3, duration=2.0, num_units=16, family="culture")
    >>> population.spikes.shape, population.preparation
    ((2000, 16), 'culture')
    >>> 0.2 <= population.parameters["median_rate_hz"] <= 2.0
    True
    """
    check_range(duration, bin_size, seed)
    num_bins = round(duration / bin_size)
    name, drawn, units, drive = _draw(seed, family, num_units, parameters, num_bins, bin_size)
    spikes = np.zeros((len(drive.phase), len(units.bias)), dtype=np.uint8)
    intensity = np.empty(spikes.shape, dtype=np.float32)
    _run(units, drive, spikes, intensity, bin_size, np.random.default_rng([seed, 16]))
    return Simulation(
        spikes, intensity, units.coupling, name, bin_size, seed, drawn, units.positions_um, units.parent
    )


def drawn_intensity(
    spikes: UInt8[np.ndarray, "time unit"],
    family: str,
    *,
    parameters: Mapping[str, float] | None = None,
    bin_size: float = 0.001,
    seed: int = 0,
) -> Float32[np.ndarray, "time unit"]:
    """Probability of a spike in each bin given all bins before it and the drive, in a drawn population.

    Arguments as in `conditional_intensity`, with the name of a family, and `parameters` as given to
    `draw_population`.

    Examples
    --------
    >>> population = draw_population(3, duration=2.0, num_units=16, family="culture")
    >>> bool((drawn_intensity(population.spikes, "culture", seed=3) == population.intensity).all())
    True
    """
    _, _, units, drive = _draw(seed, family, spikes.shape[1], parameters, len(spikes), bin_size)
    intensity = np.empty(spikes.shape, dtype=np.float32)
    _run(units, drive, spikes, intensity, bin_size, None)
    return intensity


def _draw(
    seed: int,
    family: str | None,
    num_units: int | None,
    fixed: Mapping[str, float] | None,
    num_bins: int,
    bin_size: float,
) -> tuple[str, dict[str, float], DrawnUnits, Drive]:
    chosen, parameters = draw_parameters(seed, family, num_units, fixed)
    check_num_units(int(parameters["num_units"]))
    units = draw_drawn_units(parameters, bin_size, seed)
    return (
        chosen.name,
        parameters,
        units,
        draw_drive(parameters, units.positions_um, num_bins, bin_size, seed),
    )


def _run(
    units: DrawnUnits,
    drive: Drive,
    spikes: UInt8[np.ndarray, "time unit"],
    intensity: Float32[np.ndarray, "time unit"],
    bin_size: float,
    rng: np.random.Generator | None,
) -> None:
    target, source = np.nonzero(units.coupling)
    run_drawn_population(
        spikes,
        intensity,
        # the compiled loop wants one of that type even where it draws nothing
        rng if rng is not None else np.random.default_rng(),
        rng is not None,
        float(bin_size),
        np.column_stack([units.bias, units.own_weight]),
        np.exp(-bin_size / units.own_time),
        np.rint(units.refractory / bin_size).astype(np.int64),
        np.searchsorted(target, np.arange(units.bias.size + 1)),
        source,
        units.coupling[target, source],
        np.exp(-bin_size / units.output_time),
        units.noise_hz,
        units.parent,
        units.overlap,
        units.state_gain,
        drive.begin / bin_size,
        drive.end / bin_size,
        drive.phase,
        units.cosine,
        units.sine,
        drive.drift,
        round(KNOT / bin_size),
    )
