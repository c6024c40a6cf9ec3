"""Axon Binary Files: potentials, the current that the protocol commands, and what is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from abf_files import write_abf
from patchseq_files import RATE_HZ, respond, square

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.reading.cells import read_cell
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.load import load_cells

# a sweep of 8,000 samples begins with 1/64 of holding, 125 samples; then come the epochs
_STEPS = ((1, 0.0, 0.0, 1875), (1, -60.0, 20.0, 4000))


def _currents() -> list[np.ndarray]:
    return [square(height, 2000, 6000) for height in (-60.0, -40.0, -20.0)]


def _column(*signals: np.ndarray) -> np.ndarray:
    return np.stack(signals, axis=1)


def test_steps_of_the_protocol_are_the_current(tmp_path: Path) -> None:
    currents = _currents()
    voltages = [respond(current, place) for place, current in enumerate(currents)]
    path = write_abf(tmp_path / "cell.abf", [_column(one) for one in voltages], epochs=_STEPS)
    cell = read_cell(path)
    assert (cell.identifier, cell.metadata["protocol"], cell.metadata["pairing"]) == (
        "cell",
        "steps.pro",
        "abf",
    )
    assert cell.metadata["session_start_time"].startswith("2024-01-31")
    assert [info.number for info in cell.sweeps] == [1, 2, 3]
    assert [info.amplitude_pa for info in cell.sweeps] == [-60.0, -40.0, -20.0]
    assert [info.protocol for info in cell.sweeps] == ["long_square"] * 3
    assert {info.sampling_rate_hz for info in cell.sweeps} == {RATE_HZ}
    for info, voltage, current in zip(cell.sweeps, voltages, currents, strict=True):
        sweep = cell.load(info)
        np.testing.assert_allclose(sweep.voltage_mv, np.float64(np.float32(voltage)), rtol=1e-12)
        np.testing.assert_array_equal(sweep.current_pa, current)


def test_it_is_measured_but_not_written(tmp_path: Path) -> None:
    voltages = [respond(current, place) for place, current in enumerate(_currents())]
    path = write_abf(tmp_path / "cell.abf", [_column(one) for one in voltages], epochs=_STEPS)
    report = measure_recordings([path], tmp_path / "out", liquid_junction_mv=10.0)
    # the passive cell of 100 megaohm at -70 mV; the lowest sample lies up to 0.1 mV of noise below a step
    assert report.table.loc["cell", "vrest"] == pytest.approx(-80.0, abs=0.05)
    assert report.table.loc["cell", "ri"] == pytest.approx(100.0, rel=0.03)
    assert report.unwritten == ("cell",)
    assert load_cells([path]).table.features.loc["cell", "vrest"] == pytest.approx(-70.0, abs=0.05)


def test_a_recorded_current_stands_in_for_a_command_that_is_no_step(tmp_path: Path) -> None:
    currents = _currents()
    sweeps = [_column(respond(current, 1) / 1e3, current / 1e3) for current in currents]
    channels = {"Vm": "V", "Im": "nA"}
    path = write_abf(tmp_path / "a.abf", sweeps, channels=channels, epochs=((2, 0.0, 0.0, 1875),))
    cell = read_cell(path)
    assert [info.amplitude_pa for info in cell.sweeps] == pytest.approx([-60.0, -40.0, -20.0], rel=1e-6)
    assert {info.stimulus_path for info in cell.sweeps} == {"channel Im"}
    np.testing.assert_allclose(cell.load(cell.sweeps[0]).voltage_mv, respond(currents[0], 1), rtol=1e-6)
    without = write_abf(
        tmp_path / "b.abf", [one[:, :1] for one in sweeps], channels={"Vm": "V"}, epochs=((2, 0.0, 0.0, 9),)
    )
    with pytest.raises(InputError, match=r"epochs that are no steps, and no channel holds a current"):
        read_cell(without)


def test_two_potentials_are_two_cells(tmp_path: Path) -> None:
    currents = _currents()
    sweeps = [_column(respond(one, 1), one, -70.0 + 2 * (respond(one, 2) + 70.0), one) for one in currents]
    channels = {"Vm 0": "mV", "Im 0": "pA", "Vm 1": "mV", "Im 1": "pA"}
    path = write_abf(tmp_path / "pair.abf", sweeps, channels=channels)
    report = measure_recordings([path], tmp_path / "out")
    assert report.table.index.tolist() == ["pair-Vm 0", "pair-Vm 1"]
    assert report.table["ri"].tolist() == pytest.approx([100.0, 200.0], rel=0.03)


def test_what_is_no_current_clamp_or_no_abf_is_refused(tmp_path: Path) -> None:
    path = write_abf(
        tmp_path / "vc.abf", [_column(_currents()[0])], channels={"Im": "pA"}, command=("C", "mV")
    )
    with pytest.raises(InputError, match=r"channels in pA; expected a potential in mV"):
        read_cell(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InputError, match="which Neo cannot read"):
        read_cell(path)
    whole = write_abf(tmp_path / "many.abf", [_column(respond(_currents()[0]))], epochs=_STEPS)
    content = bytearray(whole.read_bytes())
    # a thousand million entries of no bytes for the ADC section, the second of 16 bytes each
    content[96:108] = struct.pack("<IQ", 0, 10**9)
    whole.write_bytes(bytes(content))
    with pytest.raises(InputError, match="a section that ends behind the file"):
        read_cell(whole)
    (tmp_path / "text.abf").write_text("no ABF")
    with pytest.raises(InputError, match="which Neo cannot read"):
        read_cell(tmp_path / "text.abf")


def test_a_protocol_that_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    path = write_abf(tmp_path / "a.abf", [_column(respond(_currents()[0]))], epochs=_STEPS)
    content = bytearray(path.read_bytes())
    # lNumSamplesPerEpisode lies 22 bytes into the protocol, which is the second block
    assert content[534:538] == (8000).to_bytes(4, "little")
    content[534:538] = (2_000_000_000).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="of another length than its sweeps"):
        read_cell(path)
