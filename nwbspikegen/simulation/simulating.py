"""Drawing a population's spikes, with the probability that each was drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation.intensity import check_num_units, parameter_rng, run_units, spike_rng
from nwbspikegen.simulation.preparations import choose_preparation, draw_units

if TYPE_CHECKING:
    from spikeinterface.core import NumpySorting

# s: less has hardly a spike at 1 Hz
_SHORTEST = 1.0


@dataclass(frozen=True)
class Simulation:
    """A simulated recording and the truth behind it.

    Attributes
    ----------
    spikes : uint8 array (time, unit)
        1 where a unit fired.
    intensity : float32 array (time, unit)
        Probability that the unit fires in the bin, given all bins before it.
    coupling : float64 array (target unit, source unit)
        Change of the target's log rate in the bin after a spike of the source; 0 where uncoupled.
    preparation, bin_size, seed
        As given to `simulate`; of `draw_population`, the name of the family is the preparation.
    parameters : mapping of str to float
        What `draw_population` drew for the population, named as in `FAMILIES`; empty for `simulate`.
    positions_um : float64 array (unit, 2), or None
        Where drawn units lie; coupling and travelling waves depend on it.
    parent : int64 array (unit,), or None
        Of which unit a drawn unit is a duplicate; -1 for none.
    """

    spikes: UInt8[np.ndarray, "time unit"]
    intensity: Float32[np.ndarray, "time unit"]
    coupling: Float64[np.ndarray, "unit unit"]
    preparation: str
    bin_size: float
    seed: int
    parameters: Mapping[str, float] = field(default_factory=dict)
    positions_um: Float64[np.ndarray, "unit 2"] | None = None
    parent: Int64[np.ndarray, " unit"] | None = None

    @property
    def duration(self) -> float:
        """Simulated time in seconds."""
        return len(self.spikes) * self.bin_size

    @property
    def sorting(self) -> NumpySorting:
        """The spikes as a SpikeInterface sorting, at bin centres, with positions in um."""
        from nwbspikegen.simulation.sorting import make_sorting

        return make_sorting(self.spikes, self.bin_size, self.preparation, self.seed, self.positions_um)


def simulate(
    preparation: str,
    *,
    num_units: int = 128,
    duration: float = 600.0,
    bin_size: float = 0.001,
    seed: int = 0,
) -> Simulation:
    """Simulate a population whose probability of firing is known exactly.

    Each unit's rate depends on observed past spikes only: its own (refractoriness, a burst or a pause
    after each spike, adaptation), those of a few other units (excitation or inhibition by their latest
    spike, decaying), and two traces of the population's mean rate, a fast one that excites and a slow
    one that fatigues. With rate r in Hz, P(spike in a bin) = 1 - exp(-r x bin_size).

    Parameters
    ----------
    preparation : {"in_vitro", "in_vivo"}
        A network that bursts as a whole, like a culture or slice on an HD-MEA; or asynchronous,
        irregular firing with slow fluctuations, like a Neuropixels recording.
    num_units : int
        Number of units, 2 or more; the constants are meant for 16 to 256.
    duration : float
        Seconds to simulate, 1 or more, in whole bins.
    bin_size : float
        Width of a bin in seconds, from 0.1 to 5 ms.
    seed : int
        Chooses the units and their spikes; the same seed gives the same recording.

    Raises
    ------
    InputError
        For an unknown preparation, too few units, a duration or bin size outside these ranges, or a
        negative seed.

    Examples
    --------
    >>> simulation = simulate("in_vitro", num_units=16, duration=5.0, seed=1)
    >>> simulation.spikes.shape, simulation.intensity.dtype
    ((5000, 16), dtype('float32'))
    >>> simulation.sorting.get_num_units()
    16
    """
    constants = choose_preparation(preparation)
    check_num_units(num_units)
    check_range(duration, bin_size, seed)
    units = draw_units(constants, num_units, parameter_rng(seed))
    spikes = np.zeros((round(duration / bin_size), num_units), dtype=np.uint8)
    intensity = np.empty(spikes.shape, dtype=np.float32)
    run_units(constants, units, spikes, intensity, bin_size, spike_rng(seed))
    return Simulation(spikes, intensity, units.coupling, preparation, bin_size, seed)


def check_range(duration: float, bin_size: float, seed: int) -> None:
    """Raise an InputError unless a simulation can have this duration, bin size and seed."""
    # written so that NaN and infinity are refused too
    if not _SHORTEST <= duration < np.inf:
        raise InputError(f"duration={duration} s", f"{_SHORTEST} s or more", "simulate a longer recording")
    # below, half a million bins for every minute; above, a refractory time of 2 ms is less than half a bin
    if not 1e-4 <= bin_size <= 5e-3:
        raise InputError(f"bin_size={bin_size} s", "0.0001 to 0.005 s", "bin the sorting coarser afterwards")
    if seed < 0:
        raise InputError(f"seed={seed}", "0 or more", "choose another seed")
