"""What phy, Kilosort and others say of each cluster, in tables beside the spikes."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.json_files import read_bounded

if TYPE_CHECKING:
    import pandas as pd

_INFO = "cluster_info"
_LOG = logging.getLogger("nwbspikegen")
# how phy says that nobody has judged a cluster
_UNJUDGED = ("", "unsorted", "nan")
DESCRIPTIONS = {
    "group": "Label that a curator gave the unit in phy.",
    "KSLabel": "Label that Kilosort gave the unit.",
    "quality": "The curator's label where there is one, else Kilosort's.",
    "Amplitude": "Amplitude of the unit's template, as Kilosort scales it.",
    "ContamPct": "Kilosort's estimate of the share of the unit's spikes that are not its own, in percent.",
}


def read_cluster_tables(folder: Path, units: Int64[np.ndarray, " unit"]) -> dict[str, np.ndarray]:
    """Return the columns of all tables of clusters in a folder, a value per unit, by name.

    Of several tables with a column the one that is named after it wins, as `cluster_group.tsv`, and
    `cluster_info.tsv`, a summary, loses. What is missing is NaN, and among texts "". `quality` is
    added: the curator's label where there is one, or else Kilosort's.

    Raises
    ------
    InputError
        A table is damaged, or has a cluster twice.
    """
    found = [
        (_rank(path, name), name, table[name])
        for path in sorted(folder.iterdir())
        if path.suffix in (".tsv", ".csv") and (table := _read_table(path)) is not None
        # what pandas calls a column without a name, which a tab at the end of lines makes
        for name in table.columns
        if not name.startswith("Unnamed: ")
    ]
    # the last of a name stays; a slash would be a group of HDF5 inside the table of units
    columns = {
        name.replace("/", "_"): _to_column(values, units)
        for _, name, values in sorted(found, key=lambda each: each[0])
    }
    return _add_quality(columns, len(units))


def _rank(path: Path, name: str) -> int:
    """Return which of several tables with a column has the say: the highest."""
    if path.stem.startswith(_INFO):
        return 0
    # phy 1 had cluster_groups.csv
    return 2 if path.stem in (f"cluster_{name}", f"cluster_{name}s") else 1


def _read_table(path: Path) -> pd.DataFrame | None:
    """Return a table by its clusters, None for a table of something else."""
    import pandas as pd

    content = read_bounded(path, "a table of clusters", "copy it again")
    # older versions of phy separate by tabs in files called .csv as well
    separator = "\t" if b"\t" in content.partition(b"\n")[0] else ","
    try:
        table = pd.read_csv(io.BytesIO(content), sep=separator)
    # pandas raises almost anything over a damaged table
    except Exception as error:
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__})", "a table of clusters", "copy it again"
        ) from error
    key = next((name for name in ("cluster_id", "id") if name in table.columns), None)
    if key is None:
        if path.stem.startswith("cluster_"):
            _LOG.warning("%s has no column cluster_id: left out", path)
        return None
    clusters = table[key]
    if clusters.dtype.kind not in "iu" or clusters.duplicated().any():
        raise InputError(
            f"a column {key} of {path} that does not name each cluster once",
            "whole numbers, each once",
            "check the table",
        )
    return table.set_index(key)


def _to_column(values: pd.Series, units: Int64[np.ndarray, " unit"]) -> np.ndarray:
    found = values.reindex(units)
    if values.dtype.kind in "iub" and not found.isna().any():
        return found.to_numpy(dtype=values.dtype.type)
    if values.dtype.kind in "iufb":
        return found.to_numpy(dtype=np.float64)
    return found.astype(object).where(found.notna(), "").to_numpy(dtype=np.str_)


def _add_quality(columns: dict[str, np.ndarray], num_units: int) -> dict[str, np.ndarray]:
    labels = [columns[name] for name in ("group", "quality", "KSLabel") if name in columns]
    texts = [label for label in labels if label.dtype.kind == "U"]
    if not texts:
        return columns
    quality = np.full(num_units, "", dtype=object)
    for label in texts:
        is_open = (quality == "") & ~np.isin(label, _UNJUDGED)
        quality[is_open] = label[is_open]
    return {**columns, "quality": quality.astype(np.str_)}
