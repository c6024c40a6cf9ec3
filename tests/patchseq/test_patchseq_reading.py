"""Reading patch-clamp files: what belongs together, what was injected, what is good enough."""

from __future__ import annotations

import logging
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patchseq_files import RATE_HZ, GivenSweep, make_sweep, respond, square, three_sweeps, write_icephys

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.reading.cells import Cell, read_cell
from nwbspikegen.patchseq.reading.plausibility import SweepLevels, find_implausible
from nwbspikegen.patchseq.reading.protocols import type_by_code, type_by_name
from nwbspikegen.patchseq.reading.quality import ALLEN_LIMITS
from nwbspikegen.patchseq.reading.stimulus import find_stimulus
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.load import load_cells

LAYOUTS = {
    "recordings": "intracellular_recordings",
    "sweep_table": "sweep_table",
    "sweep_number": "sweep_number",
    "names": "names",
}


def read_one(path: Path, sweep: GivenSweep, layout: str = "recordings") -> Cell:
    return read_cell(write_icephys(path / "a.nwb", [sweep], layout))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_layouts_give_the_same_sweeps(tmp_path: Path, layout: str) -> None:
    given_sweeps = three_sweeps()
    cell = read_cell(write_icephys(tmp_path / "a.nwb", given_sweeps, layout))
    assert cell.metadata["pairing"] == LAYOUTS[layout]
    assert (cell.identifier, cell.subject_id, cell.session_id) == ("cell-1", "donor1", "s1")
    assert cell.rejected.empty
    assert [info.protocol for info in cell.sweeps] == ["long_square", "short_square", "ramp"]
    if layout != "recordings":
        assert [info.number for info in cell.sweeps] == [3, 4, 5]
    times = [(info.stimulus_start, info.stimulus_stop) for info in cell.sweeps]
    np.testing.assert_allclose(times, [(0.2, 0.6), (0.2, 0.203), (0.2, 0.6)])
    np.testing.assert_allclose([info.amplitude_pa for info in cell.sweeps], [-50.0, 400.0, 100.0])
    np.testing.assert_allclose([info.start for info in cell.sweeps], [30.0, 40.0, 50.0])
    for info, expected in zip(cell.sweeps, given_sweeps, strict=True):
        sweep = cell.load(info)
        np.testing.assert_allclose(sweep.voltage_mv, expected.voltage_mv, rtol=1e-12)
        np.testing.assert_allclose(sweep.current_pa, expected.current_pa, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("attributes", "stored"),
    [
        ({"unit": "volts", "conversion": 1.0}, 1e-3),
        ({"unit": "mV", "conversion": 1.0}, 1.0),
        ({"unit": "mV"}, 1.0),
        ({"unit": "\u00b5V"}, 1e3),
        ({"unit": "\u03bcV"}, 1e3),
        ({"unit": "microvolt"}, 1e3),
        ({"unit": "mV", "conversion": 1e-3}, 1.0),
        ({"unit": "unknown", "conversion": 2.0}, 0.5e-3),
        ({"unit": "V", "conversion": 1e-3, "offset": -0.01}, 1.0),
    ],
)
def test_units_conversion_and_offset_are_honoured(
    tmp_path: Path, attributes: dict[str, object], stored: float
) -> None:
    sweep = make_sweep(1, square(30.0, 2000, 6000))
    expected = sweep.voltage_mv.copy()
    sweep.voltage_mv = (expected - 1e3 * float(attributes.get("offset", 0.0))) * stored  # type: ignore[arg-type]
    sweep.response = attributes
    cell = read_one(tmp_path, sweep)
    np.testing.assert_allclose(cell.load(cell.sweeps[0]).voltage_mv, expected, rtol=1e-9)


def test_a_stimulus_in_volts_or_picoamperes_is_a_current(tmp_path: Path) -> None:
    for attributes, factor in (({"unit": "volts"}, 1e-12), ({"unit": "pA", "conversion": 1.0}, 1.0)):
        sweep = make_sweep(1, square(30.0, 2000, 6000))
        sweep.current_pa, sweep.stimulus = sweep.current_pa * factor, attributes
        assert read_one(tmp_path, sweep).sweeps[0].amplitude_pa == pytest.approx(30.0)


@pytest.mark.parametrize("padding", [np.nan, 0.0])
def test_a_sweep_that_was_stopped_is_rejected_unless_it_is_a_ramp(tmp_path: Path, padding: float) -> None:
    sweeps = three_sweeps()
    for sweep in sweeps:
        sweep.voltage_mv[4000:] = padding
    cell = read_cell(write_icephys(tmp_path / "a.nwb", sweeps, "sweep_number"))
    # a short square was over by then
    assert [info.number for info in cell.sweeps] == [4, 5]
    assert cell.rejected.to_dict("list") == {
        "number": [3],
        "reason": ["incomplete: the recording ends 0.2 s before the stimulus"],
    }
    ramp = cell.sweeps[-1]
    assert (ramp.stimulus_stop, ramp.amplitude_pa) == (0.4, pytest.approx(50.0))
    loaded = cell.load(ramp)
    assert len(loaded.voltage_mv) == len(loaded.current_pa) == 4000


def test_a_step_that_was_cut_short_with_its_current_is_rejected(tmp_path: Path) -> None:
    sweeps = three_sweeps()
    for sweep in sweeps:
        sweep.voltage_mv[5000:] = sweep.current_pa[5000:] = np.nan
    cell = read_cell(write_icephys(tmp_path / "a.nwb", sweeps, "sweep_number"))
    assert [info.number for info in cell.sweeps] == [4, 5]
    assert cell.rejected["reason"].tolist() == ["incomplete: nothing was recorded after the stimulus"]
    assert cell.sweeps[-1].stimulus_stop == 0.5


def test_sweeps_as_a_table(tmp_path: Path) -> None:
    cell = read_cell(write_icephys(tmp_path / "a.nwb", three_sweeps(), "names"))
    table = cell.tabulate()
    assert table["number"].tolist() == [3, 4, 5]
    assert table["protocol"].tolist() == ["long_square", "short_square", "ramp"]
    assert {"response_path", "stimulus_path", "amplitude_pa"} <= set(table)
    assert [sweep.info for sweep in cell.load_all()] == list(cell.sweeps)


def test_codes_win_over_columns_and_columns_over_the_waveform(tmp_path: Path) -> None:
    sweeps = three_sweeps(("X4PS_SupraThresh_DA_0", "NA", "NA"))
    sweeps[1].current_pa = square(60.0, 2000, 2700)
    cell = read_cell(write_icephys(tmp_path / "a.nwb", sweeps, "recordings", stimulus_type="Ramp"))
    assert [info.protocol for info in cell.sweeps] == ["long_square", "ramp", "ramp"]
    assert [info.stimulus_code for info in cell.sweeps] == ["X4PS_SupraThresh", "", ""]
    cell = read_cell(write_icephys(tmp_path / "b.nwb", sweeps, "recordings", stimulus_type="Step"))
    assert [info.protocol for info in cell.sweeps] == ["long_square", "other", "ramp"]


def test_known_codes() -> None:
    codes = {"X1PS_SubThresh": "long_square", "X3LP_Rheo_DA_0": "long_square", "X6SP_Rheo": "short_square"}
    codes |= {"C1LSCOARSE150216_DA_0": "long_square", "C1SSCOARSE": "short_square", "EXTPSMOKET": "other"}
    assert {code: type_by_code(code) for code in codes} == codes
    assert type_by_name("short-square") == "short_square"
    assert type_by_name("") is None


def test_what_is_no_current_clamp_is_left_out_with_its_reason(tmp_path: Path) -> None:
    sweeps = three_sweeps()
    sweeps[0].response_type = "VoltageClampSeries"
    sweeps[1].current_pa = np.zeros(8000)
    cell = read_cell(write_icephys(tmp_path / "a.nwb", sweeps, "names"))
    assert [info.number for info in cell.sweeps] == [5]
    reasons = ["VoltageClampSeries, not current clamp", "no stimulus in the current"]
    assert cell.rejected["reason"].tolist() == reasons
    with h5py.File(tmp_path / "a.nwb", "r+") as file:
        del file["stimulus"]
    with pytest.raises(InputError, match=r"without a current-clamp sweep .*no stimulus series"):
        read_cell(tmp_path / "a.nwb")


def test_timestamps_must_be_even(tmp_path: Path) -> None:
    sweep = make_sweep(1, square(30.0, 2000, 6000))
    sweep.timestamps = 5.0 + np.arange(8000) / RATE_HZ
    info = read_one(tmp_path, sweep).sweeps[0]
    assert (info.start, info.sampling_rate_hz) == (5.0, pytest.approx(RATE_HZ))
    sweep.timestamps[4000:] += 0.1
    with pytest.raises(InputError, match="uneven timestamps"):
        read_one(tmp_path, sweep)


def test_a_stimulus_with_a_clock_of_its_own_is_put_where_it_was(tmp_path: Path) -> None:
    current = square(30.0, 2000, 6000)
    sweep = make_sweep(1, current)
    sweep.current_pa, sweep.stimulus_start = np.full(4000, 30.0), 10.2
    cell = read_one(tmp_path, sweep)
    np.testing.assert_allclose(cell.load(cell.sweeps[0]).current_pa, current)


def test_several_electrodes_must_be_told_apart(tmp_path: Path) -> None:
    sweeps = [
        make_sweep(1, square(height, 2000, 6000), electrode=name)
        for name, height in (("a", 30.0), ("b", 60.0))
    ]
    for layout in ("sweep_table", "recordings"):
        path = write_icephys(tmp_path / f"{layout}.nwb", sweeps, layout)
        with pytest.raises(InputError, match=r"2 electrodes .*a, b"):
            read_cell(path)
        for electrode, height in (("a", 30.0), ("b", 60.0)):
            info = read_cell(path, electrode=electrode).sweeps[0]
            assert info.amplitude_pa == pytest.approx(height)
            assert info.response_path.endswith(electrode)
            assert info.stimulus_path.endswith(electrode)
        with pytest.raises(InputError, match="electrode 'c'"):
            read_cell(path, electrode="c")


@pytest.mark.parametrize("scale", [1e3, 1e-3, 0.2])
def test_implausible_values_are_refused_unless_accepted(
    tmp_path: Path, scale: float, caplog: pytest.LogCaptureFixture
) -> None:
    sweep = make_sweep(1, square(-50.0, 2000, 6000))
    sweep.voltage_mv *= scale
    path = write_icephys(tmp_path / "a.nwb", [sweep], "names")
    with pytest.raises(InputError, match=r"median baseline of .*--accept-implausible"):
        read_cell(path)
    with caplog.at_level(logging.WARNING, "nwbspikegen"):
        cell = read_cell(path, accept_implausible=True)
    assert "median baseline" in caplog.text
    assert "median baseline" in cell.metadata["implausible"]


def test_one_series_may_hold_several_sweeps(tmp_path: Path) -> None:
    current = np.r_[square(30.0, 2000, 6000), square(60.0, 2000, 6000)]
    path = write_icephys(tmp_path / "a.nwb", [make_sweep(1, current)], "recordings")
    with h5py.File(path, "r+") as file:
        file["acquisition/data_00002_AD_electrode_0"].attrs["sweep_number"] = 7
        table = file["general/intracellular_ephys/intracellular_recordings"]
        for name in ("responses/response", "stimuli/stimulus"):
            rows = np.repeat(table[name][:], 2)
            rows["idx_start"], rows["count"] = [0, 8000], 8000
            del table[name]
            table[name] = rows
        del table["id"], file["general/intracellular_ephys/sequential_recordings"]
        table["id"] = [10, 11]
    cell = read_cell(path)
    assert [info.number for info in cell.sweeps] == [10, 11]
    np.testing.assert_allclose([info.amplitude_pa for info in cell.sweeps], [30.0, 60.0])
    np.testing.assert_allclose([info.start for info in cell.sweeps], [10.0, 10.8])
    np.testing.assert_allclose(cell.load(cell.sweeps[1]).current_pa, current[8000:])


def test_implausible_currents() -> None:
    good = SweepLevels(-70.0, -95.0, 40.0, -15.0, -100.0, True)
    assert find_implausible([good]) == ""
    assert "1e+14 pA" in find_implausible([good._replace(amplitude_pa=1e14)])
    assert "0.1 pA" in find_implausible([good._replace(amplitude_pa=-0.1)])
    assert "megaohm" in find_implausible([good._replace(response_mv=15.0)])
    assert "500 mV" in find_implausible([good._replace(highest_mv=500.0)])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda voltage, rng: voltage + 2.0 * rng.standard_normal(8000), "noise 1.9"),
        (lambda voltage, rng: voltage + np.linspace(0.0, 20.0, 8000), "baseline drifts by 1"),
        (lambda voltage, rng: voltage + 10.0 * np.sin(np.arange(8000) / 200.0), "baseline wanders"),
        (lambda voltage, rng: np.maximum(voltage, -69.95), "clipped"),
        (lambda voltage, rng: np.where(np.arange(8000) == 3000, np.nan, voltage), "1 samples missing"),
    ],
)
def test_bad_sweeps_are_rejected_with_their_reason(tmp_path: Path, spoil: object, reason: str) -> None:
    sweeps = [make_sweep(1, square(-50.0, 2000, 6000)), make_sweep(2, square(-50.0, 2000, 6000))]
    sweeps[1].voltage_mv = spoil(sweeps[1].voltage_mv, np.random.default_rng(1))  # type: ignore[operator]
    cell = read_cell(write_icephys(tmp_path / "a.nwb", sweeps, "names"))
    assert [info.number for info in cell.sweeps] == [1]
    assert cell.rejected["number"].tolist() == [2]
    assert reason in cell.rejected["reason"][0]


def test_holding_current_baseline_and_limits(tmp_path: Path) -> None:
    sweeps = [make_sweep(1, square(-50.0, 2000, 6000)), make_sweep(2, square(-50.0, 20, 4020))]
    sweeps += [make_sweep(3, square(-50.0, 2000, 6000)), make_sweep(4, square(-50.0, 2000, 6000))]
    sweeps[2].current_pa = sweeps[2].current_pa - 150.0
    sweeps[3].voltage_mv = sweeps[3].voltage_mv + np.r_[np.zeros(6000), np.full(2000, 3.0)]
    path = write_icephys(tmp_path / "a.nwb", sweeps, "names")
    reasons = read_cell(path).rejected.set_index("number")["reason"]
    assert reasons.index.tolist() == [2, 3]
    assert reasons[2].startswith("too short: 0.002 s before")
    assert reasons[3] == "holding current -150 pA, above 100"
    assert read_cell(path, limits=ALLEN_LIMITS).rejected["number"].tolist() == [2, 3, 4]


@settings(max_examples=40)
@given(
    first=st.integers(3000, 5000),
    length=st.integers(5, 4000),
    height=st.sampled_from([-90.0, -1.0, 5.0, 700.0]),
    holding=st.sampled_from([0.0, -40.0]),
    pulse=st.booleans(),
    noise=st.sampled_from([0.0, 0.02]),
)
def test_squares_are_found_to_the_sample(
    first: int, length: int, height: float, holding: float, pulse: bool, noise: float
) -> None:
    current = square(height, first, first + length, 10_000)
    if pulse:
        current[100:200] = -20.0
    current += holding + noise * np.random.default_rng(length).standard_normal(10_000)
    found = find_stimulus(current, RATE_HZ)
    assert (found.first, found.last) == (first, first + length)
    assert found.amplitude_pa == pytest.approx(height, abs=0.1)
    assert found.holding_pa == pytest.approx(holding, abs=0.1)
    shape = "long_square" if length >= 2000 else "short_square" if length <= 200 else "other"
    assert found.shape == shape


def test_recorded_currents_are_found_in_noise() -> None:
    current = square(25.0, 815, 10815, 20_000)
    current += np.random.default_rng(2).normal(-72.0, 8.0, 20_000)
    current[4000:4010] += 400.0  # a spike leaks into what the amplifier reports
    found = find_stimulus(current, RATE_HZ)
    assert (found.shape, found.amplitude_pa) == ("long_square", pytest.approx(25.0, abs=2.0))
    assert (found.first, found.last) == (pytest.approx(815, abs=8), pytest.approx(10815, abs=8))


def test_other_stimuli_and_later_test_pulses() -> None:
    pulses = np.maximum(square(50.0, 4000, 4030), square(50.0, 5000, 5030))
    found = find_stimulus(pulses, RATE_HZ)
    assert (found.first, found.last, found.shape) == (4000, 5030, "other")
    sine = square(1.0, 1000, 7000) * 40.0 * np.sin(np.arange(8000) / 100.0)
    assert find_stimulus(sine, RATE_HZ).shape == "other"
    late = np.maximum(square(50.0, 1000, 6000), square(60.0, 7000, 7100))
    assert find_stimulus(late, RATE_HZ)[:3] == (1000, 6000, "long_square")
    assert find_stimulus(np.zeros(0), RATE_HZ).first == -1


def test_sweeps_of_another_cell_are_refused(tmp_path: Path) -> None:
    current = square(30.0, 2000, 6000)
    cell = read_one(tmp_path, GivenSweep(1, current, respond(current)))
    other = read_cell(write_icephys(tmp_path / "b.nwb", three_sweeps(), "names"))
    with pytest.raises(InputError, match="another cell"):
        cell.load(other.sweeps[0])


def test_real_sweep_tables(shared_data: Path) -> None:
    cell = read_cell(shared_data / "icephys" / "FergusonEtAl2015_PYR2.nwb")
    assert cell.metadata["pairing"] == "sweep_table"
    assert cell.rejected.empty
    assert {info.protocol for info in cell.sweeps} == {"long_square"}
    # the file's own comments: pulses of -48.8 pA to 251.2 in steps of 25, from a holding of -72
    np.testing.assert_allclose(
        [info.amplitude_pa for info in cell.sweeps], -48.8 + 72.0 + 25.0 * np.arange(13), atol=4.0
    )
    np.testing.assert_allclose([info.stimulus_start for info in cell.sweeps], 0.0815, atol=5e-4)
    cell = read_cell(shared_data / "icephys" / "LantyerEtAl2018_180817_ME_9_CC.nwb")
    np.testing.assert_allclose(
        [info.amplitude_pa for info in cell.sweeps], 40.0 * np.arange(1, 11), rtol=0.01
    )
    # a pulse that follows is no part of the stimulus
    np.testing.assert_allclose([info.stimulus_stop for info in cell.sweeps], 0.6, atol=1e-3)


def test_a_real_file_with_implausible_units_is_refused(shared_data: Path) -> None:
    path = shared_data / "icephys" / "UCL1999_99111002.nwb"
    with pytest.raises(InputError, match=r"median baseline of -13.5 mV in 14 sweeps"):
        read_cell(path)
    cell = read_cell(path, accept_implausible=True)
    assert cell.metadata["pairing"] == "intracellular_recordings"
    assert [info.number for info in cell.sweeps] == [*range(1, 11), 12, 13, 15, 16]
    assert cell.sweeps[0].amplitude_pa == pytest.approx(-2000.0, rel=1e-6)


@pytest.mark.parametrize(
    ("mv", "pa", "option", "correct"),
    [(1e-3, 1.0, "--scale-mv 1000", {"scale_mv": 1e3}), (1.0, 1e-3, "--scale-pa 1000", {"scale_pa": 1e3})],
)
def test_a_wrong_unit_is_named_and_corrected(tmp_path: Path, mv, pa, option, correct) -> None:
    sweep = make_sweep(1, square(-400.0, 2000, 6000))
    right = read_cell(write_icephys(tmp_path / "right.nwb", [sweep], "names"))
    expected = right.load(right.sweeps[0])
    sweep.voltage_mv, sweep.current_pa = mv * sweep.voltage_mv, pa * sweep.current_pa
    path = write_icephys(tmp_path / "wrong.nwb", [sweep], "names")
    with pytest.raises(InputError, match=f"if a unit is wrong, {option} makes them plausible"):
        read_cell(path)
    cell = read_cell(path, **correct)
    found = cell.load(cell.sweeps[0])
    np.testing.assert_allclose(found.voltage_mv, expected.voltage_mv)
    np.testing.assert_allclose(found.current_pa, expected.current_pa)
    assert cell.sweeps[0].amplitude_pa == pytest.approx(-400.0)
    with pytest.raises(InputError, match="numbers other than 0"):
        read_cell(path, scale_mv=0.0)


def test_what_no_factor_corrects_is_told(tmp_path: Path) -> None:
    sweep = make_sweep(1, square(-50.0, 2000, 6000))
    sweep.voltage_mv += 69.0
    sweep.voltage_mv[3000] = 280.0
    with pytest.raises(InputError, match="no one factor does"):
        read_cell(write_icephys(tmp_path / "a.nwb", [sweep], "names"))


def test_current_held_at_nought_and_a_stimulus_that_is_only_described(tmp_path: Path) -> None:
    sweeps = three_sweeps(("Long square 50 pA", "", ""))
    sweeps[1].response_type = "IZeroClampSeries"
    path = write_icephys(tmp_path / "a.nwb", sweeps, "names")
    with h5py.File(path, "r+") as file:
        del file["stimulus/presentation/data_00003_DA_electrode_0"]
    cell = read_cell(path)
    assert [info.number for info in cell.sweeps] == [5]
    assert cell.rejected["reason"].tolist() == [
        "no stimulus series belongs to it, only the description 'Long square 50 pA'",
        "IZeroClampSeries, not current clamp",
    ]


def test_a_cell_without_subject_is_measured_but_not_written(tmp_path: Path) -> None:
    path = write_icephys(tmp_path / "a.nwb", three_sweeps(), "names")
    with h5py.File(path, "r+") as file:
        del file["general/subject"]
    report = measure_recordings([path], tmp_path / "out", scale_mv=2.0, accept_implausible=True)
    assert report.unwritten == ("cell-1",)
    assert list((tmp_path / "out" / "nwb").iterdir()) == []
    # the passive cell of 100 megaohm at -70 mV, of which every potential is doubled
    assert report.table.loc["cell-1", "vrest"] == pytest.approx(-140.0, abs=0.1)
    # from the lowest sample, which noise of 0.04 mV puts up to 0.2 mV below the step of 10 mV
    assert report.table.loc["cell-1", "ri"] == pytest.approx(200.0, rel=0.02)
    loaded = load_cells([tmp_path / "out"])
    assert (len(loaded.table), loaded.files) == (1, {})
