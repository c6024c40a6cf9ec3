"""Plates with many wells, files that no assay made, events, and spikes that are left out and told of."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from maxwell_files import (
    EVENTS,
    FIRST_FRAME,
    MAPPING,
    ROUTED,
    SPIKES,
    TRAINS,
    write_new_maxwell,
    write_old_maxone,
)
from pynwb import NWBHDF5IO
from test_sources_maxwell import METADATA, trains_of

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.commands.convert_wells import convert_maxwell_wells
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.formats.maxwell.sorting import MaxWellSorting
from nwbspikegen.formats.maxwell.traces import read_maxwell_traces
from nwbspikegen.formats.maxwell.wells import list_recordings

_METADATA = {**METADATA, "NWBFile": {**METADATA["NWBFile"], "session_id": "d21"}}
_PLATE = [("well000", "rec0000"), ("well001", "rec0000"), ("well001", "rec0001"), ("well002", "rec0000")]


@pytest.fixture
def plate(tmp_path):
    """A plate of three wells, the last of which is silent."""
    return write_new_maxwell(
        tmp_path / "plate.raw.h5", _PLATE, plate=b"MaxTwo 24-well", silent=["well002"], num_frames=4000
    )


def _read(path):
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        return nwbfile.session_id, list(nwbfile.electrode_groups), len(nwbfile.units)


def test_a_file_for_each_well_named_by_it(plate, tmp_path, caplog):
    out = tmp_path / "sub-m1_ses-d21_ecephys.nwb"
    done = convert_maxwell_wells(plate, out, metadata=_METADATA, all_wells=True, all_recordings=True)
    paths = done.paths
    assert not done.failed
    assert [path.name for path in paths] == [
        "sub-m1_ses-d21-well000-rec0000_ecephys.nwb",
        "sub-m1_ses-d21-well001-rec0000_ecephys.nwb",
        "sub-m1_ses-d21-well001-rec0001_ecephys.nwb",
    ]
    assert [_read(path) for path in paths] == [
        ("d21-well000-rec0000", ["well000"], 3),
        ("d21-well001-rec0000", ["well001"], 3),
        ("d21-well001-rec0001", ["well001"], 3),
    ]
    assert "well002, rec0000" in caplog.text
    assert "is passed over: found 4000 samples and no spikes" in caplog.text


def test_one_recording_of_each_well(plate, tmp_path):
    paths = convert_maxwell_wells(
        plate, tmp_path / "a.nwb", metadata=_METADATA, all_wells=True, recording="rec0000"
    ).paths
    assert [path.name for path in paths] == ["a_well000.nwb", "a_well001.nwb"]


def test_all_recordings_of_a_well_from_the_command_line(plate, tmp_path):
    (tmp_path / "metadata.yaml").write_text(yaml.safe_dump(_METADATA))
    arguments = ["convert", "maxwell", str(plate), "--out", str(tmp_path / "a.nwb"), "--all-recordings"]
    arguments += ["--metadata", str(tmp_path / "metadata.yaml")]
    result = CliRunner().invoke(cli, [*arguments, "--well", "well001", "--json"])
    assert result.exit_code == 0, result.stderr
    expected = [str(tmp_path / f"a_rec000{number}.nwb") for number in range(2)]
    assert json.loads(result.stdout)["paths"] == expected
    assert (
        "--well and --all-wells" in CliRunner().invoke(cli, [*arguments, "--well", "w", "--all-wells"]).stderr
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"all_wells": True}, "several recordings of a well .* --all-recordings"),
        ({"all_recordings": True}, "3 wells .* --all-wells"),
        ({"all_recordings": True, "well": "well009"}, "no well009 among the wells"),
        ({"all_wells": True, "recording": "rec0009"}, "no rec0009"),
        ({"all_recordings": True, "well": "well002"}, "1 silent recordings"),
    ],
)
def test_choices_that_are_open_or_wrong(plate, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        convert_maxwell_wells(plate, tmp_path / "a.nwb", metadata=_METADATA, **options)
    assert not list(tmp_path.glob("*.nwb"))


def test_nothing_is_written_where_one_file_is_in_the_way(plate, tmp_path):
    (tmp_path / "a_well001-rec0001.nwb").write_text("mine")
    with pytest.raises(OutputError, match="well001-rec0001"):
        convert_maxwell_wells(
            plate, tmp_path / "a.nwb", metadata=_METADATA, all_wells=True, all_recordings=True
        )
    assert [path.name for path in tmp_path.glob("*.nwb")] == ["a_well001-rec0001.nwb"]


def test_a_well_that_fails_stops_no_other(plate, tmp_path):
    """The second well's table of spikes is none; the first and the third are converted, and it is told."""
    with h5py.File(plate, "a") as file:
        del file["data_store/data0001/spikes"]
        file["data_store/data0001/spikes"] = np.arange(3)
    (tmp_path / "metadata.yaml").write_text(yaml.safe_dump(_METADATA))
    arguments = ["convert", "maxwell", plate, "--out", tmp_path / "a.nwb", "--all-wells", "--all-recordings"]
    arguments += ["--metadata", tmp_path / "metadata.yaml", "--json"]
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    written = [str(tmp_path / f"a_well00{name}.nwb") for name in ("0-rec0000", "1-rec0001")]
    printed = json.loads(result.stdout)
    assert result.exit_code == 2
    assert printed["paths"] == written == sorted(map(str, tmp_path.glob("*.nwb")))
    assert list(printed["failed"]) == ["well001-rec0000"]
    assert "found 1 of 3 that could not be converted (well001-rec0000: " in result.stderr


def test_recordings_are_listed(plate, tmp_path):
    assert list_recordings(plate) == _PLATE
    assert list_recordings(write_old_maxone(tmp_path / "old.raw.h5")) == [("well000", "rec0000")]


@pytest.mark.parametrize("is_linked", [True, False])
def test_files_that_no_assay_made(tmp_path, is_linked):
    """Scripts call their group of channels as they like, and some files have the store alone."""
    path = write_new_maxwell(
        tmp_path / "a.raw.h5", _PLATE[:2], is_linked=is_linked, saved="all_channels", mapping=MAPPING
    )
    assert list_recordings(path) == _PLATE[:2]
    assert trains_of(MaxWellSorting(path, "well001")) == TRAINS
    traces = read_maxwell_traces(path, "well001")
    assert traces.get_traces(end_frame=1).tolist() == [[500 + row[0] for row in ROUTED]]


def test_events_are_on_the_clock_of_the_spikes(tmp_path, caplog):
    path = write_new_maxwell(tmp_path / "a.raw.h5", events=EVENTS)
    out = nsg.convert_maxwell(path, tmp_path / "a.nwb", metadata=_METADATA)
    assert "1 of 3 events are outside the recorded frames: dropped" in caplog.text
    with NWBHDF5IO(out, "r") as io:
        table = io.read().events["recording_events"]
        assert table.timestamp.resolution == 1 / 20_000
        rows = table.to_dataframe()
    assert rows.to_dict("list") == {
        "timestamp": [0.005, 0.01],
        "event_type": [1, 1],
        "event_id": [6, 7],
        "annotation": ["pulse: 10 mV", "pulse: 30 mV"],
    }


def test_events_without_numbers_or_messages(tmp_path):
    path = write_new_maxwell(tmp_path / "a.raw.h5")
    with h5py.File(path, "a") as file:
        file["data_store/data0000/events"] = np.array([(FIRST_FRAME + 20,)], [("frameno", "<i8")])
    found = MaxWellSorting(path).events
    assert found.times.tolist() == [0.001]
    assert (found.events.ids.tolist(), found.events.messages.tolist()) == ([-1], [""])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.array([(1,)], [("time", "<i8")]), "a table of .*time.* of events"),
        (np.array([3, 4]), "a table of int64 of events"),
    ],
)
def test_events_that_are_none(tmp_path, table, message):
    path = write_new_maxwell(tmp_path / "a.raw.h5")
    with h5py.File(path, "a") as file:
        file["data_store/data0000/events"] = table
    with pytest.raises(InputError, match=message):
        MaxWellSorting(path)


def test_messages_that_stand_for_more_letters_than_the_file_has(tmp_path):
    path = write_new_maxwell(tmp_path / "a.raw.h5", events=[(at, 1, at, "x" * 2**16) for at in range(300)])
    with pytest.raises(InputError, match="letters of events"):
        MaxWellSorting(path)


def test_what_was_left_out_is_counted_in_file_and_survey(tmp_path):
    path = write_new_maxwell(tmp_path / "a.raw.h5", spikes=[*SPIKES, *[(9, 500, -1.0)] * 3])
    expected = {"outside the recorded frames": 2, "on channels that are not routed": 5}
    sorting = MaxWellSorting(path)
    assert sorting.left_out == expected
    out = nsg.convert_maxwell(path, tmp_path / "a.nwb", metadata=_METADATA)
    with NWBHDF5IO(out, "r") as io:
        rows = io.read().processing["ecephys"]["spikes_left_out"].to_dataframe()
    assert dict(zip(rows.reason, rows.num_spikes, strict=True)) == expected
    for source in (sorting, out):
        [finding] = [each for each in nsg.survey(source).findings if each.name == "left_out"]
        assert finding.severity == "warning"
        assert finding.text.startswith("7 of 13 spikes were left out when this was made, 2 outside")
