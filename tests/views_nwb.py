"""Writes tiny NWB files with h5py, right or deliberately wrong, for the tests of the views."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np


def write_units(
    path: Path,
    trains: Sequence[Sequence[float]],
    *,
    observed: tuple[float, float] | None = None,
    compression: str | None = None,
) -> Path:
    """Write a units table at `/units` with one train of spike times (s) per unit."""
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        file["identifier"] = "tiny"
        file["session_start_time"] = "2020-01-01T00:00:00+00:00"
        file["general/keywords"] = ["waves", "preparation:in_vitro"]
        file["general/subject/species"] = "Mus musculus"
        file["general/extracellular_ephys/probe/device"] = 0
        units = file.create_group("units")
        times = np.concatenate([np.asarray(train, dtype=np.float64) for train in trains] or [np.empty(0)])
        units.create_dataset("spike_times", data=times, compression=compression)
        units["spike_times_index"] = np.cumsum([len(train) for train in trains], dtype=np.int64)
        units["id"] = np.arange(len(trains)) + 10
        units["quality"] = ["good"] * len(trains)
        units["depth"] = np.arange(len(trains)) * 1.5
        units["waveform_mean"] = np.zeros((len(trains), 4))
        units["notes"], units["notes_index"] = np.arange(len(trains)), np.arange(len(trains)) + 1
        groups = [file["general/extracellular_ephys/probe"].ref] * len(trains)
        units.create_dataset("electrode_group", data=groups, dtype=h5py.ref_dtype)
        if observed is not None:
            units["obs_intervals"] = np.tile(np.asarray(observed), (len(trains), 1))
            units["obs_intervals_index"] = np.arange(len(trains)) + 1
    return path


def replace_column(path: Path, name: str, values: object) -> Path:
    """Replace one column of `/units`, or delete it when `values` is None."""
    with h5py.File(path, "r+") as file:
        del file["units"][name]
        if values is not None:
            file["units"][name] = values
    return path
