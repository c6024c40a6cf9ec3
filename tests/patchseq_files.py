"""Small patch-clamp files in every layout that is read, written with h5py alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

RATE_HZ = 10_000.0
_PLACE = "general/intracellular_ephys"
_REFERENCE = np.dtype([("idx_start", "<i4"), ("count", "<i4"), ("timeseries", h5py.ref_dtype)])


@dataclass
class GivenSweep:
    """A sweep to write; attributes are those of the data."""

    number: int
    current_pa: np.ndarray
    voltage_mv: np.ndarray
    code: str = ""
    response_type: str = "CurrentClampSeries"
    electrode: str = "electrode_0"
    response: dict[str, Any] = field(default_factory=lambda: {"unit": "volts", "conversion": 1e-3})
    stimulus: dict[str, Any] = field(default_factory=lambda: {"unit": "amperes", "conversion": 1e-12})
    timestamps: np.ndarray | None = None
    stimulus_start: float | None = None


def square(amplitude_pa: float, first: int, last: int, length: int = 8000) -> np.ndarray:
    """Return a current that is nought but for one step."""
    current = np.zeros(length)
    current[first:last] = amplitude_pa
    return current


def respond(current_pa: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the potential of a passive cell of 100 megaohm at -70 mV, with little noise."""
    noise = 0.02 * np.random.default_rng(seed).standard_normal(len(current_pa))
    return -70.0 + 0.1 * current_pa + noise


def make_sweep(number: int, current_pa: np.ndarray, code: str = "", **options: Any) -> GivenSweep:
    """Return a sweep of the passive cell."""
    return GivenSweep(number, current_pa, respond(current_pa, number), code, **options)


def three_sweeps(codes: tuple[str, str, str] = ("", "", "")) -> list[GivenSweep]:
    """Return a long square, a short square and a ramp, after a test pulse each."""
    currents = [square(-50.0, 2000, 6000), square(400.0, 2000, 2030), square(0.0, 0, 0)]
    currents[2][2000:6000] = 0.025 * np.arange(1, 4001)
    for current in currents:
        current[200:300] = -20.0
    return [make_sweep(3 + k, current, codes[k]) for k, current in enumerate(currents)]


def write_icephys(path: Path, sweeps: list[GivenSweep], layout: str, stimulus_type: str = "") -> Path:
    """Write sweeps; the layout is recordings, sweep_table, sweep_number or names."""
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        file["identifier"] = "cell-1"
        file["session_start_time"] = "2024-01-01T00:00:00+00:00"
        file["general/session_id"] = "s1"
        file["general/subject/subject_id"] = "donor1"
        file["general/subject/species"] = "Mus musculus"
        for name in sorted({sweep.electrode for sweep in sweeps}):
            file.create_group(f"{_PLACE}/{name}").attrs["neurodata_type"] = "IntracellularElectrode"
        pairs = [_write_pair(file, sweep, layout) for sweep in sweeps]
        if layout == "recordings":
            _write_recordings(file, pairs, stimulus_type)
        elif layout == "sweep_table":
            _write_sweep_table(file, sweeps, pairs)
    return path


def _write_pair(file: h5py.File, sweep: GivenSweep, layout: str) -> tuple[h5py.Group, h5py.Group]:
    # names that hold no common number but where names are what pairs
    number = sweep.number if layout in ("names", "sweep_number") else 2 * sweep.number
    names = f"acquisition/data_{number:05d}_AD", f"stimulus/presentation/data_{sweep.number:05d}_DA"
    types = sweep.response_type, "CurrentClampStimulusSeries"
    groups = []
    for name, kind, data, attributes in zip(
        names, types, (sweep.voltage_mv, sweep.current_pa), (sweep.response, sweep.stimulus), strict=True
    ):
        group = file.create_group(f"{name}_{sweep.electrode}")
        group.attrs["neurodata_type"] = kind
        group.attrs["stimulus_description"] = sweep.code
        if layout == "sweep_number":
            group.attrs["sweep_number"] = sweep.number
        group["electrode"] = file[f"{_PLACE}/{sweep.electrode}"]
        group["data"] = data
        group["data"].attrs.update(attributes)
        start = 10.0 * sweep.number
        if kind == types[1] and sweep.stimulus_start is not None:
            start = sweep.stimulus_start
        if sweep.timestamps is not None:
            group["timestamps"] = sweep.timestamps
        else:
            group["starting_time"] = start
            group["starting_time"].attrs["rate"] = RATE_HZ
        groups.append(group)
    return groups[0], groups[1]


def _write_recordings(
    file: h5py.File, pairs: list[tuple[h5py.Group, h5py.Group]], stimulus_type: str
) -> None:
    table = file.create_group(f"{_PLACE}/intracellular_recordings")
    table["id"] = np.arange(len(pairs))
    for place, column in ((0, "responses/response"), (1, "stimuli/stimulus")):
        rows = [(0, len(pair[place]["data"]), pair[place].ref) for pair in pairs]
        table[column] = np.array(rows, dtype=_REFERENCE)
    rows = np.arange(len(pairs))
    for name, column, ends in (
        ("simultaneous_recordings", "recordings", rows + 1),
        ("sequential_recordings", "simultaneous_recordings", np.array([len(pairs)])),
    ):
        table = file.create_group(f"{_PLACE}/{name}")
        table[column], table[f"{column}_index"] = rows, ends
    table["stimulus_type"] = [stimulus_type]


def _write_sweep_table(
    file: h5py.File, sweeps: list[GivenSweep], pairs: list[tuple[h5py.Group, h5py.Group]]
) -> None:
    table = file.create_group(f"{_PLACE}/sweep_table")
    table["sweep_number"] = np.repeat([sweep.number for sweep in sweeps], 2).astype(np.uint64)
    table.create_dataset("series", data=[each.ref for pair in pairs for each in pair], dtype=h5py.ref_dtype)
    table["series_index"] = np.arange(1, 2 * len(pairs) + 1).astype(np.uint8)
