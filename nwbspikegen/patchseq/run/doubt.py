"""What stands against believing a prediction: distance, empty sets, species, gaps, a shift of all cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Shaped

from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.run.fit import read_kind
from nwbspikegen.patchseq.run.load import LoadedCells

NONE_OF_THESE = "none of these"
# of a set of cells. Small, since with it every cell of the set is doubted; of sets of 20 cells of another
# species nine in ten fall below it, of the own one in 250 (docs/benchmarks/patchseq_trust.md)
_LEAST_P = 1e-3


@dataclass(frozen=True)
class Doubts:
    """What is said of predictions beside their probabilities.

    Attributes
    ----------
    answer : array of str, shape (cell,)
        The predicted class, or "none of these" for a cell that lies further from the training cells than 98 %
        of them, or whose set of classes is empty. Empty for a cell that could not be predicted.
    doubt : array of str, shape (cell,)
        Why not to believe it; empty where nothing speaks against it.
    set_p : float
        How likely so large a common shift of the cells that are not far is among training cells; NaN where
        it was not tested.
    """

    answer: Shaped[np.ndarray, " cell"]
    doubt: Shaped[np.ndarray, " cell"]
    set_p: float = float("nan")

    @property
    def notes(self) -> tuple[str, ...]:
        """Say in a line each what concerns many cells."""
        told, said = [], self.doubt != ""
        if self.set_p < _LEAST_P:
            told.append(
                f"these {len(self.answer)} cells as a set lie apart from the training cells (p < "
                f"{_LEAST_P:g}): another species, laboratory or protocol, or another unit; doubt every "
                "class, also a probable one"
            )
        none = int((self.answer == NONE_OF_THESE).sum())
        if none:
            told.append(
                f"{none} of {len(self.answer)} cells are answered '{NONE_OF_THESE}'; column doubt says why"
            )
        few = int(said.sum()) - none if not self.set_p < _LEAST_P else 0
        if few > 0:
            told.append(f"{few} more of {len(self.answer)} cells have a doubt")
        return tuple(told)


def find_doubts(
    model: CellModel, predictions: xr.Dataset, cells: LoadedCells, *, is_other_species: bool
) -> Doubts | None:
    """Return what stands against predictions; None of a model that keeps nothing of its training cells."""
    if model.known is None or "in_set" not in predictions:
        return None
    predicted = predictions["predicted_class"].values.astype(str)
    distance, share = predictions["distance"].values, predictions["share_known"].values
    known, is_far = predicted != "", distance > float(model.known.furthest)
    # a cell that lies far is told of by itself, and would shift the mean of the others
    near, set_p = known & ~is_far, float("nan")
    if near.any():
        values, _ = model.read_values(read_kind(model, cells))
        places = np.searchsorted(model.classifier.class_names, predicted[near])
        set_p = model.known.test_set(values[near], places, cells.table.donors[near])
    in_set = np.asarray(predictions["in_set"].transpose("cell", "class").values, dtype=bool)
    is_empty = np.asarray(~in_set.any(axis=1))
    usual = float(model.known.usual_share)
    everywhere = np.ones(len(predicted), dtype=bool)
    reasons: list[tuple[np.ndarray, str]] = [
        (is_far, "further from the training cells than 98 % of them"),
        (is_empty, f"no class in the {predictions.attrs['coverage']:.0%} set"),
        (everywhere & is_other_species, "of another species than the training cells"),
        (everywhere & (set_p < _LEAST_P), "in a set of cells that lies apart from the training cells"),
        (share < usual, f"fewer features than 99 % of the training cells have ({usual:.0%})"),
    ]
    doubt = ["; ".join(why for where, why in reasons if where[cell]) for cell in range(len(predicted))]
    none = known & (is_far | is_empty)
    answer = np.where(none, NONE_OF_THESE, predicted)
    return Doubts(answer.astype(object), np.where(known, np.asarray(doubt, dtype=object), ""), set_p)


def name_sets(in_set: Bool[np.ndarray, "cell class"], names: Sequence[str] | np.ndarray) -> list[str]:
    """Return each cell's set of classes as a text.

    Examples
    --------
    >>> name_sets(np.array([[True, True], [False, False]]), ["Sst", "Vip"])
    ['Sst or Vip', '']
    """
    return [" or ".join(str(name) for name, there in zip(names, row, strict=True) if there) for row in in_set]
