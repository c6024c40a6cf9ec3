"""Generated against recorded spike trains: rates and intervals between spikes.

A generated train is one seeded Bernoulli draw of the predicted probabilities (`nwbspikegen.core.draws`), its
spikes at bin centres. The draw is made one step ahead, from the recorded past, and never fed back.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int64, Integer

from nwbspikegen.views.history import Mask


def rate_log_ratio(
    generated: Integer[np.ndarray, "time unit"], recorded: Integer[np.ndarray, "_time unit"]
) -> float:
    """Return how far generated firing rates are from recorded ones, as a factor on a log scale.

    Formula: mean over units of |ln((k_generated + 1/2) / (k_recorded + 1/2))|, k being the bins with
    a spike. Zero is perfect, lower is better; ln 2 = 0.69 is a factor of two; no null. It has no
    sign, so that fast units cannot make up for slow ones. Edge rule: units silent in both are left
    out; NaN when all are.

    Examples
    --------
    >>> rate_log_ratio(np.zeros((9, 1), np.uint8), np.eye(9, 1, dtype=np.uint8)).__round__(3)
    1.099
    """
    made, real = (generated > 0).sum(axis=0), (recorded > 0).sum(axis=0)
    firing = (made + real) > 0
    if not firing.any():
        return float("nan")
    return float(np.abs(np.log((made[firing] + 0.5) / (real[firing] + 0.5))).mean())


def rate_correlation(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    observed: Mask = None,
) -> float:
    """Return how generated firing rates follow recorded ones from unit to unit.

    Formula: Pearson correlation over units of ln(k + 1/2), k being the bins with a spike; on the log
    scale a few fast units do not decide alone. 1 is perfect, 0 is chance; no null. Where units were
    `observed` for different times, which would correlate by itself, it is of ln((k + 1/2) / n), n being
    the observed bins. Edge rule: NaN with fewer than two units, or when all have the same rate.

    Examples
    --------
    >>> spikes = np.array([[1, 1], [0, 1]], np.uint8)
    >>> round(rate_correlation(spikes, spikes), 6)
    1.0
    """
    made = np.log((generated > 0).sum(axis=0) + 0.5)
    real = np.log((recorded > 0).sum(axis=0) + 0.5)
    if observed is not None:
        num_seen = observed.sum(axis=0)
        made, real = ((counts - np.log(np.maximum(num_seen, 1)))[num_seen > 0] for counts in (made, real))
    if len(made) < 2 or np.ptp(made) == 0 or np.ptp(real) == 0:
        return float("nan")
    return float(np.corrcoef(made, real)[0, 1])


def isi_distance(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    bin_size: float,
    observed: Mask = None,
) -> tuple[float, int]:
    """Return how far apart inter-spike intervals are, in seconds, and over how many units.

    Formula: mean over units of the Wasserstein-1 distance between the distributions of intervals.
    Zero is perfect, lower is better; no null. Edge rule: units without an interval in either train are
    left out; NaN and 0 when all are. An interval in which the unit was not always `observed` is none.

    Examples
    --------
    >>> made, real = np.array([[1], [1], [0]], np.uint8), np.array([[1], [0], [1]], np.uint8)
    >>> isi_distance(made, real, bin_size=0.001)
    (0.001, 1)
    """
    from scipy.stats import wasserstein_distance

    distances = []
    for unit in range(recorded.shape[1]):
        seen = None if observed is None else observed[:, unit]
        made, real = (find_intervals(spikes[:, unit], seen) for spikes in (generated, recorded))
        if len(made) and len(real):
            distances.append(wasserstein_distance(made, real) * bin_size)
    return (float(np.mean(distances)) if distances else float("nan")), len(distances)


def find_intervals(
    spikes: Integer[np.ndarray, " time"], observed: Bool[np.ndarray, " time"] | None
) -> Int64[np.ndarray, " interval"]:
    """Return a unit's intervals between spikes, in bins, of those that were observed throughout.

    Examples
    --------
    >>> find_intervals(np.array([1, 0, 1, 0, 1]), np.array([True, True, True, False, True]))
    array([2])
    """
    bins = np.flatnonzero(spikes)
    intervals: Int64[np.ndarray, " interval"] = np.diff(bins)
    if observed is not None:
        missed = np.cumsum(~observed)
        intervals = intervals[np.diff(missed[bins]) == 0]
    return intervals


def pair_correlation(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    bin_size: float,
    observed: Mask = None,
    *,
    window: float = 0.05,
) -> tuple[float, int]:
    """Return how generated correlations between units follow recorded ones, and over how many pairs.

    Formula: Pearson correlation, over pairs of units, of the pairs' correlations of spike counts in
    windows of `window` seconds. 1 is perfect, 0 is chance; no null. Edge rule: units whose count is
    the same in every window of either train are left out; NaN with fewer than three pairs. A pair is
    compared in windows that were `observed` throughout for both.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((4000, 5)) < 0.1).astype(np.uint8)
    >>> value, pairs = pair_correlation(spikes, spikes, bin_size=0.001)
    >>> round(value, 6), pairs
    (1.0, 10)
    """
    bins = max(round(window / bin_size), 1)
    made, real = (_count_windows(spikes, bins) for spikes in (generated, recorded))
    if observed is not None:
        missed = _count_windows((~observed).view(np.uint8), bins) > 0
        made[missed] = real[missed] = np.nan
    with warnings.catch_warnings():
        # a unit that was never observed for a whole window has no range
        warnings.filterwarnings("ignore", message="All-NaN slice encountered", category=RuntimeWarning)
        ranges = [np.nanmax(counts, axis=0) - np.nanmin(counts, axis=0) for counts in (made, real)]
    kept = (ranges[0] > 0) & (ranges[1] > 0)
    above = np.triu_indices(int(kept.sum()), 1)
    if observed is None:
        pairs = [np.corrcoef(counts[:, kept], rowvar=False)[above] for counts in (made, real)]
    else:
        pairs = [pd.DataFrame(counts[:, kept]).corr().to_numpy()[above] for counts in (made, real)]
        defined = np.isfinite(pairs[0]) & np.isfinite(pairs[1])
        pairs = [correlations[defined] for correlations in pairs]
    if len(pairs[0]) < 3:
        return float("nan"), len(pairs[0])
    return float(np.corrcoef(*pairs)[0, 1]), len(pairs[0])


def compare_trains(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    bin_size: float,
    observed: Mask = None,
) -> pd.DataFrame:
    """Return all statistics of generated against recorded trains, which may differ in length.

    Columns `statistic`, `value` and `num_compared` (units or pairs). Trains are cut to the shorter
    length, and to the bins in which the recorded units were `observed`; `mean_rate_hz` and
    `recorded_rate_hz` are means over units.

    Examples
    --------
    >>> spikes = np.eye(4, dtype=np.uint8)
    >>> compare_trains(spikes, spikes, 0.001).statistic.tolist()[:2]
    ['mean_rate_hz', 'recorded_rate_hz']
    """
    length = min(len(generated), len(recorded))
    made, real = generated[:length], recorded[:length]
    seen = None if observed is None or observed[:length].all() else observed[:length]
    if seen is None:
        num_units, rates = made.shape[1], [float((train > 0).mean()) / bin_size for train in (made, real)]
    else:
        made, real = (np.where(seen, train, 0) for train in (made, real))
        num_seen = seen.sum(axis=0)
        num_units = int((num_seen > 0).sum())
        counts = [(train > 0).sum(axis=0)[num_seen > 0] for train in (made, real)]
        rates = [float((each / num_seen[num_seen > 0]).mean()) / bin_size for each in counts]
    rows: list[tuple[str, float, int]] = [
        ("mean_rate_hz", rates[0], num_units),
        ("recorded_rate_hz", rates[1], num_units),
        ("rate_log_ratio", rate_log_ratio(made, real), num_units),
        ("rate_correlation", rate_correlation(made, real, seen), num_units),
        ("isi_distance", *isi_distance(made, real, bin_size, seen)),
        ("pair_correlation", *pair_correlation(made, real, bin_size, seen)),
    ]
    return pd.DataFrame(rows, columns=["statistic", "value", "num_compared"])


def _count_windows(spikes: Integer[np.ndarray, "time unit"], bins: int) -> Float[np.ndarray, "window unit"]:
    num_windows = max(len(spikes) // max(bins, 1), 1)
    whole = spikes[: num_windows * max(bins, 1)]
    counts: np.ndarray = (whole > 0).reshape(num_windows, -1, spikes.shape[1]).sum(axis=1)
    return counts.astype(np.float64)
