"""Whether what a file says is in volts and amperes can be so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

# a neuron in current clamp rests between these; outside, a unit or a factor is wrong, or the cell is dead
LOWEST_REST_MV, HIGHEST_REST_MV = -110.0, -30.0
# beyond what membranes stand without breaking (their dielectric fails at some 300 mV)
MOST_MV = 300.0
# whole-cell amplifiers inject up to some 20 nA, and nobody tests neurons with less than a picoampere
MOST_PA, LEAST_PA = 20_000.0, 0.5
# no neuron that a pipette can hold has less than 1 or more than 20,000 megaohms
LEAST_MEGAOHM, MOST_MEGAOHM = 1.0, 20_000.0
# units off by a prefix or two, and gains of amplifiers
_FACTORS = (1e3, 1e-3, 1e6, 1e-6, 10.0, 0.1, 100.0, 0.01, 5.0, 0.2, 2.0, 0.5, 20.0, 0.05, 50.0, 0.02)


class SweepLevels(NamedTuple):
    """What of a sweep is asked whether it can be: medians and extremes, in mV and pA."""

    baseline_mv: float
    lowest_mv: float
    highest_mv: float
    response_mv: float
    amplitude_pa: float
    is_long_square: bool


def find_implausible(levels: Iterable[SweepLevels]) -> str:
    """Return why the values of a cell cannot be membrane potentials and currents, "" when they can.

    Examples
    --------
    >>> find_implausible([SweepLevels(-70.0, -95.0, 40.0, -20.0, -100.0, True)])
    ''
    >>> find_implausible([SweepLevels(-14.0, -30.0, 80.0, 1.0, -1000.0, True)])
    'a median baseline of -14 mV in 1 sweep, where neurons rest between -110 and -30 mV'
    """
    sweeps = list(levels)
    if not sweeps:
        return ""
    # of the cell, not of each sweep: one that went wrong is the matter of `find_faults`
    baseline = float(np.nanmedian([sweep.baseline_mv for sweep in sweeps]))
    count = f"{len(sweeps)} sweep{'s' if len(sweeps) > 1 else ''}"
    if not LOWEST_REST_MV <= baseline <= HIGHEST_REST_MV:
        between = f"between {LOWEST_REST_MV:g} and {HIGHEST_REST_MV:g} mV"
        return f"a median baseline of {baseline:.3g} mV in {count}, where neurons rest {between}"
    extreme = max(max(-sweep.lowest_mv, sweep.highest_mv) for sweep in sweeps)
    if extreme > MOST_MV:
        return f"potentials up to {extreme:.3g} mV, where membranes break at {MOST_MV:g} mV"
    largest = max(abs(sweep.amplitude_pa) for sweep in sweeps)
    if largest > MOST_PA or 0.0 < largest < LEAST_PA:
        return f"stimuli up to {largest:.3g} pA, where neurons are given {LEAST_PA:g} to {MOST_PA:g} pA"
    return _find_implausible_resistance(sweeps)


def suggest_scale(levels: Sequence[SweepLevels]) -> str:
    """Return the option whose factor makes the values of a cell plausible, "" where none does.

    Prefixes of units are tried first, then gains that amplifiers have.

    Examples
    --------
    >>> suggest_scale([SweepLevels(-0.07, -0.095, 0.04, -0.02, -100.0, True)])
    '--scale-mv 1000'
    >>> suggest_scale([SweepLevels(-70.0, -95.0, 40.0, -20.0, -0.1, True)])
    '--scale-pa 1000'
    """
    for factor in _FACTORS:
        for option, mv, pa in (("--scale-mv", factor, 1.0), ("--scale-pa", 1.0, factor)):
            scaled = [
                one._replace(
                    baseline_mv=mv * one.baseline_mv,
                    lowest_mv=mv * one.lowest_mv,
                    highest_mv=mv * one.highest_mv,
                    response_mv=mv * one.response_mv,
                    amplitude_pa=pa * one.amplitude_pa,
                )
                for one in levels
            ]
            if not find_implausible(scaled):
                return f"{option} {factor:g}"
    return ""


def _find_implausible_resistance(sweeps: list[SweepLevels]) -> str:
    """Ask whether hyperpolarizing steps meet a resistance that a cell can have."""
    megaohms = [
        1e3 * sweep.response_mv / sweep.amplitude_pa
        for sweep in sweeps
        # smaller steps move the potential by little more than its noise; depolarizing ones open
        # conductances
        if sweep.is_long_square and sweep.amplitude_pa <= -10.0
    ]
    resistance = float(np.median(megaohms)) if megaohms else np.nan
    if LEAST_MEGAOHM <= resistance <= MOST_MEGAOHM or np.isnan(resistance):
        return ""
    return (
        f"an input resistance of {resistance:.3g} megaohm over {len(megaohms)} hyperpolarizing steps, where "
        f"neurons have {LEAST_MEGAOHM:g} to {MOST_MEGAOHM:g}"
    )
