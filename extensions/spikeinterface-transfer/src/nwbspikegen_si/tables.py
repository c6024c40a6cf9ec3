"""Tables as they were, after SpikeInterface has stored them as text or as Zarr columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.scoring.evaluation import COLUMNS

TABLES = {"scores": list(COLUMNS), "audits": ["audit", "passed", "value", "tolerance", "detail"]}
"""Columns of the extension's tables, in order."""

_KINDS: dict[str, Any] = {
    **dict.fromkeys(("value", "ci_low", "ci_high", "tolerance", "observed_fraction"), np.float64),
    **dict.fromkeys(("num_units", "num_spikes", "num_silent_units", "num_blocks"), np.int64),
    **dict.fromkeys(("passed", "ci_reliable"), np.bool_),
}


def restore_table(stored: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return a stored table with its types, order of columns and a plain index.

    Missing texts read back as empty ones.

    Examples
    --------
    >>> stored = pd.DataFrame({"value": ["1.5"], "null": [np.nan]}, index=["0"])
    >>> restore_table(stored, ["null", "value"]).to_dict("list")
    {'null': [''], 'value': [1.5]}
    """
    restored = {name: _restore(stored[name], _KINDS.get(name)) for name in columns if name in stored}
    return pd.DataFrame(restored)


def _restore(column: pd.Series[Any], kind: Any) -> np.ndarray | list[str]:
    if kind is None:
        return ["" if pd.isna(each) else str(each) for each in column]
    if kind is np.float64:
        return column.astype(object).where(column.notna(), np.nan).to_numpy(dtype=np.float64)
    return column.to_numpy(dtype=kind)
