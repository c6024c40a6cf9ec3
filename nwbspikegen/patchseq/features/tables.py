"""Tables of scalar features, one row a cell: any CSV or Parquet file, and the two Allen ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import hash_file, require_file
from nwbspikegen.core.table_files import read_table

CLASSES = ("Lamp5", "Pvalb", "Sst", "Vip")
SPECIES = "species"


@dataclass(frozen=True)
class CellTable:
    """Scalar features of some cells of one species, with what is known of each cell.

    Attributes
    ----------
    features : DataFrame
        One row a cell (the index is its identifier), one column a feature; NaN where missing.
    cells : DataFrame
        On the same index: ``cell_class`` (empty when unknown), ``donor``, ``condition``.
    species : str
        "mouse", "human" or another name.
    label_version : str
        Where the classes come from: file, column and the start of the file's sha256.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell_class": ["Sst", "Vip"], "donor": ["a", "b"], "condition": ["", ""]})
    >>> table = CellTable(pd.DataFrame({"sag": [0.1, np.nan]}), cells, "mouse", "by hand")
    >>> table.values.shape, len(table.select(table.cells.donor == "a"))
    ((2, 1), 1)
    """

    features: pd.DataFrame
    cells: pd.DataFrame
    species: str
    label_version: str

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self.features)

    @property
    def values(self) -> Float64[np.ndarray, "cell feature"]:
        """Features as an array."""
        return self.features.to_numpy(np.float64)

    @property
    def classes(self) -> np.ndarray:
        """Class of each cell."""
        return self.cells["cell_class"].to_numpy(str)

    @property
    def donors(self) -> np.ndarray:
        """Donor of each cell."""
        return self.cells["donor"].to_numpy(str)

    def select(self, chosen: pd.Series | np.ndarray) -> CellTable:
        """Return the cells where `chosen` is true."""
        keep = np.asarray(chosen, dtype=bool)
        return replace(self, features=self.features[keep], cells=self.cells[keep])

    def take_features(self, names: Sequence[str]) -> CellTable:
        """Return the table with the named features only, in that order."""
        missing = [name for name in names if name not in self.features]
        if missing:
            raise InputError(f"no feature {', '.join(missing)}", "every named feature", "check the table")
        return replace(self, features=self.features[list(names)])


def read_frame(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table from a CSV or a Parquet file, told apart by the name."""
    path = require_file(path)
    # spreadsheets begin CSV files with a byte order mark, which would be part of the first name
    return read_table(path, "patchseq", encoding="utf-8-sig")


def read_column_names_of(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of the columns of a CSV file, of which nothing else is read."""
    return [str(name) for name in read_table(require_file(path), "patchseq", encoding="utf-8-sig", nrows=0)]


def read_cell_table(
    path: str | os.PathLike[str],
    *,
    species: str = "",
    cell: str = "cell",
    cell_class: str = "cell_class",
    donor: str = "donor",
    condition: str = "condition",
) -> CellTable:
    """Read a table that holds features and labels side by side.

    Columns named by the last four arguments describe the cell; every other numeric column is a
    feature. A table without classes can be predicted from, one without donors cannot be split. Where no
    species is given, it is what the column ``species`` says, or else the name of the file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "t.csv").write_text("cell,donor,cell_class,sag\\n1,a,Sst,0.1\\n2,b,Vip,\\n")
    ...     read_cell_table(Path(folder, "t.csv"), species="human").classes.tolist()
    ['Sst', 'Vip']
    """
    known = {"cell_class": cell_class, "donor": donor, "condition": condition}
    return tabulate_frame(read_frame(path), path, species=species, cell=cell, **known)


def tabulate_frame(
    frame: pd.DataFrame, path: str | os.PathLike[str], *, species: str, cell: str, **known: str
) -> CellTable:
    """Return what `read_cell_table` does, of a table that was read: `known` names its columns of labels."""
    if cell not in frame or frame[cell].duplicated().any():
        raise InputError(
            f"no column {cell} of different names", "one name for each cell", "name the column with cell="
        )
    frame = frame.set_index(frame[cell].astype(str))
    cells = pd.DataFrame(
        {
            name: _to_texts(frame[column]) if column in frame else pd.Series("", frame.index)
            for name, column in known.items()
        }
    )
    # columns of text that nobody named are notes, not features
    features = frame.drop(columns=[one for one in (cell, *known.values()) if one in frame]).select_dtypes(
        "number"
    )
    return CellTable(
        features.astype(float),
        cells,
        species or _read_species(frame) or Path(path).stem,
        name_version(path, known["cell_class"]),
    )


def _read_species(frame: pd.DataFrame) -> str:
    if SPECIES not in frame:
        return ""
    return " and ".join(name for name in dict.fromkeys(_to_texts(frame[SPECIES])) if name)


def _to_texts(column: pd.Series[Any]) -> pd.Series[str]:
    """Return a column as texts, empty where it has none; a column without any is one of numbers."""
    return column.astype(object).where(column.notna(), "").astype(str)


def name_version(path: str | os.PathLike[str], column: str) -> str:
    """Return a name for the classes in one column of one file, which changes when the file does."""
    # 48 bits of the hash: enough to tell versions of a file apart, and still readable
    return f"{Path(path).name}:{column}:{hash_file(path)[:12]}"
