"""The features of the cells of a study as a folder: a table to look at, and arrays to learn from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, JsonValue

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.core.records import Record, read_record, write_record
from nwbspikegen.patchseq.features.tables import CellTable, name_version

FEATURES_FILE, TABLE_FILE, ARRAYS_FILE = "features.json", "cells.csv", "families.npz"
LABELS = ("donor", "species", "cell_class", "condition")


class CellOrigin(Record):
    """Where the features of a cell come from.

    Attributes
    ----------
    recording : str
        Path or address of the recording.
    file : str
        The derived NWB file, relative to the folder; empty where there is none.
    sweeps_measured : int
        Number of sweeps that were measured.
    rejected : dict of str to str
        Reasons for which sweeps were left out, by the sweep's number.
    electrode : str
        Which one, where the recording has cells at several.
    compensation : str
        How the amplifier was set, and what is known of the liquid junction potential.
    """

    recording: str
    file: str = ""
    sweeps_measured: int = 0
    rejected: dict[str, str] = Field(default_factory=dict)
    electrode: str = ""
    compensation: str = ""


class FeaturesDescription(Record):
    """What ``features.json`` holds beside the arrays.

    Attributes
    ----------
    format : str
        Names this kind of folder.
    attrs : dict
        Attributes of the Dataset; ``preset`` is the set of families.
    dims : dict of str to tuple of str
        Dimensions of each array.
    coords : tuple of str
        Which arrays are coordinates.
    cells : dict of str to CellOrigin
        By cell, those that were measured from recordings.
    preset : str
        As older versions wrote it, beside the attributes.
    """

    format: Literal["nwbspikegen-patchseq-features-1"] = "nwbspikegen-patchseq-features-1"
    attrs: dict[str, JsonValue]
    dims: dict[str, tuple[str, ...]]
    coords: tuple[str, ...]
    cells: dict[str, CellOrigin] = Field(default_factory=dict)
    preset: str = ""


def write_features(
    folder: str | os.PathLike[str], cells: xr.Dataset, origins: Mapping[str, CellOrigin] | None = None
) -> None:
    """Write the Dataset of `collect_cells` into an existing folder.

    ``cells.csv`` and, with pyarrow, ``cells.parquet`` have one row a cell: what is known of it, and its
    scalars. ``families.npz`` has every array of the Dataset, without pickle. ``features.json`` has its
    attributes and, by cell, where the features come from (`origins`).

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
        # npz without pickle holds no objects: texts are stored at a fixed width, and are objects again when
        # read
        arrays[str(name)] = values.astype(str) if values.dtype.kind in "OU" else values
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
    table = tabulate_scalars(cells)
    guard_formulas(table).to_csv(folder / TABLE_FILE)
    # without pyarrow the CSV file, which holds the same, has to do
    with contextlib.suppress(ImportError):
        table.reset_index().to_parquet(folder / Path(TABLE_FILE).with_suffix(".parquet"), index=False)
    description = FeaturesDescription(
        attrs={str(name): value for name, value in cells.attrs.items()},
        dims={str(name): tuple(map(str, one.dims)) for name, one in cells.variables.items()},
        coords=tuple(map(str, cells.coords)),
        cells=dict(origins or {}),
    )
    write_record(folder / FEATURES_FILE, description, overwrite=True)


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
        dims = description.dims
        if dims.keys() != arrays.keys():
            raise KeyError(", ".join(dims.keys() ^ arrays.keys()))
        variables = {name: (dims[name], values) for name, values in arrays.items()}
        coords = {name: variables.pop(name) for name in description.coords}
        cells = xr.Dataset(variables, coords, description.attrs)
        # for its errors: a damaged folder is refused here, and not in the middle of training
        tabulate_scalars(cells)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder}, which is damaged ({str(error)[:200]})",
            "a folder of features",
            "measure the cells again",
        ) from error
    return cells


def read_description(folder: str | os.PathLike[str]) -> FeaturesDescription:
    """Return what ``features.json`` says, or raise `InputError` where it describes no features."""
    path = Path(folder) / FEATURES_FILE
    return read_record(path, FeaturesDescription, "a description of features", "measure the cells again")


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
