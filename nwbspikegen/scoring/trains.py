"""Generated against recorded spike trains: rates and intervals between spikes.

A generated train is one seeded Bernoulli draw of the predicted probabilities (`nwbspikegen.draws`), its
spikes at bin centres. The draw is made one step ahead, from the recorded past, and never fed back.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float, Integer


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
    generated: Integer[np.ndarray, "time unit"], recorded: Integer[np.ndarray, "_time unit"]
) -> float:
    """Return how generated firing rates follow recorded ones from unit to unit.

    Formula: Pearson correlation over units of ln(k + 1/2), k being the bins with a spike; on the log
    scale a few fast units do not decide alone. 1 is perfect, 0 is chance; no null. Edge rule: NaN
    with fewer than two units, or when all have the same rate.

    Examples
    --------
    >>> spikes = np.array([[1, 1], [0, 1]], np.uint8)
    >>> round(rate_correlation(spikes, spikes), 6)
    1.0
    """
    made = np.log((generated > 0).sum(axis=0) + 0.5)
    real = np.log((recorded > 0).sum(axis=0) + 0.5)
    if len(made) < 2 or np.ptp(made) == 0 or np.ptp(real) == 0:
        return float("nan")
    return float(np.corrcoef(made, real)[0, 1])


def isi_distance(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    bin_size: float,
) -> tuple[float, int]:
    """Return how far apart inter-spike intervals are, in seconds, and over how many units.

    Formula: mean over units of the Wasserstein-1 distance between the distributions of intervals.
    Zero is perfect, lower is better; no null. Edge rule: units with fewer than two spikes in either
    train are left out; NaN and 0 when all are.

    Examples
    --------
    >>> made, real = np.array([[1], [1], [0]], np.uint8), np.array([[1], [0], [1]], np.uint8)
    >>> isi_distance(made, real, bin_size=0.001)
    (0.001, 1)
    """
    from scipy.stats import wasserstein_distance

    distances = []
    for unit in range(recorded.shape[1]):
        made = np.diff(np.flatnonzero(generated[:, unit]))
        real = np.diff(np.flatnonzero(recorded[:, unit]))
        if len(made) and len(real):
            distances.append(wasserstein_distance(made, real) * bin_size)
    return (float(np.mean(distances)) if distances else float("nan")), len(distances)


def pair_correlation(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    bin_size: float,
    *,
    window: float = 0.05,
) -> tuple[float, int]:
    """Return how generated correlations between units follow recorded ones, and over how many pairs.

    Formula: Pearson correlation, over pairs of units, of the pairs' correlations of spike counts in
    windows of `window` seconds. 1 is perfect, 0 is chance; no null. Edge rule: units whose count is
    the same in every window of either train are left out; NaN with fewer than three pairs.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((4000, 5)) < 0.1).astype(np.uint8)
    >>> value, pairs = pair_correlation(spikes, spikes, bin_size=0.001)
    >>> round(value, 6), pairs
    (1.0, 10)
    """
    made, real = (_count_windows(spikes, round(window / bin_size)) for spikes in (generated, recorded))
    kept = (np.ptp(made, axis=0) > 0) & (np.ptp(real, axis=0) > 0)
    above = np.triu_indices(int(kept.sum()), 1)
    if len(above[0]) < 3:
        return float("nan"), len(above[0])
    pairs = [np.corrcoef(counts[:, kept], rowvar=False)[above] for counts in (made, real)]
    return float(np.corrcoef(*pairs)[0, 1]), len(above[0])


def compare_trains(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    bin_size: float,
) -> pd.DataFrame:
    """Return all statistics of generated against recorded trains, which may differ in length.

    Columns `statistic`, `value` and `num_compared` (units or pairs). Trains are cut to the shorter
    length; `mean_rate_hz` and `recorded_rate_hz` are means over units.

    Examples
    --------
    >>> spikes = np.eye(4, dtype=np.uint8)
    >>> compare_trains(spikes, spikes, 0.001).statistic.tolist()[:2]
    ['mean_rate_hz', 'recorded_rate_hz']
    """
    length = min(len(generated), len(recorded))
    made, real = generated[:length], recorded[:length]
    num_units = made.shape[1]
    rows: list[tuple[str, float, int]] = [
        ("mean_rate_hz", float((made > 0).mean()) / bin_size, num_units),
        ("recorded_rate_hz", float((real > 0).mean()) / bin_size, num_units),
        ("rate_log_ratio", rate_log_ratio(made, real), num_units),
        ("rate_correlation", rate_correlation(made, real), num_units),
        ("isi_distance", *isi_distance(made, real, bin_size)),
        ("pair_correlation", *pair_correlation(made, real, bin_size)),
    ]
    return pd.DataFrame(rows, columns=["statistic", "value", "num_compared"])


def _count_windows(spikes: Integer[np.ndarray, "time unit"], bins: int) -> Float[np.ndarray, "window unit"]:
    num_windows = max(len(spikes) // max(bins, 1), 1)
    whole = spikes[: num_windows * max(bins, 1)]
    counts: np.ndarray = (whole > 0).reshape(num_windows, -1, spikes.shape[1]).sum(axis=1)
    return counts.astype(np.float64)
