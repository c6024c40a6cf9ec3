"""What a classifier of cells reads: importance of features, attention, separation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.run.fit import Recipe, keep_usable, read_kind
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.run.separate import separate_cells

EXPLANATION_FILE = "explanation.json"
ALL_CLASSES = "balanced_accuracy"


@dataclass(frozen=True)
class CellExplanation:
    """What a classifier reads of some labelled cells.

    Attributes
    ----------
    path : Path
        Folder with the tables and figures.
    importance : DataFrame
        One row per feature (or family) and class, and for `balanced_accuracy`: `feature`, `cell_class`,
        `recall` of the cells as they are, `drop` of it when the feature is dealt anew among cells (mean over
        deals) and its `sd`.
    separation : DataFrame
        As `separate_cells` returns it.
    attention : DataFrame, optional
        Mean attention by class and family, of a BiLSTM.
    left_out : dict of str to int
        Number of cells left out, by reason.
    """

    path: Path
    importance: pd.DataFrame
    separation: pd.DataFrame
    attention: pd.DataFrame | None
    left_out: dict[str, int]


def explain_cells(
    model: CellModel,
    cells: LoadedCells,
    out: str | os.PathLike[str],
    *,
    num_deals: int = 5,
    num_neighbours: int = 15,
    seed: int = 0,
    overwrite: bool = False,
) -> CellExplanation:
    """Measure what a classifier of cells reads, and write tables and figures.

    The importance of a feature is by how much fewer cells of a class are recognised when the feature's values
    are dealt anew among the cells (permutation importance, Breiman 2001). Families are dealt as a whole.
    Features that say the same stand in for each other, and each of them then shows little. Cells that the
    model was trained on tell what it learned, other cells what of it holds there.

    Parameters
    ----------
    model : CellModel
    cells : LoadedCells
        Cells without a class, or of a class that the model does not know, are left out.
    out : path
        Folder to write: `importance.csv`, `separation.csv`, `attention.csv` of a BiLSTM, and `figures`.
    num_deals : int, default: 5
        How often each feature is dealt.
    num_neighbours : int, default: 15
        As for `separate_cells`.
    seed : int
        Of the deals.
    overwrite : bool
        Replace an explanation.
    """
    out = Path(out)
    require_absent(out, overwrite=overwrite, marker=EXPLANATION_FILE)
    usable, left_out = keep_usable(cells, Recipe(model.kind, use_scalars=model.components is None))
    known = np.isin(usable.table.classes, model.classifier.class_names)
    if not known.any():
        raise InputError(
            f"cells of {', '.join(np.unique(usable.table.classes))}",
            f"cells of {', '.join(model.classifier.class_names)}, which the model knows",
            "name the column of the classes",
        )
    if not known.all():
        left_out["a class that the model does not know"] = int((~known).sum())
        usable = usable.select(known)
    importance = measure_importance(model, usable, num_deals=num_deals, seed=seed)
    attention = _read_attention(model, usable)
    separation, _ = separate_cells(
        usable, use_scalars=model.components is None, num_neighbours=num_neighbours
    )
    tables = {"importance": importance, "separation": separation}
    with write_whole(out, overwrite=overwrite, marker=EXPLANATION_FILE) as temporary:
        temporary.mkdir()
        for name, table in tables.items():
            guard_formulas(table).to_csv(temporary / f"{name}.csv", index=False)
        if attention is not None:
            guard_formulas(attention.reset_index(names="cell_class")).to_csv(
                temporary / "attention.csv", index=False
            )
        about = {
            "model": model.kind,
            "label_version": model.label_version,
            "cells_label_version": usable.table.label_version,
            "num_cells": len(usable.table),
            "num_deals": num_deals,
            "seed": seed,
            "left_out": left_out,
        }
        (temporary / EXPLANATION_FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        if find_spec("matplotlib") is not None:
            from nwbspikegen.patchseq.run.draw import draw_cell_explanation

            draw_cell_explanation(temporary / "figures", importance, separation, attention)
    return CellExplanation(out, importance, separation, attention, left_out)


def measure_importance(
    model: CellModel, cells: LoadedCells, *, num_deals: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Return by how much recall falls when each feature is dealt anew (see `CellExplanation`)."""
    classes, names = cells.table.classes, np.unique(cells.table.classes)
    read = read_kind(model, cells)
    whole = _measure_recall(model, read, classes, names)
    rng = np.random.default_rng(seed)
    rows = []
    for feature in _list_read(model, read):
        dealt = [
            _measure_recall(model, _deal(read, feature, rng.permutation(len(classes))), classes, names)
            for _ in range(num_deals)
        ]
        drops = whole - np.array(dealt)
        for name, recall, drop in zip([*names, ALL_CLASSES], whole, drops.T, strict=True):
            sd = float(np.std(drop, ddof=1)) if num_deals > 1 else np.nan
            rows.append((feature, str(name), float(recall), float(drop.mean()), sd))
    return pd.DataFrame(rows, columns=["feature", "cell_class", "recall", "drop", "sd"])


def _list_read(model: CellModel, read: CellTable | xr.Dataset) -> Iterator[str]:
    if isinstance(read, CellTable):
        yield from model.features
    elif model.components is not None:
        yield from (name for name in model.components.families_ if name in read)


def _deal(read: CellTable | xr.Dataset, feature: str, order: np.ndarray) -> CellTable | xr.Dataset:
    """Return the cells with one feature in another order; gaps go along."""
    if isinstance(read, CellTable):
        values = read.features[feature].to_numpy()[order]
        table = read.features.assign(**{feature: values})
        return CellTable(table, read.cells, read.species, read.label_version)
    return read.assign({feature: (read[feature].dims, read[feature].values[order])})


def _measure_recall(
    model: CellModel, read: CellTable | xr.Dataset, classes: np.ndarray, names: np.ndarray
) -> np.ndarray:
    """Return the share of cells of each class that are recognised, and the mean over classes."""
    hit = model.predict(read)["predicted_class"].values.astype(str) == classes
    recall = [float(hit[classes == name].mean()) for name in names]
    return np.array([*recall, np.mean(recall)])


def _read_attention(model: CellModel, cells: LoadedCells) -> pd.DataFrame | None:
    predictions: Any = model.predict(read_kind(model, cells))
    if "attention" not in predictions:
        return None
    from nwbspikegen.patchseq.classify.bilstm import summarise_attention

    attention = predictions["attention"].transpose("cell", "family").values
    families = predictions["family"].values.astype(str).tolist()
    # the network gives a masked family exactly 0
    return summarise_attention(attention, attention > 0, cells.table.classes, families)
