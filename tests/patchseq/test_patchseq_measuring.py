"""One cell, measured once: sweeps and scalars of the same spikes, and what was left out is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from patchseq_files import make_sweep, respond, square, write_icephys

from nwbspikegen.archive import validate_file
from nwbspikegen.cli import cli
from nwbspikegen.patchseq.nwb.reading import (
    read_cell_scalars,
    read_left_out_sweeps,
    read_sweep_features,
)
from nwbspikegen.patchseq.reading import cells as reading
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, SHORT_SQUARE
from nwbspikegen.patchseq.run.measure import MeasuredCell, measure_recording, read_measured
from nwbspikegen.patchseq.simulation.files import simulate_patchseq


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate_patchseq(tmp_path_factory.mktemp("cell"), 1, "Mus musculus", 1)[0]


@pytest.fixture(scope="module")
def written(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measure_recording(recording).write(tmp_path_factory.mktemp("written"))


def test_sweeps_and_scalars_are_of_the_same_spikes(written: Path) -> None:
    sweeps, scalars = read_sweep_features(written), read_cell_scalars(written)
    firing = sweeps[sweeps.num_spikes > 0]
    short = firing[firing.protocol == SHORT_SQUARE]
    # the scalars are means over the short squares of the commonest amplitude
    common = short[short.amplitude_pa == short.amplitude_pa.mode().min()]
    assert len(common) > 1
    rheobase = sweeps[sweeps.number == int(scalars["rheobase_sweep_num"])].iloc[0]
    for name in ("threshold_v", "peak_v", "fast_trough_v", "width", "upstroke_downstroke_ratio"):
        assert common[name].mean() == pytest.approx(scalars[f"{name}_short_square"], rel=0, abs=1e-9)
        assert rheobase[name] == pytest.approx(scalars[f"{name}_long_square"], rel=0, abs=1e-9)
    steps = firing[firing.protocol == LONG_SQUARE]
    rates = steps.num_spikes / (steps.stimulus_stop - steps.stimulus_start)
    slope = np.polyfit(steps.amplitude_pa, rates, 1)[0]
    assert slope == pytest.approx(scalars["f_i_curve_slope"], rel=1e-9)
    assert np.isclose(steps.latency, scalars["latency"], rtol=0, atol=1e-9).any()


def test_each_sweep_is_read_once(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = reading.read_pair

    def count(root: object, pair: reading.Pair, *scales: object) -> reading.Samples:
        read.append(pair.number)
        return original(root, pair, *scales)

    monkeypatch.setattr(reading, "read_pair", count)
    measured = measure_recording(recording)
    assert sorted(read) == sorted([*measured.sweeps.number, *measured.left_out.number])


def _spoiled(path: Path) -> Path:
    """Write six sweeps of which two can be measured."""
    currents = [square(amplitude, 2000, 6000, 9000) for amplitude in (-50.0, 0.0, -30.0, -70.0, -20.0)]
    sweeps = [make_sweep(number, current) for number, current in enumerate(currents)]
    sweeps[2].voltage_mv[5000:] = np.nan
    sweeps[3].voltage_mv[5000:] = 0.0
    write_icephys(path, sweeps, "recordings")
    with h5py.File(path, "a") as file:
        at_rest = file.create_group("acquisition/at_rest")
        at_rest.attrs.update(neurodata_type="IZeroClampSeries", sweep_number=9)
        at_rest["data"] = respond(np.zeros(100))
        at_rest["electrode"] = h5py.SoftLink("/general/intracellular_ephys/electrode_0")
    return path


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _spoiled(tmp_path_factory.mktemp("spoiled") / "spoiled.nwb")


def _reasons(measured: MeasuredCell) -> dict[int, str]:
    return dict(measured.left_out.itertuples(index=False))


def test_a_sweep_that_is_left_out_has_its_reason(spoiled: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="nwbspikegen")
    measured = measure_recording(spoiled)
    reasons = _reasons(measured)
    assert measured.sweeps.number.tolist() == [0, 4]
    assert sorted(reasons) == [1, 2, 3, 9]
    assert reasons[1] == "no stimulus in the current"
    assert all(reasons[number].startswith("incomplete") for number in (2, 3))
    assert "IZeroClampSeries at_rest" in reasons[9]
    assert "cell-1: 2 sweeps measured, 4 left out" in caplog.text


def test_what_was_left_out_is_counted_said_and_stored(tmp_path: Path, recording: Path) -> None:
    whole = measure_recording(recording)
    left_out = pd.DataFrame({"number": [3, 4], "reason": ["noise", "no stimulus in the current"]})
    one = MeasuredCell(whole.source, whole.features, whole.sweeps, whole.preset, left_out)
    path = one.write(tmp_path)
    pd.testing.assert_frame_equal(read_left_out_sweeps(path), left_out)
    pd.testing.assert_frame_equal(read_measured(path).left_out, left_out)
    findings = validate_file(path)
    assert findings[findings.severity == "error"].empty, findings.to_string()


def test_the_command_counts_them(tmp_path: Path, recording: Path) -> None:
    shutil.copy(recording, tmp_path / "cut.nwb")
    with h5py.File(tmp_path / "cut.nwb", "a") as file:
        response = next(name for name in file["acquisition"] if name.startswith("data_00005"))
        file[f"acquisition/{response}/data"][1000:] = 0
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["patchseq", "features", str(tmp_path / "cut.nwb"), "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["sweeps"][0]
    assert (told["num_left_out"], list(told["left_out"])) == (1, ["5"])
    again = CliRunner().invoke(
        cli, ["patchseq", "features", str(tmp_path / "cut.nwb"), "--out", str(out), "--overwrite"]
    )
    assert "1 left out (sweep 5: incomplete" in again.stdout
    stored = read_left_out_sweeps(next((out / "nwb").iterdir()))
    assert stored.number.tolist() == [5]


def test_nothing_left_out_is_an_empty_table(written: Path) -> None:
    assert read_left_out_sweeps(written).empty
    assert list(read_left_out_sweeps(written)) == ["number", "reason"]
