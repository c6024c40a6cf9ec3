"""Cross-validation by donor: what a recipe is worth on donors that it has not seen."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.confidence import Confidence, fit_confidence
from nwbspikegen.patchseq.classify.folds import folds_by_donor
from nwbspikegen.patchseq.classify.scores import METRICS, score_classes, score_confidence
from nwbspikegen.patchseq.run.fit import Recipe, fit_cells, predict_cells
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.scoring.metrics import CALIBRATION_ERROR

_LOG = logging.getLogger("nwbspikegen")
MAJORITY = "majority"
SET_COVERAGE, SET_SIZE = "set_coverage", "set_size"


@dataclass(frozen=True)
class Validation:
    """What cross-validation gave.

    Attributes
    ----------
    scores : DataFrame
        One row per predictor and metric: `value` (mean over repeats), `sd` (over repeats, NaN for one),
        `ci_low` and `ci_high` (95 % over donors), `num_cells`, `num_donors`.
    predictions : xarray.Dataset
        `predicted_class` (repeat, cell), `probability` and `in_set` (repeat, cell, class), `attention`
        (repeat, cell, family) of a network: each cell by the model that had not seen its donor, calibrated
        on the cells of other folds.
    classes : array of str
        The classes as labelled.
    confidence : Confidence
        Learned from all held-out predictions: for a model that is fitted on all cells.
    """

    scores: pd.DataFrame
    predictions: xr.Dataset
    classes: np.ndarray
    confidence: Confidence

    @property
    def confusion(self) -> pd.DataFrame:
        """Cells by class (row) and predicted class (column), mean over repeats."""
        return count_confusion(self.predictions["predicted_class"].values.astype(str), self.classes)


def count_confusion(predicted: np.ndarray, classes: np.ndarray) -> pd.DataFrame:
    """Return cells by class (row) and predicted class (column), mean over runs (run, cell)."""
    from sklearn.metrics import confusion_matrix

    names = np.unique(classes)
    counts = sum(confusion_matrix(classes, run, labels=names) for run in predicted)
    return pd.DataFrame(counts / len(predicted), names, names)


def validate_recipe(
    cells: LoadedCells, recipe: Recipe, *, num_folds: int = 5, repeats: int = 3, seed: int = 0
) -> Validation:
    """Fit on the donors of all folds but one, predict those of that one; again with other folds.

    Components and everything else is fitted within the fold. Beside the recipe stands the majority: the
    most frequent class of the training cells.

    Raises
    ------
    InputError
        Fewer donors than two, or a class that only one donor has, so that it cannot be tested.
    """
    classes, donors = cells.table.classes, cells.table.donors
    num_folds = _choose_folds(classes, donors, num_folds)
    runs, majority = [], np.full((repeats, len(classes)), "", dtype=object)
    fold_of = np.zeros((repeats, len(classes)), dtype=np.int64)
    for repeat in range(repeats):
        parts = []
        for fold, (train, test) in enumerate(
            folds_by_donor(classes, donors, num_folds=num_folds, seed=seed + repeat)
        ):
            model = fit_cells(
                cells.select(_mask(train, len(classes))), recipe, seed=seed + repeat, training={}
            )
            parts.append(predict_cells(model, cells.select(_mask(test, len(classes)))))
            # of the training side: the most frequent class of all cells has seen the test cells
            names, counts = np.unique(classes[train], return_counts=True)
            majority[repeat, test] = names[np.argmax(counts)]
            fold_of[repeat, test] = fold
            _LOG.info("repeat %d of %d, fold %d of %d", repeat + 1, repeats, fold + 1, num_folds)
        runs.append(_stack(parts, cells))
    raw = xr.concat(runs, "repeat")
    predictions = calibrate_across(raw, classes, fold_of)
    name = recipe.kind
    table = [
        *_score(name, predictions["predicted_class"].values.astype(str), classes, donors),
        *_score(MAJORITY, majority.astype(str), classes, donors),
        *_score_confidence(name, predictions, classes, donors),
    ]
    truth = np.searchsorted(raw["class"].values.astype(str), classes)
    confidence = fit_confidence(_order(raw["probability"]), truth)
    return Validation(pd.DataFrame(table), predictions, classes, confidence)


def calibrate_across(raw: xr.Dataset, classes: np.ndarray, fold_of: np.ndarray) -> xr.Dataset:
    """Return held-out predictions, each calibrated on the cells of the other folds; and sets of classes.

    Parameters
    ----------
    raw : Dataset
        `probability` (repeat, cell, class) of models that had not seen the cell's donor.
    classes : array of str, shape (cell,)
        The classes as labelled.
    fold_of : array of int, shape (repeat, cell)
        In which fold each cell was held out.
    """
    probability, truth = _order(raw["probability"]), np.searchsorted(raw["class"].values.astype(str), classes)
    calibrated, in_set = np.empty_like(probability), np.zeros(probability.shape, dtype=bool)
    for repeat, folds in enumerate(fold_of):
        for fold in np.unique(folds):
            test = folds == fold
            confidence = fit_confidence(probability[None, repeat, ~test], truth[~test])
            calibrated[repeat, test] = confidence.calibrate(probability[repeat, test])
            in_set[repeat, test] = confidence.choose_sets(calibrated[repeat, test])
    order = ("repeat", "cell", "class")
    return raw.assign(probability=(order, calibrated), in_set=(order, in_set))


def _order(probability: xr.DataArray) -> np.ndarray:
    return np.asarray(probability.transpose("repeat", "cell", "class").values, dtype=np.float64)


def _choose_folds(classes: np.ndarray, donors: np.ndarray, wanted: int) -> int:
    if len(np.unique(donors)) < 2:
        raise InputError(
            f"cells of {len(np.unique(donors))} donor",
            "two donors or more, to test on unseen ones",
            "name the column with --donor-column, or pass cells of more donors",
        )
    # with more folds than donors of a class, some fold would train or test without it
    fewest = min(len(np.unique(donors[classes == name])) for name in np.unique(classes))
    if fewest < 2:
        raise InputError(
            "a class that one donor alone has",
            "every class in two donors or more",
            "leave the class out, or pass cells of more donors",
        )
    return min(wanted, fewest)


def _mask(chosen: np.ndarray, length: int) -> np.ndarray:
    mask = np.zeros(length, dtype=bool)
    mask[chosen] = True
    return mask


def _stack(parts: list[xr.Dataset], cells: LoadedCells) -> xr.Dataset:
    """Put folds together in the order of the cells; a fold without a class gives it probability 0."""
    names = np.unique(cells.table.classes)
    whole = xr.concat(
        [part.reindex({"class": names}, fill_value={"probability": 0.0}) for part in parts],
        "cell",
        join="outer",
    )
    # folds come in another order than the cells
    return whole.sel(cell=cells.table.features.index.to_numpy(str))


def _score(
    name: str, predicted: np.ndarray, classes: np.ndarray, donors: np.ndarray
) -> list[dict[str, object]]:
    rows = []
    for metric in METRICS:
        found = score_classes(predicted, classes, donors, metric=metric)
        # their mean is the value; the draws of a bootstrap that nobody asks for are kept to the fewest
        each = [
            score_classes(run[None], classes, donors, metric=metric, resamples=2).value for run in predicted
        ]
        rows.append(_row(name, metric, each, (found.low, found.high), classes, donors))
    return rows


def _score_confidence(
    name: str, predictions: xr.Dataset, classes: np.ndarray, donors: np.ndarray
) -> list[dict[str, object]]:
    names = predictions["class"].values.astype(str)
    own = np.searchsorted(names, classes)
    each: dict[str, list[float]] = {CALIBRATION_ERROR.name: [], SET_COVERAGE: [], SET_SIZE: []}
    for repeat in range(predictions.sizes["repeat"]):
        one = predictions.isel(repeat=repeat)
        sets = one["in_set"].transpose("cell", "class").values
        error = score_confidence(one["probability"].transpose("cell", "class").values, names, classes)
        each[CALIBRATION_ERROR.name].append(error)
        each[SET_COVERAGE].append(float(sets[np.arange(len(own)), own].mean()))
        each[SET_SIZE].append(float(sets.sum(axis=1).mean()))
    # no interval: groups of equal size would have to be cut anew for each draw of donors
    return [_row(name, metric, values, (np.nan, np.nan), classes, donors) for metric, values in each.items()]


def _row(
    name: str,
    metric: str,
    each: list[float],
    interval: tuple[float, float],
    classes: np.ndarray,
    donors: np.ndarray,
) -> dict[str, object]:
    return {
        "predictor": name,
        "metric": metric,
        "value": float(np.mean(each)),
        "sd": float(np.std(each, ddof=1)) if len(each) > 1 else np.nan,
        "ci_low": interval[0],
        "ci_high": interval[1],
        "num_cells": len(classes),
        "num_donors": len(np.unique(donors)),
    }
