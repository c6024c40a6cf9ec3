"""Tables and probabilities as SpikeInterface stores and compares them, and as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32

from nwbspikegen.scoring.evaluation import COLUMNS

TABLES = {"scores": list(COLUMNS), "audits": ["audit", "passed", "value", "tolerance", "detail"]}
"""Columns of the extension's tables, in order."""

_KINDS: dict[str, Any] = {
    **dict.fromkeys(("value", "ci_low", "ci_high", "tolerance", "observed_fraction"), np.float64),
    **dict.fromkeys(("num_units", "num_spikes", "num_silent_units", "num_blocks"), np.int64),
    **dict.fromkeys(("passed", "ci_reliable"), np.bool_),
}


# no probability, and equal to itself: SpikeInterface takes arrays with NaN as different after they are stored
_UNSEEN = np.float32(-1.0)


def encode_unseen(
    probability: Float32[np.ndarray, "time unit"],
) -> Float32[np.ndarray, "time unit"]:
    """Return probabilities with -1 where nothing was predicted, as they are stored."""
    return np.where(np.isnan(probability), _UNSEEN, probability).astype(np.float32)


def decode_unseen(stored: Float32[np.ndarray, "time unit"]) -> Float32[np.ndarray, "time unit"]:
    """Return probabilities with NaN where nothing was predicted.

    Examples
    --------
    >>> decode_unseen(encode_unseen(np.array([[0.5, np.nan]], np.float32))).tolist()
    [[0.5, nan]]
    """
    values = np.asarray(stored)
    return np.where(values == _UNSEEN, np.float32(np.nan), values).astype(np.float32)


Texts = dict[str, list[str]]
"""The texts of each column of a table, in the order of their codes."""


def encode_table(table: pd.DataFrame) -> tuple[pd.DataFrame, Texts]:
    """Return a table of numbers alone, and the texts that its codes stand for.

    SpikeInterface stores texts of tables as they are, and compares tables by subtracting them.

    Examples
    --------
    >>> numbers, texts = encode_table(pd.DataFrame({"null": ["a", "", "a"], "value": [1.5, 2.0, 2.5]}))
    >>> numbers.to_dict("list"), texts
    ({'null': [1, 0, 1], 'value': [1.5, 2.0, 2.5]}, {'null': ['', 'a']})
    """
    columns: dict[str, Any] = {}
    texts: Texts = {}
    for name in table.columns:
        if name in _KINDS:
            kind = np.int64 if _KINDS[name] is np.bool_ else _KINDS[name]
            columns[name] = table[name].to_numpy(dtype=kind)
            continue
        texts[name] = sorted({str(each) for each in table[name]})
        codes = {text: code for code, text in enumerate(texts[name])}
        columns[name] = np.array([codes[str(each)] for each in table[name]], dtype=np.int64)
    return pd.DataFrame(columns), texts


def decode_table(stored: pd.DataFrame, columns: list[str], texts: Texts) -> pd.DataFrame:
    """Return the table of `encode_table`, or one that was stored before tables had codes.

    Examples
    --------
    >>> decode_table(pd.DataFrame({"value": [2.0], "null": [1]}), ["null", "value"], {"null": ["", "a"]})
      null  value
    0    a    2.0
    """
    named = {
        name: [texts[name][int(code)] for code in stored[name]] if name in texts else stored[name]
        for name in stored.columns
        if name in columns
    }
    return restore_table(pd.DataFrame(named, index=stored.index), columns)


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
