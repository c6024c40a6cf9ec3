"""The feature families of a cell: fixed-length vectors, and a reason for each that could not be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.features import family_shapes as shapes
from nwbspikegen.patchseq.features import family_trains as trains
from nwbspikegen.patchseq.features.family_presets import (
    ABOVE_RHEOBASE_PA,
    NORMALISED_STEPS,
    SUBTHRESHOLD_PA,
    find_preset,
)
from nwbspikegen.patchseq.features.family_steps import (
    FULL_STEP,
    LongSquares,
    choose_common_amplitude,
    find_deflection,
    measure_baseline,
)
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE
from nwbspikegen.patchseq.spikes.detect import SpikingSweep

Vector: TypeAlias = Float64[np.ndarray, " _"]
# steps of 20 pA within 5, else all 10 pA higher, for cells whose rheobase was found on a finer grid. All
# four are settings of Gouwens et al. and of IPFX
_TOLERANCE_PA = 5.0
_SHIFT_PA = 10.0
# just below -100: of steps of -90 and -110 pA the larger one is taken
_NORMALISING_PA = -101.0
_MIN_INTERVAL_SPIKES = 5


class MissingFamilyError(Exception):
    """Why a family cannot be made; caught before it reaches a caller of this room."""


def measure_families(
    sweeps: Sequence[SpikingSweep], long_squares: LongSquares, preset: str = "gouwens2020"
) -> tuple[dict[str, Vector], dict[str, str]]:
    """Measure each family of a preset that the sweeps allow.

    Parameters
    ----------
    sweeps : sequence of SpikingSweep
        All sweeps of the cell.
    long_squares : LongSquares
        Its long squares, sorted into subthreshold and spiking ones.
    preset : str
        "gouwens2020" or "schwider2026".

    Returns
    -------
    families : dict of str to array
        Those that could be made, at the lengths of `FAMILY_LENGTHS[preset]`. Voltages in mV
        (`subthresh_norm` in parts of the peak deflection, `first_ap_dv` in mV per 0.02 ms), rates in Hz
        (`inst_freq_norm` in parts of each step's highest), widths in s.
    reasons : dict of str to str
        Why each other family is missing.

    References
    ----------
    Gouwens et al. 2020, Cell 183:935; Schwider & Ramezani 2026, arXiv 2603.11000.
    """
    chosen = find_preset(preset)
    makers = _Makers(sweeps, long_squares)
    families: dict[str, Vector] = {}
    reasons: dict[str, str] = {}
    for name, length in chosen.lengths.items():
        try:
            vector = makers.make(name)
        except MissingFamilyError as missing:
            reasons[name] = str(missing)
            continue
        families[name] = np.pad(vector, (0, length - vector.size))
    return families, reasons


class _Makers:
    """One method per family, over what several families share."""

    def __init__(self, sweeps: Sequence[SpikingSweep], long_squares: LongSquares) -> None:
        self.sweeps = sweeps
        self.long_squares = long_squares
        self._waveform: Vector | None = None
        self._steps: list[SpikingSweep | None] | None = None

    def make(self, name: str) -> Vector:
        if name.startswith("spiking_"):
            feature = name.removeprefix("spiking_")
            return self._join_steps(lambda sweep: trains.bin_feature(sweep, feature), feature)
        # names come from the presets, each of which has its method here
        maker: Callable[[], Vector] = getattr(self, f"_make_{name}")
        return maker()

    def _make_first_ap_v(self) -> Vector:
        if self._waveform is None:
            short = choose_common_amplitude([s for s in self._choose(SHORT_SQUARE) if s.count])
            ramps = [sweep for sweep in self._choose(RAMP) if sweep.count]
            # for its reason alone: "no long square sweep" rather than "no long square with a spike"
            self._choose(LONG_SQUARE)
            rheobase = self.long_squares.rheobase
            groups = {"short square": short, "long square": [rheobase] if rheobase else [], "ramp": ramps}
            self._waveform = np.concatenate([_average_first(name, group) for name, group in groups.items()])
        return self._waveform

    def _make_first_ap_dv(self) -> Vector:
        # protocol by protocol, or two values would be steps from one waveform to the next
        waveforms = self._make_first_ap_v().reshape(3, shapes.WAVEFORM_SAMPLES)
        return np.diff(waveforms, axis=1).ravel()

    def _make_isi_shape(self) -> Vector:
        spiking = self._find_spiking()
        rich = [sweep for sweep in spiking if sweep.count >= _MIN_INTERVAL_SPIKES]
        sweep = (
            min(rich, key=lambda s: s.sweep.info.amplitude_pa)
            if rich
            else max(spiking, key=lambda s: s.count)
        )
        shape = shapes.average_interval(sweep)
        if shape is None:
            raise MissingFamilyError("no interval between spikes is long enough to take its shape")
        return shape

    def _make_step_subthresh(self) -> Vector:
        averages = self._average_hyperpolarized()
        parts = shapes.fill_from_neighbours(averages, SUBTHRESHOLD_PA, _TOLERANCE_PA)
        return np.concatenate(parts)

    def _make_subthresh_norm(self) -> Vector:
        averages = self._average_hyperpolarized()
        amplitude = min(averages, key=lambda pa: abs(pa - _NORMALISING_PA))
        step = next(s for s in self.long_squares.hyperpolarized if s.sweep.info.amplitude_pa == amplitude)
        baseline, deflection = measure_baseline(step), step.voltage_mv[find_deflection(step)]
        if deflection == baseline:
            raise MissingFamilyError("the hyperpolarizing step did not move the voltage")
        # over the peak deflection, so that resistance is divided out and the shape is left
        return np.asarray((averages[amplitude] - baseline) / abs(deflection - baseline))

    def _make_inst_freq(self) -> Vector:
        return self._join_steps(trains.bin_instantaneous_rate, "rate")

    def _make_inst_freq_norm(self) -> Vector:
        return trains.normalise_steps(self._make_inst_freq()[: NORMALISED_STEPS * trains.BINS])

    def _make_psth(self) -> Vector:
        return self._join_steps(trains.bin_rate, "rate")

    def _choose(self, protocol: str) -> list[SpikingSweep]:
        chosen = [sweep for sweep in self.sweeps if sweep.sweep.info.protocol == protocol]
        if not chosen:
            raise MissingFamilyError(f"no {protocol.replace('_', ' ')} sweep")
        return chosen

    def _require_full_steps(self) -> None:
        self._choose(LONG_SQUARE)
        if not self.long_squares.are_full:
            raise MissingFamilyError(f"no long square of {FULL_STEP:g} s")

    def _find_spiking(self) -> list[SpikingSweep]:
        self._choose(LONG_SQUARE)
        if not self.long_squares.spiking:
            raise MissingFamilyError("no long square with a spike")
        return self.long_squares.spiking

    def _average_hyperpolarized(self) -> dict[float, Vector]:
        self._require_full_steps()
        steps = self.long_squares.hyperpolarized
        if not steps:
            raise MissingFamilyError("no hyperpolarizing long square without spikes")
        averages = {step.sweep.info.amplitude_pa: shapes.average_step(step) for step in steps}
        recorded = {amplitude: average for amplitude, average in averages.items() if average is not None}
        if not recorded:
            raise MissingFamilyError("hyperpolarizing long squares lack 0.2 s before or after the step")
        return recorded

    def _join_steps(self, measure: Callable[[SpikingSweep], Vector | None], what: str) -> Vector:
        if self._steps is None:
            self._require_full_steps()
            spiking = self._find_spiking()
            amplitudes = [sweep.sweep.info.amplitude_pa for sweep in spiking]
            # chosen once: seven families are made of the same steps
            places = trains.choose_steps(
                amplitudes, self.long_squares.rheobase_pa, ABOVE_RHEOBASE_PA, _SHIFT_PA, _TOLERANCE_PA
            )
            if places is None:
                raise MissingFamilyError(
                    "fewer than two spiking long squares in steps of 20 pA from rheobase"
                )
            self._steps = [None if place is None else spiking[place] for place in places]
        parts = {}
        for target, step in zip(ABOVE_RHEOBASE_PA, self._steps, strict=True):
            part = None if step is None else measure(step)
            if part is not None:
                parts[target] = part
        if not parts:
            raise MissingFamilyError(f"no spike with a measured {what}")
        # no tolerance: parts stand under their targets already
        return np.concatenate(shapes.fill_from_neighbours(parts, ABOVE_RHEOBASE_PA, 0.0))


def _average_first(protocol: str, sweeps: Sequence[SpikingSweep]) -> Vector:
    if not sweeps:
        raise MissingFamilyError(f"no {protocol} with a spike")
    waveforms = [shapes.cut_first_spike(sweep) for sweep in sweeps]
    whole = [waveform for waveform in waveforms if waveform is not None]
    if not whole:
        raise MissingFamilyError(f"every {protocol} ends within 3 ms of its first threshold")
    return np.asarray(np.mean(whole, axis=0))
