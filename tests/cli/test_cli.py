"""The command line: the way through, clear errors with exit status 2, and no output left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import yaml
from asdf_files import write_asdf
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.simulation import metadata_of

_WINDOW = ["--skip-units", "0", "--duration", "40"]


def _run(*arguments: object):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def _fails(*arguments: object) -> str:
    """Run a command that must end with one clear line and exit status 2."""
    result = _run(*arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("nwbspikegen: error:")]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=40, seed=3)
    path = tmp_path_factory.mktemp("cli") / "sub-a_ecephys.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


@pytest.fixture(scope="module")
def model(recording):
    out = recording.with_name("model")
    result = _run("train", recording, "--out", out, "--epochs", "1", *_WINDOW)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def derived(recording, model):
    out = recording.with_name("sub-a_desc-spikegen_ecephys.nwb")
    result = _run("generate", model, recording, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def test_help_and_import_load_nothing_heavy():
    heavy = "('numpy', 'torch', 'pynwb', 'xarray')"
    script = f"import sys, nwbspikegen.cli; print([m for m in {heavy} if m in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize("command", ["demo", "convert", "train", "generate", "score", "validate"])
def test_every_command_has_help(command):
    result = _run(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_convert_prints_where_it_wrote(tmp_path):
    (tmp_path / "m.yaml").write_text(
        yaml.safe_dump(metadata_of(nsg.simulate("in_vivo", num_units=2, duration=1)))
    )
    source = write_asdf(tmp_path / "a.mat")
    result = _run(
        "convert", "asdf", source, "--out", tmp_path / "a.nwb", "--metadata", tmp_path / "m.yaml", "--json"
    )
    assert json.loads(result.stdout) == {"path": str(tmp_path / "a.nwb")}


def test_generate_uses_the_window_of_training(derived):
    probability = nsg.read_spike_probability(derived)
    assert (float(probability.time[0]), probability.sizes["time"]) == (30.0, 10_000)
    assert probability.attrs["context"] == "warm"


def test_score_prints_what_is_stored(derived):
    stored = json.loads(_run("score", derived, "--json").stdout)
    predictors = {row["predictor"] for row in stored["scores"]}
    assert predictors == {
        "in_context",
        "untrained",
        "mean_rate",
        "running_rate",
        "online_hazard",
        "history_glm",
        "coupled_glm",
    }
    assert all(row["passed"] for row in stored["audits"])
    printed = _run("score", derived).stdout
    assert "bits/spike" in printed
    gain = next(row["value"] for row in stored["scores"] if row["null"] == "untrained")
    row = next(line for line in printed.splitlines() if line.startswith("untrained"))
    assert f"{gain:+.3f}" in row
    assert max(map(len, printed.splitlines())) <= 100


def test_explained_scores_say_what_they_are(derived):
    told = json.loads(_run("score", derived, "--explain", "--json").stdout)["meanings"]
    printed = _run("score", derived, "--explain").stdout
    assert max(map(len, printed.splitlines())) <= 100
    for name in [*told, "causality_future", "fano_100ms"]:
        assert f"\n{name}: " in printed


def test_score_can_be_recomputed(derived):
    stored, again = (
        json.loads(_run("score", derived, *more, "--json").stdout)["scores"] for more in ([], ["--recompute"])
    )
    assert len(stored) == len(again)
    for one, other in zip(stored, again, strict=True):
        assert one["value"] == pytest.approx(other["value"], rel=1e-6, nan_ok=True)


def test_validate_finds_no_error(derived):
    result = _run("validate", derived, "--json")
    assert json.loads(result.stdout)["num_errors"] == 0, result.stdout
    assert result.exit_code == 0


def test_training_bins_are_never_scored(recording, model, tmp_path):
    result = _run("generate", model, recording, "--out", tmp_path / "o.nwb", "--segment", "train", "--json")
    assert json.loads(result.stdout)["scores"] == []
    result = _run(
        "generate", model, recording, "--out", tmp_path / "a.nwb", "--segment", "all", "--context", "cold"
    )
    assert result.exit_code == 0, result.output
    assert "the first 20000 bins are predicted and not scored" in result.stderr


def test_a_config_file_gives_defaults_that_arguments_beat(recording, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("epochs: 1\nduration: 20\nskip-units: 0\nseed: 7\n")
    result = _run("train", recording, "--out", tmp_path / "m", "--config", config, "--seed", "8", "--json")
    assert result.exit_code == 0, result.output
    training = nsg.load_model(tmp_path / "m").training
    assert (training["options"]["duration"], training["seed"]) == (20.0, 8)
    config.write_text("durration: 20\n")
    assert "option 'durration'" in _fails("train", recording, "--out", tmp_path / "n", "--config", config)


def _without_units(path):
    with h5py.File(path, "a") as file:
        del file["units"]


def _with_nan(path):
    with h5py.File(path, "a") as file:
        file["units/spike_times"][3] = np.nan


def _with_one_unit(path):
    simulation = nsg.simulate("in_vivo", num_units=2, duration=10, seed=3)
    sorting = simulation.sorting.select_units([0])
    sorting.annotate(observation_interval=(0.0, 10.0))
    nsg.convert_sorting(sorting, path, metadata=metadata_of(simulation), overwrite=True)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "nothing at"),
        (lambda path: path.write_text("no HDF5"), "NWB"),
        (_without_units, "no units table"),
        (_with_nan, "NaN|nan|finite"),
        (_with_one_unit, "1 unit"),
    ],
)
@pytest.mark.parametrize("command", ["train", "generate"])
def test_bad_recordings(recording, model, tmp_path, damage, message, command):
    bad = tmp_path / "bad.nwb"
    bad.write_bytes(recording.read_bytes())
    damage(bad)
    before = sorted(tmp_path.iterdir())
    arguments = ["train", bad] if command == "train" else ["generate", model, bad]
    error = _fails(*arguments, "--out", tmp_path / ("out" if command == "train" else "out.nwb"))
    assert any(part in error for part in message.split("|")), error
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--start", "100"], "40"),
        (["--start", "-1"], "-1"),
        (["--bin-size", "0"], "bin"),
        (["--split", "0.5,0.5"], "--split 0.5,0.5"),
        (["--split", "0.9,0.9,0.9"], "0.9"),
        (["--model", "gpt"], "model 'gpt'"),
    ],
)
def test_bad_options(recording, tmp_path, arguments, message):
    error = _fails("train", recording, "--out", tmp_path / "out", "--skip-units", "0", *arguments)
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_there_is_not_is_refused_as_it_is_typed(recording, tmp_path):
    result = _run("train", recording, "--out", tmp_path / "out", "--loss", "hinge")
    assert result.exit_code == 2
    assert "'hinge' is not one of 'dice', 'focal', 'bernoulli'" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_malformed_real_file(shared_data, tmp_path):
    path = shared_data / "nwb" / "malformed_units_aibs_ecephys.nwb"
    assert "units" in _fails("train", path, "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_exist_stay(recording, model, derived, tmp_path):
    for command in (["train", recording], ["generate", model, recording]):
        out = tmp_path / "out.nwb"
        out.write_text("precious")
        assert "which exists" in _fails(*command, "--out", out, *_WINDOW)
        assert out.read_text() == "precious"


def test_overwrite_replaces_nothing_of_another_kind(recording, model, tmp_path):
    folder, file = tmp_path / "folder.nwb", tmp_path / "file.nwb"
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    file.write_bytes(recording.read_bytes())
    assert "which is a folder" in _fails("generate", model, recording, "--out", folder, "--overwrite")
    assert "not written by this command" in _fails(
        "train", recording, "--out", folder, "--overwrite", *_WINDOW
    )
    assert "not written by this command" in _fails("train", recording, "--out", file, "--overwrite", *_WINDOW)
    assert "not written by this command" in _fails("demo", "--out", folder, "--overwrite")
    assert "input and output" in _fails("generate", model, file, "--out", file, "--overwrite")
    assert (folder / "thesis.txt").read_text() == "precious"
    assert file.read_bytes() == recording.read_bytes()


def test_convert_does_not_replace_its_source(tmp_path):
    source = write_asdf(tmp_path / "a.nwb")
    before = source.read_bytes()
    assert "input and output" in _fails("convert", "asdf", source, "--out", source, "--overwrite")
    assert source.read_bytes() == before
    assert "a name ending in .nwb" in _fails("convert", "asdf", source, "--out", tmp_path / "b")


@pytest.mark.parametrize("context", ["warm", "cold"])
@pytest.mark.parametrize(("segment", "first_scored"), [("test", 30.0), ("validation", 20.0), ("all", 20.0)])
def test_every_segment_and_context_is_scored_and_scored_again(
    recording, model, tmp_path, segment, context, first_scored
):
    out = tmp_path / "out.nwb"
    options = ["--segment", segment, "--context", context]
    result = _run("generate", model, recording, "--out", out, *options, "--json")
    assert result.exit_code == 0, result.output
    assert nsg.read_scores(out).attrs["segment_start"] == first_scored
    audits = {row["audit"]: row["passed"] for row in json.loads(result.stdout)["audits"]}
    # validation chose the epoch: scores that hold it are not independent, and say so
    assert audits["independence"] == (segment == "test")
    stored = json.loads(result.stdout)["scores"]
    again = json.loads(_run("score", out, "--recompute", "--json").stdout)["scores"]
    assert [row["value"] for row in again] == pytest.approx([row["value"] for row in stored], nan_ok=True)


def test_training_bins_of_another_conversion_are_not_scored(recording, model, tmp_path):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=40, seed=3)
    again = nsg.convert_sorting(simulation.sorting, tmp_path / "again.nwb", metadata=metadata_of(simulation))
    arguments = ["generate", model, again, "--skip-units", "0", "--duration", "30"]
    result = _run(*arguments, "--out", tmp_path / "o.nwb", "--segment", "all")
    assert result.exit_code == 0, result.output
    assert nsg.read_scores(tmp_path / "o.nwb").attrs["segment_start"] == 20.0


def test_a_model_trained_in_python_finds_its_units_and_split(recording, tmp_path):
    units = nsg.select_units(nsg.open_units(recording), skip=2, take=3)
    parts = nsg.split_time(units, train=10, validation=5, test=20)
    nsg.train(parts.train, parts.validation, epochs=1, progress=False).save(tmp_path / "model")
    result = _run("generate", tmp_path / "model", recording, "--out", tmp_path / "o.nwb")
    assert result.exit_code == 0, result.output
    predicted = nsg.read_spike_probability(tmp_path / "o.nwb")
    np.testing.assert_array_equal(predicted.unit, units.unit)
    assert (float(predicted.time[0]), predicted.sizes["time"]) == (15.0, 25_000)


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--epochs", "0"]])
def test_numbers_out_of_range(recording, tmp_path, option):
    result = _run("train", recording, "--out", tmp_path / "m", *option)
    assert result.exit_code == 2
    assert option[0] in result.stderr


def test_a_source_without_species_asks_for_metadata(shared_data, tmp_path):
    source = shared_data / "nwb" / "A8604-211122.nwb"
    arguments = ["--skip-units", "0", "--duration", "200"]
    assert _run("train", source, "--out", tmp_path / "m", "--epochs", "1", *arguments).exit_code == 0
    out = tmp_path / "sub-A8604_desc-spikegen_ecephys.nwb"
    assert "species" in _fails("generate", tmp_path / "m", source, "--out", out)
    assert not out.exists()
    fields = {"Subject": {"subject_id": "A8604", "species": "Mus musculus", "age": "P90D", "sex": "U"}}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(fields))
    result = _run("generate", tmp_path / "m", source, "--out", out, "--metadata", tmp_path / "m.yaml")
    assert result.exit_code == 0, result.output
    with h5py.File(out) as file:
        assert file["general/subject/species"][()] == b"Mus musculus"
    assert _run("validate", out).exit_code == 0


@pytest.mark.parametrize(("given", "found"), [(None, "PASSIVE"), ("active", "active")])
def test_threads_that_wait_leave_the_cores_to_others(given, found):
    """Unless a user says otherwise; before anything is imported that starts threads."""
    code = (
        "import os, sys; from nwbspikegen.cli import main\n"
        "assert not {'numba', 'torch'} & set(sys.modules)\n"
        "sys.argv = ['nwbspikegen', '--version']\n"
        "try: main()\nexcept SystemExit: print(os.environ['OMP_WAIT_POLICY'])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {} if given is None else {"OMP_WAIT_POLICY": given}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == found
