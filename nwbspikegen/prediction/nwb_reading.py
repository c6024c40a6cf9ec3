"""Reading back what `write_results` wrote."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.context_start import NAME as CONTEXT_START
from nwbspikegen.core.context_start import note_context_start
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.core.large_arrays import cut_rows, empty_array
from nwbspikegen.nwb.columns import decode_text, read_dynamic_table, read_unit_ids, require_array
from nwbspikegen.nwb.groups import find_group
from nwbspikegen.nwb.names import MODULE, split_attributes
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.provenance import read_models_of
from nwbspikegen.nwb.unit_table import read_offsets, require_columns
from nwbspikegen.prediction.conditions import GENERATED

_Path = str | os.PathLike[str]


def list_results(path: _Path) -> list[str]:
    """Return which of spike_probability, generated_units, models, scores, audits, sources are there.

    Raises
    ------
    InputError
        The file is not one that `write_results` wrote; so do all readers.
    """
    with _open_module(path) as module:
        return sorted(module)


def read_spike_probability(path: _Path) -> xr.DataArray:
    """Return the stored prediction as `generate` returned it: dims (time, unit), float32.

    `unit` are the ids of the recorded units, `time` bin starts on the session clock (s), and
    `context_start` the time (s) since which the model has read; `attrs` hold the bin size, the context,
    the model and the session.
    """
    with _open_module(path) as module:
        series = _require(module, "spike_probability")
        attrs = split_attributes(decode_text(series.attrs.get("comments", "")))
        start = float(series["starting_time"][()])
        # from the attributes, which hold it to the bit; 1 / rate may differ in the last
        bin_size = float(attrs.get("bin_size", 1.0 / series["starting_time"].attrs["rate"]))
        rate = float(series["starting_time"].attrs["rate"])
        stored, units = require_array(series, "data"), _read_unit_ids(module)
        if not (np.isfinite(start) and rate > 0 and np.isclose(rate * bin_size, 1.0, rtol=1e-6)):
            raise ValueError(f"bins of {bin_size} s at a rate of {rate} Hz from {start} s")
        if len(stored.shape) != 2 or stored.shape[1] != len(units):
            raise ValueError(f"probabilities of shape {stored.shape} for {len(units)} units")
        values = _read_values(stored)
    # by multiplication, as views count: sums of steps would drift from it
    time = start + np.arange(len(values)) * bin_size
    coords = {"time": ("time", time, {"units": "s"}), "unit": ("unit", units)}
    # files written before the start of the context was noted have none
    since = attrs.pop(CONTEXT_START, None)
    predicted = xr.DataArray(values, coords, ("time", "unit"), "spike_probability", attrs)
    return predicted if since is None else note_context_start(predicted, float(since))


def read_generated_units(path: _Path, *, sample: int = 0) -> dict[Any, np.ndarray]:
    """Return the drawn spike times (s, session clock) of each recorded unit, by its id.

    A free run may hold several samples, of which one is read.
    """
    with _open_module(path) as module:
        table = _require(module, "generated_units")
        require_columns(table, strict=True)
        trains = np.split(require_array(table, "spike_times")[:], read_offsets(table, path)[1:-1])
        # only free runs have this column
        samples = table["sample"][:] if "sample" in table else np.zeros(len(trains), dtype=np.int64)
        if sample not in samples:
            raise InputError(f"no sample {sample} in {path}", f"0 to {samples.max()}", "read one of these")
        pairs = zip(_read_unit_ids(module).tolist(), trains, samples == sample, strict=True)
        return {unit: train for unit, train, is_wanted in pairs if is_wanted}


def read_run_conditions(path: _Path) -> dict[Any, str]:
    """Return of each recorded unit whether a free run generated it, clamped it or silenced it."""
    with _open_module(path) as module:
        table = _require(module, "generated_units")
        units = _read_unit_ids(module).tolist()
        # only runs with clamped or silenced units have this column
        told = table["condition"].asstr()[:].tolist() if "condition" in table else [GENERATED] * len(units)
        return dict(zip(units, told, strict=True))


def read_statistics(path: _Path) -> pd.DataFrame:
    """Return how the generated spikes of a free run compare with recorded ones."""
    return _read_table(path, "statistics")


def read_realism(path: _Path) -> pd.DataFrame:
    """Return how far the spikes of a free run are from recorded ones, as `nwbspikegen.realism`."""
    return _read_table(path, "realism")


def read_verdicts(path: _Path) -> pd.DataFrame:
    """Return how well judges tell the spikes of a free run from recorded ones."""
    return _read_table(path, "verdicts")


def read_scores(path: _Path) -> pd.DataFrame:
    """Return the stored score table with its attrs."""
    return _read_table(path, "scores")


def read_audits(path: _Path) -> pd.DataFrame:
    """Return the stored audits."""
    return _read_table(path, "audits")


def read_sources(path: _Path) -> pd.DataFrame:
    """Return name, identifier and sha256 of the recordings that the results were made from."""
    return _read_table(path, "sources")


def read_models(path: _Path) -> pd.DataFrame:
    """Return the stored models, one row each; `parameters` and `training` are dicts."""
    with _open_module(path) as module:
        _require(module, "models")
        return read_models_of(module)


@contextlib.contextmanager
def _open_module(path: _Path) -> Iterator[h5py.Group]:
    path = require_file(path)
    with open_nwb(path) as file, reading(path):
        module = find_group(file, f"processing/{MODULE}")
        if module is None:
            raise InputError(
                f"{path} without processing/{MODULE}",
                "a file that nwbspikegen wrote",
                "pass the output of `nwbspikegen generate`",
            )
        yield module


def _read_values(stored: Any) -> np.ndarray:
    """Return what is stored as float32, piece by piece: a long prediction is larger than memory."""
    values = empty_array(stored.shape, np.float32)
    for piece in cut_rows(values):
        values[piece] = stored[piece]
    return values


def _require(module: h5py.Group, name: str) -> h5py.Group:
    if name not in module:
        there = ", ".join(module) or "nothing"
        raise InputError(
            f"{there} in {module.name} of {module.file.filename}",
            f"{name} too",
            f"pass {name} to write_results when the file is written",
        )
    return module[name]


def _read_unit_ids(module: h5py.Group) -> np.ndarray:
    table = _require(module, "generated_units")
    require_columns(table, strict=True)
    return read_unit_ids(module.file, require_array(table, "source_unit")[:])


def _read_table(path: _Path, name: str) -> pd.DataFrame:
    with _open_module(path) as module:
        return read_dynamic_table(_require(module, name))
