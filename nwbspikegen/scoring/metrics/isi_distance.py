"""How far the inter-spike intervals of a generated train are from the recorded ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64, Integer

from nwbspikegen.core.large_arrays import release
from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction
from nwbspikegen.views.history import Mask


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
        # one spike has no interval; a train without any is for the rates to tell
        if len(made) and len(real):
            # distances of whole bins, made seconds at the end: exact as long as possible
            distances.append(wasserstein_distance(made, real) * bin_size)
        release(generated, recorded, observed)
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
        # an interval is whole when no unobserved bin was counted between its two spikes
        missed = np.cumsum(~observed)
        intervals = intervals[np.diff(missed[bins]) == 0]
    return intervals


def _measure(scored: ScoredPrediction) -> list[Measured]:
    segment = scored.segment
    distance, num_paired = isi_distance(*scored.trains, segment.bin_size, segment.observed)
    return [Measured("", np.array([distance]), num_paired)]


ISI_DISTANCE = Metric(
    name="isi_distance",
    title="Distance of inter-spike intervals",
    column="",
    better="lower",
    unit="s",
    meaning="Wasserstein-1 distance between the inter-spike intervals of a generated train and the recorded "
    "ones, averaged over units.",
    needs="generated_train",
    has_interval=False,
    measure=_measure,
)
