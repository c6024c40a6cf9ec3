"""What trains are compared by: statistics of units, of pairs and of the population."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from scipy.signal import welch
from scipy.stats import wasserstein_distance

from nwbspikegen.likeness.trains import Spikes, find_spikes
from nwbspikegen.scoring.statistics import fano_factor, mean_cv2

Level = Literal["unit", "pair", "population"]
# s: shorter than most refractory periods
_REFRACTORY = 0.002
# s: within a burst, of a burst, of a slow change
_CORRELATED = (0.005, 0.05, 0.5)
_COUNTED = (0.1, 1.0, 10.0)
# s: bins of cross-correlograms, and as many to either side as reach 20 ms
_LAG, _NUM_LAGS = 0.004, 5
# s: windows of bursts and of waves; more than two standard deviations above the recording's mean are one
_EVENTS = {"burst": 0.02, "wave": 1.0}
_EVENT_SD = 2.0
_ACTIVE = 0.05
# Hz, two to an octave
_BANDS = np.geomspace(0.25, 100.0, 18)
# of variance over mean with fewer windows little is known
_FEWEST_WINDOWS = 5


@dataclasses.dataclass(frozen=True)
class Statistic:
    """Something that trains are compared by.

    Attributes
    ----------
    name : str
        What it is, with its time scale.
    level : {"unit", "pair", "population"}
        Of what.
    describe : callable
        From `Counts` to what is compared: an array with a value for each unit or pair, or samples.
    compare : callable
        From two descriptions to a distance; NaN where one of them is not defined.
    meaning : str
        In one sentence, with its unit.
    """

    name: str
    level: Level
    describe: Callable[[Counts], Any]
    compare: Callable[[Any, Any], float]
    meaning: str


class Counts:
    """A stretch of spikes, and its counts in windows, each made once.

    Parameters
    ----------
    spikes : array (time, unit)
        Spikes, 0 or 1.
    bin_size : float
        Seconds per bin.
    limits : mapping of str to float
        Spikes of the population in a window above which there is a burst, or a wave.
    """

    def __init__(self, spikes: Spikes, bin_size: float, limits: dict[str, float]) -> None:
        self.spikes, self.bin_size, self.limits = spikes, bin_size, limits
        self._windows: dict[float, np.ndarray] = {}

    @property
    def seconds(self) -> float:
        """Return how long the stretch is."""
        return len(self.spikes) * self.bin_size

    def windows(self, width: float) -> Float64[np.ndarray, "window unit"]:
        """Return counts of each unit in whole windows of so many seconds."""
        if width not in self._windows:
            self._windows[width] = sum_windows(self.spikes, max(round(width / self.bin_size), 1))
        return self._windows[width]

    def intervals(self) -> list[Float64[np.ndarray, " interval"]]:
        """Return the intervals of each unit (s)."""
        unit, at = find_spikes(self.spikes)
        ends = np.searchsorted(unit, np.arange(1, self.spikes.shape[1]))
        return [np.diff(times) * self.bin_size for times in np.split(at.astype(np.float64), ends)]


def sum_windows(spikes: UInt8[np.ndarray, "time unit"], bins: int) -> Float64[np.ndarray, "window unit"]:
    """Return counts in whole windows of `bins` bins.

    Examples
    --------
    >>> sum_windows(np.array([[1], [0], [1], [1], [1]], np.uint8), 2).ravel().tolist()
    [1.0, 2.0]
    """
    whole = spikes[: len(spikes) // bins * bins].reshape(-1, bins, spikes.shape[1])
    # a tenth of the time of np.add.reduceat; no window has 2 ** 32 spikes
    counts: np.ndarray = whole.sum(axis=1, dtype=np.uint32).astype(np.float64)
    return counts


def find_limits(stretches: Sequence[Spikes], bin_size: float) -> dict[str, float]:
    """Return how many spikes of a recording's population in a window are no burst or wave yet."""
    limits = {}
    for name, width in _EVENTS.items():
        counts = [sum_windows(each, max(round(width / bin_size), 1)).sum(axis=1) for each in stretches]
        joined = np.concatenate(counts)
        limits[name] = float(joined.mean() + _EVENT_SD * joined.std()) if len(joined) else np.inf
    return limits


def find_events(
    counts: Float64[np.ndarray, " window"], limit: float
) -> tuple[Int64[np.ndarray, " event"], Int64[np.ndarray, " event"]]:
    """Return first windows and ends of runs of windows above a limit; one window between two joins them.

    Examples
    --------
    >>> begin, end = find_events(np.array([0.0, 3, 3, 0, 3, 0, 0, 4]), 2.0)
    >>> begin.tolist(), end.tolist()
    ([1, 7], [5, 8])
    """
    above = np.pad(counts > limit, 1)
    # a single window below, between two above
    above[1:-1] |= above[:-2] & above[2:]
    edges = np.flatnonzero(np.diff(above.astype(np.int8)))
    return edges[::2], edges[1::2]


def _compare_each(one: np.ndarray, other: np.ndarray) -> float:
    """Return the root mean square difference of values by unit, by pair or by band."""
    differences = (one - other)[np.isfinite(one) & np.isfinite(other)]
    return float(np.sqrt(np.mean(differences**2))) if len(differences) else np.nan


def _compare_samples(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Wasserstein distance between two samples."""
    return float(wasserstein_distance(one, other)) if len(one) and len(other) else np.nan


def _compare_sets(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Return the mean over units of the Wasserstein distance between their samples."""
    each = [_compare_samples(a, b) for a, b in zip(one, other, strict=True)]
    return float(np.nanmean(each)) if np.isfinite(each).any() else np.nan


def _log_rate(counts: Counts) -> Float64[np.ndarray, " unit"]:
    # half a spike more: of a silent unit a rate is known not to be high
    rates: np.ndarray = np.log2((counts.spikes.sum(axis=0, dtype=np.float64) + 0.5) / counts.seconds)
    return rates


def _cv2(counts: Counts) -> Float64[np.ndarray, " unit"]:
    return np.array([mean_cv2(each[:-1], each[1:]) for each in counts.intervals()])


def _log_intervals(counts: Counts) -> list[Float64[np.ndarray, " interval"]]:
    return [np.log10(each) for each in counts.intervals()]


def _short_intervals(counts: Counts) -> Float64[np.ndarray, " unit"]:
    return np.array(
        [float(np.mean(each < _REFRACTORY)) if len(each) else np.nan for each in counts.intervals()]
    )


def _log_fano(width: float) -> Callable[[Counts], np.ndarray]:
    def describe(counts: Counts) -> np.ndarray:
        windows = counts.windows(width)
        if len(windows) < _FEWEST_WINDOWS:
            return np.full(windows.shape[1], np.nan)
        factors = np.array([fano_factor(each) for each in windows.T])
        return np.log10(np.where(factors > 0, factors, np.nan))

    return describe


def _pairs(windows: np.ndarray, lag: int = 0) -> Float64[np.ndarray, "unit unit"]:
    """Return correlations of counts with those of other units so many windows later."""
    spread = windows.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        standard = (windows - windows.mean(axis=0)) / spread
    matrix: np.ndarray = standard[: len(standard) - lag].T @ standard[lag:] / max(len(standard) - lag, 1)
    return matrix


def _correlation(width: float) -> Callable[[Counts], np.ndarray]:
    def describe(counts: Counts) -> np.ndarray:
        windows = counts.windows(width)
        above = np.triu_indices(windows.shape[1], 1)
        return _pairs(windows)[above] if len(windows) >= _FEWEST_WINDOWS else np.full(len(above[0]), np.nan)

    return describe


def _correlogram_peak(counts: Counts) -> Float64[np.ndarray, " pair"]:
    windows = counts.windows(_LAG)
    above = np.triu_indices(windows.shape[1], 1)
    peak = np.full(len(above[0]), -np.inf)
    for lag in range(_NUM_LAGS + 1):
        matrix = _pairs(windows, lag)
        # the other order of two units is the other direction in time
        peak = np.fmax(peak, np.fmax(matrix[above], matrix.T[above]))
    return np.where(np.isfinite(peak), peak, np.nan)


def _events(name: str, what: str) -> Callable[[Counts], np.ndarray]:
    width = _EVENTS[name]

    def describe(counts: Counts) -> np.ndarray:
        population = counts.windows(width).sum(axis=1)
        begin, end = find_events(population, counts.limits[name])
        told: np.ndarray
        if what == "rate":
            told = np.log2(np.array([(len(begin) + 0.5) / counts.seconds]))
        elif what == "duration":
            told = np.log10((end - begin) * width)
        elif what == "interval":
            told = np.log10(np.diff(begin) * width)
        else:
            told = np.log10([population[a:b].sum() for a, b in zip(begin, end, strict=True)])
        return told

    return describe


def _spectrum(counts: Counts) -> Float64[np.ndarray, " band"]:
    """Return the log power of the population's rate in bands, over that of as many independent spikes."""
    bins = max(round(0.004 / counts.bin_size), 1)
    population = counts.windows(bins * counts.bin_size).sum(axis=1)
    rate = 1.0 / (bins * counts.bin_size)
    length = min(len(population), round(4.0 * rate))
    if length < 2 or not population.any():
        return np.full(len(_BANDS) - 1, np.nan)
    frequency, power = welch(population / population.mean(), fs=rate, nperseg=length)
    independent = 2.0 / (population.mean() * rate)
    bands = []
    for low, high in itertools.pairwise(_BANDS):
        inside = (frequency >= low) & (frequency < high)
        bands.append(np.log10(power[inside].mean() / independent) if inside.any() else np.nan)
    return np.array(bands)


def _participation(counts: Counts) -> Float64[np.ndarray, " window"]:
    active: np.ndarray = (counts.windows(_ACTIVE) > 0).mean(axis=1)
    return active


def _synchrony(counts: Counts) -> Float64[np.ndarray, " 1"]:
    """Return how much of units' variance their mean has: 1 / units for independent ones, 1 for one unit."""
    windows = counts.windows(_ACTIVE)
    total = windows.var(axis=0).mean()
    return np.array([np.sqrt(windows.mean(axis=1).var() / total) if total > 0 else np.nan])


def _dimensionality(counts: Counts) -> Float64[np.ndarray, " 1"]:
    """Return the log of the participation ratio of the covariance of counts."""
    covariance = np.cov(counts.windows(_ACTIVE), rowvar=False).reshape(counts.spikes.shape[1], -1)
    squares = float((covariance**2).sum())
    return np.array([np.log2(np.trace(covariance) ** 2 / squares) if squares > 0 else np.nan])


def _list_events() -> list[Statistic]:
    told = {
        "rate": ("how often", _compare_each),
        "size": ("log10 spikes in it", _compare_samples),
        "duration": ("log10 seconds", _compare_samples),
        "interval": ("log10 seconds from one to the next", _compare_samples),
    }
    return [
        Statistic(
            f"{name}_{what}",
            "population",
            _events(name, what),
            compare,
            f"Windows of {width:g} s with more spikes than 2 SD above the recording's mean: {meaning}.",
        )
        for name, width in _EVENTS.items()
        for what, (meaning, compare) in told.items()
    ]


STATISTICS: tuple[Statistic, ...] = (
    Statistic("rate", "unit", _log_rate, _compare_each, "log2 of the firing rate (Hz)."),
    Statistic("cv2", "unit", _cv2, _compare_each, "Variability of neighbouring intervals, Holt et al. 1996."),
    Statistic("isi", "unit", _log_intervals, _compare_sets, "Distribution of log10 of the intervals (s)."),
    Statistic("refractory", "unit", _short_intervals, _compare_each, "Share of intervals shorter than 2 ms."),
    *(
        Statistic(
            f"fano_{width:g}s",
            "unit",
            _log_fano(width),
            _compare_each,
            f"log10 of variance over mean of counts in windows of {width:g} s.",
        )
        for width in _COUNTED
    ),
    *(
        Statistic(
            f"correlation_{round(1000 * width)}ms",
            "pair",
            _correlation(width),
            _compare_each,
            f"Correlation of counts in windows of {round(1000 * width)} ms.",
        )
        for width in _CORRELATED
    ),
    Statistic(
        "correlogram_peak",
        "pair",
        _correlogram_peak,
        _compare_each,
        "Largest correlation of counts in windows of 4 ms, up to 20 ms apart.",
    ),
    *_list_events(),
    Statistic("spectrum", "population", _spectrum, _compare_each, "log10 power of the population's rate."),
    Statistic(
        "participation", "population", _participation, _compare_samples, "Share of units active in 50 ms."
    ),
    Statistic(
        "synchrony",
        "population",
        _synchrony,
        _compare_each,
        "Root of the share that the mean's variance has of units' variance, counts in 50 ms.",
    ),
    Statistic(
        "dimensionality",
        "population",
        _dimensionality,
        _compare_each,
        "log2 of the participation ratio of the covariance of counts in 50 ms.",
    ),
)
"""All that trains are compared by."""
