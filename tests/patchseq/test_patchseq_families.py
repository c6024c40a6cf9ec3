"""Families and scalars of simulated cells, and what is missing from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features import family_shapes, family_trains
from nwbspikegen.patchseq.features.families import measure_families
from nwbspikegen.patchseq.features.measure import (
    FAMILY_LENGTHS,
    CellFeatures,
    collect_cells,
    measure_cell,
)
from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE, Sweep
from nwbspikegen.patchseq.simulation.simulator import simulate_cell
from nwbspikegen.patchseq.spikes.detect import detect_spikes

FIRST = {"first_ap_v", "first_ap_dv"}
SUBTHRESHOLD = {"step_subthresh", "subthresh_norm"}


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    return simulate_cell("Pvalb", "Mus musculus", 5)


@pytest.fixture(scope="module")
def cell(sweeps: list[Sweep]) -> CellFeatures:
    return measure_cell(sweeps)


def choose(sweeps: list[Sweep], *protocols: str) -> list[Sweep]:
    return [sweep for sweep in sweeps if sweep.info.protocol in protocols]


def test_lengths_are_those_published(cell: CellFeatures) -> None:
    published = {"first_ap_v": 450, "first_ap_dv": 447, "isi_shape": 100, "step_subthresh": 700}
    published |= {"subthresh_norm": 140, "inst_freq": 300, "inst_freq_norm": 150}
    spiking = ("upstroke_downstroke_ratio", "peak_v", "fast_trough_v", "threshold_v", "width")
    published |= {f"spiking_{name}": 300 for name in spiking}
    assert FAMILY_LENGTHS["gouwens2020"] == published
    assert {name: vector.size for name, vector in cell.families.items()} == published
    assert not cell.reasons
    assert all(np.isfinite(vector).all() for vector in cell.families.values())


def test_schwider_has_psth_and_pads(sweeps: list[Sweep], cell: CellFeatures) -> None:
    padded = measure_cell(sweeps, "schwider2026")
    assert set(padded.families) == set(cell.families) - {"inst_freq_norm"} | {"psth"}
    assert {vector.size for vector in padded.families.values()} == {
        max(FAMILY_LENGTHS["schwider2026"].values())
    }
    np.testing.assert_array_equal(padded.families["isi_shape"][:100], cell.families["isi_shape"])
    assert not padded.families["isi_shape"][100:].any()


def test_families_say_what_the_spikes_say(sweeps: list[Sweep], cell: CellFeatures) -> None:
    steps = [sweep for sweep in choose(sweeps, LONG_SQUARE) if len(detect_spikes(sweep))]
    rheobase = detect_spikes(min(steps, key=lambda sweep: sweep.info.amplitude_pa))
    waveform = cell.families["first_ap_v"][150:300]
    assert waveform[0] == rheobase.threshold_v[0]
    assert waveform.max() == rheobase.peak_v[0]
    psth = measure_cell(sweeps, "schwider2026").families["psth"][:120].reshape(6, 20)
    by_amplitude = sorted((sweep.info.amplitude_pa, len(detect_spikes(sweep))) for sweep in steps)
    np.testing.assert_allclose(psth.sum(axis=1) * 0.05, [count for _, count in by_amplitude])
    rates = cell.families["inst_freq"].reshape(6, 50)
    normalised = cell.families["inst_freq_norm"].reshape(3, 50)
    np.testing.assert_allclose(normalised, rates[:3] / rates[:3].max(axis=1, keepdims=True))
    assert cell.families["subthresh_norm"].min() == pytest.approx(-1.0, abs=0.05)


@pytest.mark.parametrize("missing", [SHORT_SQUARE, RAMP, LONG_SQUARE])
def test_a_missing_protocol_masks_its_families_and_no_other(
    sweeps: list[Sweep], cell: CellFeatures, missing: str
) -> None:
    fewer = measure_cell([sweep for sweep in sweeps if sweep.info.protocol != missing])
    gone = set(cell.families) if missing == LONG_SQUARE else FIRST
    assert set(fewer.reasons) == gone
    assert all(missing.replace("_", " ") in reason for reason in fewer.reasons.values())
    for name, vector in fewer.families.items():
        np.testing.assert_array_equal(vector, cell.families[name])
    for name, value in fewer.scalars.items():
        if name.endswith(missing):
            assert np.isnan(value), name
        elif missing != LONG_SQUARE:
            np.testing.assert_equal(value, cell.scalars[name])


def test_reasons_tell_spikes_from_steps(sweeps: list[Sweep]) -> None:
    steps = choose(sweeps, LONG_SQUARE)
    silent = measure_cell([sweep for sweep in steps if sweep.info.amplitude_pa < 0])
    assert set(silent.families) == SUBTHRESHOLD
    assert silent.reasons["isi_shape"] == "no long square with a spike"
    assert silent.scalars["ri"] > 0
    spiking = measure_cell([sweep for sweep in steps if sweep.info.amplitude_pa > 0])
    assert spiking.reasons["step_subthresh"] == "no hyperpolarizing long square without spikes"
    short = [replace(sweep, info=replace(sweep.info, stimulus_stop=0.9)) for sweep in steps]
    brief = measure_cell(short)
    assert brief.reasons["inst_freq"] == "no long square of 1 s"
    assert "isi_shape" in brief.families
    assert brief.scalars["ri"] > 0
    one = max(steps, key=lambda sweep: sweep.info.amplitude_pa)
    assert "fewer than two" in measure_cell([one]).reasons["inst_freq"]


def test_time_before_and_after_changes_nothing(sweeps: list[Sweep], cell: CellFeatures) -> None:
    moved = [_pad(sweep, 1234, 777) for sweep in sweeps]
    again = measure_cell(moved)
    for name, vector in cell.families.items():
        np.testing.assert_allclose(again.families[name], vector, atol=1e-7, err_msg=name)
    for name, value in cell.scalars.items():
        offset = 1234 / sweeps[0].info.sampling_rate_hz if "_t_" in name else 0.0
        np.testing.assert_allclose(again.scalars[name] - offset, value, rtol=1e-7, err_msg=name)


def _pad(sweep: Sweep, before: int, after: int) -> Sweep:
    info, widths = sweep.info, (before, after)
    later = before / info.sampling_rate_hz
    moved = replace(
        info, stimulus_start=info.stimulus_start + later, stimulus_stop=info.stimulus_stop + later
    )
    return Sweep(moved, np.pad(sweep.voltage_mv, widths, "edge"), np.pad(sweep.current_pa, widths, "edge"))


def test_order_of_sweeps_does_not_matter(sweeps: list[Sweep], cell: CellFeatures) -> None:
    reversed_families = measure_cell(sweeps[::-1]).families
    for name, vector in cell.families.items():
        np.testing.assert_allclose(reversed_families[name], vector, err_msg=name)


def test_scalars_are_plausible_and_agree_with_the_spikes(sweeps: list[Sweep], cell: CellFeatures) -> None:
    scalars = cell.scalars
    assert -90 < scalars["vrest"] < -50
    assert 10 < scalars["ri"] < 1000
    assert 1 < scalars["tau"] < 100
    assert scalars["vm_for_sag"] < scalars["vrest"]
    assert scalars["threshold_i_long_square"] == min(
        sweep.info.amplitude_pa for sweep in choose(sweeps, LONG_SQUARE) if len(detect_spikes(sweep))
    )
    ramp = detect_spikes(choose(sweeps, RAMP)[0])
    assert scalars["threshold_v_ramp"] == pytest.approx(ramp.threshold_v[0])
    assert scalars["threshold_i_ramp"] == pytest.approx(ramp.threshold_i[0])
    assert scalars["f_i_curve_slope"] > 0


def test_passive_membrane_has_its_time_constant_and_resistance(sweeps: list[Sweep]) -> None:
    template = choose(sweeps, LONG_SQUARE)[0]
    rate, tau, resistance_mohm = template.info.sampling_rate_hz, 0.02, 150.0
    first = round(template.info.stimulus_start * rate)
    since = (np.arange(template.voltage_mv.size) - first) / rate
    made = []
    for amplitude in (-90.0, -50.0):
        charge = np.where(since > 0, 1 - np.exp(-np.clip(since, 0, None) / tau), 0.0)
        voltage = -70 + amplitude * resistance_mohm / 1000 * charge
        info = replace(template.info, amplitude_pa=amplitude)
        made.append(Sweep(info, voltage, template.current_pa))
    scalars = measure_cell(made).scalars
    assert scalars["tau"] == pytest.approx(20.0, rel=1e-3)
    assert scalars["ri"] == pytest.approx(150.0, rel=1e-3)
    assert scalars["sag"] == pytest.approx(0.0, abs=1e-3)
    assert scalars["vrest"] == pytest.approx(-70.0)


def test_adaptation_is_positive_for_a_train_that_slows() -> None:
    scalars = measure_cell(simulate_cell("Sst", "Mus musculus", 1)).scalars
    assert scalars["adaptation"] > 0
    assert scalars["latency"] > 0


def test_steps_shift_by_ten_when_too_few_match() -> None:
    targets = [0.0, 20.0, 40.0]
    assert family_trains.choose_steps([50.0, 80.0, 100.0], 50.0, targets, 10.0, 0.0) == [None, 1, 2]
    assert family_trains.choose_steps([50.0, 61.0], 50.0, targets, 10.0, 0.0) is None
    assert family_trains.choose_steps([50.0, 50.0, 70.0], 50.0, targets, 10.0, 5.0) == [0, 2, None]


def test_missing_steps_are_filled_from_both_sides() -> None:
    parts = {-110.0: np.array([11.0]), -40.0: np.array([4.0])}
    filled = family_shapes.fill_from_neighbours(parts, [-90.0, -38.0, -10.0], 5.0)
    np.testing.assert_allclose(np.concatenate(filled), [7.5, 4.0, 4.0])


def test_collecting_keeps_gaps_and_reasons(sweeps: list[Sweep], cell: CellFeatures) -> None:
    partial = measure_cell(choose(sweeps, LONG_SQUARE))
    metadata = pd.DataFrame({"donor": ["d1"], "cell_class": [None]}, index=["whole"])
    dataset = collect_cells({"whole": cell, "partial": partial}, "gouwens2020", metadata)
    np.testing.assert_array_equal(dataset.first_ap_v.sel(cell="whole"), cell.families["first_ap_v"])
    assert np.isnan(dataset.first_ap_v.sel(cell="partial")).all()
    assert dataset.reason.sel(cell="partial", family="first_ap_v").item() == "no short square sweep"
    assert (dataset.reason.sel(cell="whole") == "").all()
    assert dataset.donor.values.tolist() == ["d1", ""]
    assert dataset.cell_class.values.tolist() == ["", ""]
    assert dataset.scalar.sel(cell="whole", scalar_name="vrest").item() == cell.scalars["vrest"]
    assert dataset.attrs["preset"] == "gouwens2020"


def test_wrong_presets_are_refused(cell: CellFeatures) -> None:
    with pytest.raises(InputError, match="gouwens2020 or schwider2026"):
        measure_cell([], "gouwens2021")
    with pytest.raises(InputError, match="first_ap_v"):
        collect_cells({"a": cell}, "schwider2026")
    with pytest.raises(InputError, match="neither"):
        collect_cells({"a": CellFeatures({}, {}, {})})


def test_families_are_measured_from_sorted_sweeps_alone() -> None:
    from nwbspikegen.patchseq.features.family_steps import LongSquares

    families, reasons = measure_families([], LongSquares([]))
    assert not families
    assert reasons["first_ap_v"] == "no short square sweep"


def test_real_recordings_have_masks_for_what_they_lack(shared_data: object) -> None:
    from pathlib import Path

    from nwbspikegen.patchseq.reading.cells import read_cell

    path = Path(str(shared_data)) / "icephys" / "LantyerEtAl2018_180817_ME_9_CC.nwb"
    recorded = read_cell(path)
    features = measure_cell(recorded.load(info) for info in recorded.sweeps)
    assert set(features.families) | set(features.reasons) == set(FAMILY_LENGTHS["gouwens2020"])
    assert features.reasons["first_ap_v"]
