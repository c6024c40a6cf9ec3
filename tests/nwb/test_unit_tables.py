"""Units in a processing module, in several tables, or with equal ids on several probes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from nwb_sources import write_source
from pynwb import NWBHDF5IO
from pynwb.misc import Units

import nwbspikegen as nsg
from nwbspikegen.archive import validate_file
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.prediction.nwb_writing import require_complete
from nwbspikegen.views import WindowOptions, open_window

_TABLE = "processing/ecephys/units_probe1"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write a recording with a table of units on each of two probes, and none at /units."""
    path = write_source(tmp_path / "a.nwb", seconds=60.0)
    rng = np.random.default_rng(2)
    with NWBHDF5IO(str(path), "a") as io:
        nwbfile = io.read()
        module = nwbfile.create_processing_module("ecephys", "sorted spikes")
        for probe, num_units in ((0, 3), (1, 4)):
            table = Units(name=f"units_probe{probe}", description="units of a probe", resolution=1e-4)
            for unit in range(num_units):
                times = np.unique(rng.uniform(0, 60, 600).round(4))
                table.add_unit(spike_times=times, obs_intervals=[[0.0, 60.0]], id=unit + 10 * probe)
            module.add(table)
        io.write(nwbfile)
    with h5py.File(path, "r+") as file:
        del file["units"]
    return path


def test_a_missing_table_names_those_that_are_there(source: Path) -> None:
    with pytest.raises(InputError, match="units_probe0, /processing/ecephys/units_probe1 only") as caught:
        nsg.open_units(source)
    assert "--unit-table processing/ecephys/units_probe0" in str(caught.value)
    with pytest.raises(InputError, match="a table at /elsewhere"):
        nsg.open_units(source, unit_table="elsewhere")


def test_a_table_is_viewed_and_becomes_the_units_of_what_is_derived(source: Path) -> None:
    units = nsg.open_units(source, unit_table=f"/{_TABLE}")
    assert units.unit.values.tolist() == [10, 11, 12, 13]
    engine = xr.open_dataset(source, engine="nwb_units", unit_table=_TABLE)
    np.testing.assert_array_equal(engine.spikes.values, units.spikes.values)
    window, _ = open_window(source, WindowOptions(skip_units=0, unit_table=_TABLE))
    assert window.unit.values.tolist() == [10, 11, 12, 13]
    require_complete(source, None, _TABLE)
    out = nsg.write_results(source.with_name("out.nwb"), source=source, unit_table=_TABLE)
    other = nsg.open_units(out)
    assert other.unit.values.tolist() == [10, 11, 12, 13]
    np.testing.assert_array_equal(other.spikes.values, units.spikes.values)
    findings = validate_file(out)
    assert findings[(findings.severity == "error") & (findings.tool != "nwbspikegen")].empty
    with h5py.File(out) as file:
        assert "ecephys" not in file["processing"]


def test_commands_take_a_table(source: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "out.nwb"
    table = ["--unit-table", _TABLE, "--skip-units", "0", "--bin-size", "0.01"]

    def run(*arguments: object) -> None:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output

    run("info", source, "--unit-table", _TABLE)
    run("train", source, "--out", model, "--epochs", "1", *table)
    # the model knows which table it was trained on
    run("generate", model, source, "--out", out)
    assert nsg.read_spike_probability(out).unit.values.tolist() == [10, 11, 12, 13]
    with h5py.File(out) as file:
        assert file["units/id"][:].tolist() == [10, 11, 12, 13]
    other = ["--unit-table", "processing/ecephys/units_probe0", "--skip-units", "0", "--bin-size", "0.01"]
    run("generate", model, source, "--out", out, "--overwrite", *other)
    assert nsg.read_spike_probability(out).unit.values.tolist() == [0, 1, 2]


def test_equal_ids_of_two_probes_are_told_apart_and_mapped_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_source(tmp_path / "a.nwb", seconds=60.0)
    with h5py.File(path, "r+") as file:
        file["units/id"][...] = [0, 1, 2, 0, 1, 2]
    with pytest.raises(InputError, match="a column probe or electrode_group"):
        nsg.open_units(path)
    with pytest.raises(InputError, match="that are equal"):
        require_complete(path)
    with h5py.File(path, "r+") as file:
        probes = np.array(["probe00"] * 3 + ["probe01"] * 3, dtype=h5py.string_dtype())
        file["units"].create_dataset("probe", data=probes)
        names = [*file["units"].attrs["colnames"], "probe"]
        file["units"].attrs["colnames"] = np.array(names, dtype=h5py.string_dtype())
    units = nsg.open_units(path, bin_size=0.01)
    expected = [f"probe{probe:02}_{unit}" for probe in (0, 1) for unit in range(3)]
    assert units.unit.values.tolist() == expected
    assert [record.message for record in caplog.records if "told apart by probe" in record.message]
    chosen = units.sel(unit=expected[2:5])
    probability = xr.DataArray(
        np.full(chosen.spikes.shape, 0.2, dtype=np.float32),
        dims=("time", "unit"),
        coords={"time": chosen.time, "unit": chosen.unit.values},
        attrs={**chosen.attrs, "model": "flat"},
    )
    require_complete(path)
    out = nsg.write_results(tmp_path / "out.nwb", source=path, spike_probability=probability)
    with h5py.File(out) as file:
        assert file["units/id"][:].tolist() == list(range(6))
        assert file["processing/spike_generation/generated_units/source_unit"][:].tolist() == [2, 3, 4]
    other = nsg.open_units(out, bin_size=0.01)
    assert other.unit.values.tolist() == expected
    np.testing.assert_array_equal(other.spikes.values, units.spikes.values)
    assert nsg.read_spike_probability(out).unit.values.tolist() == expected[2:5]
    assert list(nsg.read_generated_units(out)) == expected[2:5]
    findings = validate_file(out)
    assert findings[(findings.severity == "error") & (findings.tool != "nwbspikegen")].empty
