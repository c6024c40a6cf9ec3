"""Options of `nwbspikegen train` that go to Lightning."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.simulation import metadata_of
from nwbspikegen.training import loggers

_WINDOW = ("--skip-units", "0", "--take-units", "8", "--epochs", "1")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    simulated = nsg.simulate("in_vivo", num_units=8, duration=24, seed=3)
    path = tmp_path_factory.mktemp("train") / "a.nwb"
    return nsg.convert_sorting(simulated.sorting, path, metadata=metadata_of(simulated))


def _run(*arguments: object):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_precision_and_log(recording, tmp_path):
    out = tmp_path / "model"
    result = _run(
        "train",
        recording,
        "--out",
        out,
        *_WINDOW,
        "--precision",
        "bf16-mixed",
        "--devices",
        "1",
        "--logger",
        "csv",
        "--device",
        "cpu",
        "--json",
    )
    assert result.exit_code == 0, result.output
    assert nsg.load_model(out).training["trainer"] == {
        "precision": "bf16-mixed",
        "devices": 1,
        "logger": "CSVLogger",
    }
    log = tmp_path / "model-log" / "version_0"
    assert f"written to {log}" in result.stderr.replace("\n", "")
    names, *rows = (line.split(",") for line in (log / "metrics.csv").read_text().splitlines())
    logged = [row[names.index("bits_per_spike")] for row in rows]
    best = json.loads(result.stdout)["best_epoch"]
    assert [float(value) for value in logged if value] == pytest.approx([best["bits_per_spike"]], rel=1e-6)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["model", "model-log"]


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--device", "tpu", "found --device tpu; expected auto, cpu, cuda, cuda:1 or mps"),
        ("--device", "cuda:", "found --device cuda:; expected auto"),
        ("--devices", "0", "found --devices 0; expected a number from 1"),
        ("--devices", "all", "found --devices all; expected a number from 1, or auto"),
        ("--precision", "8", "'8' is not one of '32', 'bf16-mixed', '16-mixed'"),
        ("--logger", "paper", "'paper' is not one of 'tensorboard', 'csv'"),
    ],
)
def test_values_are_refused_as_they_are_typed(tmp_path, option, value, expected):
    # before the recording is looked for
    result = _run("train", tmp_path / "none.nwb", "--out", tmp_path / "m", option, value)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_16_bits_without_a_gpu_and_a_device_that_is_not_there(recording, tmp_path):
    for options, expected in (
        (("--precision", "16-mixed", "--device", "cpu"), "precision 16-mixed on the CPU"),
        (("--device", "cuda:7"), "cuda"),
    ):
        result = _run("train", recording, "--out", tmp_path / "m", *_WINDOW, *options)
        assert result.exit_code == 2, result.output
        lines = [line for line in result.stderr.splitlines() if "error:" in line]
        assert len(lines) == 1
        assert expected.lower() in lines[0].lower()
        assert not (tmp_path / "m").exists()


def test_a_logger_that_is_not_installed_is_told(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    result = _run("train", recording, "--out", tmp_path / "m", *_WINDOW, "--logger", "tensorboard")
    assert result.exit_code == 2
    assert "pip install tensorboard, or take csv" in result.stderr
