"""Options that would have no effect are refused, and hints name options that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.simulation import metadata_of

_ROOT = Path(__file__).resolve().parents[2]
_WINDOW = ["--skip-units", "0", "--duration", "12"]
# options of other programs, and what click adds by itself
_FOREIGN = {"--help", "--parts"}


def _run(*arguments: object) -> click.testing.Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def _fails(*arguments: object) -> str:
    result = _run(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("nwbspikegen: error:")]
    return line


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulation = nsg.simulate("in_vivo", num_units=6, duration=12, seed=3)
    path = tmp_path_factory.mktemp("given") / "sub-a_ecephys.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


@pytest.fixture(scope="module")
def model(recording: Path) -> Path:
    out = recording.with_name("model")
    assert _run("train", recording, "--out", out, "--epochs", "1", *_WINDOW).exit_code == 0
    return out


@pytest.mark.parametrize("command", ["generate", "explain"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--bin-size", "0.005"], "--bin-size 0.001"),
        (["--duration", "6"], "--duration 12.0"),
        (["--take-units", "4", "--skip-units", "0"], "--take-units not given"),
        (["--split", "0.6,0.2,0.2"], "--split 0.5,0.25,0.25"),
    ],
)
def test_another_window_than_that_of_training_is_refused(
    recording: Path, model: Path, tmp_path: Path, command: str, given: list[str], said: str
) -> None:
    line = _fails(command, model, recording, "--out", tmp_path / "o.nwb", *given)
    assert f"found {given[0]} for a recording that the model was trained on" in line
    assert said in line
    assert not list(tmp_path.iterdir())


def test_the_same_window_may_be_repeated(recording: Path, model: Path, tmp_path: Path) -> None:
    result = _run("generate", model, recording, "--out", tmp_path / "o.nwb", *_WINDOW)
    assert result.exit_code == 0, result.output


def test_a_config_file_counts_as_given(recording: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("start: 5\n")
    line = _fails("generate", model, recording, "--out", tmp_path / "o.nwb", "--config", tmp_path / "c.yaml")
    assert "found --start for a recording" in line


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("generate MODEL FILE --out o.nwb --samples 2", "--samples without --free-run"),
        (
            "generate MODEL FILE --out o.nwb --free-run 1 --segment all --context cold",
            "--segment, --context with --free-run, where they have no effect",
        ),
        ("plot MODEL --out figures --start 3", "--start for"),
        ("transfer FILE --out s --metadata m.yaml", "--metadata without --nwb"),
        (
            "sweep FILE --out s --vary loss=dice,focal --loss dice --skip-units 0",
            "--loss with --vary loss",
        ),
        ("convert spykingcircus x --out o.nwb --well well000", "--well without --recording"),
        ("convert ibl --preset shimono2026 --good-only", "--good-only with --preset"),
        ("patchseq train x.nwb --out m --donor-column d", "--donor-column without a table"),
        ("patchseq predict m x.nwb --out p --cell-column d", "--cell-column without a table"),
    ],
)
def test_an_option_without_effect_is_refused(
    recording: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"MODEL": model, "FILE": recording}
    assert message in _fails(*(places.get(each, each) for each in command.split()))
    assert not list(tmp_path.iterdir())


def test_options_of_attention_are_named_for_a_model_without(
    recording: Path, model: Path, tmp_path: Path
) -> None:
    options = ["--targets", 3, "--windows", 2, "--loss", "dice"]
    result = _run("explain", model, recording, "--out", tmp_path / "o.nwb", *options)
    assert result.exit_code == 0, result.output
    assert "--loss, --windows: no effect on in_context, which has no attention" in result.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("patchseq train x --out m --epochs 3", "--epochs: no effect with --model forest"),
        ("patchseq train x --out m --model bilstm --trees 9 --scalars", "--scalars, --trees: no effect with"),
        ("patchseq transfer a.csv b.csv --out t --epochs 2", "--epochs: no effect with --model linear"),
    ],
)
def test_an_option_of_another_classifier_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in _run(*command.split()).stderr


def test_a_free_run_has_nothing_to_recompute(recording: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.nwb"
    assert _run("generate", model, recording, "--out", out, "--free-run", 1).exit_code == 0
    assert "--recompute for a free run" in _fails("score", out, "--recompute")


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _commands(each)


def test_every_option_that_a_message_names_exists() -> None:
    params = [each for command in _commands(cli) for each in command.params]
    # the other half of --one/--no-one is an option too
    known = {name for each in params for name in (*each.opts, *each.secondary_opts)}
    named: dict[str, str] = {}
    for folder in ("nwbspikegen", "extensions/spikeinterface-transfer/src"):
        for path in (_ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", node.value):
                        named[name] = f"{path}:{node.lineno}"
    assert len(named) > 30
    unknown = {name: place for name, place in named.items() if name not in known | _FOREIGN}
    assert not unknown
