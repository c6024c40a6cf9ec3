"""Sweeps: what is varied, what is kept equal, who chooses, and that a killed one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.simulation import metadata_of
from nwbspikegen.sweep import trial as sweeping_trial
from nwbspikegen.sweep.figure import plot_sweep
from nwbspikegen.sweep.plan import count_parameters, match_feedforward, read_factors
from nwbspikegen.sweep.run import SweepReport, run_sweep
from nwbspikegen.views import WindowOptions

_OPTIONS = WindowOptions(skip_units=0, duration=20.0, bin_size=0.01)
_FACTORS = {"depth": [1, 2], "input_length": [20, 40]}
_HOW = {"options": _OPTIONS, "epochs": 1, "workers": 1, "loss": "bernoulli"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=3)
    path = tmp_path_factory.mktemp("sweep") / "recording.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


@pytest.fixture(scope="module")
def swept(recording: Path) -> SweepReport:
    out = recording.with_name("swept")
    return run_sweep(recording, out, _FACTORS, match_parameters=True, **_HOW)


def test_every_combination_is_trained_and_scored(swept: SweepReport) -> None:
    table = swept.trials
    points = set(zip(table.depth, table.input_length, strict=True))
    assert points == {(depth, length) for depth in (1, 2) for length in (20, 40)}
    assert (table.state == "complete").all()
    for name in ("validation_bits_per_spike", "test_bits_per_spike", "test_roc_auc_pooled", "train_seconds"):
        assert table[name].notna().all(), name
    stored = pd.read_csv(swept.path / "trials.csv", keep_default_na=False)
    assert stored.trial.tolist() == table.trial.tolist()
    reference = json.loads((swept.path / "trials.json").read_text())["reference"]
    # as frames: some scores are NaN, which is equal to no other
    pd.testing.assert_frame_equal(pd.DataFrame(reference), pd.DataFrame(swept.reference))
    assert swept.reference["mean_rate"]["test_bits_per_spike"] == pytest.approx(0.0, abs=1e-9)


def test_models_lie_beside_their_scores(swept: SweepReport) -> None:
    for row in swept.trials.itertuples():
        model = nsg.load_model(swept.path / "trials" / f"{row.trial:03d}" / "model")
        assert model.sha256 == row.sha256
        assert model.parameters["depth"] == row.depth
        assert model.parameters["num_bins"] == row.input_length
    assert not list(swept.path.rglob("unfinished"))


def test_validation_chooses_and_test_does_not(swept: SweepReport) -> None:
    assert swept.best["validation_bits_per_spike"] == swept.trials.validation_bits_per_spike.max()
    turned = swept.trials.assign(test_bits_per_spike=-swept.trials.test_bits_per_spike)
    other = SweepReport(swept.path, swept.plan, turned, swept.reference, [])
    assert other.best["trial"] == swept.best["trial"]


def test_parameters_are_matched_as_in_the_paper() -> None:
    assert count_parameters("shimono2026", 128, depth=4) == 398_336
    assert match_feedforward("shimono2026", 128, 398_336, depth=1) == 1290
    widths = [match_feedforward("shimono2026", 128, 398_336, depth=depth) for depth in (1, 2, 3, 4)]
    counts = [
        count_parameters("shimono2026", 128, depth=depth, feedforward=width)
        for depth, width in zip((1, 2, 3, 4), widths, strict=True)
    ]
    assert widths[3] == 128
    assert max(counts) - min(counts) < 1000


def test_trials_of_a_sweep_have_matched_parameters(swept: SweepReport) -> None:
    assert swept.trials[swept.trials.depth == 2].feedforward.unique().tolist() == [128]
    spread = swept.trials.num_parameters
    assert spread.max() - spread.min() < 0.02 * spread.max()


def test_asking_again_computes_nothing_again(swept: SweepReport, recording: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.path.glob("trials/*/trial.json")}
    again = run_sweep(recording, swept.path, _FACTORS, match_parameters=True, **_HOW)
    pd.testing.assert_frame_equal(again.trials, swept.trials)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_a_trial_has_left_that_was_killed_at_its_end_is_removed(swept: SweepReport) -> None:
    left = swept.path / "trials" / "000" / "unfinished"
    (left / "epochs").mkdir(parents=True)
    done = sweeping_trial.read_trial(swept.path, 0)
    assert sweeping_trial.run_trial(str(swept.path), 0, {}).sha256 == done.sha256
    assert not left.exists()


def test_another_sweep_or_folder_is_not_touched(swept: SweepReport, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="another sweep"):
        run_sweep(recording, swept.path, {"depth": [1]}, **_HOW)
    (tmp_path / "letter.txt").write_text("keep")
    for overwrite in (False, True):
        with pytest.raises(OutputError):
            run_sweep(recording, tmp_path, {"depth": [1]}, overwrite=overwrite, **_HOW)
    assert (tmp_path / "letter.txt").read_text() == "keep"


def test_a_killed_sweep_goes_on(recording: Path, tmp_path: Path) -> None:
    """Killed as the machine would, after its first trial: that one is kept, the others are made."""
    out = tmp_path / "killed"
    command = [
        *(sys.executable, "-m", "nwbspikegen", "sweep", str(recording), "--out", str(out), "--epochs", "2"),
        *("--vary", "depth=1,2,3", "--loss", "bernoulli", "--workers", "1", "--skip-units", "0"),
        *("--duration", "20", "--bin-size", "0.01", "--vary", "input_length=40", "--json", "--quiet"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        deadline = time.monotonic() + 120
        while not list(out.glob("trials/*/trial.json")) and time.monotonic() < deadline:
            assert run.poll() is None, run.stderr.read().decode()
            time.sleep(0.05)
        os.kill(run.pid, signal.SIGKILL)
    finished = {path: path.stat().st_mtime_ns for path in out.glob("trials/*/trial.json")}
    assert 1 <= len(finished) < 3
    result = CliRunner().invoke(cli, command[3:])
    assert result.exit_code == 0, result.output
    trials = json.loads(result.stdout)["trials"]
    assert sorted(trial["depth"] for trial in trials) == [1, 2, 3]
    assert {trial["state"] for trial in trials} == {"complete"}
    assert {path: path.stat().st_mtime_ns for path in finished} == finished


def _train_nothing(train: Any, validation: Any, *, model: str, **named: Any) -> FittedModel:
    """Return a model as it was born, where only the choice of trials is looked at."""
    settings = {name: named[name] for name in ("depth", "num_bins") if name in named}
    network = build_model(model, train.sizes["unit"], **settings)
    curves = [{"epoch": 1.0, "bits_per_spike": 0.0, "pr_auc": 0.0}]
    return FittedModel(network, named["loss"], float(train.attrs["bin_size"]), curves=curves)


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_some_combinations_are_drawn(
    sampler: str, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping_trial, "train", _train_nothing)
    factors = {"input_length": [20, 40, 80], "learning_rate": [1e-3, 1e-2]}
    report = run_sweep(recording, tmp_path / "some", factors, sampler=sampler, trials=2, **_HOW)
    assert len(report.trials) == 2
    if sampler == "random":
        assert len(set(zip(report.trials.input_length, report.trials.learning_rate, strict=True))) == 2


def test_a_trial_that_fails_is_said_and_the_others_go_on(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_deep(*arguments: Any, **named: Any) -> FittedModel:
        if named.get("depth") == 2:
            raise MemoryError("too deep")
        return _train_nothing(*arguments, **named)

    monkeypatch.setattr(sweeping_trial, "train", fail_deep)
    report = run_sweep(recording, tmp_path / "deep", {"depth": [1, 2]}, **_HOW)
    states = dict(zip(report.trials.depth, report.trials.state, strict=True))
    assert states == {1: "complete", 2: "fail"}
    assert "too deep" in set(report.trials.error)
    assert report.best["depth"] == 1


@pytest.mark.parametrize(
    ("factors", "how", "message"),
    [
        ({"colour": [1]}, {}, "factor 'colour'"),
        ({"depth": [1], "num_heads": [2], "heads": [2]}, {}, "once"),
        ({"depth": [0]}, {}, "depth 0"),
        ({"loss": ["hinge"]}, {}, "loss 'hinge'"),
        ({"learning_rate": ["fast"]}, {}, "learning_rate 'fast'"),
        ({"heads": [1]}, {"match_parameters": True}, "depth among the factors"),
        ({"depth": [1, 2]}, {"sampler": "random", "trials": 3}, "at most 2"),
        ({"depth": [1, 2]}, {"sampler": "tpe"}, "no trials"),
        ({"depth": [1]}, {"model": "gpt"}, "model 'gpt'"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_written(
    factors: dict[str, list], how: dict[str, object], message: str, recording: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        run_sweep(recording, tmp_path / "out", factors, **{**_HOW, **how})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["depth", "depth=", "depth=1,1", "=3,3"])
def test_factors_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--vary"):
        read_factors([text, "dropout=0.1"])


def test_figures_show_every_trial(swept: SweepReport) -> None:
    assert [path.name for path in swept.figures] == ["depth.png", "input_length.png"]
    figure = plot_sweep(swept.trials, "input_length", reference=swept.reference)
    bits = figure.axes[0]
    assert [label.get_text() for label in figure.axes[3].get_xticklabels()] == ["20", "40"]
    assert len(bits.collections[0].get_offsets()) == 4
    names = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert {"validation", "test", "online_hazard, test"} <= set(names)
    with pytest.raises(InputError, match="along 'heads'"):
        plot_sweep(swept.trials, "heads")


def test_a_switch_is_drawn_as_it_is_asked_for(swept: SweepReport) -> None:
    trials = swept.trials.assign(start_at_rates=swept.trials["depth"].eq(1))
    figure = plot_sweep(trials, "start_at_rates")
    assert [label.get_text() for label in figure.axes[3].get_xticklabels()] == ["false", "true"]
