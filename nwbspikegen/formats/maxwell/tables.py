"""The tables and settings inside a recording of a MaxWell file, which both layouts share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.hdf5 import read_hdf5_text, read_number, to_floats


def read_gain(group: h5py.Group) -> float | None:
    """Return microvolts per least significant bit, or None when the file does not say."""
    bit_volts = read_number(group, "settings/lsb")
    gain = read_number(group, "settings/gain")
    if bit_volts is None and gain is not None and gain > 0:
        # 10 bits over 3.3 V
        bit_volts = 3.3 / (1024 * gain)
    # 1 nV to 10 mV: real ones are some microvolts, anything else is damage or another unit
    return 1e6 * bit_volts if bit_volts is not None and 1e-9 < bit_volts < 1e-2 else None


def read_mapping(path: Path, table: Any) -> dict[str, np.ndarray]:
    """Return the columns of the routed electrodes, of which files list those that stimulate twice."""
    _require_fields(path, table, {"channel": "iu", "electrode": "iu", "x": "iuf", "y": "iuf"}, "mapping")
    pairs = np.stack([table["channel"].astype(np.int64), table["electrode"].astype(np.int64)], axis=1)
    _, once = np.unique(pairs, axis=0, return_index=True)
    # negative numbers mark what is not connected
    kept = np.sort(once[(pairs[once] >= 0).all(axis=1)])
    columns = {
        "channel": pairs[kept, 0],
        "electrode": pairs[kept, 1],
        "rel_x": to_floats(table["x"][kept]),
        "rel_y": to_floats(table["y"][kept]),
    }
    if not all(np.isfinite(column).all() for column in columns.values()):
        raise InputError(
            f"positions that are no numbers in the mapping of {path}", "um", "check that it was copied whole"
        )
    return columns


def read_spike_table(
    path: Path, table: Any
) -> tuple[Int64[np.ndarray, " spike"], Int64[np.ndarray, " spike"], Float64[np.ndarray, " spike"]]:
    """Return frame, channel and amplitude (least significant bits) of every spike detected on chip."""
    if table is None or (table.size == 0 and table.dtype.names is None):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64)
    _require_fields(path, table, {"frameno": "iu", "channel": "iu", "amplitude": "iuf"}, "spikes")
    amplitudes = to_floats(table["amplitude"])
    if not np.isfinite(amplitudes).all():
        raise InputError(
            f"amplitudes that are no numbers in {path}", "finite ones", "check that it was copied whole"
        )
    return table["frameno"].astype(np.int64), table["channel"].astype(np.int64), amplitudes


def _require_fields(path: Path, table: Any, kinds: Mapping[str, str], what: str) -> None:
    names = () if table is None or table.dtype.names is None else table.dtype.names
    if (
        table is None
        or table.ndim != 1
        or not all(name in names and table.dtype[name].kind in kinds[name] for name in kinds)
    ):
        raise InputError(
            f"{'no table' if table is None else 'a table of ' + str(table.dtype)} of {what} in {path}",
            f"the fields {', '.join(kinds)}",
            "check that the file is complete",
        )


def describe_table(file: h5py.File, group: h5py.Group, rate_hz: float) -> str:
    """Return in words what plate it was and how the chip filtered and detected."""
    known = {
        "plate": read_hdf5_text(file, "wellplate/version"),
        "file version": read_hdf5_text(file, "version"),
        "sampling rate (Hz)": f"{rate_hz:g}",
        "gain": read_number(group, "settings/gain"),
        "high-pass filter (Hz)": read_number(group, "settings/hpf"),
        "spike threshold (x noise)": read_number(group, "settings/spike_threshold"),
    }
    parts = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in known.items()
        if value not in (None, "")
    ]
    return f"High-density microelectrode array: {', '.join(parts)}."
