"""Simulated cells in current clamp: the four protocols, given as a laboratory would."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE, Sweep, SweepInfo
from nwbspikegen.patchseq.simulation import kernels as kernels
from nwbspikegen.patchseq.simulation.cells import (
    DT_MS,
    FIRST_MV,
    STEP_MV,
    CellParameters,
    draw_cell,
    list_parameters,
    tabulate_gates,
)

SAMPLING_RATE_HZ = 50_000.0
# the codes of the Allen Institute's protocols, mouse and human
_CODES = {
    "Mus musculus": ("X1PS_SubThresh", "X3LP_Rheo", "X4PS_SupraThresh", "X6SP_Rheo", "X7Ramp"),
    "Homo sapiens": ("C1LSFINEST", "C1LSCOARSE", "C1LSCOARSE", "C1SSFINEST", "C1RP25PR1S"),
}
# the amplitudes of the published families, so that none of theirs is filled from its neighbours
SUBTHRESHOLD_PA = (-90.0, -70.0, -50.0, -30.0, -10.0)
_ABOVE_RHEOBASE_PA = (20.0, 40.0, 60.0, 80.0, 100.0)
_RHEOBASE_STEP_PA, _MOST_PA = 5.0, 800.0
_SHORT_STEP_PA, _MOST_SHORT_PA, _SHORT_SWEEPS = 20.0, 6000.0, 3
_TEST_PULSE = (0.02, 0.03, -20.0)  # start and stop (s), height (pA)
_BEFORE, _AFTER = 0.4, 0.4
_LONG, _SHORT = 1.0, 0.003
# 25 pA in 1 s is what the code of the human ramp says
_RAMP_PA_PER_SECOND, _RAMP_SPIKES = 25.0, 8
_GAP = 0.5  # s between sweeps
# below the 0.07 mV that the Allen Institute lets pass
_MEASUREMENT_NOISE_MV = 0.02
_NOISE_TAU_MS = 5.0


def simulate_cell(cell_class: str, species: str, seed: int) -> list[Sweep]:
    """Simulate one cell and return its sweeps, at 50 kHz, in the order in which they were given.

    Subthreshold long squares of -90 to -10 pA, long squares from rheobase (to 5 pA) to 100 pA above
    in steps of 20, short squares (3 ms) at threshold, and a ramp of 25 pA/s that ends soon after the
    cell fires. Each sweep begins with a test pulse, which is no part of its stimulus.

    Parameters
    ----------
    cell_class : str
        "Lamp5", "Pvalb", "Sst" or "Vip".
    species : str
        "Mus musculus" or "Homo sapiens", whose parameters differ by known shifts.
    seed : int
        Of the cell and of its noise.

    Returns
    -------
    list of Sweep
        Voltage (mV) with measurement noise, and current (pA).

    Raises
    ------
    InputError
        For a class or species that is not simulated.

    Examples
    --------
    >>> sweeps = simulate_cell("Pvalb", "Mus musculus", seed=3)
    >>> sorted({sweep.info.protocol for sweep in sweeps})
    ['long_square', 'ramp', 'short_square']
    """
    require_seed(seed)
    rng = np.random.default_rng(seed)
    rig = _Rig(draw_cell(cell_class, species, rng), rng)
    sub, rheo, supra, short, ramp = _CODES[species]
    for amplitude in SUBTHRESHOLD_PA:
        rig.record(sub, LONG_SQUARE, _square(amplitude, _LONG), _LONG, amplitude)
    rheobase = _find_threshold(rig, _LONG, _RHEOBASE_STEP_PA, _MOST_PA)
    # noise may silence a cell at its threshold: then a little more is given
    while not rig.record(rheo, LONG_SQUARE, _square(rheobase, _LONG), _LONG, rheobase):
        rheobase += _RHEOBASE_STEP_PA
    for amplitude in (rheobase + above for above in _ABOVE_RHEOBASE_PA):
        rig.record(supra, LONG_SQUARE, _square(amplitude, _LONG), _LONG, amplitude)
    amplitude = _find_threshold(rig, _SHORT, _SHORT_STEP_PA, _MOST_SHORT_PA)
    num_fired = 0
    while num_fired < _SHORT_SWEEPS:
        fired = rig.record(short, SHORT_SQUARE, _square(amplitude, _SHORT), _SHORT, amplitude)
        num_fired += fired
        amplitude += 0.0 if fired else _SHORT_STEP_PA
    # to twice rheobase and a bit: a slow ramp inactivates sodium, and needs more than a step
    duration = (2.0 * rheobase + 50.0) / _RAMP_PA_PER_SECOND
    rig.record(ramp, RAMP, _ramp(duration), duration, np.nan, most_spikes=_RAMP_SPIKES)
    return rig.sweeps


@dataclass
class _Rig:
    """A cell, its noise, and what was recorded of it so far."""

    cell: CellParameters
    rng: np.random.Generator
    sweeps: list[Sweep] = field(default_factory=list)
    clock: float = 0.0

    def __post_init__(self) -> None:
        self.vector, self.table = list_parameters(self.cell), tabulate_gates(self.cell)
        # a cell left alone comes to its own resting potential, from which every sweep starts
        self.rested_mv = self.cell.rest_mv
        self.rested_mv = float(self.respond(np.zeros(_to_sample(0.5)))[-1])

    def respond(
        self, current_pa: Float64[np.ndarray, " sample"], most_spikes: int = 0
    ) -> Float64[np.ndarray, " _"]:
        voltage = np.empty(len(current_pa))
        made = kernels.integrate(
            current_pa,
            self.rng.standard_normal(len(current_pa)),
            self.cell.noise_pa,
            float(np.exp(-1e3 / SAMPLING_RATE_HZ / _NOISE_TAU_MS)),
            self.vector,
            self.table,
            FIRST_MV,
            STEP_MV,
            round(1e3 / SAMPLING_RATE_HZ / DT_MS),
            DT_MS,
            most_spikes,
            self.rested_mv,
            voltage,
        )
        return voltage[:made]

    def record(
        self,
        code: str,
        protocol: str,
        current_pa: np.ndarray,
        duration: float,
        amplitude: float,
        most_spikes: int = 0,
    ) -> bool:
        """Add a sweep and return whether the cell fired in it."""
        voltage = self.respond(current_pa, most_spikes)
        stop = min(_BEFORE + duration, len(voltage) / SAMPLING_RATE_HZ)
        current_pa = current_pa[: len(voltage)]
        if most_spikes:
            # a ramp has the amplitude at which it ended
            amplitude = float(current_pa[round(stop * SAMPLING_RATE_HZ) - 1])
        number = len(self.sweeps)
        info = SweepInfo(
            number, code, protocol, SAMPLING_RATE_HZ, self.clock, _BEFORE, stop, amplitude, "", ""
        )
        noise = _MEASUREMENT_NOISE_MV * self.rng.standard_normal(len(voltage))
        self.sweeps.append(Sweep(info, voltage + noise, current_pa))
        self.clock += len(voltage) / SAMPLING_RATE_HZ + _GAP
        return bool(voltage.max() > 0.0)


def _find_threshold(rig: _Rig, duration: float, step_pa: float, most_pa: float) -> float:
    """Return the lowest current on a grid at which the cell fires, found by halving."""
    # halving asks log2 of the grid; noise makes the threshold uncertain by a step, which callers expect
    low, high = 0, round(most_pa / step_pa)
    while high - low > 1:
        middle = (low + high) // 2
        current = _square(middle * step_pa, duration)
        fired = len(rig.respond(current, most_spikes=1)) < len(current)
        low, high = (low, middle) if fired else (middle, high)
    if high == round(most_pa / step_pa):
        raise InputError(
            f"a simulated cell that stays silent at {most_pa} pA", "one that fires", "choose another seed"
        )
    return high * step_pa


def _square(amplitude_pa: float, duration: float) -> Float64[np.ndarray, " sample"]:
    current = _rest(_BEFORE + duration + _AFTER)
    current[_to_sample(_BEFORE) : _to_sample(_BEFORE + duration)] = amplitude_pa
    return current


def _ramp(duration: float) -> Float64[np.ndarray, " sample"]:
    current = _rest(_BEFORE + duration + _AFTER)
    first, last = _to_sample(_BEFORE), _to_sample(_BEFORE + duration)
    current[first:last] = _RAMP_PA_PER_SECOND * np.arange(1, last - first + 1) / SAMPLING_RATE_HZ
    return current


def _rest(duration: float) -> Float64[np.ndarray, " sample"]:
    current = np.zeros(_to_sample(duration))
    start, stop, height = _TEST_PULSE
    current[_to_sample(start) : _to_sample(stop)] = height
    return current


def _to_sample(time: float) -> int:
    return round(time * SAMPLING_RATE_HZ)
