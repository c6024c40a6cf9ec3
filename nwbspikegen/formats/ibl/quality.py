"""How well sorted the units of an IBL session are: metrics, the IBL's label, a curator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.arrays import read_alf_table
from nwbspikegen.formats.ibl.folder import Collection

if TYPE_CHECKING:
    import pandas as pd

_CURATED = "clusters.curatedLabels"


def read_qualities(
    collection: Collection, metrics: pd.DataFrame | None, clusters: Int64[np.ndarray, " unit"]
) -> dict[str, np.ndarray]:
    """Return the metrics, `curated_label` and `quality`, as far as they are known.

    `quality` is what a curator said of a unit; or else good for a label of 1, mua for any other, empty
    without a label.

    Raises
    ------
    InputError
        If the curator's table is damaged.
    """
    columns = _list_metrics(metrics, clusters)
    if "label" in columns:
        label = columns["label"]
        # the share of three criteria that a unit passes: 1/3 and 2/3 are not good
        columns["quality"] = np.where(np.isnan(label), "", np.where(label == 1, "good", "mua"))
    curated = _read_curated(collection, clusters)
    if curated is not None:
        columns["curated_label"] = curated
        columns["quality"] = np.where(curated == "", columns.get("quality", ""), curated)
    return columns


def _list_metrics(
    metrics: pd.DataFrame | None, clusters: Int64[np.ndarray, " unit"]
) -> dict[str, np.ndarray]:
    if metrics is None:
        return {}
    rows = metrics.reindex(clusters)
    return {
        str(name): rows[name].to_numpy(np.float64)
        if rows[name].dtype.kind == "f"
        else rows[name].fillna("").to_numpy(str)
        for name in rows
    }


def _read_curated(collection: Collection, clusters: Int64[np.ndarray, " unit"]) -> np.ndarray | None:
    """Return what a curator calls each unit, "" where nothing was said; None without such a table."""
    path = collection.find(_CURATED)
    if path is None:
        return None
    table = read_alf_table(path)
    # phy's name of the column of labels; the one of numbers has no name in the IBL's files
    numbers, labels = table.iloc[:, 0], table.get("group")
    if labels is None or numbers.dtype.kind not in "iu" or not numbers.is_unique:
        raise InputError(
            f"columns {', '.join(map(str, table.columns))} in {path}",
            "clusters, each once, and their group",
            "check the file",
        )
    words = labels.astype(object).where(labels.notna(), "").set_axis(numbers, axis=0)
    return words.reindex(clusters, fill_value="").to_numpy(str)
