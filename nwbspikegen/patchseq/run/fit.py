"""A classifier of cells, fitted the same way whether its cells have families or scalars only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.components import FamilyComponents, pad_families
from nwbspikegen.patchseq.classify.forest import CellForest, fit_forest
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.classify.records import MODEL_KINDS, ModelKind
from nwbspikegen.patchseq.classify.vote import CellVote, fit_vote
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.run.load import LoadedCells


@dataclass(frozen=True)
class Recipe:
    """How to fit.

    Attributes
    ----------
    kind : str
        "forest", "vote" or "bilstm"; the BiLSTM needs families.
    use_scalars : bool
        Let a forest or a vote read scalars though there are families.
    num_trees : int
        Of a forest.
    epochs : int, optional
        Most epochs of the BiLSTM; 50 by default, as in arXiv 2603.11000.
    """

    kind: ModelKind = "forest"
    use_scalars: bool = False
    num_trees: int = 500
    epochs: int | None = None

    def reads_families(self, cells: LoadedCells) -> bool:
        """Return whether it reads families of these cells, or raise `InputError` if it cannot read them."""
        if self.kind not in MODEL_KINDS:
            raise InputError(f"model {self.kind!r}", " or ".join(MODEL_KINDS), "choose one of them")
        if self.kind == "bilstm":
            cells.require_families()
            return True
        return cells.families is not None and not self.use_scalars


def fit_cells(cells: LoadedCells, recipe: Recipe, *, seed: int, training: dict[str, Any]) -> CellModel:
    """Fit a classifier, and its components, on labelled cells."""
    table = cells.table
    if not recipe.reads_families(cells):
        classifier = _fit_rows(table.values, table.classes, recipe, seed)
        return CellModel(
            classifier, table.label_version, features=tuple(map(str, table.features)), training=training
        )
    # within the fold: components of all cells would have seen those that are scored
    transformer = FamilyComponents().fit(cells.require_families())
    components = transformer.transform(cells.require_families())
    classifier = _fit_components(components, table.classes, table.donors, recipe, seed)
    return CellModel(classifier, table.label_version, transformer, training=training)


def predict_cells(model: CellModel, cells: LoadedCells) -> xr.Dataset:
    """Predict cells with a model, from what it reads of them (see `CellModel.predict`)."""
    return model.predict(read_kind(model, cells))


def read_kind(model: CellModel, cells: LoadedCells) -> CellTable | xr.Dataset:
    """Return the cells as the model reads them: a table of scalars, or families."""
    return cells.table if model.components is None else cells.require_families()


def keep_usable(cells: LoadedCells, recipe: Recipe) -> tuple[LoadedCells, dict[str, int]]:
    """Leave out cells without a class and, where families are read, without any family; and count them.

    Raises
    ------
    InputError
        Of fewer than two classes are cells left.
    """
    labelled = cells.table.classes != ""
    some = np.ones(len(labelled), dtype=bool)
    if recipe.reads_families(cells):
        some = (cells.require_families()["reason"].values.astype(str) == "").any(axis=1)
    left_out = {"no class": int((~labelled).sum()), "no family": int((labelled & ~some).sum())}
    names = np.unique(cells.table.classes[labelled & some])
    if len(names) < 2:
        raise InputError(
            f"cells of the class {names[0]} alone" if len(names) else "no labelled cell",
            "cells of two classes or more",
            "name the column with --class-column, or pass a table with --labels",
        )
    return cells.select(labelled & some), {why: number for why, number in left_out.items() if number}


def _fit_rows(values: np.ndarray, classes: np.ndarray, recipe: Recipe, seed: int) -> CellForest | CellVote:
    """Fit what reads a row of numbers a cell."""
    if recipe.kind == "vote":
        return fit_vote(values, classes, seed=seed)
    return fit_forest(values, classes, num_trees=recipe.num_trees, seed=seed)


def _fit_components(
    components: xr.Dataset, classes: np.ndarray, donors: np.ndarray, recipe: Recipe, seed: int
) -> Any:
    if recipe.kind != "bilstm":
        return _fit_rows(components["components"].values, classes, recipe, seed)
    # here, since forest and vote are there without torch
    from nwbspikegen.patchseq.classify.bilstm import fit_bilstm
    from nwbspikegen.patchseq.classify.bilstm_training import BiLSTMSchedule, FamilyCells

    padded, present = pad_families(components)
    schedule = BiLSTMSchedule() if recipe.epochs is None else BiLSTMSchedule(epochs=recipe.epochs)
    return fit_bilstm(FamilyCells(padded, present, classes, donors), schedule=schedule, seed=seed)
