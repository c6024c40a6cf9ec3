"""How sure a prediction is: a probability that was calibrated on unseen donors, and a set of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

# of the cells of new donors, whose class is in the set
COVERAGE = 0.9
# a vote of 500 trees, all but one of one mind; log odds of 1 would be infinite
_SUREST = 0.999


@dataclass(frozen=True)
class Confidence:
    """What turns a classifier's probabilities into calibrated ones, and these into sets of classes.

    Attributes
    ----------
    slope : float
        Of the log odds of the predicted class.
    intercept : array, shape (class,)
        Added to them, by predicted class.
    least_probability : float
        A class belongs to a cell's set where its calibrated probability is not below this.
    coverage : float
        Share of the cells of new donors whose class is in the set, as it was asked for.
    num_cells : int
        Cells from whose held-out predictions this was learned.
    """

    slope: float
    intercept: Float64[np.ndarray, " class"]
    least_probability: float
    coverage: float
    num_cells: int

    def calibrate(self, probability: Float64[np.ndarray, "cell class"]) -> Float64[np.ndarray, "cell class"]:
        """Return calibrated probabilities, of which the predicted class keeps the largest; NaN stays NaN."""
        from scipy.special import expit

        known = np.isfinite(probability).all(axis=1)
        given = probability[known]
        cell, best = np.arange(len(given)), given.argmax(axis=1)
        sure = expit(self.slope * _log_odds(given[cell, best]) + self.intercept[best])
        rest = given.copy()
        rest[cell, best] = 0.0
        total = rest.sum(axis=1)
        # where one class has all of it, the others share what calibration takes away
        others = np.full_like(rest, 1 / max(given.shape[1] - 1, 1))
        others[cell, best] = 0.0
        rest = np.where(total[:, None] > 0, rest / np.where(total > 0, total, 1.0)[:, None], others)
        # the other classes keep their odds among themselves; the runner-up may draw level, not overtake
        second = rest.max(axis=1)
        sure = np.maximum(sure, second / (1 + second))
        calibrated = np.full_like(probability, np.nan)
        rest *= (1 - sure)[:, None]
        rest[cell, best] = sure
        calibrated[known] = rest
        return calibrated

    def choose_sets(self, calibrated: Float64[np.ndarray, "cell class"]) -> Bool[np.ndarray, "cell class"]:
        """Return which classes are in each cell's set; a set may be empty."""
        return np.asarray(calibrated >= self.least_probability)


def fit_confidence(
    probability: Float64[np.ndarray, "run cell class"],
    truth: Int64[np.ndarray, " cell"],
    *,
    coverage: float = COVERAGE,
) -> Confidence:
    """Learn calibration and sets from the predictions of cross-validation by donor.

    The probability of the predicted class goes through a sigmoid (Platt 1999, with his smoothed targets) that
    has an intercept for each predicted class, since classifiers that balance classes are too sure of rare
    ones (top-label calibration, Gupta and Ramdas 2022). Which class is predicted does not change. The sets
    are split-conformal (Vovk et al. 2005): with n cells, `least_probability` is the calibrated probability of
    the right class that a share of ceil((n + 1) coverage) / n of them reach.

    Parameters
    ----------
    probability : array, shape (run, cell, class)
        Of each cell by models that had not seen its donor, once for each deal to folds.
    truth : array of int, shape (cell,)
        Place of each cell's class.
    coverage : float
        Share of cells whose class shall be in the set.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(0, 2, 400)
    >>> sure = np.where(rng.random(400) < 0.7, truth, 1 - truth)[:, None] == [0, 1]
    >>> probability = np.where(sure, 0.95, 0.05)
    >>> confidence = fit_confidence(probability[None], truth)
    >>> confidence.calibrate(probability[:1]).max().round(1), confidence.choose_sets(probability[:1]).sum()
    (np.float64(0.7), np.int64(1))
    """
    from sklearn.linear_model import LogisticRegression

    num_runs, num_cells, num_classes = probability.shape
    rows = probability.reshape(-1, num_classes)
    best, truths = rows.argmax(axis=1), np.tile(truth, num_runs)
    hit = best == truths
    read = np.column_stack([_log_odds(rows.max(axis=1)), np.eye(num_classes)[best]])
    # with targets inside 0 and 1 no class that is always right gets a probability of 1
    target = np.where(hit, (hit.sum() + 1) / (hit.sum() + 2), 1 / ((~hit).sum() + 2))
    weight = np.concatenate([target, 1 - target]) / num_runs
    outcome = np.repeat([True, False], len(rows))
    # scikit-learn shrinks slope and intercepts of the classes by default, so that few cells say little
    sigmoid = LogisticRegression().fit(np.vstack([read, read]), outcome, sample_weight=weight)
    slope, intercept = float(sigmoid.coef_[0, 0]), sigmoid.intercept_[0] + sigmoid.coef_[0, 1:]
    # a classifier that is wrong where it is sure is worth its share of hits, and is not turned round
    fitted = Confidence(max(slope, 0.0), np.asarray(intercept, dtype=np.float64), 0.0, coverage, num_cells)
    own = fitted.calibrate(rows)[np.arange(len(rows)), truths]
    return Confidence(
        fitted.slope, fitted.intercept, _find_least(own, num_cells, coverage), coverage, num_cells
    )


def _find_least(own: Float64[np.ndarray, " row"], num_cells: int, coverage: float) -> float:
    """Return the probability that the right class of so many cells reaches; 0 with too few to say."""
    wanted = np.ceil((num_cells + 1) * coverage) / num_cells
    return float(np.quantile(own, 1 - wanted, method="lower")) if wanted <= 1 else 0.0


def _log_odds(probability: Float64[np.ndarray, " cell"]) -> Float64[np.ndarray, " cell"]:
    from scipy.special import logit

    return np.asarray(logit(np.clip(probability, 1 - _SUREST, _SUREST)), dtype=np.float64)
