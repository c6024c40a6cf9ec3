"""The features of the cells of a study as a folder: a table to look at, and arrays to learn from."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.core.json_files import read_json
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.patchseq.features.tables import CellTable, name_version

FEATURES_FILE, TABLE_FILE, ARRAYS_FILE = "features.json", "cells.csv", "families.npz"
LABELS = ("donor", "species", "cell_class", "condition")
_FORMAT = "nwbspikegen-patchseq-features-1"


def write_features(
    folder: str | os.PathLike[str], cells: xr.Dataset, about: Mapping[str, Any] | None = None
) -> None:
    """Write the Dataset of `collect_cells` into an existing folder.

    ``cells.csv`` and, with pyarrow, ``cells.parquet`` have one row a cell: what is known of it, and its
    scalars. ``families.npz`` has every array of the Dataset, without pickle. ``features.json`` has its
    attributes and `about`.

    Examples
    --------
    >>> from nwbspikegen.patchseq.features.measure import collect_cells, measure_cell
    >>> cells = collect_cells({"a": measure_cell([])})
    >>> write_features(".", cells)
    >>> read_features(".").identical(cells)
    True
    """
    folder = Path(folder)
    arrays = {}
    for name, one in {**cells.data_vars, **cells.coords}.items():
        values = one.values
        arrays[str(name)] = values.astype(str) if values.dtype.kind in "OU" else values
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
    table = tabulate_scalars(cells)
    table.to_csv(folder / TABLE_FILE)
    # without pyarrow the CSV file, which holds the same, has to do
    with contextlib.suppress(ImportError):
        table.reset_index().to_parquet(folder / Path(TABLE_FILE).with_suffix(".parquet"), index=False)
    description = {
        **(about or {}),
        "format": _FORMAT,
        "attrs": dict(cells.attrs),
        "dims": {str(name): list(map(str, one.dims)) for name, one in cells.variables.items()},
        "coords": list(map(str, cells.coords)),
    }
    (folder / FEATURES_FILE).write_text(json.dumps(description, indent=1))


def read_features(folder: str | os.PathLike[str]) -> xr.Dataset:
    """Read the Dataset that `write_features` wrote.

    Raises
    ------
    InputError
        The folder is no such one, or damaged.
    """
    folder = Path(folder)
    description = read_description(folder)
    stored = read_npz(require_file(folder / ARRAYS_FILE), "measure the cells again")
    try:
        arrays = {name: _to_objects(values) for name, values in stored.items()}
        dims = {name: tuple(names) for name, names in description["dims"].items()}
        if dims.keys() != arrays.keys():
            raise KeyError(", ".join(dims.keys() ^ arrays.keys()))
        variables = {name: (dims[name], values) for name, values in arrays.items()}
        coords = {name: variables.pop(name) for name in description["coords"]}
        cells = xr.Dataset(variables, coords, description["attrs"])
        tabulate_scalars(cells)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder}, which is damaged ({str(error)[:200]})", "a folder of features",
            "measure the cells again",
        ) from error  # fmt: skip
    return cells


def read_description(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what ``features.json`` says: attributes, and what was given as `about`."""
    path = Path(folder) / FEATURES_FILE
    description = read_json(path, "a description of features", "measure the cells again")
    if description.get("format") != _FORMAT:
        raise InputError(
            f"{path}, which does not describe features (format {str(description.get('format'))[:80]})",
            "what `nwbspikegen patchseq features` wrote",
            "measure the cells again",
        )
    return description


def tabulate_scalars(cells: xr.Dataset) -> pd.DataFrame:
    """Return what is known of each cell and its scalars as a table, indexed by cell."""
    index = pd.Index(cells["cell"].values.astype(str), name="cell")
    known = pd.DataFrame({name: cells[name].values.astype(str) for name in LABELS}, index)
    names = cells["scalar_name"].values.astype(str)
    return known.join(pd.DataFrame(cells["scalar"].values.astype(float), index, names))


def to_cell_table(cells: xr.Dataset, label_version: str = "") -> CellTable:
    """Return the scalars of some cells of one species as a `CellTable`."""
    table = tabulate_scalars(cells)
    species = " and ".join(sorted(set(table["species"])))
    labels = table[["cell_class", "donor", "condition"]]
    return CellTable(table.drop(columns=list(LABELS)), labels, species, label_version)


def name_labels(folder: str | os.PathLike[str]) -> str:
    """Return the version of the classes that a folder of features holds."""
    return name_version(Path(folder) / TABLE_FILE, "cell_class")


def _to_objects(values: np.ndarray) -> np.ndarray:
    return values.astype(object) if values.dtype.kind == "U" else values
