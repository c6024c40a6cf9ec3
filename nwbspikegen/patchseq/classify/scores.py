"""How well classes are told apart, with intervals over donors, and how far apart they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64, Shaped

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.calibration import calibration_error

Metric = Literal["macro_f1", "balanced_accuracy", "accuracy"]
METRICS: tuple[Metric, ...] = ("macro_f1", "balanced_accuracy", "accuracy")


@dataclass(frozen=True)
class Interval:
    """A value with the 95 % interval of its bootstrap over donors."""

    value: float
    low: float
    high: float


def score_classes(
    predicted: Shaped[np.ndarray, "run cell"],
    classes: Shaped[np.ndarray, " cell"],
    donors: Shaped[np.ndarray, " cell"],
    *,
    metric: Metric = "macro_f1",
    seed: int = 0,
    resamples: int = 2000,
) -> Interval:
    """Return a score averaged over runs (seeds of folds), with a 95 % interval over donors.

    Donors are drawn with replacement with all their cells, in every run alike. ``macro_f1`` is the
    mean over classes of 2 hits / (cells + predictions), ``balanced_accuracy`` the mean over classes
    of hits / cells, ``accuracy`` hits / cells; a class without a cell in a draw is left out of it.

    Examples
    --------
    >>> classes = np.array(["Sst", "Vip", "Sst", "Vip"])
    >>> score_classes(classes[None], classes, np.array(["a", "a", "b", "b"])).low
    1.0
    """
    counts, weights = _count(predicted, classes, donors, seed, resamples)
    return _summarise(_evaluate(counts, weights, metric))


def compare_classes(
    first: Shaped[np.ndarray, "run cell"],
    second: Shaped[np.ndarray, "run cell"],
    classes: Shaped[np.ndarray, " cell"],
    donors: Shaped[np.ndarray, " cell"],
    *,
    metric: Metric = "macro_f1",
    seed: int = 0,
    resamples: int = 2000,
) -> Interval:
    """Return by how much `first` scores above `second`, paired: both on the same draws of donors.

    An interval above zero says that `first` is better. Parameters as for `score_classes`.
    """
    ours, weights = _count(first, classes, donors, seed, resamples)
    theirs, _ = _count(second, classes, donors, seed, resamples)
    return _summarise(_evaluate(ours, weights, metric) - _evaluate(theirs, weights, metric))


def score_confidence(
    probability: Float64[np.ndarray, "cell class"],
    class_names: Shaped[np.ndarray, " class"],
    classes: Shaped[np.ndarray, " cell"],
) -> float:
    """Return the expected calibration error of the predicted class's probability, in groups of equal size."""
    hit = class_names[probability.argmax(axis=1)] == classes
    return calibration_error(probability.max(axis=1), hit.astype(float))


def measure_separation(
    values: Float64[np.ndarray, "cell component"],
    classes: Shaped[np.ndarray, " cell"],
    *,
    neighbours: int = 15,
) -> pd.DataFrame:
    """Return how far apart the classes lie: mean silhouette, and share of neighbours of the same class.

    Cells with a gap are left out; ``num_cells`` says how many remain. A class spread at random has a
    silhouette near 0 or below, and a share near its share of the cells (``chance``).

    Examples
    --------
    >>> values = np.array([[0.0], [0.1], [5.0], [5.1]])
    >>> measure_separation(values, np.array(["a", "a", "b", "b"]), neighbours=1).same_class.tolist()
    [1.0, 1.0]
    """
    from sklearn.metrics import silhouette_samples
    from sklearn.neighbors import NearestNeighbors

    whole = np.isfinite(values).all(axis=1)
    values, classes = values[whole], classes[whole]
    names, counts = np.unique(classes, return_counts=True)
    # silhouettes need fewer classes than cells
    if len(names) < 2 or len(values) <= max(neighbours, len(names)):
        raise InputError(
            f"{len(values)} whole cells of {len(names)} classes",
            f"cells of two classes, and more than the {neighbours} neighbours of each",
            "take more cells, or fewer neighbours",
        )
    # asked without rows, it leaves each cell out of its own neighbours
    near = NearestNeighbors(n_neighbors=neighbours).fit(values).kneighbors(return_distance=False)
    table = pd.DataFrame(
        {
            "cell_class": classes,
            "silhouette": silhouette_samples(values, classes),
            "same_class": (classes[near] == classes[:, None]).mean(axis=1),
        }
    )
    return table.groupby("cell_class").mean().assign(chance=counts / counts.sum(), num_cells=counts)


def _count(
    predicted: Shaped[np.ndarray, "run cell"],
    classes: Shaped[np.ndarray, " cell"],
    donors: Shaped[np.ndarray, " cell"],
    seed: int,
    resamples: int,
) -> tuple[Float64[np.ndarray, "run donor class predicted"], Float64[np.ndarray, "draw donor"]]:
    """Return confusion counts per donor, and how often each donor is drawn (first row: once each)."""
    names = np.unique(classes)
    groups, group = np.unique(donors, return_inverse=True)
    truth = np.searchsorted(names, classes)
    # a prediction of a class that no cell has counts against the cell and for nobody
    counts = np.zeros((len(predicted), len(groups), len(names), len(names) + 1))
    for run, one in enumerate(predicted):
        place = np.minimum(np.searchsorted(names, one), len(names) - 1)
        place = np.where(names[place] == one, place, len(names))
        np.add.at(counts[run], (group, truth, place), 1)
    # a bootstrap of whole donors: cells of one donor are alike, and an interval over cells would be too
    # narrow. How often each donor is drawn is all that a draw is, so every table of counts is made once
    drawn = np.random.default_rng(seed).multinomial(
        len(groups), np.full(len(groups), 1 / len(groups)), resamples
    )
    return counts, np.vstack([np.ones(len(groups)), drawn])


def _evaluate(
    counts: Float64[np.ndarray, "run donor class predicted"],
    weights: Float64[np.ndarray, "draw donor"],
    metric: Metric,
) -> Float64[np.ndarray, " draw"]:
    table = np.einsum("wd,rdcp->wrcp", weights, counts, optimize=True)
    cells, num_classes = table.sum(axis=3), table.shape[2]
    hits = np.diagonal(table[..., :num_classes], axis1=2, axis2=3)
    if metric == "accuracy":
        by_run = hits.sum(axis=2) / cells.sum(axis=2)
        return np.asarray(by_run.mean(axis=1))
    # F1 = 2 hits / (cells + predictions), the harmonic mean of hits / cells and hits / predictions
    below = cells if metric == "balanced_accuracy" else (cells + table[..., :num_classes].sum(axis=2)) / 2
    known = cells > 0
    # a class of which a draw has no cell has no score; 0 would be one
    by_class = np.where(known, hits / np.where(below > 0, below, 1), 0)
    return np.asarray((by_class.sum(axis=2) / known.sum(axis=2)).mean(axis=1))


def _summarise(draws: Float64[np.ndarray, " draw"]) -> Interval:
    # the first row is the sample itself, not a draw of it
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return Interval(float(draws[0]), float(low), float(high))
