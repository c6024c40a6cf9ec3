"""Cells to learn from or to predict, from whatever holds them: folders of features, NWB files, tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import Address, hide_access, is_remote, is_zarr
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import hash_file
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.patchseq.features.column_map import ColumnOf, map_columns
from nwbspikegen.patchseq.features.files import (
    FEATURES_FILE,
    name_labels,
    read_description,
    read_features,
    to_cell_table,
)
from nwbspikegen.patchseq.features.table_allen import (
    SHARED_FEATURES,
    name_source_columns,
    read_human_table,
    read_mouse_table,
    share_features,
)
from nwbspikegen.patchseq.features.tables import (
    SPECIES,
    CellTable,
    name_version,
    read_column_names_of,
    read_frame,
    tabulate_frame,
)
from nwbspikegen.patchseq.nwb.writing import PATCHSEQ
from nwbspikegen.patchseq.reading.abf import is_abf
from nwbspikegen.patchseq.run.measure import (
    MeasuredCell,
    measure_every_cell,
    read_measured,
    stack_cells,
)

_LOG = logging.getLogger("nwbspikegen")
FeatureChoice = Literal["shared", "all"]
_TABLES = (".csv", ".parquet")
_ALLEN: dict[str, Callable[[Path], CellTable]] = {
    "efeature.csv": read_mouse_table,
    "LeeDalley_ephys_fx.csv": read_human_table,
}


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are called; `features` what the others are, each to be scaled."""

    cell: str = "cell"
    cell_class: str = "cell_class"
    donor: str = "donor"
    condition: str = "condition"
    features: Mapping[str, ColumnOf] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """Names of the columns that are no features."""
        return {name: getattr(self, name) for name in ("cell", "cell_class", "donor", "condition")}


@dataclass(frozen=True)
class LoadedCells:
    """Some cells.

    Attributes
    ----------
    table : CellTable
        Their scalars, classes and donors.
    families : xarray.Dataset, optional
        As `collect_cells` returns it, unless they came from tables.
    measured : dict of str to MeasuredCell
        By cell, those that were measured from a recording now.
    files : dict of str to Path
        By cell, the derived NWB file, where there is one.
    sources : list of dict
        `file` and `sha256` of what was read.
    unused : dict of str to str
        By column of a table, why nothing is learned or predicted from it.
    """

    table: CellTable
    families: Any = None
    measured: dict[str, MeasuredCell] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    sources: list[dict[str, str]] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)

    def select(self, chosen: np.ndarray) -> LoadedCells:
        """Return the cells where `chosen` is true."""
        families = None if self.families is None else self.families.isel(cell=np.flatnonzero(chosen))
        return replace(self, table=self.table.select(chosen), families=families)

    def require_families(self) -> Any:
        """Return the families, or raise `InputError` for cells that came from tables."""
        if self.families is None:
            raise InputError(
                "tables of scalars",
                "feature families, which this model reads",
                "pass what `nwbspikegen patchseq features` wrote, or NWB files",
            )
        return self.families


def load_cells(
    sources: Sequence[Address],
    *,
    columns: Columns | None = None,
    labels: str | os.PathLike[str] | None = None,
    preset: str = "gouwens2020",
    species: str = "",
    features: FeatureChoice = "shared",
) -> LoadedCells:
    """Load cells from folders of features, NWB files, tables, or folders with one of the Allen tables.

    Parameters
    ----------
    sources : sequence of paths
        All with families (folders, NWB files) or all tables; of several tables the features that all
        have are kept. Of an NWB file that holds no features the recording is measured.
    columns : Columns, optional
        Names of columns in tables and in `labels`.
    labels : path, optional
        A table with classes, donors or conditions by cell, which go before those of the sources.
    preset : str
        With which recordings are measured.
    species : str
        Of tables, which do not say.
    features : str
        Of a folder with an Allen table: "shared" for the 19 that both tables have, "all" for its own.

    Raises
    ------
    InputError
        Nothing that holds cells, cells twice, or families beside tables.
    """
    columns = columns or Columns()
    if not sources:
        raise InputError("no cells", "features, NWB files or tables", "name them")
    parts = [_load_one(source, columns, preset, species, features) for source in sources]
    loaded = parts[0] if len(parts) == 1 else _join(parts)
    names = loaded.table.features.index
    if names.has_duplicates:
        raise InputError(
            f"cell {names[names.duplicated()][0]} twice", "each cell once", "pass each source once"
        )
    return loaded if labels is None else _relabel(loaded, labels, columns)


def load_for_model(
    read: Sequence[str],
    training: Mapping[str, Any],
    sources: Sequence[Address],
    *,
    columns: Columns | None = None,
    labels: str | os.PathLike[str] | None = None,
) -> LoadedCells:
    """Load cells as a model needs them, which reads the scalars `read` and was trained as `training` says."""
    # a model of scalars has none, and either gives the same scalars
    preset = str(training.get("preset") or "gouwens2020")
    # a model of all features of an Allen table reads some that the other table does not have
    own = bool(set(read) - set(SHARED_FEATURES))
    choice: FeatureChoice = "all" if own else "shared"
    cells = load_cells(sources, columns=columns, labels=labels, preset=preset, features=choice)
    return share_loaded(cells) if set(read) == set(SHARED_FEATURES) else cells


def _load_one(
    source: Address, columns: Columns, preset: str, species: str, features: FeatureChoice
) -> LoadedCells:
    path = Path(source)
    if not is_remote(source) and (path / FEATURES_FILE).is_file():
        return _load_folder(path)
    if not is_remote(source) and path.suffix in _TABLES:
        return _load_table(path, columns, species)
    if is_remote(source) or path.is_file() or is_zarr(path):
        return _load_recording(source, preset)
    # told by the name of the one file that only this table has
    for name, read in _ALLEN.items():
        if (path / name).is_file():
            return _load_allen(path / name, read(path), features)
    raise InputError(
        f"nothing that holds cells at {source}",
        "a folder of features, an NWB file, a CSV or Parquet table, or a folder with an Allen table",
        "check the path; recordings in a folder are measured first, by `nwbspikegen patchseq features`",
    )


def _load_allen(file: Path, table: CellTable, features: FeatureChoice) -> LoadedCells:
    if features == "all":
        kept, reason = table, "not a feature, or of a protocol that most cells lack"
        used = set(table.features)
    else:
        # the two tables have different names for the same features
        kept, reason = share_features(table), "not in both Allen tables; --features all reads it"
        used = set(name_source_columns(table.species))
    told = dict.fromkeys((one for one in read_column_names_of(file) if one not in used), reason)
    return LoadedCells(kept, sources=[_describe(file)], unused=told)


def _load_table(path: Path, columns: Columns, species: str) -> LoadedCells:
    frame = given = read_frame(path)
    labels = {*columns.labels.values(), SPECIES}
    if columns.features:
        frame = map_columns(given, columns.features, labels, path)
    table = tabulate_frame(frame, path, species=species, **columns.labels)
    used = {*(columns.features or table.features), *labels}
    reason = "not in the map of columns" if columns.features else "holds no numbers"
    unused = {str(name): reason for name in given if name not in used}
    return LoadedCells(table, sources=[_describe(path)], unused=unused)


def _load_folder(folder: Path) -> LoadedCells:
    families = read_features(folder)
    origins = read_description(folder).cells
    files = {cell: folder / one.file for cell, one in origins.items() if one.file}
    return LoadedCells(
        to_cell_table(families, name_labels(folder)),
        families,
        files={cell: path for cell, path in files.items() if path.is_file()},
        sources=[_describe(folder / FEATURES_FILE)],
    )


def _load_recording(source: Address, preset: str) -> LoadedCells:
    derived = not is_abf(source) and _holds_features(source)
    cells = [read_measured(source)] if derived else _measure(source, preset)
    families = stack_cells(cells)
    return LoadedCells(
        to_cell_table(families, "NWB:cell_class"),
        families,
        measured={} if derived else {one.labels["cell"]: one for one in cells},
        files={one.labels["cell"]: Path(source) for one in cells} if derived else {},
        sources=[
            {"file": hide_access(str(source)), "sha256": ""} if is_remote(source) else _describe(Path(source))
        ],
    )


def _holds_features(source: Address) -> bool:
    with open_nwb(source) as root:
        return f"processing/{PATCHSEQ}/family_vectors" in root


def _measure(source: Address, preset: str) -> list[MeasuredCell]:
    """Measure every cell of a recording; one that cannot be is warned of, unless there is no other."""
    measured, refused = measure_every_cell(source, preset=preset)
    if not measured:
        raise refused[0][1]
    for electrode, error in refused:
        _LOG.warning("the cell at electrode %s is left out: %s", electrode, error)
    return measured


def _describe(path: Path) -> dict[str, str]:
    return {"file": str(path), "sha256": hash_file(path) if path.is_file() else ""}


def _join(parts: Sequence[LoadedCells]) -> LoadedCells:
    import xarray as xr

    with_families = [part.families is not None for part in parts]
    if any(with_families) and not all(with_families):
        raise InputError(
            "families beside tables", "all of one kind", "pass the tables of scalars (cells.csv) of all"
        )
    families = None
    if all(with_families):
        presets = sorted({part.families.attrs["preset"] for part in parts})
        if len(presets) > 1:
            raise InputError(
                f"cells of presets {' and '.join(presets)}", "one preset", "measure all with the same"
            )
        # outer, since scalars of protocols that nobody of one part had are missing there
        families = xr.concat([part.families for part in parts], "cell", join="outer", coords="minimal")
    return LoadedCells(
        _join_tables([part.table for part in parts]),
        families,
        {cell: one for part in parts for cell, one in part.measured.items()},
        {cell: path for part in parts for cell, path in part.files.items()},
        [source for part in parts for source in part.sources],
        _join_unused(parts),
    )


def _join_unused(parts: Sequence[LoadedCells]) -> dict[str, str]:
    tables = [part.table for part in parts]
    told = {name: reason for part in parts for name, reason in part.unused.items()}
    for table in tables:
        for name in table.features:
            if any(name not in other.features for other in tables):
                told[str(name)] = "not in every table"
    return told


def _join_tables(tables: Sequence[CellTable]) -> CellTable:
    shared = [name for name in tables[0].features if all(name in table.features for table in tables)]
    if not shared:
        raise InputError("tables without a feature in common", "the same features", "rename the columns")
    versions = dict.fromkeys(table.label_version for table in tables)
    species = dict.fromkeys(table.species for table in tables)
    return CellTable(
        pd.concat([table.features[shared] for table in tables]),
        pd.concat([table.cells for table in tables]),
        " and ".join(species),
        " + ".join(versions),
    )


def _relabel(loaded: LoadedCells, labels: str | os.PathLike[str], columns: Columns) -> LoadedCells:
    frame = read_frame(labels)
    named = {name: column for name, column in columns.labels.items() if name != "cell" and column in frame}
    if columns.cell not in frame or "cell_class" not in named:
        raise InputError(
            f"{labels} without {columns.cell} or {columns.cell_class}",
            "columns with cell and class",
            "name them with --cell-column and --class-column",
        )
    frame = frame.set_index(frame[columns.cell].astype(str))
    if frame.index.has_duplicates:
        raise InputError(f"cells twice in {labels}", "each cell once", "correct the table")
    cells, families = loaded.table.cells.copy(), loaded.families
    for name, column in named.items():
        # a table of labels may be of some cells only: others keep what their source says
        given = frame[column].reindex(cells.index)
        cells[name] = given.astype(object).where(given.notna(), cells[name]).astype(str)
        if families is not None:
            families = families.assign_coords({name: ("cell", cells[name].to_numpy(dtype=object))})
    table = replace(loaded.table, cells=cells, label_version=name_version(labels, columns.cell_class))
    return replace(loaded, table=table, families=families)


def share_loaded(cells: LoadedCells) -> LoadedCells:
    """Return the cells with the 19 features that both Allen tables have, under the human names.

    Raises
    ------
    InputError
        They have neither the human nor the mouse names of all 19.
    """
    have = set(cells.table.features)
    if have >= set(SHARED_FEATURES):
        table = cells.table.take_features(SHARED_FEATURES)
    elif have >= set(name_source_columns("mouse")):
        # measured cells have the names and units of the mouse table, whatever their species
        species = cells.table.species
        table = replace(share_features(replace(cells.table, species="mouse")), species=species)
    else:
        lacking = sorted(set(name_source_columns("mouse")) - have)
        raise InputError(
            f"cells without {', '.join(lacking)}",
            "the 19 features of both Allen tables",
            "use --features all",
        )
    made_of = {*SHARED_FEATURES, *name_source_columns("mouse")}
    told = dict.fromkeys((str(name) for name in have - made_of), "not one of the 19 shared features")
    return replace(cells, table=table, unused={**cells.unused, **told})
