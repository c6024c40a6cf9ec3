"""What a model looks at, in NWB: bit equal after writing and reading, and valid for the archive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from nwb_sources import write_source

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.explain.nwb import write_attention

_MODEL = SimpleNamespace(name="shimono2026", sha256="ab" * 32, loss="dice", parameters={}, training={})
_TABLE = pd.DataFrame({"profile": ["offset", "key"], "r": [0.25, np.nan], "significant": [True, False]})
_ABLATIONS = pd.DataFrame({"ablation": ["none", "uniform"], "value": [0.1, 0.2], "num_units": [3, 3]})


def _array(dims: tuple[str, ...], values: np.ndarray, measure: str = "weight", **attrs: object):
    given = {"description": f"A map over {dims}.", "measure": measure, "units": "1", **attrs}
    return xr.DataArray(values, dims=dims, attrs=given)


def _explanation(num_bins: int = 40) -> xr.Dataset:
    rng = np.random.default_rng(0)
    time = np.arange(317, 317 + num_bins) * 0.01 + 0.1
    maps = np.tril(rng.random((2, num_bins, num_bins), dtype=np.float32))
    maps[:, 0, 1:] = np.nan
    dataset = xr.Dataset(
        {
            "attention": _array(("head", "query", "key"), maps, loss="dice", window=2),
            "layers": _array(
                ("layer", "head", "query", "key"),
                rng.random((1, 2, 3, num_bins))[..., :3, :].repeat(num_bins // 3 + 1, 2)[:, :, :num_bins],
            ),
            "importance": _array(("time", "unit"), rng.random((num_bins, 3)), "gradient"),
            "importance_by_bin": _array(("time",), rng.random(num_bins), "gradient"),
            "importance_by_unit": _array(("unit",), rng.random(3), "gradient"),
            "coupling": _array(("unit", "source_unit", "lag"), rng.integers(0, 9, (3, 2, 4)), "count"),
            "offset_curve": _array(("offset",), rng.random(5), "normalised weight"),
            "dice": _array((), np.float64(0.7), "loss"),
            "odd": _array(("event", "sample"), rng.random((4, 2))),
        },
        coords={
            "query": time,
            "key": time,
            "time": time,
            "unit": [14, 10, 20],
            "source_unit": [12, 18],
            "offset": np.arange(5) * 0.01,
            "lag": [1, 2, 5, 9],
            "layer": [0],
            "event": ["a", "b", "c", "d"],
            "location": ("unit", ["CA1", "CA3", "DG"]),
            "rate_hz": ("unit", [1.0, 2.0, 3.0]),
        },
        attrs={"bin_size": 0.01, "start_time": 0.1, "window": [3, 4], "model": "m"},
    )
    dataset["offset"].attrs["units"] = "s"
    return dataset


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("attention")
    source, explanation = write_source(folder / "source.nwb"), _explanation()
    correlations = _TABLE.copy()
    correlations.attrs["alpha"] = 0.01
    path = write_attention(
        folder / "explained.nwb", source, explanation, correlations, _ABLATIONS, model=_MODEL
    )
    return SimpleNamespace(path=path, source=source, explanation=explanation, correlations=correlations)


def test_everything_comes_back_to_the_last_bit(written: SimpleNamespace) -> None:
    explanation, correlations, ablations = nsg.read_attention(written.path)
    xr.testing.assert_identical(explanation, written.explanation)
    for name, array in written.explanation.data_vars.items():
        assert explanation[name].dtype == array.dtype, name
    for name in ("query", "time", "unit", "lag"):
        assert explanation[name].values.tobytes() == written.explanation[name].values.tobytes()
    pd.testing.assert_frame_equal(correlations, written.correlations)
    assert correlations.attrs == {"alpha": 0.01}
    pd.testing.assert_frame_equal(ablations, _ABLATIONS)


def test_the_file_says_it_in_the_terms_of_nwb(written: SimpleNamespace) -> None:
    with h5py.File(written.path) as file:
        module = file["processing/attention"]
        attention, importance = module["attention"], module["importance"]
        assert attention.attrs["neurodata_type"] == "LabeledMatrix"
        assert attention["values"].compression == "gzip"
        assert attention["values"].chunks[0] == 1
        assert attention["column_starting_time"].attrs["rate"] == pytest.approx(100.0)
        assert attention["column_starting_time"][()] == pytest.approx(3.27)
        ids = file["units/id"][:][importance["column_region"][:]]
        assert ids.tolist() == [14, 10, 20]
        assert file[importance["column_region"].attrs["table"]].name == "/units"
        assert module["importance_by_bin"].attrs["neurodata_type"] == "TimeSeries"
        assert module["offset_curve"].attrs["neurodata_type"] == "DynamicTable"
        assert module["models"]["model_name"][0] == b"shimono2026"
        assert module["sources"]["identifier"][0] == b"small-1"
        assert list(file["processing"]) == ["attention"]
        with h5py.File(written.source) as source:
            assert file.attrs["object_id"] != source.attrs["object_id"]


def test_the_archive_takes_it_from_who_never_imported_the_extension(written: SimpleNamespace) -> None:
    code = (
        "import sys, nwbspikegen as nsg\n"
        f"findings = nsg.validate_file({str(written.path)!r})\n"
        "assert not (findings.severity == 'error').any(), findings.to_string()\n"
        f"nsg.read_attention({str(written.path)!r})\n"
        "assert 'ndx_spikegen' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lazy_maps_are_written_block_by_block(written: SimpleNamespace, tmp_path: Path) -> None:
    lazy = written.explanation[["attention"]].chunk({"head": 1, "query": 16})
    empty = pd.DataFrame()
    path = write_attention(tmp_path / "lazy.nwb", written.source, lazy, empty, empty)
    explanation, correlations, ablations = nsg.read_attention(path)
    np.testing.assert_array_equal(explanation.attention, written.explanation.attention)
    assert correlations.empty
    assert ablations.empty
    with h5py.File(path) as file:
        assert file["processing/attention/attention/values"].compression == "gzip"


def test_times_without_a_grid_are_kept_one_by_one(written: SimpleNamespace, tmp_path: Path) -> None:
    odd = written.explanation[["importance", "importance_by_bin"]].isel(time=[0, 1, 5, 7])
    path = write_attention(tmp_path / "odd.nwb", written.source, odd, _TABLE, _ABLATIONS)
    xr.testing.assert_identical(nsg.read_attention(path)[0], odd)
    with h5py.File(path) as file:
        assert "row_timestamps" in file["processing/attention/importance"]
        assert "timestamps" in file["processing/attention/importance_by_bin"]


def test_bad_input_is_refused_and_leaves_nothing(written: SimpleNamespace, tmp_path: Path) -> None:
    out, source, explanation = tmp_path / "out.nwb", written.source, written.explanation
    for wrong, message in (
        (explanation.assign_coords(unit=[1, 2, 3])[["importance"]], "/units"),
        (explanation.rename(attention="models"), "'models'"),
        (explanation[["importance"]] > 0.5, "two to four dims"),
        (explanation[["attention"]].expand_dims(a=1, b=1), "two to four dims"),
    ):
        with pytest.raises(InputError, match=message):
            write_attention(out, source, wrong, _TABLE, _ABLATIONS)
    with pytest.raises(OutputError, match="two files"):
        write_attention(source, source, explanation, _TABLE, _ABLATIONS, overwrite=True)
    with pytest.raises(OutputError, match="exists"):
        write_attention(written.path, source, explanation, _TABLE, _ABLATIONS)
    with pytest.raises(InputError, match="explain"):
        nsg.read_attention(source)
    assert not list(tmp_path.iterdir())
