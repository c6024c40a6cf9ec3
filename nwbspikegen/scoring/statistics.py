"""What spike trains are like by themselves: rates, intervals, variability, correlation, stationarity."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Real

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.correction import correct_by_holm
from nwbspikegen.views.observed import find_stretches, read_observed, require_contiguous

if TYPE_CHECKING:
    import xarray as xr

# of the share of stationary units in the summary; the p-values are in the table for any other level
_ALPHA = 0.05
_Train = Float64[np.ndarray, "_spike"]
_Stretches = Float64[np.ndarray, "_stretch 2"]
_Counts = Float64[np.ndarray, "_window"]


def spike_statistics(
    units: xr.Dataset | Mapping[Any, np.ndarray] | Sequence[np.ndarray],
    *,
    start: float | None = None,
    stop: float | None = None,
    observed: Mapping[Any, np.ndarray] | None = None,
    # s: wide enough that units of 1 Hz coincide at all, narrow enough to follow a burst of the population
    correlation_bin: float = 0.05,
) -> pd.DataFrame:
    """Return statistics of every unit's spike train, and their summary in `attrs["summary"]`.

    Parameters
    ----------
    units : Dataset (time, unit), or spike times (s) of each unit, by its id or in order
        Binned spikes lie at bin centres.
    start, stop : float, optional
        Observation of spike times (s); by default from the first spike of all to the last. A view
        knows its own.
    observed : mapping of unit to array (stretch, 2), optional
        Of spike times: when each unit was observed (s), where that is not all of the time from start to
        stop. A view knows its own. Rates are over observed time, intervals and windows are those that
        were observed throughout, and stationarity is tested on the longest stretch of windows.
    correlation_bin : float, default: 0.05
        Width of the windows (s) whose counts are correlated between units.

    Returns
    -------
    DataFrame
        One row per unit: `unit`, `num_spikes`, `rate_hz`; of the intervals between spikes `isi_mean` (s),
        `isi_cv` (SD over mean) and `cv2`, the mean of 2 \\|I(n+1) - I(n)\\| / (I(n+1) + I(n)), which slow
        changes of rate leave alone; `fano_100ms` and `fano_1s`, variance over mean of counts in windows;
        `pair_correlation`, the mean Pearson correlation of counts with all other units; and of the
        augmented Dickey-Fuller test on 1 s counts (with a constant, lags by AIC) `adf_statistic`,
        `adf_lags`, `adf_p`, `adf_p_holm` (corrected for the number of units tested) and `adf_reason`,
        empty or why there is no test. Its null is a unit root: a small p says stationary.

        A Poisson train has `isi_cv`, `cv2` and Fano factors of 1, a clock 0. What is not defined is
        NaN: intervals of units with fewer than three spikes, Fano factors and correlations of silent or
        constant ones. `attrs` hold the settings and `summary`: mean, sd, median and num_units of each
        column, and `share_stationary`, of the units tested.

    Raises
    ------
    InputError
        No units, no time, or spikes outside the time from start to stop.

    References
    ----------
    Holt, Softky, Koch, Douglas (1996) J Neurophysiol 75:1806 (`cv2`); Dickey, Fuller (1979) J Am Stat
    Assoc 74:427, through statsmodels.

    Examples
    --------
    >>> clock = spike_statistics([np.arange(0.05, 60.0, 0.1)], start=0.0, stop=60.0)
    >>> clock[["rate_hz", "isi_cv", "cv2", "fano_1s"]].round(6).values.tolist()
    [[10.0, 0.0, 0.0, 0.0]]
    >>> clock.adf_reason.item()
    'constant counts'
    """
    trains, start, stop, observed = _read_trains(units, start, stop, observed)
    seen = [observed.get(unit, np.array([[start, stop]])) for unit in trains]

    def count(width: float) -> list[_Counts]:
        return [
            count_windows(train, start, stop, width, stretches)
            for train, stretches in zip(trains.values(), seen, strict=True)
        ]

    correlations = _pair_correlations(count(correlation_bin))
    # s: within a burst and beyond it; a Fano factor that grows from one to the other is a slow change
    fine, coarse = count(0.1), count(1.0)
    rows = [
        {
            "unit": unit,
            **_describe(train, stretches),
            "fano_100ms": fano_factor(few),
            "fano_1s": fano_factor(many),
            "pair_correlation": correlation,
        }
        for (unit, train), stretches, few, many, correlation in zip(
            trains.items(), seen, fine, coarse, correlations, strict=True
        )
    ]
    tests = check_stationarity([_longest_run(counts) for counts in coarse])
    table = pd.concat([pd.DataFrame(rows), tests], axis=1)
    table.attrs.update(
        start=start, stop=stop, correlation_bin=correlation_bin, alpha=_ALPHA, summary=_summarise(table)
    )
    return table


def check_stationarity(counts: Sequence[Real[np.ndarray, "_window"]]) -> pd.DataFrame:
    """Return the augmented Dickey-Fuller test of each series of counts, Holm-corrected over them.

    Examples
    --------
    >>> noise = np.random.default_rng(0).poisson(5.0, 200)
    >>> check_stationarity([noise, np.zeros(200, np.int64)])[["adf_lags", "adf_reason"]].values.tolist()
    [[0.0, ''], [nan, 'silent']]
    """
    columns = ["adf_statistic", "adf_p", "adf_lags", "adf_reason"]
    table = pd.DataFrame([_test_one(each) for each in counts], columns=columns)
    table.insert(2, "adf_p_holm", correct_by_holm(table.adf_p.to_numpy(np.float64)))
    return table


def count_windows(train: _Train, start: float, stop: float, width: float, observed: _Stretches) -> _Counts:
    """Return the spikes in each whole window of `width` seconds, NaN where it was not observed throughout."""
    # 1e-9 of a window: (stop - start) / width of ten windows may be 9.999999999999998
    num_windows = math.floor((stop - start) / width + 1e-9)
    places = np.floor((train - start) / width + 1e-9).astype(np.int64)
    counts = np.bincount(places[places < num_windows], minlength=num_windows).astype(np.float64)
    begins = start + width * np.arange(num_windows)
    # ends of observation are sums of bins, and miss a window's end by rounding
    slack = 1e-6 * width
    # stretches are in order and apart: only the last that begins before a window can hold it
    of = np.searchsorted(observed[:, 0], begins + slack, side="right") - 1
    counts[(of < 0) | (observed[of, 1] < begins + width - slack)] = np.nan
    return counts


def _read_trains(
    units: Any, start: float | None, stop: float | None, observed: Mapping[Any, np.ndarray] | None
) -> tuple[dict[Any, _Train], float, float, Mapping[Any, _Stretches]]:
    if hasattr(units, "data_vars"):
        return _read_view(units)
    named = units.items() if isinstance(units, Mapping) else enumerate(units)
    trains = {unit: np.sort(np.asarray(train, dtype=np.float64)) for unit, train in named}
    ends = [float(end) for train in trains.values() if len(train) for end in (train[0], train[-1])]
    start = min(ends, default=0.0) if start is None else start
    stop = max(ends, default=0.0) if stop is None else stop
    if not trains or not stop > start:
        raise InputError(
            f"{len(trains)} units from {start} to {stop} s",
            "at least one, and some time",
            "pass start and stop, the ends of the observation (s)",
        )
    if ends and not (min(ends) >= start and max(ends) <= stop):
        raise InputError(
            f"spikes from {min(ends)} to {max(ends)} s",
            f"spikes between {start} and {stop} s",
            "cut the trains, or correct start and stop",
        )
    said = {} if observed is None else observed
    return trains, start, stop, {unit: np.asarray(each, dtype=np.float64) for unit, each in said.items()}


def _read_view(
    units: xr.Dataset,
) -> tuple[dict[Any, _Train], float, float, Mapping[Any, _Stretches]]:
    require_contiguous(units, "view")
    bin_size, time = float(units.attrs["bin_size"]), units.time.values
    counts = units["spikes"].transpose("time", "unit").values
    mask = read_observed(units)
    observed: dict[Any, _Stretches] = {}
    if mask is not None:
        counts = np.where(mask, counts, 0)
        stretches = find_stretches(mask, float(time[0]), bin_size)
        observed = dict(zip(units.unit.values.tolist(), stretches, strict=True))
    trains = {}
    for column, unit in enumerate(units.unit.values.tolist()):
        bins = np.flatnonzero(counts[:, column])
        # several spikes of one bin lie at its centre together: intervals of 0, two of which have no CV2
        trains[unit] = np.repeat(time[bins], counts[bins, column]) + bin_size / 2
    if not trains:
        raise InputError("a view without units", "at least one", "select some")
    return trains, float(time[0]), float(time[0]) + len(time) * bin_size, observed


def _describe(train: _Train, observed: _Stretches) -> dict[str, float]:
    # an interval that spans a gap is none, and two intervals follow each other within one stretch
    stretch = np.searchsorted(observed[:, 0], train, side="right") - 1
    known = np.diff(stretch) == 0
    intervals = np.diff(train)
    follow = known[1:] & known[:-1]
    cv2 = mean_cv2(intervals[:-1][follow], intervals[1:][follow])
    intervals = intervals[known]
    enough = len(intervals) > 1
    seconds = float(np.diff(observed, axis=1).sum())
    mean = float(intervals.mean()) if enough else math.nan
    return {
        "num_spikes": len(train),
        "rate_hz": len(train) / seconds if seconds > 0 else math.nan,
        "isi_mean": mean,
        # the SD of all intervals there are, not of a sample of more
        "isi_cv": float(intervals.std()) / mean if enough and mean > 0 else math.nan,
        "cv2": cv2,
    }


def _longest_run(counts: _Counts) -> _Counts:
    """Return the longest run of windows without a gap, the first of those as long."""
    edges = np.flatnonzero(np.diff(np.pad(np.isfinite(counts), 1).astype(np.int8))).reshape(-1, 2)
    if not len(edges):
        return counts[:0]
    begin, end = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return counts[begin:end]


def mean_cv2(intervals: _Train, following: _Train) -> float:
    """Return the mean of 2 |J - I| / (J + I) of intervals I and those J that follow; NaN without any.

    Examples
    --------
    >>> mean_cv2(np.array([1.0, 3.0]), np.array([3.0, 3.0]))
    0.5
    """
    # it compares neighbours: a slow change of rate moves both, and only their jitter counts
    sums, changes = following + intervals, np.abs(following - intervals)
    # several spikes of one bin lie at one time
    varied = sums > 0
    return float((2 * changes[varied] / sums[varied]).mean()) if varied.any() else math.nan


def fano_factor(counts: _Counts) -> float:
    """Return variance over mean of the counts that are known; NaN of fewer than two, or of silence.

    Examples
    --------
    >>> fano_factor(np.array([1.0, 3.0, np.nan]))
    1.0
    """
    counts = counts[np.isfinite(counts)]
    if len(counts) < 2 or not counts.any():
        return math.nan
    return float(counts.var(ddof=1) / counts.mean())


def _pair_correlations(counts: list[_Counts]) -> Float64[np.ndarray, " unit"]:
    """Return each unit's mean correlation with the others that vary, in windows that both have."""
    stacked = np.stack(counts)
    varies = np.array(
        [np.ptp(each[np.isfinite(each)]) > 0 if np.isfinite(each).any() else False for each in stacked]
    )
    means = np.full(len(counts), np.nan)
    if varies.sum() > 1:
        if np.isfinite(stacked[varies]).all():
            # the diagonal, 1 for each, is taken from the sum: the mean is over the others only
            matrix = np.corrcoef(stacked[varies])
            means[varies] = (matrix.sum(axis=1) - 1.0) / (len(matrix) - 1)
        else:
            # pandas leaves out missing windows pair by pair; numpy would make NaN of every pair that has one
            correlations = pd.DataFrame(stacked[varies].T).corr().to_numpy(copy=True)
            np.fill_diagonal(correlations, np.nan)
            means[varies] = pd.DataFrame(correlations).mean().to_numpy()
    return means


def _test_one(counts: Real[np.ndarray, " window"]) -> tuple[float, float, float, str]:
    from statsmodels.tools.sm_exceptions import SingularMatrixWarning
    from statsmodels.tsa.stattools import adfuller

    if not counts.any():
        return math.nan, math.nan, math.nan, "silent"
    if np.ptp(counts) == 0:
        return math.nan, math.nan, math.nan, "constant counts"
    try:
        with warnings.catch_warnings():
            # a statistic that came with a warning, as of nearly periodic counts, is no statistic
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("error", SingularMatrixWarning)
            # statsmodels 0.15 announces another class of results; the first three values stay
            warnings.filterwarnings("ignore", category=FutureWarning)
            statistic, p, lags = adfuller(counts.astype(np.float64), regression="c", autolag="AIC")[:3]
    except (ValueError, RuntimeWarning, SingularMatrixWarning, np.linalg.LinAlgError):
        return math.nan, math.nan, math.nan, f"{len(counts)} s of counts are too few or too regular"
    return float(statistic), float(p), float(lags), ""


def _summarise(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    names = [name for name in table.columns if name not in ("unit", "adf_reason", "adf_lags")]
    summary = {
        name: {
            "mean": float(table[name].mean()),
            "sd": float(table[name].std()),
            "median": float(table[name].median()),
            "num_units": int(table[name].notna().sum()),
        }
        for name in names
    }
    tested = table.adf_p_holm.dropna()
    share = float((tested < _ALPHA).mean()) if len(tested) else math.nan
    summary["share_stationary"] = {
        "mean": share,
        "sd": math.nan,
        "median": math.nan,
        "num_units": len(tested),
    }
    return summary
