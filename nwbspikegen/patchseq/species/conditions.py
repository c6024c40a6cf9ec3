"""Ways to carry classes from one species to another, on the same folds, cells and criterion.

A transfer condition is what a classifier may learn from, and how. Each gets the same `TransferDataset` as
every other and returns a function from target cells to probabilities. (The column `condition` of a table,
culture or acute, is another thing: how the tissue was kept.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.folds import draw_labelled, folds_by_donor
from nwbspikegen.patchseq.classify.forest import fit_forest
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.species.alignment import align
from nwbspikegen.patchseq.species.alignment_shares import SharedSpace, align_shares

_Values = Float64[np.ndarray, "_cell _feature"]
TargetClassifier = Callable[[_Values], Float64[np.ndarray, "_cell class"]]
# settled on seeds 100-105 of the human table, not on those of docs/benchmarks/patchseq_tables.md: the gain
# is .037 of balanced accuracy at 24 labelled cells, and gone at 96
_SOURCE_CELLS = 24


@dataclass(frozen=True)
class TransferDataset:
    """What every condition may learn from.

    Attributes
    ----------
    source : array, shape (cell, feature)
        Cells of the source species, with `source_classes`.
    unlabelled : array, shape (cell, feature)
        Cells of the target species, training side of the fold, without their classes.
    labelled : array, shape (cell, feature)
        Those of them that are labelled, with `labelled_classes`; none for zero-shot.
    class_names : array of str, shape (class,)
        Order of the probabilities; the source has every class.
    """

    source: _Values
    source_classes: np.ndarray
    unlabelled: _Values
    labelled: _Values
    labelled_classes: np.ndarray
    class_names: np.ndarray
    seed: int = 0


TransferCondition = Callable[[TransferDataset], TargetClassifier]


def fit_zero_shot(
    dataset: TransferDataset, *, method: str = "rank", estimate: bool = True
) -> TargetClassifier:
    """Classify by the source alone, after label-free alignment to the target's estimated composition.

    A linear discriminant with equal priors and Ledoit-Wolf shrinkage, trained on the aligned source.
    """
    space = align_shares(
        dataset.source,
        dataset.source_classes,
        dataset.unlabelled,
        method=method,
        estimate=estimate,
        seed=dataset.seed,
    )
    return _classify_by_source(space, dataset)


def fit_target_only(dataset: TransferDataset) -> TargetClassifier:
    """Classify by the labelled target cells alone: the same discriminant, in normal scores of the target."""
    # unlabelled cells have no classes to leak: their ranks are better known than those of 24 cells
    place = align(dataset.source, dataset.unlabelled).place
    discriminant = _fit_discriminant(place(dataset.labelled), dataset.labelled_classes)
    return lambda values: discriminant(place(values))


def fit_pooled(dataset: TransferDataset) -> TargetClassifier:
    """Pool log probabilities: the target-only discriminant's, and 24 / n times the source's.

    The source counts as much as 24 labelled cells, so that it fades as the number n of labelled cells
    grows. Its composition is that of the labelled cells.
    """
    from scipy.special import softmax

    names, counts = dataset.class_names, _count(dataset.labelled_classes, dataset.class_names)
    # half a cell for a class of which none is labelled: it is rare, not absent
    shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    size = _count(dataset.source_classes, names)
    number = np.searchsorted(names, dataset.source_classes)
    weight = (shares / size)[number]
    aligned = align(dataset.source, dataset.unlabelled, source_weight=weight)
    theirs = _fit_discriminant(aligned.source, dataset.source_classes)
    own = fit_target_only(dataset)
    strength = _SOURCE_CELLS / len(dataset.labelled)

    def classify(values: _Values) -> Float64[np.ndarray, "_cell class"]:
        pooled = _log(own(values)) + strength * _log(theirs(aligned.place(values)))
        return np.asarray(softmax(pooled, axis=1), dtype=np.float64)

    return classify


def fit_target_forest(dataset: TransferDataset) -> TargetClassifier:
    """Classify by a forest grown on the labelled target cells alone."""
    return fit_forest(dataset.labelled, dataset.labelled_classes, seed=dataset.seed).predict_proba


def fit_stacked_forest(dataset: TransferDataset) -> TargetClassifier:
    """Classify by a forest that has the source's opinion as further features.

    The further features are the log probabilities of the zero-shot classifier. It has seen no class of
    the target, so on labelled and on new cells they come about alike, as crossed fits would make them.
    """
    zero = fit_zero_shot(dataset)

    def stack(values: _Values) -> _Values:
        return np.hstack([values, _log(zero(values))])

    forest = fit_forest(stack(dataset.labelled), dataset.labelled_classes, seed=dataset.seed)
    return lambda values: forest.predict_proba(stack(values))


TRANSFER_CONDITIONS: dict[str, TransferCondition] = {
    "target_only": fit_target_only,
    "pooled": fit_pooled,
    "target_forest": fit_target_forest,
    "stacked_forest": fit_stacked_forest,
}


def predict_conditions(
    source: CellTable,
    target: CellTable,
    conditions: Mapping[str, TransferCondition],
    *,
    num_labelled: int | None,
    seeds: Sequence[int],
    num_folds: int = 5,
) -> dict[str, Shaped[np.ndarray, "run cell"]]:
    """Return what each condition predicts for every target cell, one run a seed, from folds by donor.

    In each fold `num_labelled` cells of the training side are labelled (None: none, for zero-shot
    conditions), the same for every condition; its other cells are known without class; donors of the
    test side are unknown.

    Parameters
    ----------
    source, target : CellTable
        With the same features; the target's classes score and, where labelled, teach.
    """
    if list(source.features) != list(target.features):
        raise InputError("tables with different features", "the same features", "use share_features on both")
    names = np.unique(source.classes)
    predicted = {name: np.full((len(seeds), len(target)), "", dtype=names.dtype) for name in conditions}
    for run, seed in enumerate(seeds):
        for fold, (train, test) in enumerate(
            folds_by_donor(target.classes, target.donors, num_folds=num_folds, seed=seed)
        ):
            # a number for each fold, so that folds do not share what chance draws
            dataset = _make_dataset(source, target, train, num_labelled, 1000 * seed + fold)
            for name, condition in conditions.items():
                # labels of the test side go nowhere but into the score
                probability = condition(dataset)(target.values[test])
                predicted[name][run, test] = names[probability.argmax(axis=1)]
    return predicted


def _make_dataset(
    source: CellTable,
    target: CellTable,
    train: Int64[np.ndarray, " train"],
    num_labelled: int | None,
    seed: int,
) -> TransferDataset:
    drawn = train[:0]
    if num_labelled is not None:
        drawn = train[draw_labelled(target.classes[train], num_labelled, seed=seed)]
    return TransferDataset(
        source.values,
        source.classes,
        target.values[train],
        target.values[drawn],
        target.classes[drawn],
        np.unique(source.classes),
        seed,
    )


def _classify_by_source(space: SharedSpace, dataset: TransferDataset) -> TargetClassifier:
    discriminant = _fit_discriminant(space.aligned.source, dataset.source_classes)
    return lambda values: discriminant(space.aligned.place(values))


def _fit_discriminant(values: _Values, classes: Shaped[np.ndarray, " _cell"]) -> TargetClassifier:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    num_classes = len(np.unique(classes))
    # shrinkage, since a few dozen labelled cells have 19 features and more; equal priors, since the shares
    # of the classes differ between species and balanced accuracy counts them alike
    model = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=[1 / num_classes] * num_classes
    )
    fitted = model.fit(values, classes)
    return lambda new: np.asarray(fitted.predict_proba(new), dtype=np.float64)


def _count(
    classes: Shaped[np.ndarray, " _cell"], names: Shaped[np.ndarray, " class"]
) -> Float64[np.ndarray, " class"]:
    return np.asarray([(classes == name).sum() for name in names], dtype=np.float64)


def _log(probability: Float64[np.ndarray, "_cell class"]) -> Float64[np.ndarray, "_cell class"]:
    # one classifier that is certain must not silence the other
    return np.asarray(np.log(probability + 1e-4))
