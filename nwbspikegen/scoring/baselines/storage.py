"""Weights of a baseline as one npz file, without pickle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.core.npz_files import read_npz

_FILE = "weights.npz"


def write_weights(folder: str | os.PathLike[str], name: str, **weights: Float64[np.ndarray, "..."]) -> None:
    """Write arrays into `folder`, which is made when absent, under the predictor's name."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    # the predictor's name lies in the same file: weights of one cannot be read as those of another
    np.savez(Path(folder) / _FILE, predictor=np.array(name), **weights)  # type: ignore[arg-type, unused-ignore]


def read_weights(folder: str | os.PathLike[str], name: str) -> dict[str, Float64[np.ndarray, "..."]]:
    """Read what `write_weights` wrote; `InputError` when it belongs to another predictor."""
    path = require_file(Path(folder) / _FILE)
    weights = read_npz(path)
    if not all(value.dtype.kind in "biuf" and np.isfinite(value).all() for value in _numbers(weights)):
        raise InputError(f"weights that are no finite numbers in {path}", "numbers", "save them again")
    found = str(weights.pop("predictor", "without a name"))
    if found != name:
        raise InputError(
            f"weights of {found} in {folder}", f"weights of {name}", "load them as what they are"
        )
    return weights


def _numbers(weights: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    return (value for key, value in weights.items() if key != "predictor")
