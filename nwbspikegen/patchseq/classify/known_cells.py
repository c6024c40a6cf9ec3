"""How far a cell lies from the cells that were learned from, and whether a set of cells is like them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Shaped

# in robust deviations: what lies further out counts as that where means and covariances are taken
_FURTHEST = 4.0
# shares of the training cells that lie nearer than a distance of 1, and than what is called far. Own cells
# are doubted for empty sets too, 7 % of the mouse's: with .95 for both, one in nine was doubted
_USUAL, _NEAR = 0.95, 0.98
# share of them that may have fewer of the features than what is called usual
_RARE = 0.01
# groups of donors that are left out in turn; with more donors one group holds several
_MOST_GROUPS = 50
# fewer cells say little about a set: of 5, half of the sets of another species are told (docs/benchmarks)
_FEWEST_OF_A_SET = 10


@dataclass(frozen=True)
class KnownCells:
    """What is kept of the training cells: where their classes lie, and how they scatter.

    Features are in robust units: counted from the median, in interquartile ranges / 1.349.

    Attributes
    ----------
    median, deviation : array, shape (feature,)
        Of the training cells, in the units of the features.
    class_mean : array, shape (class, feature)
    covariance : array, shape (feature, feature)
        Of a cell about the mean of its class (Ledoit and Wolf 2004).
    donor_covariance : array, shape (feature, feature)
        The part of it that the cells of a donor share.
    shift : array, shape (feature,)
        Mean of held-out cells about the mean of the class that they were predicted to be.
    scale : array, shape ()
        Distance that 95 % of the training cells do not reach, each measured without its donor.
    furthest : array, shape ()
        Distance, in that unit, that 98 % of them do not reach.
    usual_share : array, shape ()
        Share of the features that 99 % of the training cells have at least.
    """

    median: Float64[np.ndarray, " feature"]
    deviation: Float64[np.ndarray, " feature"]
    class_mean: Float64[np.ndarray, "class feature"]
    covariance: Float64[np.ndarray, "feature feature"]
    donor_covariance: Float64[np.ndarray, "feature feature"]
    shift: Float64[np.ndarray, " feature"]
    scale: Float64[np.ndarray, ""]
    furthest: Float64[np.ndarray, ""]
    usual_share: Float64[np.ndarray, ""]

    def measure_distance(self, values: Float64[np.ndarray, "cell feature"]) -> Float64[np.ndarray, " cell"]:
        """Return each cell's distance; 1 is as far as 95 % of the training cells lie at most.

        The Mahalanobis distance from the nearest class mean over the features that the cell has, per feature
        (root mean square). Beyond 4 deviations a feature counts by its logarithm, or the few cells that lie
        far out in one feature would set the scale for all. NaN for a cell without any feature.
        """
        return _measure(self._standardise(values), self.class_mean, self.covariance) / float(self.scale)

    def test_set(
        self,
        values: Float64[np.ndarray, "cell feature"],
        predicted: Int64[np.ndarray, " cell"],
        donors: Shaped[np.ndarray, " cell"],
    ) -> float:
        """Return how likely so large a common shift is among training cells (p); NaN for fewer than 10 cells.

        Cells of another laboratory or species may each lie where training cells lie, and all be shifted the
        same way. The mean over cells of what is left after the mean of the predicted class is compared with
        what means of as many cells, of as many donors, scatter (chi squared, a degree for each feature).
        Cells whose donor is not known ("") count as of one donor, which makes the test cautious.
        """
        if len(values) < _FEWEST_OF_A_SET:
            return float("nan")
        from scipy.stats import chi2

        left = _leave(self._standardise(values), self.class_mean[predicted])
        _, counts = np.unique(donors, return_counts=True)
        # of the scatter of a mean, the part of donors falls with their number, the rest with that of cells
        by_donor, by_cell = float(((counts / len(values)) ** 2).sum()), 1 / len(values)
        scatter = self.covariance * by_cell + self.donor_covariance * (by_donor - by_cell)
        off = left.mean(axis=0) - self.shift
        return float(chi2.sf(off @ np.linalg.solve(scatter, off), len(off)))

    def _standardise(
        self, values: Float64[np.ndarray, "cell feature"]
    ) -> Float64[np.ndarray, "cell feature"]:
        return np.asarray((values - self.median) / self.deviation, dtype=np.float64)


def learn_known_cells(
    values: Float64[np.ndarray, "cell feature"],
    truth: Int64[np.ndarray, " cell"],
    predicted: Int64[np.ndarray, " cell"],
    donors: Shaped[np.ndarray, " cell"],
) -> KnownCells:
    """Learn where the training cells lie.

    Parameters
    ----------
    values : array, shape (cell, feature)
        What the classifier reads; NaN where missing.
    truth, predicted : array of int, shape (cell,)
        Place of each cell's class, and of that which a model predicted that had not seen its donor.
    donors : array of str, shape (cell,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth, donors = np.repeat([0, 1], 50), np.arange(100).astype(str)
    >>> known = learn_known_cells(rng.normal(size=(100, 2)) + 5 * truth[:, None], truth, truth, donors)
    >>> near, between, odd = known.measure_distance(np.array([[0.0, 0.0], [2.5, 2.5], [0.0, np.nan]]))
    >>> bool(near < 0.3), bool(between > 1.0), bool(odd < 0.3)
    (True, True, True)
    """
    from sklearn.model_selection import GroupKFold

    whole = _learn(values, truth)
    num_groups = min(len(np.unique(donors)), _MOST_GROUPS)
    apart = np.full(len(values), np.nan)
    for train, test in GroupKFold(num_groups).split(values, groups=donors):
        part = _learn(values[train], truth[train])
        apart[test] = _measure(part.standardise(values[test]), part.class_mean, part.covariance)
    scale = float(np.nanquantile(apart, _USUAL))
    left = _leave(_clip(whole.standardise(values)), whole.class_mean[predicted])
    return KnownCells(
        whole.median,
        whole.deviation,
        whole.class_mean,
        whole.covariance,
        _share_of_donors(left, donors),
        left.mean(axis=0),
        np.array(scale),
        np.array(np.nanquantile(apart, _NEAR) / scale),
        np.array(np.quantile(np.isfinite(values).mean(axis=1), _RARE)),
    )


def rebuild_known_cells(arrays: dict[str, np.ndarray], num_classes: int, num_features: int) -> KnownCells:
    """Return what stored arrays hold, by the names of `KnownCells`.

    Raises
    ------
    ValueError, KeyError
        Arrays that are missing, of other classes or features, or no covariances.
    """
    row, square = (num_features,), (num_features, num_features)
    shapes: dict[str, tuple[int, ...]] = {
        "median": row,
        "deviation": row,
        "class_mean": (num_classes, num_features),
        "covariance": square,
        "donor_covariance": square,
        "shift": row,
        "scale": (),
        "furthest": (),
        "usual_share": (),
    }
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.float64 or not np.isfinite(array).all():
            raise ValueError(f"{name} of the training cells that does not fit")
    if not (arrays["deviation"] > 0).all() or not arrays["scale"] > 0:
        raise ValueError("training cells without scatter")
    # raises LinAlgError, which is a ValueError, where it is not positive
    np.linalg.cholesky(arrays["covariance"])
    return KnownCells(**{name: arrays[name] for name in shapes})


@dataclass(frozen=True)
class _Learned:
    median: np.ndarray
    deviation: np.ndarray
    class_mean: np.ndarray
    covariance: np.ndarray

    def standardise(self, values: Float64[np.ndarray, "cell feature"]) -> Float64[np.ndarray, "cell feature"]:
        return np.asarray((values - self.median) / self.deviation, dtype=np.float64)


def _learn(values: Float64[np.ndarray, "cell feature"], truth: Int64[np.ndarray, " cell"]) -> _Learned:
    from sklearn.covariance import LedoitWolf

    # a feature that nobody has is 0 everywhere, and of a cell that has it nothing is known
    some = np.where(np.isfinite(values).any(axis=0), values, 0.0)
    low, median, high = np.nanquantile(some, (0.25, 0.5, 0.75), axis=0)
    # a quarter of 1.349 deviations lies within the quartiles of a normal
    deviation = (high - low) / 1.349
    deviation = np.where(deviation > 0, deviation, np.nanstd(some, axis=0))
    deviation[deviation == 0] = 1.0
    scaled = _clip((values - median) / deviation)
    names = np.unique(truth)
    means = np.zeros((int(truth.max()) + 1, values.shape[1]))
    for name in names:
        of = scaled[truth == name]
        known = np.isfinite(of)
        means[name] = np.where(known, of, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    left = _leave(scaled, means[truth])
    # a class that no cell has is no place to be near to
    means = means if len(names) == len(means) else means[names]
    return _Learned(median, deviation, means, _widen(LedoitWolf(assume_centered=True).fit(left).covariance_))


def _widen(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance that can be inverted, also where a feature is the same in all cells."""
    return np.asarray(
        covariance + 1e-3 * max(np.trace(covariance) / len(covariance), 1e-6) * np.eye(len(covariance))
    )


def _clip(scaled: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(scaled, -_FURTHEST, _FURTHEST), dtype=np.float64)


def _soften(scaled: np.ndarray) -> np.ndarray:
    """Return what lies beyond 4 deviations on a logarithmic scale, which goes on where the even one ends."""
    beyond = np.maximum(np.abs(scaled) / _FURTHEST, 1.0)
    return np.asarray(_clip(scaled) * (1 + np.log(beyond)), dtype=np.float64)


def _leave(scaled: np.ndarray, mean: np.ndarray) -> Float64[np.ndarray, "cell feature"]:
    """Return what is left after a mean; a gap counts as the mean."""
    return np.asarray(np.nan_to_num(_clip(scaled) - mean), dtype=np.float64)


def _measure(
    scaled: Float64[np.ndarray, "cell feature"],
    means: Float64[np.ndarray, "class feature"],
    covariance: Float64[np.ndarray, "feature feature"],
) -> Float64[np.ndarray, " cell"]:
    scaled, distance = _soften(scaled), np.full(len(scaled), np.nan)
    # cells with the same gaps together: of a normal, the part that a cell has is normal again, with the part
    # of the covariance that belongs to it
    patterns, of = np.unique(np.isfinite(scaled), axis=0, return_inverse=True)
    for number, there in enumerate(patterns):
        if not there.any():
            continue
        rows = np.flatnonzero(of.ravel() == number)
        root = np.linalg.cholesky(covariance[np.ix_(there, there)])
        off = scaled[np.ix_(rows, there)][None] - means[:, there][:, None]
        # root mean square, so that cells with more or fewer features compare
        white = np.linalg.solve(root, off.reshape(-1, there.sum()).T)
        distance[rows] = np.sqrt((white**2).mean(axis=0).reshape(len(means), -1).min(axis=0))
    return distance


def _share_of_donors(
    left: Float64[np.ndarray, "cell feature"], donors: Shaped[np.ndarray, " cell"]
) -> Float64[np.ndarray, "feature feature"]:
    """Return the covariance of donors' means beyond that of their cells (one-way analysis of variance)."""
    _, place, counts = np.unique(donors, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(place, column) for column in left.T], axis=1) / counts[:, None]
    within = left - means[place]
    # of donors with one cell each nothing tells the parts apart: all of it may be theirs
    free = len(left) - len(counts)
    inner = within.T @ within / free if free > 0 else np.zeros((left.shape[1],) * 2)
    off = means - left.mean(axis=0)
    outer = (off.T * counts) @ off / max(len(counts) - 1, 1)
    size = (len(left) - (counts**2).sum() / len(left)) / max(len(counts) - 1, 1)
    strength, axes = np.linalg.eigh((outer - inner) / max(size, 1.0))
    # a difference of two estimates may fall below 0, a covariance does not
    return np.asarray((axes * np.maximum(strength, 0.0)) @ axes.T)
