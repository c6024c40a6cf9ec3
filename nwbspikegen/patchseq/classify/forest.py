"""A class-balanced random forest whose probabilities were calibrated on cells that its trees had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped

from nwbspikegen.core.errors import InputError


@dataclass(frozen=True)
class CellForest:
    """A fitted forest as plain arrays, which predicts without scikit-learn and is saved without pickle.

    Attributes
    ----------
    class_names : array of str, shape (class,)
        In the order of the probabilities.
    temperature : float
        Probabilities are raised to 1 / temperature and scaled to sum to 1; below 1 sharpens. It does not
        change which class is the most probable.
    nodes : dict of array
        Of all trees behind one another: ``left``, ``right`` (number of the child, -1 in a leaf),
        ``feature``, ``threshold``, ``missing_left``, ``share`` (node, class), and ``root`` of each tree.
    calibration : dict
        Calibration error of the out-of-bag probabilities, ``before`` and ``after``.
    """

    class_names: np.ndarray
    temperature: float
    nodes: dict[str, np.ndarray]
    num_features: int
    calibration: dict[str, float]

    def predict_proba(self, values: Float64[np.ndarray, "cell feature"]) -> Float64[np.ndarray, "cell class"]:
        """Return the probability of each class for each cell; NaN is a missing value."""
        if values.shape[1] != self.num_features:
            raise InputError(
                f"{values.shape[1]} features", f"{self.num_features}, as in training", "use the same features"
            )
        return _sharpen(_vote(self.nodes, values), self.temperature)

    def predict(self, values: Float64[np.ndarray, "cell feature"]) -> np.ndarray:
        """Return the most probable class of each cell."""
        return np.asarray(self.class_names[self.predict_proba(values).argmax(axis=1)])


def fit_forest(
    values: Float64[np.ndarray, "cell feature"],
    classes: Shaped[np.ndarray, " cell"],
    *,
    num_trees: int = 500,
    seed: int = 0,
) -> CellForest:
    """Fit a class-balanced forest on components or scalars and calibrate it out of bag.

    Missing values (NaN) take the side of each split that served the training cells best (scikit-learn),
    so a masked family costs no cell. The temperature is the one under which the classes of the cells,
    each judged by the trees that were not grown on it, are most likely.

    Parameters
    ----------
    values : array, shape (cell, feature)
    classes : array of str, shape (cell,)
    num_trees : int, default: 500
    seed : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(60, 3)) + np.repeat([[0.0], [3.0]], 30, axis=0)
    >>> forest = fit_forest(values, np.repeat(["Sst", "Vip"], 30), num_trees=50)
    >>> forest.predict(np.array([[0.0, 0.0, np.nan], [3.0, 3.0, 3.0]])).tolist()
    ['Sst', 'Vip']
    """
    import warnings

    from sklearn.ensemble import RandomForestClassifier

    if len(np.unique(classes)) < 2:
        raise InputError("cells of one class", "at least two classes", "add labelled cells")
    forest = RandomForestClassifier(num_trees, class_weight="balanced", oob_score=True, random_state=seed)
    with warnings.catch_warnings():
        # with few trees a cell may be in all bags; such cells are left out below
        warnings.filterwarnings("ignore", message="Some inputs do not have OOB")
        warnings.filterwarnings("ignore", message="invalid value encountered in divide")
        forest.fit(values, classes)
    # each cell judged by the trees that were not grown on it, about 37 % of them (1 / e): as good as
    # held-out cells, and none is lost
    outside = np.asarray(forest.oob_decision_function_, dtype=np.float64)
    temperature, calibration = _calibrate(outside, np.searchsorted(forest.classes_, classes))
    return CellForest(
        np.asarray(forest.classes_, dtype=str), temperature, _flatten(forest), values.shape[1], calibration
    )


def _calibrate(
    outside: Float64[np.ndarray, "cell class"], truth: Int64[np.ndarray, " cell"]
) -> tuple[float, dict[str, float]]:
    from scipy.optimize import minimize_scalar

    from nwbspikegen.patchseq.classify.scores import score_confidence

    known = np.isfinite(outside).all(axis=1)
    outside, truth = outside[known], truth[known]
    if not len(truth):
        return 1.0, {"before": float("nan"), "after": float("nan")}

    def surprise(log_temperature: float) -> float:
        # at the lowest temperature the floor of a vote, 1e-3, becomes 1e-36
        likely = _sharpen(outside, float(np.exp(log_temperature)))[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(likely, 1e-12)).mean())

    # temperature scaling (Guo et al. 2017), on votes of trees instead of logits: averaging draws votes to
    # the middle. The bounds are temperatures of 0.08 and 4.5, far from what is found: 0.68 on the human
    # table (calibration error .170 to .088), 0.66 on a third of the mouse table
    temperature = float(np.exp(minimize_scalar(surprise, bounds=(-2.5, 1.5), method="bounded").x))
    places = np.arange(outside.shape[1])
    return temperature, {
        "before": score_confidence(outside, places, truth),
        "after": score_confidence(_sharpen(outside, temperature), places, truth),
    }


def _sharpen(
    probability: Float64[np.ndarray, "cell class"], temperature: float
) -> Float64[np.ndarray, "cell class"]:
    # a class without a vote keeps a chance, as half a tree of 500 would give it
    raised = np.maximum(probability, 1e-3) ** (1 / temperature)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _flatten(forest: Any) -> dict[str, np.ndarray]:
    trees = [one.tree_ for one in forest.estimators_]
    root = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]

    def join(name: str, shift: bool = False) -> np.ndarray:
        parts = [np.asarray(getattr(tree, name)) for tree in trees]
        if shift:
            # children are numbered within their tree, and here trees lie behind one another
            parts = [np.where(part >= 0, part + start, -1) for part, start in zip(parts, root, strict=True)]
        return np.concatenate(parts)

    share = join("value")[:, 0, :]
    return {
        "root": root.astype(np.int64),
        "left": join("children_left", True).astype(np.int64),
        "right": join("children_right", True).astype(np.int64),
        "feature": join("feature").astype(np.int64),
        "threshold": join("threshold"),
        "missing_left": join("missing_go_to_left").astype(bool),
        "share": share / share.sum(axis=1, keepdims=True),
    }


def _vote(
    nodes: dict[str, np.ndarray], values: Float[np.ndarray, "cell feature"]
) -> Float64[np.ndarray, "cell class"]:
    """Return the mean over trees of the leaves' shares; all trees step down together."""
    # scikit-learn compares in single precision
    narrow = values.astype(np.float32)
    cells = np.arange(len(values))[:, None]
    # one step down for all cells and trees at once: a Python loop over 500 trees would be the slow part
    at = np.broadcast_to(nodes["root"], (len(values), len(nodes["root"]))).copy()
    while True:
        inner = nodes["left"][at] >= 0
        if not inner.any():
            break
        # leaves carry -2 for their feature
        value = narrow[cells, np.maximum(nodes["feature"][at], 0)]
        left = np.where(np.isnan(value), nodes["missing_left"][at], value <= nodes["threshold"][at])
        at = np.where(inner, np.where(left, nodes["left"][at], nodes["right"][at]), at)
    return np.asarray(nodes["share"][at].mean(axis=1))
