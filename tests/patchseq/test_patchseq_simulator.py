"""Simulated cells: the protocols are there, classes and species differ as they should, files are valid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nwbspikegen.archive import validate_file
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.reading.cells import read_cell
from nwbspikegen.patchseq.reading.stimulus import find_stimulus
from nwbspikegen.patchseq.reading.sweeps import Sweep
from nwbspikegen.patchseq.simulation.cells import CLASSES, SPECIES_SHIFTS, draw_cell
from nwbspikegen.patchseq.simulation.files import simulate_patchseq
from nwbspikegen.patchseq.simulation.simulator import simulate_cell

MOUSE, HUMAN = "Mus musculus", "Homo sapiens"


def count_spikes(sweep: Sweep) -> int:
    above = sweep.voltage_mv > 0.0
    return int((above[1:] & ~above[:-1]).sum())


def part(sweep: Sweep, start: float, stop: float) -> np.ndarray:
    first, last = (round(time * sweep.info.sampling_rate_hz) for time in (start, stop))
    return sweep.voltage_mv[first:last]


def measure(sweeps: list[Sweep]) -> tuple[float, float, float]:
    """Return input resistance (megaohm), sag ratio, and width of the first spike at half height (ms)."""
    rest, step = part(sweeps[0], 0.2, 0.4), part(sweeps[0], 0.4, 1.4)
    late = step[-10_000:].mean()
    resistance = 1e3 * (late - rest.mean()) / sweeps[0].info.amplitude_pa
    sag = (late - step.min()) / (rest.mean() - step.min())
    fired = next(sweep for sweep in sweeps if count_spikes(sweep))
    voltage = fired.voltage_mv
    peak = int(np.flatnonzero(voltage > 0.0)[0]) + int(
        voltage[np.flatnonzero(voltage > 0.0)[0] :][:100].argmax()
    )
    is_wide = voltage[peak - 100 : peak + 200] > 0.5 * (voltage[peak] - 45.0)
    return resistance, sag, is_wide.sum() / 50.0


@pytest.fixture(scope="module")
def cells() -> dict[tuple[str, str], list[Sweep]]:
    return {
        (name, species): simulate_cell(name, species, 5) for name in CLASSES for species in SPECIES_SHIFTS
    }


def test_the_four_protocols_are_given(cells: dict[tuple[str, str], list[Sweep]]) -> None:
    for sweeps in cells.values():
        below, steps = sweeps[:5], [sweep for sweep in sweeps[5:] if sweep.info.protocol == "long_square"]
        assert [sweep.info.amplitude_pa for sweep in below] == [-90.0, -70.0, -50.0, -30.0, -10.0]
        assert not any(map(count_spikes, below))
        fired = [sweep for sweep in steps if count_spikes(sweep)]
        above = np.array([sweep.info.amplitude_pa for sweep in fired]) - fired[0].info.amplitude_pa
        np.testing.assert_allclose(above, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0])
        # currents just below do not make it fire, or make it fire late and seldom
        assert count_spikes(fired[0]) < count_spikes(fired[-1])
        short = [sweep for sweep in sweeps if sweep.info.protocol == "short_square" and count_spikes(sweep)]
        assert len(short) == 3
        assert sweeps[-1].info.protocol == "ramp"
        assert count_spikes(sweeps[-1]) >= 5
        for sweep in sweeps:
            assert not (part(sweep, 0.1, 0.4) > -40.0).any()


def test_what_is_said_of_a_sweep_is_what_its_current_shows(cells: dict[tuple[str, str], list[Sweep]]) -> None:
    for sweep in cells["Sst", HUMAN]:
        info = sweep.info
        found = find_stimulus(sweep.current_pa, info.sampling_rate_hz)
        assert found.shape == info.protocol
        assert found.first / info.sampling_rate_hz == pytest.approx(info.stimulus_start)
        assert found.last / info.sampling_rate_hz == pytest.approx(info.stimulus_stop)
        assert found.amplitude_pa == pytest.approx(info.amplitude_pa)


def test_classes_and_species_differ_as_their_parameters_say(
    cells: dict[tuple[str, str], list[Sweep]],
) -> None:
    measured = {key: measure(sweeps) for key, sweeps in cells.items()}
    for species in SPECIES_SHIFTS:
        resistance, sag, width = (
            {name: measured[name, species][which] for name in CLASSES} for which in range(3)
        )
        assert max(resistance, key=resistance.__getitem__) == "Vip"
        assert min(resistance, key=resistance.__getitem__) == "Pvalb"
        assert max(sag, key=sag.__getitem__) == "Sst"
        assert min(width, key=width.__getitem__) == "Pvalb"
    for name in CLASSES:
        # the same seed draws the same cell, so that the shift alone differs
        mouse, human = (draw_cell(name, species, np.random.default_rng(5)) for species in SPECIES_SHIFTS)
        assert human.sag_ns / mouse.sag_ns == pytest.approx(SPECIES_SHIFTS[HUMAN]["sag_ns"])
        assert human.rest_mv - mouse.rest_mv == pytest.approx(SPECIES_SHIFTS[HUMAN]["rest_mv"])
        # more leak and more of the sag's conductance
        assert measured[name, HUMAN][0] < measured[name, MOUSE][0]


def test_the_seed_decides(cells: dict[tuple[str, str], list[Sweep]]) -> None:
    again, other = simulate_cell("Vip", MOUSE, 5), simulate_cell("Vip", MOUSE, 6)
    for one, two in zip(cells["Vip", MOUSE], again, strict=True):
        assert one.info == two.info
        np.testing.assert_array_equal(one.voltage_mv, two.voltage_mv)
    assert not np.array_equal(again[0].voltage_mv, other[0].voltage_mv)


def test_unknown_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'Sncg' of 'Mus musculus'"):
        simulate_cell("Sncg", MOUSE, 1)
    with pytest.raises(InputError, match="'Felis catus'"):
        simulate_patchseq(tmp_path, 1, "Felis catus", 1)
    with pytest.raises(InputError, match="0 cells"):
        simulate_patchseq(tmp_path, 0, MOUSE, 1)
    with pytest.raises(InputError, match="seed -1"):
        simulate_cell("Sst", MOUSE, -1)


def test_files_are_read_back_and_valid(tmp_path: Path) -> None:
    paths = simulate_patchseq(tmp_path, 1, MOUSE, 3)
    read = [read_cell(path) for path in paths]
    assert [cell.metadata["cell_class"] for cell in read] == list(CLASSES)
    assert {cell.species for cell in read} == {MOUSE}
    assert len({cell.identifier for cell in read}) == 4
    # three cells to a donor
    assert sorted({cell.subject_id for cell in read}) == ["mouse0", "mouse1"]
    cell = read[2]
    assert cell.metadata["pairing"] == "intracellular_recordings"
    assert cell.rejected.empty
    assert {info.stimulus_code for info in cell.sweeps} >= {"X1PS_SubThresh", "X6SP_Rheo", "X7Ramp"}
    assert {info.protocol for info in cell.sweeps} == {"long_square", "short_square", "ramp"}
    sweep = cell.load(cell.sweeps[5])
    assert count_spikes(sweep) > 0
    findings = validate_file(paths[2])
    assert findings[findings.severity == "error"].empty, findings.to_string()
