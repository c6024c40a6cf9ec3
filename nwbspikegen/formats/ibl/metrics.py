"""The quality metrics of an IBL sorting: one row per cluster, named as the IBL names them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.arrays import read_alf_table
from nwbspikegen.formats.ibl.folder import Collection

if TYPE_CHECKING:
    import pandas as pd

_LOG = logging.getLogger("nwbspikegen")
# what other arrays say, and what NWB's units table keeps for itself
_RESERVED = {
    "cluster_id",
    "probe",
    "depth",
    "location",
    "rel_x",
    "rel_y",
    "x",
    "y",
    "z",
    "shank",
    "quality",
    "curated_label",
    "uuid",
    "uuids",
    "brain_location_id",
    "id",
    "unit_name",
    "spike_times",
    "spike_times_index",
    "obs_intervals",
    "electrodes",
    "electrode_group",
    "waveform_mean",
    "waveform_sd",
    "waveforms",
}


def read_metrics(collection: Collection, num_clusters: int | None) -> pd.DataFrame | None:
    """Return clusters.metrics indexed by cluster number; None where there is no such file.

    Numbers are float64, text is str, and other columns are left out.

    Parameters
    ----------
    collection : Collection
    num_clusters : int, optional
        Rows of the other tables of clusters, which the metrics must not go beyond.

    Raises
    ------
    InputError
        If the table is damaged, or its cluster numbers are no numbers, repeated, or out of range.
    """
    path = collection.find("clusters.metrics")
    if path is None:
        return None
    table = read_alf_table(path)
    clusters = _cluster_numbers(path, table, num_clusters)
    table = table.set_axis(clusters, axis=0)
    columns = {}
    for name in map(str, table.columns):
        values = table[name]
        # names with spaces or dots could be no columns that users select by
        if name in _RESERVED or not name.isidentifier():
            continue
        if values.dtype.kind in "biuf":
            # whole numbers and truth values too: clusters without a row get NaN, which only floats have
            columns[name] = values.astype(np.float64)
        elif all(isinstance(value, str) for value in values.dropna()):
            columns[name] = values.astype(object).where(values.notna(), "")
    if "label" in columns and columns["label"].dtype.kind != "f":
        raise InputError(f"labels in {path} that are no numbers", "1 for good units", "check the file")
    import pandas as pd

    return pd.DataFrame(columns, index=clusters)


def _cluster_numbers(path: Path, table: pd.DataFrame, num_clusters: int | None) -> Int64[np.ndarray, " row"]:
    if "cluster_id" not in table:
        if num_clusters not in (None, len(table)):
            raise InputError(
                f"{len(table)} rows and no cluster_id in {path}", f"{num_clusters} rows", "check the file"
            )
        return np.arange(len(table))
    values = table["cluster_id"]
    whole = values.dtype.kind in "iuf" and bool((values == values.round()).all())
    limit = 2**53 if num_clusters is None else num_clusters
    if not whole or not values.is_unique or not values.between(0, limit - 1).all():
        raise InputError(
            f"cluster numbers {values.iloc[:4].tolist()} ... in {path}",
            "each once, from 0" + ("" if num_clusters is None else f" to {num_clusters - 1}"),
            "take metrics and clusters of one sorting",
        )
    return values.to_numpy(dtype=np.int64)
