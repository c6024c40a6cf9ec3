"""Points of ROC and precision-recall curves, thinned for plotting; areas come from `ranking`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Shaped


@dataclass(frozen=True)
class Curve:
    """Points of a curve, from the highest threshold to the lowest."""

    x: Float64[np.ndarray, " point"]
    y: Float64[np.ndarray, " point"]


def roc_curve(
    spike_probability: Float[np.ndarray, "*shape"],
    spikes: Shaped[np.ndarray, "*shape"],
    num_points: int = 1000,
) -> Curve:
    """Return false positive rate (x) and true positive rate (y), over all bins and units.

    Parameters
    ----------
    spike_probability, spikes : array
        Same shape; a spike count above 0 is a bin with a spike. NaN points without a spike or
        without a silent bin.
    num_points : int
        Keep about this many, evenly spaced along both axes; the ends are always kept.

    Examples
    --------
    >>> curve = roc_curve(np.array([0.1, 0.9]), np.array([0, 1]))
    >>> curve.x.tolist(), curve.y.tolist()
    ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    hits, false_alarms = _count_from_highest(spike_probability.ravel(), spikes.ravel() > 0)
    with np.errstate(invalid="ignore"):
        x = np.concatenate([[0.0], false_alarms / false_alarms[-1]])
        y = np.concatenate([[0.0], hits / hits[-1]])
    return _thin(x, y, num_points)


def average_roc_curves(
    spike_probability: Float[np.ndarray, "time unit"],
    spikes: Shaped[np.ndarray, "time unit"],
    observed: Bool[np.ndarray, "time unit"] | None = None,
    num_points: int = 200,
) -> Curve:
    """Return the mean over units of the ROC curves within each: true positive rate at even false ones.

    Units without a spike, or without a silent bin, are left out. The area below is, but for the grid, the
    mean of the areas within units.

    Examples
    --------
    >>> spikes = np.array([[0, 1], [1, 1], [0, 0], [0, 0]])
    >>> float(average_roc_curves(spikes * 0.5, spikes).y.min())
    1.0
    """
    grid = np.linspace(0.0, 1.0, num_points)
    found = []
    for unit in range(spikes.shape[1]):
        seen = slice(None) if observed is None else observed[:, unit]
        fired = spikes[seen, unit] > 0
        if fired.any() and not fired.all():
            curve = roc_curve(spike_probability[seen, unit], fired)
            # of points above each other the highest: what is reached without one more false alarm
            found.append(np.interp(grid, curve.x, curve.y))
    return Curve(grid, np.mean(found, axis=0) if found else np.full(num_points, np.nan))


def precision_recall_curve(
    spike_probability: Float[np.ndarray, "*shape"],
    spikes: Shaped[np.ndarray, "*shape"],
    num_points: int = 1000,
) -> Curve:
    """Return recall (x) and precision (y), over all bins and units, from precision 1 at recall 0.

    Parameters as for `roc_curve`; recall is NaN without a spike.

    Examples
    --------
    >>> curve = precision_recall_curve(np.array([0.1, 0.9]), np.array([0, 1]))
    >>> curve.x.tolist(), curve.y.tolist()
    ([0.0, 1.0, 1.0], [1.0, 1.0, 0.5])
    """
    hits, false_alarms = _count_from_highest(spike_probability.ravel(), spikes.ravel() > 0)
    with np.errstate(invalid="ignore"):
        x = np.concatenate([[0.0], hits / hits[-1]])
    # precision at recall 0 is 0 / 0; 1 is scikit-learn's convention, with which the areas agree
    y = np.concatenate([[1.0], hits / (hits + false_alarms)])
    return _thin(x, y, num_points)


_Counts = tuple[Int64[np.ndarray, " threshold"], Int64[np.ndarray, " threshold"]]


def _count_from_highest(probability: Float[np.ndarray, " pair"], spike: Bool[np.ndarray, " pair"]) -> _Counts:
    """Return spikes and silent bins at or above each distinct probability, from the highest."""
    order = np.argsort(probability)[::-1]
    # equal probabilities are one threshold: steps between them would be drawn by the order of the sort alone
    last = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
    hits = np.cumsum(spike[order])[last]
    return hits, last + 1 - hits


def _thin(x: Float64[np.ndarray, " all"], y: Float64[np.ndarray, " all"], num_points: int) -> Curve:
    if len(x) <= num_points:
        return Curve(x, y)
    # length along the curve, so that steep and flat parts keep points alike
    length = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
    kept = np.searchsorted(length, np.linspace(0, length[-1], num_points))
    kept = np.unique(np.concatenate([[0], np.minimum(kept, len(x) - 1), [len(x) - 1]]))
    return Curve(x[kept], y[kept])
