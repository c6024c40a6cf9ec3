"""A cell's long squares, sorted for the scalars and the families: subthreshold, spiking, rheobase, hero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64

from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE
from nwbspikegen.patchseq.spikes.detect import SpikingSweep

FULL_STEP = 1.0
_DURATION_TOLERANCE = 0.005
_BASELINE = 0.1
# 40 or 60 pA above rheobase in the steps of 20 pA that the Allen Institute gives, and IPFX's margins about
# them
_HERO_PA = (39.0, 61.0)


@dataclass(frozen=True)
class LongSquares:
    """Long squares of one duration.

    Parameters
    ----------
    sweeps : list of SpikingSweep
    """

    sweeps: list[SpikingSweep]

    @property
    def are_full(self) -> bool:
        """Whether they last one second."""
        return bool(self.sweeps) and abs(_read_duration(self.sweeps[0]) - FULL_STEP) <= _DURATION_TOLERANCE

    @cached_property
    def spiking(self) -> list[SpikingSweep]:
        """Those with spikes and a positive step."""
        return [sweep for sweep in self.sweeps if sweep.count and sweep.sweep.info.amplitude_pa > 0]

    @cached_property
    def hyperpolarized(self) -> list[SpikingSweep]:
        """Those with a negative step and no spikes; the last one of each amplitude."""
        # by amplitude, so that a step that was given again takes the place of the first
        silent = [sweep for sweep in self.sweeps if not sweep.count and sweep.sweep.info.amplitude_pa < 0]
        return list({sweep.sweep.info.amplitude_pa: sweep for sweep in silent}.values())

    @cached_property
    def rheobase(self) -> SpikingSweep | None:
        """The spiking sweep of the smallest step, the first of equals."""
        return min(self.spiking, key=lambda sweep: sweep.sweep.info.amplitude_pa, default=None)

    @property
    def rheobase_pa(self) -> float:
        """Its step (pA); NaN without a spike."""
        return self.rheobase.sweep.info.amplitude_pa if self.rheobase else np.nan

    @cached_property
    def hero(self) -> SpikingSweep | None:
        """The spiking sweep of the smallest step 39 to 61 pA above rheobase; without one, rheobase's own."""
        low, high = (self.rheobase_pa + offset for offset in _HERO_PA)
        near = [sweep for sweep in self.spiking if low < sweep.sweep.info.amplitude_pa < high]
        return min(near, key=lambda sweep: sweep.sweep.info.amplitude_pa, default=self.rheobase)


def choose_long_squares(sweeps: Sequence[SpikingSweep]) -> LongSquares:
    """Keep the long squares of one second, to 5 ms; without any, those of the commonest duration."""
    steps = [sweep for sweep in sweeps if sweep.sweep.info.protocol == LONG_SQUARE]
    full = [step for step in steps if abs(_read_duration(step) - FULL_STEP) <= _DURATION_TOLERANCE]
    if full or not steps:
        return LongSquares(full)
    # to 10 ms, since the edges of a recorded current lie a sample or two off
    counts = Counter(round(_read_duration(step), 2) for step in steps)
    commonest = counts.most_common(1)[0][0]
    return LongSquares([step for step in steps if round(_read_duration(step), 2) == commonest])


def _read_duration(sweep: SpikingSweep) -> float:
    return (sweep.last - sweep.first) / sweep.rate_hz


def measure_baseline(sweep: SpikingSweep, duration: float = _BASELINE) -> float:
    """Mean voltage over `duration` before the stimulus (mV); NaN when there is nothing before it."""
    begin = max(0, sweep.first - round(duration * sweep.rate_hz))
    before: Float64[np.ndarray, " sample"] = sweep.voltage_mv[begin : sweep.first]
    return float(before.mean()) if before.size else np.nan


def find_deflection(sweep: SpikingSweep) -> int:
    """Sample of the lowest voltage during the step."""
    return sweep.first + int(np.argmin(sweep.voltage_mv[sweep.first : sweep.last]))


def choose_common_amplitude(sweeps: Sequence[SpikingSweep]) -> list[SpikingSweep]:
    """Keep the sweeps of the commonest amplitude; of the smallest when several are as common.

    Examples
    --------
    >>> choose_common_amplitude([])
    []
    """
    if not sweeps:
        return []
    # amplitudes that went through float32 differ far behind the point
    counts = Counter(round(sweep.sweep.info.amplitude_pa, 3) for sweep in sweeps)
    commonest = max(counts.values())
    amplitude = min(pa for pa, count in counts.items() if count == commonest)
    return [sweep for sweep in sweeps if round(sweep.sweep.info.amplitude_pa, 3) == amplitude]
