"""Cells to a classifier: the whole of `nwbspikegen patchseq train`."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.patchseq.classify.models_io import DESCRIPTION_FILE, CellModel
from nwbspikegen.patchseq.run.fit import Recipe, fit_cells, keep_usable
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
    """
    recipe, out = recipe or Recipe(), Path(out)
    # before anything is computed; the marker keeps --overwrite from a folder that holds something else
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
    with write_whole(out, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
        model.save(temporary)
        validation.scores.to_csv(temporary / SCORES_FILE, index=False)
        tabulate_validation(validation, usable).to_csv(temporary / PREDICTIONS_FILE, index=False)
        if find_spec("matplotlib") is not None:
            from nwbspikegen.patchseq.run.draw import draw_training

            draw_training(temporary / FIGURES, usable, model, validation)
    return CellTrainingReport(out, model, validation, left_out)


def tabulate_validation(validation: Validation, cells: LoadedCells) -> pd.DataFrame:
    """Return one row per repeat and cell: donor, class, predicted class, probabilities."""
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
        for place, name in enumerate(one["class"].values.astype(str)):
            table[f"probability_{name}"] = one["probability"].values[:, place]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _describe(cells: LoadedCells, recipe: Recipe, seed: int, validation: Validation) -> dict[str, Any]:
    names, counts = np.unique(cells.table.classes, return_counts=True)
    scores = validation.scores
    return {
        "species": cells.table.species,
        "cells": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "num_donors": len(np.unique(cells.table.donors)),
        "sources": cells.sources,
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
