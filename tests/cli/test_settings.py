"""`--set NAME=VALUE`: settings of a model reach it, and what cannot be set is refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation import metadata_of
from nwbspikegen.sweep.plan import SweepPlan, require_plan
from nwbspikegen.training.settings import list_settings, require_settings

_WINDOW = ["--skip-units", "0", "--duration", "20", "--bin-size", "0.01"]
_OPTIONS = nsg.WindowOptions(skip_units=0, duration=20, bin_size=0.01)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("settings")
    made = []
    for seed in (3, 4):
        simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=seed)
        path = folder / f"sub-{seed}_ecephys.nwb"
        made.append(nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation)))
    return made


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def _command(name: str, recordings: list[Path], out: Path) -> list[object]:
    return {
        "train": ["train", recordings[0], "--out", out, *_WINDOW],
        "transfer": ["transfer", *recordings, "--out", out, "--workers", 1, *_WINDOW],
        "sweep": [
            "sweep",
            recordings[0],
            "--out",
            out,
            "--model",
            "in_context",
            "--vary",
            "training_samples=1000,2000",
            "--workers",
            1,
            *_WINDOW,
        ],
    }[name]


def test_train_builds_the_model_with_what_was_set(recordings: list[Path], tmp_path: Path) -> None:
    settings = ["--set", "width=16", "--set", "skip-seconds=0.5", "--set", "learning_rate=0.001"]
    result = _run(*_command("train", recordings, tmp_path / "model"), "--epochs", 1, *settings)
    assert result.exit_code == 0, result.output
    model = nsg.load_model(tmp_path / "model")
    assert model.parameters["width"] == 16
    assert model.parameters["skip_seconds"] == 0.5
    assert model.training["schedule"]["learning_rate"] == 0.001


def test_settings_stand_in_a_file_as_well(recordings: list[Path], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("set: {width: 24}\nepochs: 1\n")
    result = _run(*_command("train", recordings, tmp_path / "model"), "--config", tmp_path / "c.yaml")
    assert result.exit_code == 0, result.output
    assert nsg.load_model(tmp_path / "model").parameters["width"] == 24


@pytest.mark.parametrize("command", ["train", "transfer", "sweep"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["width"], "found --set width; expected a name"),
        (["=3"], "found --set =3"),
        (["width="], "found --set width="),
        (["width=16", "width=32"], "found --set width=32; expected a name, once"),
        (["colour=3"], "found setting 'colour'"),
        (["epochs=3"], "found setting 'epochs'"),
        (["checkpoints=/tmp"], "found setting 'checkpoints'"),
        (["width=wide"], "width"),
        (["width=0"], "width"),
        (["width=true"], "width"),
        (["learning_rate=fast"], "learning_rate 'fast'"),
        (["learning_rate=-1"], "learning_rate -1"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is_left(
    recordings: list[Path], tmp_path: Path, command: str, settings: list[str], message: str
) -> None:
    typed = [part for each in settings for part in ("--set", each)]
    result = _run(*_command(command, recordings, tmp_path / "out"), *typed)
    assert result.exit_code == 2, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("nwbspikegen: error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_a_study_keeps_its_settings(recordings: list[Path], tmp_path: Path) -> None:
    study = nsg.TransferStudy.create(tmp_path / "study", recordings, options=_OPTIONS, width=16)
    assert nsg.TransferStudy(study.folder).plan.training == {"width": 16}
    other = _run(*_command("transfer", recordings, study.folder), "--set", "width=32")
    assert other.exit_code == 2, other.output
    assert "training {'width': 32}" in other.stderr
    without = _run(*_command("transfer", recordings, study.folder))
    assert without.exit_code == 2, without.output
    study.require_settings(models=["in_context"], seed=0, width=16)


def _plan(factors: dict[str, list[object]], settings: dict[str, object]) -> SweepPlan:
    return SweepPlan(
        recording="a.nwb",
        source="hash",
        factors=factors,
        model="shimono2026",
        loss=None,
        epochs=1,
        options=_OPTIONS,
        match_parameters=False,
        sampler="grid",
        trials=2,
        seed=0,
        settings=settings,
    )


def test_a_sweep_sets_the_same_in_every_trial() -> None:
    plan = _plan({"depth": [1, 2]}, {"heads": 2, "weight_decay": 0.1})
    require_plan(plan, 4)
    arguments, settings = plan.settings_of({"depth": 2}, 4)
    assert (arguments, settings) == ({"weight_decay": 0.1}, {"num_heads": 2, "depth": 2})
    assert SweepPlan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("settings", [{"depth": 1}, {"num_heads": 4}])
def test_what_varies_cannot_be_set(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="once in --vary and --set"):
        require_plan(_plan({"depth": [1, 2], "heads": [1, 2]}, settings), 4)


def test_settings_are_those_of_the_model_and_of_its_training() -> None:
    assert {"width", "learning_rate", "patience"} <= set(list_settings("in_context"))
    assert "seed" not in list_settings("in_context")
    with pytest.raises(InputError, match="a whole number"):
        require_settings("in_context", {"patience": 1.5})


def test_a_model_of_the_working_folder_is_found_when_it_is_typed(
    recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typed_models.py").write_text("class Other:\n    pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    out = tmp_path / "out"
    found = _run(*_command("train", recordings, out), "--model", "typed_models:Other")
    assert found.exit_code == 2, found.output
    assert "no SpikeModel" in found.stderr
    gone = _run(*_command("train", recordings, out), "--model", "typed_models:Gone")
    assert "package.module:Name" in gone.stderr
    unknown = _run(*_command("train", recordings, out), "--model", "transformer")
    assert "population_gru, shimono2026, or package.module:Name" in unknown.stderr
    assert not out.exists()
