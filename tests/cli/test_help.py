"""Help that helps: examples that parse, names that complete, hints whose options are there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import h5py
import numpy as np
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import nwbspikegen
from nwbspikegen.cli.completing import LOSSES, OUR_MODELS
from nwbspikegen.cli.examples import EXAMPLES, iterate_commands
from nwbspikegen.cli.main import cli
from nwbspikegen.core.errors import MetadataError
from nwbspikegen.core.metadata import read_metadata, require_metadata

_COMMANDS = dict(iterate_commands(cli))
_PACKAGE = Path(nwbspikegen.__file__).parent


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_has_examples_that_parse(name: str) -> None:
    printed = CliRunner().invoke(cli, [*name.split(), "--help"]).output
    assert "Examples:" in printed
    for example in EXAMPLES[name]:
        assert f"  {example}\n" in printed
        assert len(example) <= 98
        program, *words = example.split()
        assert program == "nwbspikegen"
        # parsed, not run: options are known, values are of their types, nothing is missing
        found: click.Command = cli
        while isinstance(found, click.Group):
            context = click.Context(found, info_name="nwbspikegen")
            _, command, words = found.resolve_command(context, words)
            assert command is not None
            found = command
        assert found is _COMMANDS[name]
        found.make_context(name, list(words))


def test_a_group_without_a_command_shows_its_help() -> None:
    done = CliRunner().invoke(cli, ["patchseq"])
    assert done.exit_code == 2
    assert done.output.startswith("Usage: ")
    assert "Error" not in done.output


def test_no_example_is_of_a_command_that_is_gone() -> None:
    assert set(EXAMPLES) == set(_COMMANDS)


@pytest.mark.parametrize("name", _COMMANDS)
def test_out_has_its_letter(name: str) -> None:
    options = {option for each in _COMMANDS[name].params for option in each.opts}
    assert ("--out" in options) == ("-o" in options)


def _helps(option: str) -> dict[str, str]:
    return {
        name: str(each.help)
        for name, command in _COMMANDS.items()
        for each in command.params
        if isinstance(each, click.Option) and option in each.opts
    }


def test_an_option_means_one_thing_in_all_commands() -> None:
    # a stretch of the recording that is used; how long a sorted recording was is another thing
    assert not any(name.startswith("convert") for name in _helps("--duration"))
    assert set(_helps("--recording-duration")) == {
        f"convert {name}" for name in ("kilosort", "phy", "spikeinterface", "spykingcircus")
    }
    # a file; one of those within a file of MaxWell has MaxWell's word
    assert {name for name, told in _helps("--recording").items() if "sorted" not in told} == set()
    assert all("Recording of that well" in told for told in _helps("--rec").values())
    assert len(set(_helps("--depth").values())) == 1


def _complete(line: str) -> list[str]:
    *words, incomplete = line.split(" ")
    shell = ShellComplete(cli, {}, "nwbspikegen", "_NWBSPIKEGEN_COMPLETE")
    return [item.value for item in shell.get_completions(words, incomplete)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "r.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.8.0"
        file["units/location"] = np.array(["CA1", "VISp", "CA1"], dtype=h5py.string_dtype())
        file["units/quality"] = np.array(["good", "mua", "good"], dtype=h5py.string_dtype())
        for name, values in (("start_time", [0.0]), ("stop_time", [9.0])):
            file[f"intervals/spontaneous/{name}"] = values
    return path


def test_names_complete(recording: Path) -> None:
    assert set(OUR_MODELS) <= set(_complete("train a.nwb --model "))
    assert _complete("train a.nwb --model shi") == ["shimono2026"]
    assert _complete("train a.nwb --loss f") == ["focal"]
    assert _complete(f"train {recording} --region ") == ["CA1", "VISp"]
    assert _complete(f"train {recording} --region CA1,") == ["CA1,VISp"]
    assert _complete(f"generate model {recording} --quality g") == ["good"]
    assert _complete(f"info {recording} --interval s") == ["spontaneous"]
    assert _complete("train a.nwb --baselines mean_rate,unt") == ["mean_rate,untrained"]
    # nothing, and no traceback, where there is no such file
    assert _complete("train nothing.nwb --region ") == []


def test_losses_that_complete_are_those_there_are() -> None:
    models = pytest.importorskip("nwbspikegen.models.losses")
    assert tuple(models.LOSSES) == LOSSES


def test_models_that_complete_are_those_there_are() -> None:
    models = pytest.importorskip("nwbspikegen.models")
    # other tests register models of their own
    ours = {name for name, model in models.MODELS.items() if model.__module__.startswith("nwbspikegen.")}
    assert set(OUR_MODELS) == ours


def test_metadata_writes_the_template(tmp_path: Path) -> None:
    out = tmp_path / "metadata.yaml"
    run = CliRunner().invoke(cli, ["metadata", "-o", str(out)])
    assert run.exit_code == 0, run.output
    written = read_metadata(out)
    assert set(written) == {"NWBFile", "Subject"}
    with pytest.raises(MetadataError, match="no Subject species"):
        require_metadata(written)
    again = CliRunner().invoke(cli, ["metadata", "-o", str(out)])
    assert (again.exit_code, out.read_text().splitlines()[0]) == (2, "NWBFile:")
    assert "species:" in CliRunner().invoke(cli, ["metadata"]).stdout


# which commands print what a room says; what is not here may be printed by any
_PRINTED_BY = {
    "cli/convert": "convert",
    "formats": "convert",
    "patchseq": "patchseq",
    "transfer": "transfer",
    "explain": "explain",
    "sweep": "sweep",
    "archive": "validate share",
    "prediction": "generate score transfer explain",
    "reports": "report plot",
}
_PRINTED_BY |= {f"cli/{name}.py": name for name in _COMMANDS if (_PACKAGE / f"cli/{name}.py").is_file()}
# of other programs, in what a user is told to run, and parts of names
_OF_OTHERS = {"--no-deps", "--upgrade", "--interactive", "--no"}
# said of the command that wrote the file, by name
_ELSEWHERE = {("archive/share_planning.py", "--metadata")}
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def _hints() -> Iterator[tuple[str, str]]:
    """Yield file and option for every option in a text of the package, docstrings aside."""
    for path in sorted(_PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
                for option in _OPTION.findall(node.value):
                    yield path.relative_to(_PACKAGE).as_posix(), option


def test_hints_name_options_of_the_commands_that_print_them() -> None:
    having: dict[str, set[str]] = defaultdict(set)
    for name, command in _COMMANDS.items():
        for each in command.params:
            for option in (*each.opts, *each.secondary_opts):
                having[option].add(name)
    having["--help"] = having["--version"] = set(_COMMANDS)
    wrong = set()
    for place, option in _hints():
        if option in _OF_OTHERS or place == "cli/examples.py":
            continue
        room = max((each for each in _PRINTED_BY if place.startswith(each)), key=len, default="")
        printing = {
            name
            for name in _COMMANDS
            if not room or any(name.startswith(start) for start in _PRINTED_BY[room].split())
        }
        if not having[option] & printing:
            wrong.add((place, option))
    assert wrong == _ELSEWHERE
