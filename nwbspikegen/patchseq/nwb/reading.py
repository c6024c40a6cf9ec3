"""Reading back what `write_patchseq` wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import Address, require_recording
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.columns import read_dynamic_table
from nwbspikegen.nwb.groups import find_array, find_group, to_text
from nwbspikegen.nwb.names import split_attributes
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.unit_table import require_columns
from nwbspikegen.patchseq.nwb.writing import PATCHSEQ

# far more than float32 needs: a table may have gone through three digits
_ROUNDING = 1e-3


def read_sweep_features(path: Address) -> pd.DataFrame:
    """Return what was measured of each sweep, with its number and the places of its series in the source.

    Raises
    ------
    InputError
        The file is not one that `write_patchseq` wrote, or has no such table; so do all readers.
    """
    table = _read_table(path, "sweep_features")
    with reading(path):
        if not all(table["response_path"].astype(bool)):
            raise ValueError("sweeps without the place of their response")
    return table


def read_left_out_sweeps(path: Address) -> pd.DataFrame:
    """Return `number` and `reason` of the sweeps that were not measured, without a row when all were."""
    address = require_recording(path)
    with open_nwb(address) as root:
        if f"processing/{PATCHSEQ}/sweeps_left_out" not in root:
            return pd.DataFrame({"number": np.zeros(0, np.int64), "reason": np.zeros(0, object)})
    return _read_table(path, "sweeps_left_out")


def read_cell_scalars(path: Address) -> dict[str, float]:
    """Return what was measured of the cell as a whole."""
    table = _read_table(path, "cell_scalars")
    with reading(path):
        return {str(name): float(value) for name, value in zip(table["scalar"], table["value"], strict=True)}


def read_family_vectors(path: Address) -> tuple[dict[str, np.ndarray], dict[str, str], str]:
    """Return the families that are there, the reasons why others are not, and the preset's name.

    Returns
    -------
    dict of str to array of shape (samples,)
        float64, bit for bit as written.
    dict of str to str
        Of the missing families.
    str
        The preset.
    """
    with _open_table(path, "family_vectors") as table:
        require_columns(table, strict=True)
        preset = str(split_attributes(to_text(table.attrs["description"])).get("preset", ""))
        names = [to_text(name) for name in find_array(table, "family")[:]]
        reasons = [to_text(reason) for reason in find_array(table, "reason")[:]]
        is_present = np.asarray(find_array(table, "is_present")[:], dtype=bool).tolist()
        ends = np.asarray(find_array(table, "vector_index")[:], dtype=np.int64)
        values = np.asarray(find_array(table, "vector")[:], dtype=np.float64)
        # np.split takes any ends, and would give vectors that were never stored
        if np.any(np.diff(ends, prepend=0) < 0) or ends[-1:].tolist() != [len(values)]:
            raise ValueError("vectors that do not follow each other")
        vectors = np.split(values, ends[:-1])
    rows = list(zip(names, is_present, vectors, reasons, strict=True))
    families = {name: vector for name, there, vector, _ in rows if there}
    return families, {name: reason for name, there, _, reason in rows if not there}, preset


def read_predictions(path: Address) -> pd.DataFrame:
    """Return the predicted class, its probabilities and the attention per family, one row per model."""
    table = _read_table(path, "predictions")
    with reading(path):
        for kind in ("probability_", "attention_"):
            shares = table[[name for name in table if str(name).startswith(kind)]].to_numpy(dtype=np.float64)
            # a missing family has no attention, and a forest gives none
            given = shares[np.isfinite(shares).any(axis=1)]
            if np.any(shares < 0) or np.any(np.nansum(given, axis=1) > 1 + _ROUNDING):
                raise ValueError(f"{kind.rstrip('_')} that is no share of one")
    return table


@contextlib.contextmanager
def _open_table(path: Address, name: str) -> Iterator[Any]:
    address = require_recording(path)
    with open_nwb(address) as root, reading(address):
        table = find_group(root, f"processing/{PATCHSEQ}/{name}")
        if table is None:
            raise InputError(
                f"{address} without processing/{PATCHSEQ}/{name}",
                "a file that write_patchseq wrote with it",
                "pass the output of `nwbspikegen patchseq`",
            )
        yield table


def _read_table(path: Address, name: str) -> pd.DataFrame:
    with _open_table(path, name) as table:
        return read_dynamic_table(table)
