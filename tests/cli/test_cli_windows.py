"""Windows and selections from the command line: what is typed is what is opened, and it is reported."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from pynwb import NWBHDF5IO
from pynwb.epoch import TimeIntervals
from range_server import serve
from spikeinterface.core import NumpySorting

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation import metadata_of

_TRAIN = ["--epochs", "1", "--skip-units", "0"]


def _run(*arguments: object):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Eight units, the last a copy of the seventh, on a clock from 100 s, with intervals as the IBL has."""
    simulation = nsg.simulate("in_vivo", num_units=8, duration=24, seed=7)
    bins, units = np.nonzero(simulation.spikes[:, :7])
    trains = {unit: bins[units == unit] + 100_000 for unit in range(7)}
    trains[7] = trains[6]
    sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=1000.0)
    sorting.annotate(observation_interval=(100.0, 124.0))
    sorting.set_property("location", np.array(["VISp5"] * 4 + ["CA1"] * 4))
    folder = tmp_path_factory.mktemp("windows")
    path = nsg.convert_sorting(sorting, folder / "sub-a_ecephys.nwb", metadata=metadata_of(simulation))
    with NWBHDF5IO(str(path), "a") as io:
        nwbfile = io.read()
        table = TimeIntervals(name="passive_intervals", description="parts")
        table.add_column(name="protocol_type", description="name")
        for name, start, stop in (("RFM", 100, 104), ("spontaneousActivity", 104, 120), ("RFM", 120, 124)):
            table.add_interval(start_time=float(start), stop_time=float(stop), protocol_type=name)
        nwbfile.create_processing_module("passive_protocol", "parts").add(table)
        nwbfile.add_epoch(start_time=108.0, stop_time=116.0, tags=["rest", "dark"])
        io.write(nwbfile)
    return path


def _train(recording, tmp_path, *options):
    result = _run("train", recording, "--out", tmp_path / "model", *_TRAIN, *options)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "model" / "model.json").read_text())["training"]
    return record, result.stderr


def test_a_preset_opens_the_named_interval(recording, tmp_path):
    record, _ = _train(recording, tmp_path, "--preset", "in_vivo")
    assert record["split"]["train"] == pytest.approx([104.0, 112.0])
    assert record["options"]["interval"] == "spontaneousActivity"
    out = tmp_path / "sub-a_desc-spikegen_ecephys.nwb"
    result = _run("generate", tmp_path / "model", recording, "--out", out)
    assert result.exit_code == 0, result.output
    predicted = nsg.read_spike_probability(out)
    assert float(predicted.time[0]) == pytest.approx(116.0)
    assert predicted.sizes["time"] == 4000
    # the intervals stay with the units
    assert nsg.open_units(out, interval="spontaneousActivity").sizes["time"] == 16_000


def test_what_is_typed_wins_over_a_preset(recording, tmp_path):
    record, _ = _train(recording, tmp_path, "--preset", "in_vitro", "--start", "4", "--duration", "8")
    assert record["split"]["train"] == pytest.approx([104.0, 108.0])
    result = _run("train", recording, "--out", tmp_path / "m", "--preset", "in_vitro")
    assert result.exit_code == 2
    assert "a start within the 24 s recorded" in result.stderr


@pytest.mark.parametrize(("interval", "start", "bins"), [("rest", 108, 8000), ("RFM:1", 120, 4000)])
def test_intervals_by_any_text_of_their_row(recording, interval, start, bins):
    units = nsg.open_units(recording, interval=interval)
    assert float(units.time[0]) == pytest.approx(start)
    assert units.sizes["time"] == bins


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ("RFM", "2 intervals 'RFM'"),
        ("RFM:2", "a choice of 2"),
        ("sleep", "epochs, dark, rest, passive_intervals, RFM, spontaneousActivity"),
    ],
)
def test_intervals_that_are_not_one_are_refused(recording, interval, message):
    with pytest.raises(InputError, match=message):
        nsg.open_units(recording, interval=interval)


def test_selections_are_stored_with_the_model(recording, tmp_path):
    record, log = _train(recording, tmp_path, "--region", "CA1", "--drop-duplicates", "--min-rate", "0.1")
    assert record["unit_ids"] == [4, 5, 6]
    assert record["options"]["drop_duplicates"] is True
    assert "of units share" not in log


def test_duplicates_are_reported(recording, tmp_path):
    _, log = _train(recording, tmp_path, "--random-units", "1", "--take-units", "8")
    assert "1 pair of units shares half of their spikes or more within 0.5 ms in the training segment" in log


def test_excluded_time_is_heeded_stored_and_scored_again(recording, tmp_path):
    record, _ = _train(recording, tmp_path, "--exclude", "101.5-104")
    assert record["options"]["exclude"] == [[101.5, 104.0]]
    out = tmp_path / "out.nwb"
    result = _run("generate", tmp_path / "model", recording, "--out", out, "--exclude", "120-121.5", "--json")
    assert result.exit_code == 0, result.output
    scores, predicted = nsg.read_scores(out), nsg.read_spike_probability(out)
    stretch = predicted.sel(time=slice(119.9995, 121.4995))
    assert np.isnan(stretch.values).all()
    assert stretch.sizes["time"] == 1500
    assert set(scores.observed_fraction) == {1 - 1500 / predicted.sizes["time"]}
    # what the file says of itself is enough to score it again
    again = json.loads(_run("score", out, "--recompute", "--json").stdout)["scores"]
    assert [row["value"] for row in again] == pytest.approx(scores.value.tolist(), nan_ok=True)
    assert "of all bins observed, the rest is not scored" in _run("score", out).stdout


@pytest.mark.parametrize("stretch", ["5", "5-5", "6-5", "a-b", "1-2-3", "1e400-2"])
def test_a_stretch_that_is_none_is_refused(recording, tmp_path, stretch):
    result = _run("train", recording, "--out", tmp_path / "model", *_TRAIN, "--exclude", stretch)
    assert result.exit_code == 2
    assert f"--exclude {stretch}" in result.output
    assert not (tmp_path / "model").exists()


def test_a_recording_on_the_web(recording, tmp_path):
    with serve(recording.parent) as server:
        address = f"{server.url}/{recording.name}"
        record, _ = _train(address, tmp_path)
        out = tmp_path / "sub-a_desc-spikegen_ecephys.nwb"
        result = _run("generate", tmp_path / "model", address, "--out", out)
    assert result.exit_code == 0, result.output
    assert "is a file of training" in result.stderr
    assert record["sources"][0]["file_name"] == recording.name
    assert len(nsg.read_scores(out))


@pytest.mark.parametrize("command", [["score"], ["validate"], ["plot", "--out", "figures"]])
def test_files_that_must_lie_here_are_said_so(command):
    done = _run(*command, "https://example.org/a.nwb")
    assert done.exit_code == 2
    assert "an address on the web" in done.stderr
    assert "download it first" in done.stderr
