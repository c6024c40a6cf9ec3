"""SpyKING CIRCUS results: numeric order, merged first, one rate, positions of the best site."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hdf5_damage import count_outcomes
from maxwell_files import NUM_FRAMES, PROBE, ROUTED, write_circus, write_new_maxwell, write_old_maxone
from pynwb import NWBHDF5IO
from spikeinterface.core import load
from test_sources_maxwell import METADATA, content_of, trains_of

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.spykingcircus.interface import SpykingCircusInterface
from nwbspikegen.formats.spykingcircus.sorting import SpykingCircusSorting

_TRAINS = {0: [30, 10, 10], 1: [], 2: [3999], 10: [70]}
_SORTED = {unit: sorted(train) for unit, train in _TRAINS.items()}
_SESSION = {"session_start_time": "2021-05-11T00:00:00+09:00", **METADATA["NWBFile"]}


def test_units_are_in_numeric_order(tmp_path):
    sorting = SpykingCircusSorting(write_circus(tmp_path, _TRAINS))
    assert sorting.unit_ids.tolist() == [0, 1, 2, 10]
    assert trains_of(sorting) == _SORTED
    assert sorting.get_unit_spike_train_in_seconds(0).tolist() == [0.0005, 0.0005, 0.0015]
    assert sorting.observation_interval is None
    assert sorting.electrodes is None


@pytest.mark.parametrize("place", [".", "slice", "slice/slice.result-merged.hdf5"])
def test_merged_results_win(tmp_path, place):
    folder = write_circus(tmp_path, _TRAINS, merged={0: [5]})
    assert trains_of(SpykingCircusSorting(folder / place)) == {0: [5]}
    assert trains_of(SpykingCircusSorting(folder / "slice" / "slice.result.hdf5")) == _SORTED


@pytest.mark.parametrize("place", [".", "slice", "slice/slice.result-deconverted.hdf5"])
def test_curated_results_win_and_it_is_said(tmp_path, place, caplog):
    caplog.set_level("INFO", logger="nwbspikegen")
    folder = write_circus(tmp_path, _TRAINS, merged={0: [5]})
    with h5py.File(folder / "slice" / "slice.result-deconverted.hdf5", "w") as file:
        file["spiketimes/temp_3"] = np.array([7], np.uint32)
        # unit 4 was deleted, and its amplitudes were left
        for unit in (3, 4):
            file[f"amplitudes/temp_{unit}"] = np.ones((1, 2), np.float32)
    assert trains_of(SpykingCircusSorting(folder / place)) == {3: [7]}
    said = "slice.result-deconverted.hdf5 is read, not slice.result-merged.hdf5, slice.result.hdf5"
    assert (said in caplog.text) == (not place.endswith("hdf5"))


def test_a_merged_result_lasts_as_long_as_the_one_beside_it(tmp_path):
    folder = write_circus(tmp_path, _TRAINS, merged={0: [5]}, duration=9)
    with h5py.File(folder / "slice" / "slice.result-merged.hdf5", "a") as file:
        del file["info"]
    assert SpykingCircusSorting(folder).observation_interval == (0.0, 9.0)


def test_the_genuine_merged_result_has_a_duration(shared_data):
    sorting = SpykingCircusSorting(shared_data / "spykingcircus_example" / "recording")
    assert sorting.observation_interval == (0.0, 10.0)


def test_one_sorting_has_to_be_named(tmp_path):
    write_circus(tmp_path, _TRAINS)
    with h5py.File(tmp_path / "slice" / "other.result.hdf5", "w") as file:
        file["spiketimes/temp_0"] = np.array([1], np.uint32)
    with pytest.raises(InputError, match=r"2 results .*other\.result\.hdf5"):
        SpykingCircusSorting(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="0 results"):
        SpykingCircusSorting(tmp_path / "empty")
    with pytest.raises(InputError, match="another file"):
        SpykingCircusSorting(tmp_path / "slice.params")


def test_the_rate_is_given_or_inherited(tmp_path):
    silent = write_circus(tmp_path / "a", _TRAINS, rate_hz=None)
    with pytest.raises(InputError, match=r"sampling rate of none .* pass --sampling-rate"):
        SpykingCircusSorting(silent)
    assert SpykingCircusSorting(silent, sampling_frequency=10_000.0).sampling_frequency == 10_000
    recording = write_new_maxwell(tmp_path / "slice.h5", rate_hz=10_000.0)
    assert SpykingCircusSorting(silent, recording=recording).sampling_frequency == 10_000
    stated = write_circus(tmp_path / "b", _TRAINS, rate_hz="20000.")
    assert SpykingCircusSorting(stated).sampling_frequency == 20_000
    with pytest.raises(InputError, match="10000 Hz and 20000 Hz"):
        SpykingCircusSorting(stated, recording=recording)
    assert SpykingCircusSorting(stated, 10_000.0, recording).sampling_frequency == 10_000
    unknown = write_circus(tmp_path / "c", _TRAINS, rate_hz="auto")
    with pytest.raises(InputError, match="sampling rate of none"):
        SpykingCircusSorting(unknown)


def test_the_end_comes_from_what_knows_it(tmp_path):
    folder = write_circus(tmp_path / "a", _TRAINS)
    recording = write_old_maxone(tmp_path / "slice.raw.h5")
    assert SpykingCircusSorting(folder, recording=recording).observation_interval == (
        0.0,
        NUM_FRAMES / 20_000,
    )
    assert SpykingCircusSorting(folder, duration=7.5).observation_interval == (0.0, 7.5)
    with pytest.raises(InputError, match=r"spikes until 0.2 s .* none after 0.1 s"):
        SpykingCircusSorting(folder, duration=0.1)
    # SpyKING CIRCUS keeps whole seconds
    stated = write_circus(tmp_path / "b", {0: [10, 69_999]}, duration=3)
    assert SpykingCircusSorting(stated).observation_interval == (0.0, 3.5)
    with pytest.raises(InputError, match="the end of the duration in the result"):
        SpykingCircusSorting(stated, sampling_frequency=10_000.0)
    with pytest.raises(InputError, match="gaps"):
        SpykingCircusSorting(folder, recording=write_new_maxwell(tmp_path / "gap.h5", gap=10))


def test_units_are_where_their_templates_are_largest(tmp_path):
    folder = write_circus(tmp_path, {0: [1], 1: [2], 2: [3], 9: [4]}, probe=PROBE, best=[1, 3, 0])
    sorting = SpykingCircusSorting(folder)
    electrodes = sorting.electrodes
    assert electrodes.columns["channel"].tolist() == [2, 0, 5, 6]
    assert electrodes.groups.tolist() == ["1", "1", "2", "2"]
    # unit 9 has no template
    assert electrodes.of_units.tolist() == [1, 3, 0, -1]
    np.testing.assert_array_equal(sorting.get_property("rel_x"), [0, 6, 17.5, np.nan])
    np.testing.assert_array_equal(sorting.get_property("rel_y"), [10, 2, 20, np.nan])


def test_merged_results_have_templates_of_their_own(tmp_path):
    folder = write_circus(tmp_path, {0: [1], 1: [2]}, merged={0: [1, 2]}, probe=PROBE, best=[2])
    assert SpykingCircusSorting(folder).electrodes.of_units.tolist() == [2]
    (folder / "slice" / "slice.templates-merged.hdf5").unlink()
    assert SpykingCircusSorting(folder).electrodes is None


def test_without_a_probe_the_recording_has_the_sites(tmp_path):
    folder = write_circus(tmp_path, {0: [1], 1: [2]}, best=[3, 0])
    assert SpykingCircusSorting(folder).electrodes is None
    recording = write_new_maxwell(tmp_path / "slice.h5")
    sorting = SpykingCircusSorting(folder, recording=recording)
    assert sorting.electrodes.columns["electrode"][sorting.electrodes.of_units].tolist() == [13600, 12145]
    assert sorting.get_property("rel_y").tolist() == [ROUTED[3][3], ROUTED[0][3]]
    assert sorting.session_metadata["NWBFile"]["session_start_time"].startswith("2021-10-19")


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ("raise SystemExit\nchannel_groups = make()\n", "no probe file that can be read"),
        ("channel_groups = {1: {'channels': [0], 'geometry': {0: [0, 1]}}}", "1 sites in the probe but 4"),
        ("channel_groups = {", "no probe file that can be read"),
    ],
)
def test_probe_files_are_never_executed(tmp_path, caplog, probe, message):
    sorting = SpykingCircusSorting(write_circus(tmp_path, {0: [1]}, probe=probe, best=[0]))
    assert sorting.electrodes is None
    assert message in caplog.text


def test_it_survives_spikeinterface_saving(tmp_path):
    sorting = SpykingCircusSorting(write_circus(tmp_path, _TRAINS), duration=1.0)
    again = load(sorting.to_dict())
    assert trains_of(again) == _SORTED
    assert tuple(again.get_annotation("observation_interval")) == (0.0, 1.0)


def test_nwb_agrees_with_the_result(tmp_path):
    folder = write_circus(tmp_path, {0: [1], 1: [2, 3999], 10: [50]}, best=[3, 0])
    recording = write_new_maxwell(tmp_path / "slice.h5")
    path = tmp_path / "sub-m1_ecephys.nwb"
    nsg.convert_spykingcircus(folder, path, metadata=METADATA, recording=recording)
    with NWBHDF5IO(path, "r") as io:
        units = io.read().units.to_dataframe()
        times = [train.tolist() for train in units.spike_times]
        assert times == [[1 / 20_000], [2 / 20_000, 3999 / 20_000], [50 / 20_000]]
        assert [rows.electrode.tolist() for rows in units.electrodes] == [[13600], [12145], []]
        assert units.rel_x.tolist()[:2] == [ROUTED[3][2], ROUTED[0][2]]
        np.testing.assert_array_equal(units.obs_intervals.iloc[2], [[0.0, 0.2]])
    assert int(nsg.open_units(path).spikes.sum()) == 4
    findings = nsg.validate_file(path)
    assert not (findings.severity == "error").any(), findings
    again = nsg.convert_spykingcircus(folder, tmp_path / "two.nwb", metadata=METADATA, recording=recording)
    assert content_of(again) == content_of(path)


def test_nwb_without_a_known_end(tmp_path, caplog):
    metadata = {**METADATA, "NWBFile": _SESSION}
    path = nsg.convert_spykingcircus(write_circus(tmp_path, _TRAINS), tmp_path / "a.nwb", metadata=metadata)
    assert "does not say when its units were observed" in caplog.text
    assert nsg.open_units(path).sizes["unit"] == 4


def test_the_interface_serves_neuroconv(tmp_path):
    schema = SpykingCircusInterface.get_source_schema()
    assert {"path", "sampling_frequency", "recording", "duration"} <= set(schema["properties"])
    interface = SpykingCircusInterface(path=write_circus(tmp_path, _TRAINS))
    assert interface.units_ids.tolist() == [0, 1, 2, 10]


def test_the_command(tmp_path):
    folder = write_circus(tmp_path, _TRAINS, rate_hz=None)
    (tmp_path / "m.yaml").write_text(yaml.safe_dump({**METADATA, "NWBFile": _SESSION}))
    out = tmp_path / "a.nwb"
    command = [
        "convert",
        "spykingcircus",
        str(folder),
        "--out",
        str(out),
        "--metadata",
        str(tmp_path / "m.yaml"),
    ]
    refused = CliRunner().invoke(cli, command)
    assert refused.exit_code == 2
    assert "pass --sampling-rate, or --recording" in refused.stderr
    done = CliRunner().invoke(cli, [*command, "--sampling-rate", "20000", "--recording-duration", "4"])
    assert done.exit_code == 0, done.output
    with NWBHDF5IO(out, "r") as io:
        units = io.read().units
        np.testing.assert_array_equal(units["spike_times"][2], [3999 / 20_000])
        np.testing.assert_array_equal(units["obs_intervals"][0], [[0.0, 4.0]])


@pytest.mark.parametrize("name", ["slice.result.hdf5", "slice.templates.hdf5"])
def test_damaged_files_give_a_clear_error_or_an_answer(tmp_path, name):
    folder = write_circus(tmp_path, _TRAINS, probe=PROBE, best=[1, 3, 0], duration=1)
    outcomes = count_outcomes(folder / "slice" / name, folder, "SpykingCircusSorting", seed=3, trials=200)
    assert outcomes["refused"] > 40
    assert outcomes["read"] > 40
