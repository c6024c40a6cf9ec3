"""Weights of a baseline as one npz file, without pickle."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from nwbspikegen.errors import InputError
from nwbspikegen.files import require_file

_FILE = "weights.npz"
# bytes: no baseline of any recording comes near
_MOST_BYTES = 2**30


def write_weights(folder: str | os.PathLike[str], name: str, **weights: Float64[np.ndarray, "..."]) -> None:
    """Write arrays into `folder`, which is made when absent, under the predictor's name."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    np.savez(Path(folder) / _FILE, predictor=np.array(name), **weights)  # type: ignore[arg-type, unused-ignore]


def read_weights(folder: str | os.PathLike[str], name: str) -> dict[str, Float64[np.ndarray, "..."]]:
    """Read what `write_weights` wrote; `InputError` when it belongs to another predictor."""
    path = require_file(Path(folder) / _FILE)
    try:
        _require_small(path)
        with np.load(path, allow_pickle=False) as stored:
            weights = {key: stored[key] for key in stored.files}
    except InputError:
        raise
    # a damaged archive makes zipfile, zlib and numpy raise almost anything
    except Exception as error:
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__})", "weights as they were saved",
            "save them again, or restore the file",
        ) from error  # fmt: skip
    if not all(value.dtype.kind in "biuf" and np.isfinite(value).all() for value in _numbers(weights)):
        raise InputError(f"weights that are no finite numbers in {path}", "numbers", "save them again")
    found = str(weights.pop("predictor", "without a name"))
    if found != name:
        raise InputError(
            f"weights of {found} in {folder}", f"weights of {name}", "load them as what they are"
        )
    return weights


def _require_small(path: Path) -> None:
    """Raise `InputError` for an archive that says of itself that it unpacks into more than a GiB."""
    with zipfile.ZipFile(path) as archive:
        num_bytes = sum(member.file_size for member in archive.infolist())
    if num_bytes > _MOST_BYTES:
        raise InputError(f"{num_bytes} bytes in {path}", f"at most {_MOST_BYTES}", "save them again")


def _numbers(weights: dict[str, np.ndarray]) -> Iterator[np.ndarray]:
    return (value for key, value in weights.items() if key != "predictor")
