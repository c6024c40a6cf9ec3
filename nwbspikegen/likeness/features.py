"""What a judge sees of a window of spikes.

Nothing may tell which run a window is of but what the run does. Counts divided by the rate of a run take
steps of a size that only that run has, and trees find them: noise of half a spike (SD) is added before they
are divided by what belongs to a run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64, UInt8
from scipy.stats import poisson

from nwbspikegen.likeness.statistics import sum_windows
from nwbspikegen.likeness.trains import Spikes, find_spikes

_NOISE_SD = 0.5
# s: bins of the population's rate, and of who fires together
_FINE = 0.01
_TOGETHER = (0.002, 0.05)
_LAGS = (1, 2, 4, 8, 16, 32)
_AT_ONCE = (1, 2, 4, 8, 16)
# intervals in units of the unit's mean interval; how many are shorter still is for the most part a matter of
# bins and refractory periods, whose lengths do not go with the rate
_INTERVALS = np.array([-np.inf, 0.1, 0.3, 1.0, 3.0, np.inf])
_SHORT = (0.002, 0.005)


def describe_windows(spikes: Spikes, bin_size: float, window: float, *, is_whole: bool) -> pd.DataFrame:
    """Return features of consecutive windows of a run, a row each.

    Counts of units are related to the window's own and intervals to the mean interval of their unit, so that
    two runs that differ by their rates alone look alike. With `is_whole` the
    counts of all units, and of the population, are features as well.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((3000, 4)) < 0.02).astype(np.uint8)
    >>> describe_windows(spikes, 0.001, 1.0, is_whole=False).shape[0]
    3
    """
    bins = round(window / bin_size)
    whole = spikes[: len(spikes) // bins * bins].reshape(-1, bins, spikes.shape[1])
    share = spikes.mean(axis=0, dtype=np.float64)
    rng = np.random.default_rng(len(spikes))
    ended, intervals, of = _find_intervals(spikes)
    places = np.searchsorted(ended, np.arange(len(whole) + 1) * bins)
    rows = []
    for each, begin, end in zip(whole, places[:-1], places[1:], strict=True):
        part = slice(begin, end)
        rows.append(
            {
                **_describe_population(each, bin_size, rng),
                **_describe_units(each, share, rng),
                **_describe_intervals(intervals[part], share[of[part]], bin_size, rng),
                **_describe_coincidences(each, bin_size),
            }
        )
    table = pd.DataFrame(rows)
    if is_whole:
        counts = pd.DataFrame(whole.sum(axis=1, dtype=np.int64))
        counts.columns = pd.Index([f"count_of_unit_{place}" for place in counts.columns])
        table = pd.concat([table, counts, counts.sum(axis=1).rename("count_of_all")], axis=1)
    return table


def number_blocks(num_windows: int, window: float, block: float) -> Int64[np.ndarray, " window"]:
    """Return which block each window is in: of so many seconds, or of one window if that is longer.

    Examples
    --------
    >>> number_blocks(5, 4.0, 10.0).tolist()
    [0, 0, 1, 1, 2]
    """
    return np.arange(num_windows, dtype=np.int64) // max(int(block // window), 1)


def _find_intervals(
    spikes: Spikes,
) -> tuple[Int64[np.ndarray, " interval"], Float64[np.ndarray, " interval"], Int64[np.ndarray, " interval"]]:
    """Return when each interval of a run ends (bin), its bins and its unit, in order of their ends.

    Those that lie within a window alone would be the shorter, the slower a unit is.
    """
    unit, at = find_spikes(spikes)
    same = unit[1:] == unit[:-1]
    ended, intervals, of = at[1:][same], np.diff(at)[same].astype(np.float64), unit[1:][same]
    order = np.argsort(ended, kind="stable")
    return ended[order], intervals[order], of[order]


def _describe_population(
    spikes: UInt8[np.ndarray, "time unit"], bin_size: float, rng: np.random.Generator
) -> dict[str, float]:
    """Return how the population's spikes lie in a window, against as many at random."""
    bins = max(round(_FINE / bin_size), 1)
    counts = sum_windows(spikes, bins).sum(axis=1)
    mean, variance = float(counts.mean()), float(counts.var())
    told = {"population_fano": variance / mean if mean else 1.0}
    told |= {
        # where none is seen, what is left would be a number that the rate alone makes
        f"population_{least}_at_once": float(
            ((counts >= least).sum() + rng.normal(0, _NOISE_SD)) / len(counts) - poisson.sf(least - 1, mean)
        )
        for least in _AT_ONCE
    }
    centred = counts - mean
    for lag in _LAGS:
        together = float((centred[lag:] * centred[:-lag]).mean()) if lag < len(counts) else np.nan
        told[f"population_lag_{lag * bins * bin_size * 1000:g}ms"] = together / variance if variance else 0.0
    return told


def _describe_units(
    spikes: UInt8[np.ndarray, "time unit"], share: Float64[np.ndarray, " unit"], rng: np.random.Generator
) -> dict[str, float]:
    """Return how a window's spikes are dealt to units, against a deal by the rates of the run.

    Against rates themselves, a silent window would tell them: its counts are 0, and what is expected is not.
    """
    known = share > 0
    counts = spikes.sum(axis=0, dtype=np.uint32).astype(np.float64)[known]
    total = float(counts.sum())
    if total == 0:
        return {"population_count": 0.0, "units_fano": 1.0, "units_active": 0.0}
    dealt = share[known] / share[known].sum()
    expected = total * dealt
    noise = rng.normal(0, _NOISE_SD, 2)
    active = (np.count_nonzero(counts) + noise[0]) / len(counts)
    return {
        "population_count": float((total + noise[1]) / (share.sum() * len(spikes))),
        "units_fano": float(np.mean((counts - expected) ** 2 / expected)),
        "units_active": float(active - np.mean(1 - (1 - dealt) ** total)),
    }


def _describe_intervals(
    intervals: Float64[np.ndarray, " interval"],
    share: Float64[np.ndarray, " interval"],
    bin_size: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return how long the intervals are that end in a window, against the mean interval of their unit."""
    number = max(len(intervals), 1)
    relative = (intervals + rng.normal(0, _NOISE_SD, len(intervals))) * share
    parts = np.histogram(relative, _INTERVALS)[0] / number
    told = {f"intervals_to_{end:g}": float(part) for end, part in zip(_INTERVALS[1:], parts, strict=True)}
    for limit in _SHORT:
        # against what as many spikes at random have
        expected = float((1 - np.exp(-share * limit / bin_size)).sum())
        found = int((intervals * bin_size <= limit + 1e-9).sum()) + rng.normal(0, _NOISE_SD)
        told[f"intervals_under_{limit * 1000:g}ms"] = (found - expected) / number
    return told


def _describe_coincidences(spikes: UInt8[np.ndarray, "time unit"], bin_size: float) -> dict[str, float]:
    """Return how many pairs of units fire together, over what their counts in the window give."""
    told = {}
    for width in _TOGETHER:
        counts = np.minimum(sum_windows(spikes, max(round(width / bin_size), 1)), 1.0)
        total, own = counts.sum(axis=1), counts.mean(axis=0)
        pairs = float((total * (total - 1)).mean())
        expected = float(own.sum() ** 2 - (own**2).sum())
        told[f"together_{width * 1000:g}ms"] = pairs / expected if expected > 0 else 1.0
    return told
