"""MaxWell files: each layout as it is, choices asked for, damage told, and NWB that agrees with the chip."""

from __future__ import annotations

import logging
import shutil

import h5py
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hdf5_damage import count_outcomes
from maxwell_files import (
    LSB_VOLTS,
    MAPPING,
    NUM_FRAMES,
    ROUTED,
    SPIKES,
    START_MS,
    TRAINS,
    spike_table,
    write_new_maxwell,
    write_old_maxone,
)
from pynwb import NWBHDF5IO
from spikeinterface.core import load

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.maxwell.interface import MaxWellInterface
from nwbspikegen.formats.maxwell.sorting import MaxWellSorting
from nwbspikegen.formats.maxwell.traces import MaxWellTraces, read_maxwell_traces

METADATA = {
    "NWBFile": {"session_description": "Test of a culture.", "keywords": ["preparation:in_vitro"]},
    "Subject": {"subject_id": "m1", "species": "Mus musculus", "age": "P3W/P5W", "sex": "U"},
}
_WRITERS = {"old": write_old_maxone, "new": write_new_maxwell}


def trains_of(sorting) -> dict[int, list[int]]:
    """Return every train in frames."""
    return {int(unit): sorting.get_unit_spike_train(unit).tolist() for unit in sorting.unit_ids}


def content_of(path) -> dict[str, list[str]]:
    """Return all of an HDF5 file but what names the file, its objects and the moment of writing."""
    found: dict[str, list[str]] = {}

    def keep(name: str, item: h5py.Dataset | h5py.Group) -> None:
        values = [value for key, value in sorted(item.attrs.items()) if key != "object_id"]
        values += [item[()]] if isinstance(item, h5py.Dataset) else []
        found[name] = [repr(np.asarray(value).tolist()) for value in values]

    with h5py.File(path) as file:
        file.visititems(keep)
    return {name: value for name, value in found.items() if name not in ("identifier", "file_create_date")}


@pytest.mark.parametrize("layout", ["old", "new"])
def test_spikes_are_counted_from_the_first_frame(tmp_path, caplog, layout):
    with caplog.at_level(logging.WARNING, "nwbspikegen"):
        sorting = MaxWellSorting(_WRITERS[layout](tmp_path / "a.raw.h5"))
    assert trains_of(sorting) == TRAINS
    assert sorting.get_unit_spike_train_in_seconds(3).tolist() == [0.002, 0.002, 0.005]
    assert sorting.get_unit_spike_train(3, start_frame=41).tolist() == [100]
    assert sorting.observation_interval == (0.0, NUM_FRAMES / 20_000)
    assert "2 of 10 spikes are outside the recorded frames" in caplog.text
    assert "2 of 10 spikes are on channels that are not routed" in caplog.text


@pytest.mark.parametrize("layout", ["old", "new"])
def test_electrodes_and_properties(tmp_path, layout):
    sorting = MaxWellSorting(_WRITERS[layout](tmp_path / "a.raw.h5"))
    electrodes = sorting.electrodes
    names = ("channel", "electrode", "rel_x", "rel_y")
    assert list(zip(*(electrodes.columns[name].tolist() for name in names), strict=True)) == ROUTED
    np.testing.assert_allclose(electrodes.columns["gain_uV"], LSB_VOLTS * 1e6)
    assert set(electrodes.groups) == {"well000"}
    assert electrodes.device == "MaxOne"
    assert "gain 512" in electrodes.description
    units = list(zip(*(sorting.get_property(name).tolist() for name in names), strict=True))
    assert units == ROUTED[:3]
    medians = LSB_VOLTS * 1e6 * np.array([-12, -20, -20])
    np.testing.assert_allclose(sorting.get_property("amplitude_uV"), medians)


def test_when_it_began(tmp_path):
    old = MaxWellSorting(write_old_maxone(tmp_path / "o.raw.h5")).session_metadata
    assert old == {"NWBFile": {"session_start_time": "2021-10-19T20:55:05"}}
    new = MaxWellSorting(write_new_maxwell(tmp_path / "n.raw.h5")).session_metadata
    assert new == {"NWBFile": {"session_start_time": "2021-10-19T20:55:05.250+00:00"}}
    assert START_MS % 1000 == 250
    assert MaxWellSorting(write_new_maxwell(tmp_path / "u.raw.h5", clock=False)).session_metadata == {}


def test_every_well_can_be_chosen(tmp_path):
    pairs = [("well000", "rec0000"), ("well005", "rec0000"), ("well005", "rec0001")]
    path = write_new_maxwell(tmp_path / "a.raw.h5", pairs, plate=b"MaxTwo 6 Well Plate", rate_hz=10_000.0)
    with pytest.raises(InputError, match=r"2 wells .* one of well000, well005"):
        MaxWellSorting(path)
    with pytest.raises(InputError, match=r"2 recordings of well005 .* one of rec0000, rec0001"):
        MaxWellSorting(path, well="well005")
    with pytest.raises(InputError, match="no well001 among the wells"):
        MaxWellSorting(path, well="well001")
    sorting = MaxWellSorting(path, well="well005", recording="rec0001")
    assert trains_of(sorting) == TRAINS
    assert sorting.observation_interval == (0.0, NUM_FRAMES / 10_000)
    assert (sorting.electrodes.device, set(sorting.electrodes.groups)) == ("MaxTwo", {"well005"})
    assert trains_of(MaxWellSorting(path, well="well000")) == TRAINS


def test_the_length_comes_from_the_best_that_the_file_has(tmp_path, caplog):
    gap = MaxWellSorting(write_new_maxwell(tmp_path / "g.raw.h5", gap=500))
    assert gap.observation_interval == (0.0, (NUM_FRAMES + 500) / 20_000)
    assert "lacks the raw traces of 500 frames" in caplog.text
    clock = MaxWellSorting(write_new_maxwell(tmp_path / "c.raw.h5", num_frames=0))
    assert clock.observation_interval == (0.0, 60.0)
    assert trains_of(clock)[7] == [0, 1, 201, 4001]
    assert "time 0 is its first spike" in caplog.text
    nothing = MaxWellSorting(write_new_maxwell(tmp_path / "n.raw.h5", num_frames=0, clock=False))
    assert nothing.observation_interval == (0.0, 4002 / 20_000)
    assert "its last spike is taken" in caplog.text
    old = MaxWellSorting(write_old_maxone(tmp_path / "o.raw.h5", num_frames=0))
    assert old.observation_interval == (0.0, 106.0)


def test_it_survives_spikeinterface_saving(tmp_path):
    sorting = MaxWellSorting(write_new_maxwell(tmp_path / "a.raw.h5"))
    again = load(sorting.to_dict())
    assert trains_of(again) == TRAINS
    assert tuple(again.get_annotation("observation_interval")) == (0.0, 0.2)


@pytest.mark.parametrize("layout", ["old", "new"])
def test_nwb_agrees_with_the_chip(tmp_path, layout):
    path = tmp_path / "sub-m1_ecephys.nwb"
    nsg.convert_maxwell(_WRITERS[layout](tmp_path / "a.raw.h5"), path, metadata=METADATA)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        units, electrodes = nwbfile.units.to_dataframe(), nwbfile.electrodes.to_dataframe()
        assert nwbfile.session_start_time.isoformat().startswith("2021-10-19T20:55:05")
        assert [device.model.manufacturer for device in nwbfile.devices.values()] == ["MaxWell Biosystems"]
        for (_, unit), (channel, train) in zip(units.iterrows(), TRAINS.items(), strict=True):
            np.testing.assert_array_equal(unit.spike_times, np.array(train) / 20_000)
            np.testing.assert_array_equal(unit.obs_intervals, [[0.0, 0.2]])
            assert unit.channel == channel
            assert (unit.electrodes.channel == channel).all()
            assert (unit.electrodes.rel_x.item(), unit.electrodes.rel_y.item()) == (unit.rel_x, unit.rel_y)
    names = ["channel", "electrode", "rel_x", "rel_y"]
    assert [tuple(row) for row in electrodes[names].itertuples(index=False)] == ROUTED
    view = nsg.open_units(path)
    assert view.sizes == {"time": 200, "unit": 3}
    assert int(view.spikes.sum()) == 5
    findings = nsg.validate_file(path)
    assert not (findings.severity == "error").any(), findings


def test_two_conversions_have_the_same_content(tmp_path):
    source = write_new_maxwell(tmp_path / "a.raw.h5")
    first, second = (
        nsg.convert_maxwell(source, tmp_path / f"{name}.nwb", metadata=METADATA) for name in ("one", "two")
    )
    assert content_of(first) == content_of(second)
    assert "units/spike_times" in content_of(first)


def test_the_empty_real_file_is_refused(shared_data, tmp_path):
    source = shared_data / "maxone_empty" / "testit_1.raw.h5"
    with pytest.raises(InputError, match="no samples and no spikes"):
        nsg.convert_maxwell(source, tmp_path / "a.nwb", metadata=METADATA)
    assert list(tmp_path.iterdir()) == []


def _without(path, name):
    with h5py.File(path, "r+") as file:
        del file[name]
    return path


def test_the_real_mapping_with_spikes_put_in(shared_data, tmp_path):
    path = shutil.copyfile(shared_data / "maxone_empty" / "testit_1.raw.h5", tmp_path / "a.raw.h5")
    with h5py.File(path, "r+") as file:
        mapping = file["mapping"][()]
        file["sig"].resize(100, axis=1)
        file["sig"][-2:] = np.stack([70_000 + np.arange(100) & 0xFFFF, 70_000 + np.arange(100) >> 16])
        file["sig"][1023, :] = 600
        file["proc0/spikeTimes"] = spike_table([(5, 1023, -8.0), (7, 0, -9.0), (9, 1020, -9.0)], 70_000)
    sorting = MaxWellSorting(path)
    # channel 1020 is not routed
    assert trains_of(sorting) == {0: [7], 1023: [5]}
    assert sorting.get_property("electrode").tolist() == mapping["electrode"][[0, -1]].tolist()
    assert len(sorting.electrodes.groups) == 781
    traces = read_maxwell_traces(path)
    assert traces.get_num_channels() == 781
    assert traces.get_traces(channel_ids=["1023"], end_frame=2).tolist() == [[600], [600]]


def test_numbers_that_hdf5_converts_outside_its_memory_are_refused(tmp_path):
    path = write_old_maxone(tmp_path / "a.raw.h5")
    # a float of 8 bytes whose first bit is bit 2: the library writes beyond its buffer
    plain, shifted = (bytes.fromhex(f"11203f0008000000 {offset} 4000340b0034") for offset in ("0000", "0200"))
    whole = path.read_bytes()
    assert plain in whole
    path.write_bytes(whole.replace(plain, shifted))
    with pytest.raises(InputError, match="in a number format"):
        MaxWellSorting(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: write_old_maxone(path, spikes=[]), "4000 samples and no spikes"),
        (lambda path: write_old_maxone(path, rows=1000), r"/sig of shape \(1000, 4000\)"),
        (lambda path: write_old_maxone(path, spikes=[(-5, 3, 1.0)]), "1 spikes .* all outside"),
        (lambda path: write_new_maxwell(path, spikes=[(5, 3, np.nan)]), "amplitudes that are no numbers"),
        (lambda path: write_new_maxwell(path, rate_hz=0.0), "sampling rate of 0.0 Hz"),
        (lambda path: write_new_maxwell(path, recordings=[]), "0 wells"),
        (lambda path: write_new_maxwell(path, mapping=[(0, 1, np.inf, 0.0)]), "positions that are no num"),
        (lambda path: _without(write_old_maxone(path), "mapping"), "no table of mapping"),
        (lambda path: _without(write_old_maxone(path), "version"), "whose version is ''"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        MaxWellSorting(make(tmp_path / "a.raw.h5"))


def test_a_well_whose_spikes_are_all_unrouted_is_silent(tmp_path):
    path = write_new_maxwell(tmp_path / "a.raw.h5", spikes=[(50, 9, -9.0), (60, 500, -9.0)])
    with pytest.raises(InputError, match=r"a silent well .*well000, rec0000.* all of its 2 spikes.*--well"):
        MaxWellSorting(path)


def test_the_interface_serves_neuroconv(tmp_path):
    assert {"file_path", "well", "recording"} <= set(MaxWellInterface.get_source_schema()["properties"])
    interface = MaxWellInterface(file_path=write_new_maxwell(tmp_path / "a.raw.h5"))
    assert interface.units_ids.tolist() == [0, 3, 7]
    assert interface.get_metadata()["NWBFile"]["session_start_time"].startswith("2021-10-19")


def test_the_command(tmp_path):
    source = write_new_maxwell(tmp_path / "a.raw.h5", [("well000", "rec0000"), ("well003", "rec0000")])
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(METADATA))
    out = tmp_path / "a.nwb"
    command = ["convert", "maxwell", str(source), "--out", str(out), "--metadata", str(tmp_path / "m.yaml")]
    refused = CliRunner().invoke(cli, command)
    assert refused.exit_code == 2
    assert "one of well000, well003; choose one" in refused.stderr
    assert not out.exists()
    done = CliRunner().invoke(cli, [*command, "--well", "well003"])
    assert done.exit_code == 0, done.output
    with NWBHDF5IO(out, "r") as io:
        assert list(io.read().electrode_groups) == ["well003"]


@pytest.mark.parametrize(
    ("layout", "mapping", "own"), [("new", ROUTED, False), ("new", MAPPING, True), ("old", ROUTED, True)]
)
def test_traces_are_those_of_their_channels(tmp_path, layout, mapping, own):
    traces = read_maxwell_traces(_WRITERS[layout](tmp_path / "a.raw.h5", mapping=mapping))
    assert isinstance(traces, MaxWellTraces) == own
    assert traces.channel_ids.tolist() == ["0", "3", "7", "12"]
    assert traces.get_num_samples() == NUM_FRAMES
    assert traces.get_property("electrode").tolist() == [row[1] for row in ROUTED]
    np.testing.assert_allclose(traces.get_channel_gains(), LSB_VOLTS * 1e6)
    np.testing.assert_allclose(traces.get_channel_locations(), [row[2:] for row in ROUTED])
    values = traces.get_traces(start_frame=10, end_frame=12, channel_ids=["12", "3"])
    assert values.tolist() == [[512, 503]] * 2
    assert traces.get_traces(end_frame=3).shape == (3, 4)
    if own:
        assert load(traces.to_dict()).get_traces(end_frame=1, channel_ids=["3"]).tolist() == [[503]]


@pytest.mark.parametrize("mapping", [ROUTED, MAPPING])
def test_traces_of_any_well(tmp_path, mapping):
    pairs = [("well000", "rec0000"), ("well002", "rec0001")]
    path = write_new_maxwell(tmp_path / "a.raw.h5", pairs, mapping=mapping, rate_hz=10_000.0)
    with pytest.raises(InputError, match="one of well000, well002"):
        read_maxwell_traces(path)
    traces = read_maxwell_traces(path, well="well002", recording="rec0001")
    assert traces.sampling_frequency == 10_000
    assert traces.get_traces(end_frame=1).tolist() == [[500, 503, 507, 512]]


def test_a_missing_plugin_gives_an_instruction(tmp_path):
    path = write_new_maxwell(tmp_path / "a.raw.h5", mapping=ROUTED)
    with h5py.File(path, "r+") as file:
        routed = file["wells/well000/rec0000/groups/routed"]
        raw = routed["raw"][()]
        del routed["raw"]
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(raw.shape)
        # optional when writing, so that the file can be made without the filter
        plist.set_filter(32017, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(raw.shape)
        h5py.h5d.create(routed.id, b"raw", h5py.h5t.STD_U16LE, space, plist)
    with pytest.raises(InputError, match=r"HDF5 filter 32017.*h5py\.h5pl\.prepend"):
        read_maxwell_traces(path)
    # the spikes need no plug-in
    assert trains_of(MaxWellSorting(path)) == TRAINS


def test_a_file_without_traces_says_so(tmp_path):
    with pytest.raises(InputError, match="no raw traces"):
        read_maxwell_traces(write_new_maxwell(tmp_path / "a.raw.h5", num_frames=0))


@pytest.mark.parametrize("layout", ["old", "new"])
def test_damaged_files_give_a_clear_error_or_an_answer(tmp_path, layout):
    inside = [spike for spike in SPIKES if spike[0] < 50]
    path = _WRITERS[layout](tmp_path / "a.raw.h5", num_frames=50, spikes=inside)
    outcomes = count_outcomes(path, path, "MaxWellSorting", seed=2, trials=300)
    assert outcomes["refused"] > 60
    assert outcomes["read"] > 60
