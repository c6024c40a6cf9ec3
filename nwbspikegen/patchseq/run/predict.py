"""A classifier and cells to predictions: the whole of `nwbspikegen patchseq predict`."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError, MetadataError
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.classify.scores import METRICS, score_classes, score_confidence
from nwbspikegen.patchseq.nwb.predictions import write_predictions
from nwbspikegen.patchseq.run.doubt import Doubts, find_doubts, name_sets
from nwbspikegen.patchseq.run.features import NWB_FOLDER
from nwbspikegen.patchseq.run.fit import predict_cells
from nwbspikegen.patchseq.run.load import Columns, LoadedCells, load_for_model
from nwbspikegen.patchseq.run.validate import SET_COVERAGE, SET_SIZE
from nwbspikegen.scoring.metrics import CALIBRATION_ERROR

_LOG = logging.getLogger("nwbspikegen")
PREDICTIONS_FILE, SCORES_FILE, ABOUT_FILE = "predictions.csv", "scores.csv", "about.json"
# as tables and as NWB files call them
_SPECIES = {
    "mouse": "mouse",
    "mus musculus": "mouse",
    "human": "human",
    "homo sapiens": "human",
    "rat": "rat",
    "rattus norvegicus": "rat",
    "macaque": "macaque",
    "macaca mulatta": "macaque",
    "macaca nemestrina": "macaque",
}


@dataclass(frozen=True)
class PredictionReport:
    """What was predicted.

    Attributes
    ----------
    path : Path
        Folder with the table and, of cells in NWB, files.
    table : DataFrame
        One row a cell: `cell`, `predicted_class`, `probability_<class>` (calibrated), `attention_<family>`,
        `class_set`, `distance`, `answer` and `doubt` (`find_doubts`), and `cell_class` where it is known.
    files : list of Path
        NWB files.
    scores : DataFrame, optional
        Where classes are known: one row a metric (`score_known`).
    notes : tuple of str
        What stands against trusting them, such as another species than that of training.
    features : tuple of str
        Scalars that the model read, none where it reads families.
    unused : dict of str to str
        By column of a table, why it was not read.
    """

    path: Path
    table: pd.DataFrame
    files: list[Path]
    scores: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    unused: dict[str, str] = field(default_factory=dict)


def predict_sources(
    model_folder: str | os.PathLike[str],
    sources: Sequence[Address],
    out: str | os.PathLike[str],
    *,
    columns: Columns | None = None,
    metadata: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> PredictionReport:
    """Predict the class of every cell of some sources, and write a table and, of cells in NWB, files.

    Parameters
    ----------
    model_folder : path
        What `train_cells` wrote.
    sources
        As for `load_cells`; recordings are measured with the preset of the model.
    out : path
        Folder to write: `predictions.csv`, `scores.csv` where classes are known, `about.json` (what was read
        and what stands against trusting it), and `nwb/` with a file for each cell that came from NWB.
    columns : Columns, optional
        Names of columns in tables.
    metadata : path, optional
        Fields in NeuroConv's layout that recordings lack.
    overwrite : bool
        Replace a folder of predictions.
    """
    out = Path(out)
    require_absent(out, overwrite=overwrite, marker=PREDICTIONS_FILE)
    model = CellModel.load(model_folder)
    cells = load_for_model(model.features, model.training, sources, columns=columns)
    # an option without effect is refused, not dropped
    if metadata is not None and not cells.measured:
        raise InputError(
            "metadata for cells of which no recording is measured now",
            "recordings, of which it tells",
            "leave --metadata out: it has no effect on tables or on features that were measured before",
        )
    predictions = predict_cells(model, cells)
    species = compare_species(model, cells)
    doubts = find_doubts(model, predictions, cells, is_other_species=bool(species))
    table = tabulate(predictions, cells, doubts)
    scores = score_known(predictions, cells)
    notes = (*species, *(doubts.notes if doubts is not None else ()))
    unused = _name_unread(model, cells)
    for note in notes:
        _LOG.warning("%s", note)
    with write_whole(out, overwrite=overwrite, marker=PREDICTIONS_FILE) as temporary:
        temporary.mkdir()
        guard_formulas(table).to_csv(temporary / PREDICTIONS_FILE, index=False)
        about = {"notes": notes, "features": model.features, "columns_not_used": unused}
        (temporary / ABOUT_FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        if scores is not None:
            guard_formulas(scores).to_csv(temporary / SCORES_FILE, index=False)
        names = _write_files(cells, predictions, doubts, temporary / NWB_FOLDER, metadata)
    return PredictionReport(
        out,
        table,
        [out / NWB_FOLDER / name for name in names],
        scores,
        notes,
        model.features,
        unused,
    )


def compare_species(model: CellModel, cells: LoadedCells) -> tuple[str, ...]:
    """Return what to say where the cells are of a species that the model was not trained on.

    Names that are of no species, such as the name of a table, are compared with nothing.
    """
    learned, met = (_read_species(one) for one in (model.training.get("species", ""), cells.table.species))
    if not learned or met <= learned:
        return ()
    return (
        f"a model of {' and '.join(sorted(learned))} cells on {' and '.join(sorted(met - learned))} cells: "
        "expect many wrong classes, also with a high probability; `nwbspikegen patchseq transfer` carries "
        "what was learned to another species",
    )


def _read_species(text: Any) -> set[str]:
    names = {one.strip().lower() for one in str(text).split(" and ")}
    return {_SPECIES[name] for name in names if name in _SPECIES}


def score_known(predictions: xr.Dataset, cells: LoadedCells) -> pd.DataFrame | None:
    """Return scores of the cells with a class and a prediction, or None where there are none.

    One row a metric: `metric`, `value`, `ci_low` and `ci_high` (95 % over donors, NaN with fewer than two),
    `num_cells`, `num_donors`. A class that the model does not know counts as wrong.
    """
    predicted = predictions["predicted_class"].values.astype(str)
    known = (cells.table.classes != "") & (predicted != "")
    if not known.any():
        return None
    predicted, classes, donors = predicted[known], cells.table.classes[known], cells.table.donors[known]
    num_donors = len(np.unique(donors))
    rows: list[tuple[str, float, float, float]] = []
    for metric in METRICS:
        found = score_classes(predicted[None], classes, donors, metric=metric)
        low, high = (found.low, found.high) if num_donors > 1 else (np.nan, np.nan)
        rows.append((metric, found.value, low, high))
    names = predictions["class"].values.astype(str)
    error = score_confidence(predictions["probability"].values[known], names, classes)
    # no interval: groups of equal size would have to be cut anew for each draw of donors
    rows.append((CALIBRATION_ERROR.name, error, np.nan, np.nan))
    if "in_set" in predictions:
        sets = predictions["in_set"].transpose("cell", "class").values[known]
        covered = (sets & (names == classes[:, None])).any(axis=1)
        rows.append((SET_COVERAGE, float(covered.mean()), np.nan, np.nan))
        rows.append((SET_SIZE, float(sets.sum(axis=1).mean()), np.nan, np.nan))
    table = pd.DataFrame(rows, columns=["metric", "value", "ci_low", "ci_high"])
    return table.assign(num_cells=int(known.sum()), num_donors=num_donors)


def _name_unread(model: CellModel, cells: LoadedCells) -> dict[str, str]:
    reason = "not one that the model was trained on"
    if model.components is not None:
        return dict(cells.unused)
    unread = {str(name): reason for name in cells.table.features if name not in model.features}
    return {**cells.unused, **unread}


def tabulate(predictions: xr.Dataset, cells: LoadedCells, doubts: Doubts | None = None) -> pd.DataFrame:
    """Return predictions as a table, with the class where it is known."""
    index = pd.Index(predictions["cell"].values.astype(str), name="cell")
    table = to_rows(predictions, doubts).set_axis(index, axis=0)
    known = cells.table.classes
    if (known != "").any():
        table.insert(1, "cell_class", known)
    return table.reset_index()


def to_rows(predictions: xr.Dataset, doubts: Doubts | None = None) -> pd.DataFrame:
    """Return the columns that `write_patchseq` takes, one row a cell; NaN attention where masked."""
    columns: dict[str, object] = {
        "model_name": str(predictions.attrs["model"]),
        "predicted_class": predictions["predicted_class"].values.astype(str),
        "label_version": str(predictions.attrs["label_version"]),
    }
    for place, name in enumerate(predictions["class"].values.astype(str)):
        columns[f"probability_{name}"] = predictions["probability"].values[:, place]
    if "attention" in predictions:
        attention = predictions["attention"].transpose("cell", "family").values
        # the network gives a masked family exactly 0
        attention = np.where(attention > 0, attention, np.nan)
        for place, name in enumerate(predictions["family"].values.astype(str)):
            columns[f"attention_{name}"] = attention[:, place]
    if "in_set" in predictions:
        sets = predictions["in_set"].transpose("cell", "class").values
        columns["class_set"] = name_sets(sets, predictions["class"].values)
    if "distance" in predictions:
        columns["distance"] = predictions["distance"].values
    if doubts is not None:
        columns |= {"answer": doubts.answer, "doubt": doubts.doubt}
    return pd.DataFrame(columns)


def _write_files(
    cells: LoadedCells,
    predictions: xr.Dataset,
    doubts: Doubts | None,
    folder: Path,
    metadata: str | os.PathLike[str] | None,
) -> list[str]:
    """Write a file for each cell that has one or was measured now; a cell without a prediction has none."""
    if not cells.files and not cells.measured:
        return []
    folder.mkdir()
    rows = to_rows(predictions, doubts)
    names = []
    for place, cell in enumerate(predictions["cell"].values.astype(str)):
        row = rows.iloc[[place]]
        # a cell without any family: probabilities of NaN would not be valid in a file
        if not row["predicted_class"].iloc[0]:
            continue
        if cell in cells.measured:
            try:
                written = cells.measured[cell].write(folder, predictions=row, metadata=metadata)
            except MetadataError as error:
                # predicting asks for no subject, an archive does
                _LOG.warning("%s is predicted, but no NWB file is written of it: %s", cell, error)
                continue
        elif cell in cells.files:
            source = cells.files[cell]
            written = write_predictions(folder / source.name, measured=source, predictions=row)
        else:
            continue
        names.append(written.name)
    return names
