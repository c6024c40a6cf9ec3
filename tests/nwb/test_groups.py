"""Arrays of an NWB file, looked at alike."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from nwbspikegen.nwb.groups import read_values


def test_a_column_that_points_to_what_was_deleted_is_left_out(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        groups = [file.create_group(name) for name in ("probe0", "probe1")]
        pointing = np.array([group.ref for group in groups], dtype=h5py.ref_dtype)
        column = file.create_dataset("electrode_group", data=pointing, dtype=h5py.ref_dtype)
        assert list(read_values(column)) == ["probe0", "probe1"]
        del file["probe0"]
        assert read_values(column) is None
