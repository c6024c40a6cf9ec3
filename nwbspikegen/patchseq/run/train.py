"""Cells to a classifier: the whole of `nwbspikegen patchseq train`."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.cards import require_license
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.patchseq.classify.known_cells import KnownCells, learn_known_cells
from nwbspikegen.patchseq.classify.models_io import DESCRIPTION_FILE, CellModel
from nwbspikegen.patchseq.features.files import FEATURES_FILE
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.run.doubt import name_sets
from nwbspikegen.patchseq.run.fit import Recipe, fit_cells, keep_usable, read_kind
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.run.validate import Validation, validate_recipe

_LOG = logging.getLogger("nwbspikegen")
SCORES_FILE, PREDICTIONS_FILE, FIGURES = "scores.csv", "cross_validated.csv", "figures"


@dataclass(frozen=True)
class CellTrainingReport:
    """A classifier and what it is worth.

    Attributes
    ----------
    path : Path
        Its folder.
    model : CellModel
        Fitted on all cells.
    validation : Validation
        Cross-validation of the same recipe.
    left_out : dict of str to int
        Number of cells left out, by reason.
    """

    path: Path
    model: CellModel
    validation: Validation
    left_out: dict[str, int]


def train_cells(
    cells: LoadedCells,
    out: str | os.PathLike[str],
    *,
    recipe: Recipe | None = None,
    num_folds: int = 5,
    repeats: int = 3,
    seed: int = 0,
    overwrite: bool = False,
    license: str = "",
) -> CellTrainingReport:
    """Cross-validate by donor, fit on all labelled cells, write model, scores and figures.

    Parameters
    ----------
    cells : LoadedCells
        From `load_cells`; cells without a class are left out.
    out : path
        Folder of the model; `scores.csv`, `cross_validated.csv` and `figures` are written into it.
    recipe : Recipe, optional
        A forest by default.
    num_folds, repeats : int
        Folds (fewer with few donors), and how often cells are dealt anew to folds.
    seed : int
        Of folds and classifier.
    overwrite : bool
        Replace a model.
    license : str, optional
        Under which it may be used, such as ``CC-BY-4.0``: for its card. Nothing is assumed.
    """
    recipe, out = recipe or Recipe(), Path(out)
    # before anything is computed; the marker keeps --overwrite from a folder that holds something else
    license = require_license(license)
    require_absent(out, overwrite=overwrite, marker=DESCRIPTION_FILE)
    if recipe.kind == "vote":
        from nwbspikegen.patchseq.classify.vote_files import require_skops

        # said before hours of work, not after
        require_skops()
    usable, left_out = keep_usable(cells, recipe)
    for why, number in left_out.items():
        _LOG.warning("%d cells left out: %s", number, why)
    validation = validate_recipe(usable, recipe, num_folds=num_folds, repeats=repeats, seed=seed)
    # on all cells: what validation says of it is, if anything, too low
    model = fit_cells(usable, recipe, seed=seed, training=_describe(usable, recipe, seed, validation))
    known = _learn_known(model, usable, validation)
    model = replace(model, license=license, confidence=validation.confidence, known=known)
    with write_whole(out, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
        model.save(temporary)
        guard_formulas(validation.scores).to_csv(temporary / SCORES_FILE, index=False)
        guard_formulas(tabulate_validation(validation, usable)).to_csv(
            temporary / PREDICTIONS_FILE, index=False
        )
        if find_spec("matplotlib") is not None:
            from nwbspikegen.patchseq.run.draw import draw_training

            draw_training(temporary / FIGURES, usable, model, validation)
    return CellTrainingReport(out, model, validation, left_out)


def _learn_known(model: CellModel, cells: LoadedCells, validation: Validation) -> KnownCells:
    """Learn where the training cells lie, from what the model reads of them."""
    values, _ = model.read_values(read_kind(model, cells))
    # one deal to folds is enough: which class each cell is taken for
    predicted = validation.predictions["predicted_class"].isel(repeat=0).values.astype(str)
    names = model.classifier.class_names
    truth, taken = (np.searchsorted(names, each) for each in (cells.table.classes, predicted))
    return learn_known_cells(values, truth, taken, cells.table.donors)


def tabulate_validation(validation: Validation, cells: LoadedCells) -> pd.DataFrame:
    """Return one row per repeat and cell: donor, class, predicted class, probabilities, set of classes."""
    parts = []
    for repeat in range(validation.predictions.sizes["repeat"]):
        one = validation.predictions.isel(repeat=repeat)
        table = pd.DataFrame(
            {
                "repeat": repeat,
                "cell": one["cell"].values.astype(str),
                "donor": cells.table.donors,
                "cell_class": validation.classes,
                "predicted_class": one["predicted_class"].values.astype(str),
            }
        )
        names = one["class"].values.astype(str)
        for place, name in enumerate(names):
            table[f"probability_{name}"] = one["probability"].values[:, place]
        table["class_set"] = name_sets(one["in_set"].values, names)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _describe(cells: LoadedCells, recipe: Recipe, seed: int, validation: Validation) -> dict[str, Any]:
    names, counts = np.unique(cells.table.classes, return_counts=True)
    scores = validation.scores
    return {
        "species": cells.table.species,
        "cells": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "num_donors": len(np.unique(cells.table.donors)),
        # models are shared: they tell their source's name, not whose folder it lay in
        "sources": [{**each, "file": _name_source(each["file"])} for each in cells.sources],
        "cells_sha256": _hash_cells(cells.table),
        "preset": "" if cells.families is None else str(cells.families.attrs.get("preset", "")),
        "recipe": vars(recipe),
        "seed": seed,
        "scores": {
            f"{name}/{metric}": float(value)
            for name, metric, value in zip(
                scores["predictor"], scores["metric"], scores["value"], strict=True
            )
        },
    }


def _name_source(file: str) -> str:
    path = Path(file)
    # a folder of features is called by its own name: the file in it has the same name everywhere
    return path.parent.name if path.name == FEATURES_FILE else path.name


def _hash_cells(table: CellTable) -> str:
    """Return the sha256 of what was learned from: cells, their classes and donors, and their scalars."""
    labels = [table.features.index.astype(str).tolist(), table.classes.tolist(), table.donors.tolist()]
    digest = hashlib.sha256(json.dumps([*labels, list(map(str, table.features))]).encode())
    digest.update(np.ascontiguousarray(table.values, dtype="<f8").tobytes())
    return digest.hexdigest()
