"""Several cells in one file, folders of files, and how the amplifier was set."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from patchseq_files import GivenSweep, make_sweep, respond, square, three_sweeps, write_icephys

from nwbspikegen.archive import validate_file
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.files import read_description
from nwbspikegen.patchseq.nwb.reading import read_sweep_features
from nwbspikegen.patchseq.reading.cells import read_cell
from nwbspikegen.patchseq.reading.compensation import describe_compensation, quote_junction
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.load import load_cells
from nwbspikegen.patchseq.run.measure import measure_recording, read_measured

_PLACE = "general/intracellular_ephys"
_METADATA = {"Subject": {"age": "P60D", "sex": "U"}}


def _two_cells(path: Path, resistances: dict[str, float]) -> Path:
    """Write passive cells of so many gigaohm, one at each electrode, as sweeps of one file."""
    sweeps = []
    for place, (electrode, gigaohm) in enumerate(resistances.items()):
        for number, height in enumerate((-50.0, -30.0)):
            current = square(height, 2000, 6000)
            voltage = -70.0 + gigaohm * current + (respond(current, number) + 70.0 - 0.1 * current)
            sweeps.append(GivenSweep(10 * place + number, current, voltage, electrode=electrode))
    return write_icephys(path, sweeps, "recordings")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    (tmp_path / "slices" / "sub-donor1").mkdir(parents=True)
    return _two_cells(tmp_path / "slices" / "sub-donor1" / "pair.nwb", {"elec_a": 0.1, "elec_b": 0.2})


def test_every_cell_of_a_folder_has_a_row_and_a_file(tmp_path: Path, pair: Path) -> None:
    write_icephys(pair.with_name("single.nwb"), three_sweeps(), "names")
    with h5py.File(pair.with_name("single.nwb"), "r+") as file:
        del file["identifier"]
        file["identifier"] = "single"
    (pair.parent / ".hidden.nwb").write_bytes(b"")
    report = measure_recordings([tmp_path / "slices"], tmp_path / "out", metadata=_METADATA)
    assert report.table.index.tolist() == ["cell-1-elec_a", "cell-1-elec_b", "single"]
    assert report.refused.empty
    # 100 and 200 megaohm; the lowest sample lies up to 0.1 mV of noise below a step of 5 mV
    assert report.table["ri"].iloc[:2].tolist() == pytest.approx([100.0, 200.0], rel=0.03)
    origins = read_description(tmp_path / "out").cells
    assert [origins[cell].electrode for cell in report.table.index] == ["elec_a", "elec_b", ""]
    files = [origins[cell].file for cell in report.table.index]
    assert files[:2] == [f"nwb/pair_cell-elec{one}_desc-patchseq_icephys.nwb" for one in "ab"]
    sweeps = read_sweep_features(tmp_path / "out" / files[1])
    assert sweeps.number.tolist() == [2, 3]
    findings = validate_file(tmp_path / "out" / files[1])
    assert findings[findings.severity == "error"].empty, findings.to_string()


def test_cells_with_ids_keep_them(tmp_path: Path, pair: Path) -> None:
    with h5py.File(pair, "r+") as file:
        for name, cell in (("elec_a", "L5-1"), ("elec_b", "L5-2")):
            file[f"{_PLACE}/{name}/cell_id"] = cell
    cells = load_cells([pair])
    assert cells.table.features.index.tolist() == ["L5-1", "L5-2"]
    assert sorted(cells.measured) == ["L5-1", "L5-2"]
    assert read_cell(pair, electrode="elec_b").identifier == "L5-2"


def test_one_cell_that_cannot_be_measured_does_not_stop_the_others(tmp_path: Path, pair: Path) -> None:
    with h5py.File(pair, "r+") as file:
        for name in file["acquisition"]:
            if name.endswith("elec_b"):
                file[f"acquisition/{name}"].attrs["neurodata_type"] = "VoltageClampSeries"
    out = tmp_path / "out"
    done = CliRunner().invoke(cli, ["patchseq", "features", str(pair), "--out", str(out), "--json"])
    assert done.exit_code == 2
    assert "found 1 cells of recordings with several that cannot be measured" in done.stderr
    assert [one["cell"] for one in json.loads(done.stdout)["cells"]] == ["cell-1-elec_a"]
    refused = pd.read_csv(out / "refused.csv")
    assert refused["electrode"].tolist() == ["elec_b"]
    assert "VoltageClampSeries, not current clamp" in refused["reason"][0]
    only = measure_recordings([pair], tmp_path / "only", electrode="elec_a")
    assert only.table.index.tolist() == ["cell-1-elec_a"]
    with pytest.raises(InputError, match="electrode 'c'"):
        measure_recordings([pair], tmp_path / "none", electrode="c")


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no recording in"):
        measure_recordings([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _state(path: Path) -> Path:
    """Write three sweeps of which two state the bridge balance, and a note on the junction."""
    write_icephys(path, [make_sweep(number, square(-50.0, 2000, 6000)) for number in range(3)], "names")
    with h5py.File(path, "r+") as file:
        for number, balance in ((0, 12e6), (1, 15e6)):
            series = file[f"acquisition/data_{number:05d}_AD_electrode_0"]
            series["bridge_balance"], series["bias_current"] = balance, -20e-12
        file["acquisition/data_00002_AD_electrode_0/bridge_balance"] = "auto"
        file["acquisition/data_00002_AD_electrode_0"].attrs["comments"] = "Junction potential: 14.5 mV. Warm."
    return path


def test_bridge_balance_and_junction_are_stated(tmp_path: Path) -> None:
    measured = measure_recording(_state(tmp_path / "a.nwb"))
    np.testing.assert_allclose(measured.sweeps["bridge_balance_mohm"], [12.0, 15.0, np.nan])
    np.testing.assert_allclose(measured.sweeps["bias_current_pa"], [-20.0, -20.0, np.nan])
    # what no sweep states is no column
    assert "capacitance_compensation_pf" not in measured.sweeps
    said = measured.describe_compensation()
    assert said == (
        "bridge balance 12 to 15 MOhm in 2 of 3 sweeps, not stated in 1; "
        "capacitance compensation not stated; bias current -20 pA in 2 of 3 sweeps, not stated in 1; "
        'liquid junction potential not corrected here, the file says "Junction potential: 14.5 mV"'
    )
    stored = read_measured(measured.write(tmp_path, metadata=_METADATA))
    assert stored.describe_compensation() == said
    assert stored.labels == measured.labels


def test_the_command_says_and_corrects_the_junction(tmp_path: Path) -> None:
    path = _state(tmp_path / "a.nwb")
    # padding is told by its zeros, which are no zeros after the correction
    with h5py.File(path, "r+") as file:
        file["acquisition/data_00002_AD_electrode_0/data"][7000:] = 0.0
    out = tmp_path / "out"
    arguments = ["patchseq", "features", str(path), "--out", str(out), "--liquid-junction-mv", "14"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "1 of 1 cells: bridge balance 12 to 15 MOhm in 2 of 3 sweeps" in done.stdout
    assert "liquid junction potential corrected here by 14 mV" in done.stdout
    table = pd.read_csv(out / "cells.csv", index_col="cell")
    assert table.loc["cell-1", "vrest"] == pytest.approx(-84.0, abs=0.05)
    assert table.loc["cell-1", "ri"] == pytest.approx(100.0, rel=0.03)
    assert "corrected here by 14 mV" in read_description(out).cells["cell-1"].compensation
    cell = read_cell(path, liquid_junction_mv=14.0)
    assert len(cell.load(cell.sweeps[2]).voltage_mv) == 7000


def test_what_is_a_junction() -> None:
    assert quote_junction("Not corrected for LJP (10.5 mV); 34 C") == "Not corrected for LJP (10.5 mV)"
    assert quote_junction("tight junctions of glia") == ""
    nothing = describe_compensation(pd.DataFrame(index=range(2)))
    assert nothing.startswith("bridge balance not stated; capacitance")
    assert nothing.endswith("not corrected here, the file states nothing")


def test_a_real_file_says_its_junction_potential(shared_data: Path) -> None:
    measured = measure_recording(shared_data / "icephys" / "FergusonEtAl2015_PYR2.nwb")
    assert 'the file says "Estimated junction potential: -15.2 mV"' in measured.describe_compensation()
