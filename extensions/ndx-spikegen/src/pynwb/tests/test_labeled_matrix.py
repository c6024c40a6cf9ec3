"""The type: what it refuses, what it writes and reads, also by readers that never heard of it."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hdmf.common import DynamicTableRegion
from ndx_spikegen import LabeledMatrix
from pynwb import NWBHDF5IO, NWBFile, validate

_BACK_COMPAT = Path(__file__).parent / "back_compat"


def _matrix(**changes: Any) -> LabeledMatrix:
    given: dict[str, Any] = {
        "name": "matrix",
        "description": "a test",
        "measure": "weight",
        "unit": "1",
        "axis_names": ["query", "key"],
        "values": np.arange(6.0).reshape(2, 3),
        "row_starting_time": 1.0,
        "row_rate": 1000.0,
        "column_labels": ["a", "b", "c"],
    }
    given.update(changes)
    return LabeledMatrix(**{key: value for key, value in given.items() if value is not None})


def _file(path: Path, *matrices: LabeledMatrix) -> Path:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    nwbfile = NWBFile(session_description="a test", identifier="test", session_start_time=start)
    for unit in (3, 5, 8):
        nwbfile.add_unit(spike_times=[0.5], id=unit)
    module = nwbfile.create_processing_module("attention", "a test")
    for matrix in matrices:
        for axis in ("row", "column"):
            region = getattr(matrix, f"{axis}_region")
            if region is not None:
                region.table = nwbfile.units
        module.add(matrix)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwbfile)
    return path


def _region(axis: str, rows: list[int]) -> DynamicTableRegion:
    return DynamicTableRegion(name=f"{axis}_region", data=rows, description="units")


def test_every_kind_of_axis_comes_back(tmp_path: Path) -> None:
    path = _file(
        tmp_path / "all.nwb",
        _matrix(name="times", column_labels=None, column_timestamps=[0.5, 0.75, 2.0]),
        _matrix(
            name="units",
            row_starting_time=None,
            row_rate=None,
            row_region=_region("row", [2, 0]),
            column_labels=[0.1, 0.2, 0.3],
            column_labels_unit="s",
        ),
        _matrix(
            name="stack",
            values=np.ones((1, 2, 2, 3), np.float32),
            book_labels=[1],
            page_labels=["x", "y"],
            axis_names=["layer", "head", "query", "key"],
        ),
    )
    assert validate(path=str(path)) == []
    with NWBHDF5IO(str(path), "r") as io:
        module = io.read().processing["attention"]
        times, units, stack = (module[name] for name in ("times", "units", "stack"))
        np.testing.assert_array_equal(times.values[:], np.arange(6.0).reshape(2, 3))
        np.testing.assert_allclose(times.place_axis("row"), [1.0, 1.001], rtol=0, atol=1e-15)
        assert times.place_axis("column").tolist() == [0.5, 0.75, 2.0]
        assert units.row_region.table.id[:][units.place_axis("row")].tolist() == [8, 3]
        assert (units.column_labels_unit, units.place_axis("column").tolist()) == ("s", [0.1, 0.2, 0.3])
        assert stack.axes == ("book", "page", "row", "column")
        assert list(stack.axis_names[:]) == ["layer", "head", "query", "key"]
        assert stack.values.dtype == np.float32
        assert (times.unit, times.measure, times.description) == ("1", "weight", "a test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column_labels": None}, "column axis of matrix has nothing"),
        ({"row_labels": [1, 2]}, "expected one of"),
        ({"page_labels": [1]}, "expected none"),
        ({"row_rate": None}, "go together"),
        ({"column_labels": ["a"]}, "expected 3 places"),
        ({"axis_names": ["key"]}, "1 axis names for 2 axes"),
        ({"values": np.arange(3.0)}, "1 dimensions"),
        (
            {"row_starting_time": None, "row_rate": None, "row_region": _region("row", [1])},
            "expected 2 places",
        ),
    ],
)
def test_axes_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _matrix(**changes)


def test_validation_sees_what_is_missing(tmp_path: Path) -> None:
    path = _file(tmp_path / "whole.nwb", _matrix())
    with h5py.File(path, "a") as file:
        del file["processing/attention/matrix/values"]
        del file["processing/attention/matrix"].attrs["measure"]
    missing = " ".join(str(error) for error in validate(path=str(path)))
    assert "values" in missing
    assert "measure" in missing


def test_it_is_read_and_valid_where_the_extension_was_never_imported(tmp_path: Path) -> None:
    path = _file(
        tmp_path / "alone.nwb",
        _matrix(row_starting_time=None, row_rate=None, row_region=_region("row", [0, 1])),
    )
    code = (
        "import sys; from pynwb import NWBHDF5IO, validate\n"
        f"assert validate(path={str(path)!r}) == []\n"
        f"with NWBHDF5IO({str(path)!r}, 'r') as io:\n"
        "    matrix = io.read().processing['attention']['matrix']\n"
        "    assert matrix.values.shape == (2, 3) and matrix.row_region.table.name == 'units'\n"
        "assert 'ndx_spikegen' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(_BACK_COMPAT.glob("*.nwb")), ids=lambda path: path.stem)
def test_old_files_are_read(path: Path) -> None:
    with NWBHDF5IO(str(path), "r") as io:
        module = io.read().processing["attention"]
        attention, importance = module["attention"], module["importance"]
        np.testing.assert_array_equal(attention.values[:], np.arange(12.0).reshape(2, 2, 3))
        assert attention.place_axis("row").tolist() == [10.0, 10.25]
        assert attention.place_axis("column").tolist() == [9.5, 9.75, 10.5]
        assert attention.place_axis("page").tolist() == [0, 1]
        assert importance.values[:].tolist() == [[1, 2], [3, 4], [5, 6]]
        assert importance.column_region.table.id[:][importance.place_axis("column")].tolist() == [7, 4]
        assert (importance.row_labels_unit, importance.unit) == ("s", "1/bin")


def test_there_is_an_old_file() -> None:
    assert list(_BACK_COMPAT.glob("*.nwb"))


def test_the_example_of_the_first_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).resolve().parents[3] / "README.md"
    example = page.read_text().split("```python\n")[1].split("```")[0]
    exec(compile(example, str(page), "exec"), {})
    assert "10.002" in capsys.readouterr().out
