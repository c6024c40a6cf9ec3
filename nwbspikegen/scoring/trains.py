"""Generated against recorded spike trains: rates, intervals between spikes, correlations of units.

A generated train is one seeded Bernoulli draw of the predicted probabilities (`nwbspikegen.core.draws`), its
spikes at bin centres. The draw is made one step ahead, from the recorded past, and never fed back.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from jaxtyping import Float, Integer

from nwbspikegen.scoring.metrics.isi_distance import ISI_DISTANCE, isi_distance
from nwbspikegen.scoring.metrics.rate_correlation import RATE_CORRELATION, rate_correlation
from nwbspikegen.scoring.metrics.rate_log_ratio import RATE_LOG_RATIO, rate_log_ratio
from nwbspikegen.views.history import Mask


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
        # a window counts where every bin of it was observed: a part would look like a lower rate
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
    # two points always lie on a line: a correlation of 1 or -1, whatever they are
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
    # a free run is as long as it was asked for, and the recorded segment as long as it is
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
        (RATE_LOG_RATIO.name, rate_log_ratio(made, real), num_units),
        (RATE_CORRELATION.name, rate_correlation(made, real, seen), num_units),
        (ISI_DISTANCE.name, *isi_distance(made, real, bin_size, seen)),
        ("pair_correlation", *pair_correlation(made, real, bin_size, seen)),
    ]
    return pd.DataFrame(rows, columns=["statistic", "value", "num_compared"])


def _count_windows(spikes: Integer[np.ndarray, "time unit"], bins: int) -> Float[np.ndarray, "window unit"]:
    num_windows = max(len(spikes) // max(bins, 1), 1)
    whole = spikes[: num_windows * max(bins, 1)]
    counts: np.ndarray = (whole > 0).reshape(num_windows, -1, spikes.shape[1]).sum(axis=1)
    return counts.astype(np.float64)
