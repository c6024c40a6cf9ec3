"""Curves by context in files: one archive of arrays, there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr
from pydantic import Field

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.core.records import Record
from nwbspikegen.scoring.context_curves import ContextCurve

_DIMS = {
    "log_likelihood": ("predictor", "context", "start"),
    "seconds_read": ("context", "start"),
    "num_spikes": ("start",),
    "observed_fraction": ("start",),
    "start": ("start",),
    "knows_target": ("predictor",),
}


class _CurveRecord(Record, extra="ignore"):
    """What of a curve is no array of numbers."""

    format: Literal["nwbspikegen-context-curve-1"] = "nwbspikegen-context-curve-1"
    predictor: list[str]
    context: list[str]
    scored: float
    left_out: dict[str, str] = Field(default_factory=dict)
    untrained: dict[str, str] = Field(default_factory=dict)
    refused: dict[str, str] = Field(default_factory=dict)


def write_curve(path: str | os.PathLike[str], curve: ContextCurve) -> None:
    """Write a curve; a file that is there is replaced.

    Examples
    --------
    >>> import tempfile
    >>> coords = {"predictor": ["running_rate"], "context": ["0"], "start": [60.0]}
    >>> ones = {name: (dims, np.ones([1] * len(dims))) for name, dims in _DIMS.items()}
    >>> data = xr.Dataset({name: ones[name] for name in list(ones)[:4]}, coords, {"scored": 5.0})
    >>> curve = ContextCurve(data.assign_coords(knows_target=("predictor", [False])))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_curve(Path(folder, "curve.npz"), curve)
    ...     read_curve(Path(folder, "curve.npz")).predictors
    ['running_rate']
    """
    attrs = {name: curve.data.attrs[name] for name in _CurveRecord.model_fields if name in curve.data.attrs}
    record = _CurveRecord(predictor=curve.predictors, context=curve.contexts, **attrs).model_dump_json()
    arrays = {name: curve.data[name].transpose(*dims).values for name, dims in _DIMS.items()}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path, overwrite=True) as temporary:
        np.savez_compressed(
            temporary,
            record=np.frombuffer(record.encode(), np.uint8),
            **arrays,  # type: ignore[arg-type, unused-ignore]
        )


def read_curve(path: str | os.PathLike[str]) -> ContextCurve:
    """Read what `write_curve` wrote.

    Raises
    ------
    InputError
        The file is damaged, or no curve.
    """
    what_to_do = "delete the file and measure the curve again"
    arrays = read_npz(Path(path), what_to_do)
    try:
        record = _CurveRecord.model_validate_json(arrays["record"].tobytes())
        data = xr.Dataset(
            {
                name: (dims, arrays[name])
                for name, dims in _DIMS.items()
                if name not in ("start", "knows_target")
            },
            {"predictor": record.predictor, "context": record.context, "start": arrays["start"]},
            record.model_dump(include={"scored", "left_out", "untrained", "refused"}),
        )
        return ContextCurve(
            data.assign_coords(knows_target=("predictor", arrays["knows_target"].astype(bool)))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}, which is no curve", "a curve as it was written", what_to_do) from error
