"""What a trained model remembers of its training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from nwbspikegen.training.schedule import Schedule
from nwbspikegen.views.fingerprints import hash_spikes


def training_record(
    train: Sequence[xr.Dataset], validation: Sequence[xr.Dataset], schedule: Schedule | None, seed: int
) -> dict[str, Any]:
    """Say where the weights come from, as JSON holds it; outside `sources`, of the first recording.

    There is no schedule where nothing was trained in epochs.
    """
    sources = [
        {**_describe_source(one), **_describe(one, other), "spikes_sha256": hash_spikes(one, other)}
        for one, other in zip(train, validation, strict=True)
    ]
    # beside `sources`, where models of one recording had it before there were several
    first = _describe(train[0], validation[0])
    told = {} if schedule is None else {"schedule": schedule.as_dict()}
    return {"sources": sources, **first, **told, "seed": seed}


def _describe_source(train: xr.Dataset) -> dict[str, Any]:
    keys = (
        "identifier",
        "source_sha256",
        "session_id",
        "subject_id",
        "species",
        "preparation",
        "lab",
    )
    # models are shared: they tell their source's name, not whose folder it lay in
    file_name = Path(str(train.attrs.get("source", ""))).name
    table = {"unit_table": train.attrs["unit_table"]} if "unit_table" in train.attrs else {}
    return {"file_name": file_name, **table, **{key: str(train.attrs.get(key, "")) for key in keys}}


def _describe(train: xr.Dataset, validation: xr.Dataset) -> dict[str, Any]:
    bin_size = float(train.attrs["bin_size"])
    start = float(train.time[0])
    return {
        "unit_ids": train.unit.values.tolist(),
        "window": {"start": start, "duration": float(validation.time[-1]) + bin_size - start},
        "split": {
            "train": [start, float(train.time[-1]) + bin_size],
            "validation": [float(validation.time[0]), float(validation.time[-1]) + bin_size],
        },
    }
