"""A classifier and cells to predictions: the whole of `nwbspikegen patchseq predict`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.nwb.predictions import write_predictions
from nwbspikegen.patchseq.run.features import NWB_FOLDER
from nwbspikegen.patchseq.run.fit import predict_cells
from nwbspikegen.patchseq.run.load import Columns, LoadedCells, load_cells

PREDICTIONS_FILE = "predictions.csv"


@dataclass(frozen=True)
class PredictionReport:
    """What was predicted.

    Attributes
    ----------
    path : Path
        Folder with the table and, of cells in NWB, files.
    table : DataFrame
        One row a cell: `cell`, `predicted_class`, `probability_<class>`, `attention_<family>`, and
        `cell_class` where it is known.
    files : list of Path
        NWB files.
    """

    path: Path
    table: pd.DataFrame
    files: list[Path]


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
        Folder to write: `predictions.csv`, and `nwb/` with a file for each cell that came from NWB.
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
    # a model of scalars has none, and either gives the same scalars
    preset = str(model.training.get("preset") or "gouwens2020")
    cells = load_cells(sources, columns=columns, preset=preset)
    # an option without effect is refused, not dropped
    if metadata is not None and not cells.measured:
        raise InputError(
            "metadata for cells of which no recording is measured now",
            "recordings, of which it tells",
            "leave --metadata out: it has no effect on tables or on features that were measured before",
        )
    predictions = predict_cells(model, cells)
    table = tabulate(predictions, cells)
    with write_whole(out, overwrite=overwrite, marker=PREDICTIONS_FILE) as temporary:
        temporary.mkdir()
        guard_formulas(table).to_csv(temporary / PREDICTIONS_FILE, index=False)
        names = _write_files(cells, predictions, temporary / NWB_FOLDER, metadata)
    return PredictionReport(out, table, [out / NWB_FOLDER / name for name in names])


def tabulate(predictions: xr.Dataset, cells: LoadedCells) -> pd.DataFrame:
    """Return predictions as a table, with the class where it is known."""
    index = pd.Index(predictions["cell"].values.astype(str), name="cell")
    table = to_rows(predictions).set_axis(index, axis=0)
    known = cells.table.classes
    if (known != "").any():
        table.insert(1, "cell_class", known)
    return table.reset_index()


def to_rows(predictions: xr.Dataset) -> pd.DataFrame:
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
    return pd.DataFrame(columns)


def _write_files(
    cells: LoadedCells,
    predictions: xr.Dataset,
    folder: Path,
    metadata: str | os.PathLike[str] | None,
) -> list[str]:
    """Write a file for each cell that has one or was measured now; a cell without a prediction has none."""
    if not cells.files and not cells.measured:
        return []
    folder.mkdir()
    rows = to_rows(predictions)
    names = []
    for place, cell in enumerate(predictions["cell"].values.astype(str)):
        row = rows.iloc[[place]]
        # a cell without any family: probabilities of NaN would not be valid in a file
        if not row["predicted_class"].iloc[0]:
            continue
        if cell in cells.measured:
            written = cells.measured[cell].write(folder, predictions=row, metadata=metadata)
        elif cell in cells.files:
            source = cells.files[cell]
            written = write_predictions(folder / source.name, measured=source, predictions=row)
        else:
            continue
        names.append(written.name)
    return names
