"""Every command of the pages runs, in the order of its page, and prints what the page shows."""

from __future__ import annotations

import doctest
import shutil
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner
from docs_blocks import Block, Command, normalise, read_blocks, read_commands
from docs_stand_ins import StandIns

import nwbspikegen as nsg
from nwbspikegen.cli import cli

_ROOT = Path(__file__).resolve().parents[1]
_PAGES = {
    path.relative_to(_ROOT).as_posix(): read_blocks(path)
    for path in (_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md")))
}
# what a command or a block holds, and why it is not run here
_NOT_RUN = {
    "$ make ": "sets up an environment of its own",
    "$ pip ": "installs from a registry",
    "https://": "needs the web; tests/test_views_opening.py serves such a file",
    "dandi://": "needs the web; tests/test_views_opening.py serves the archive's answers",
    ".nwb.zarr": "tests/test_views_storage.py writes and reads such a folder",
    "--instance dandi-sandbox": "uploads; tests/test_share.py does, to an archive of its own",
    "--existing skip": "uploads; tests/test_share.py does, to an archive of its own",
    "$ keyring ": "stores a key",
    "$ git ": "needs the web",
    "dask_jobqueue": "needs a SLURM cluster",
    "dask_kubernetes": "needs a Kubernetes cluster",
}
# one pass and no other process: what is tested here is the commands, not the models
_QUICK = {
    "train": {"epochs": 1},
    "transfer": {"epochs": 1, "workers": 1},
    "sweep": {"epochs": 1, "workers": 1, "trials": 1, "duration": 14.0},
    "explain": {"targets": 2, "windows": 1},
}
_WRITTEN_TO = {"--out", "--figures", "--nwb", "--log-file"}


def _reason(text: str) -> str | None:
    """Return why something is not run."""
    return next((reason for part, reason in _NOT_RUN.items() if part in text), None)


def _to_run(blocks: list[Block]) -> bool:
    return any(block.language == "console" for block in blocks)


_SKIPPED = [
    (page, command.text)
    for page, blocks in _PAGES.items()
    for block in blocks
    if block.language == "console"
    for command in read_commands(block)
    if _reason(f"$ {command.text}")
]


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    return StandIns(tmp_path_factory.mktemp("stand_ins"))


@pytest.fixture
def small(monkeypatch):
    """Make what pages simulate small, and train models on few bins."""
    original = nsg.simulate

    def simulate(preparation, *, num_units=12, duration=24.0, seed=0):
        return original(preparation, num_units=min(num_units, 12), duration=min(duration, 24.0), seed=seed)

    monkeypatch.setattr(nsg, "simulate", simulate)


@pytest.mark.parametrize("page", [page for page, blocks in _PAGES.items() if _to_run(blocks)])
def test_commands_of_a_page(page, stand_ins, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for block in _PAGES[page]:
        if block.language == "python" and not _reason(block.text):
            exec(compile(_code_of(block), f"{page}:{block.line}", "exec"), names)
        elif block.language == "console":
            for command in read_commands(block):
                if not _reason(f"$ {command.text}"):
                    _run(command, stand_ins, f"{page}:{block.line}")


@pytest.mark.parametrize(("page", "command"), _SKIPPED)
def test_commands_that_cannot_run_here(page, command):
    pytest.skip(f"{page}: {command}: {_reason(f'$ {command}')}")


def _code_of(block: Block) -> str:
    """Return what a block runs, without prompts; its output is compared by pytest's doctests."""
    if ">>> " not in block.text:
        return "\n" * block.line + block.text
    return "".join(example.source for example in doctest.DocTestParser().get_examples(block.text))


def _run(command: Command, stand_ins: StandIns, place: str) -> None:
    """Run one command; its outputs must be there, and what the page shows must be printed."""
    program, *arguments = command.words
    assert program == "nwbspikegen", f"{place}: {command.text} is not run: use a text block"
    written = _provide(arguments, stand_ins)
    if "--overwrite" not in arguments:
        # pages show several ways to the same thing, under one name
        for path in written:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = CliRunner().invoke(cli, arguments, default_map=_QUICK)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, f"{place}: {command.text}\n{done.output}"
    assert [path for path in written if not path.exists()] == []
    printed = {normalise(line) for line in done.output.splitlines()}
    assert [line for line in command.shown if normalise(line) not in printed] == [], done.output


def _provide(arguments: list[str], stand_ins: StandIns) -> list[Path]:
    """Make the inputs that are not there yet, and return the outputs."""
    written, before = [], ""
    for word in arguments:
        path = Path(word).absolute()
        if before in _WRITTEN_TO:
            written.append(path)
        elif not word.startswith("-"):
            stand_ins.provide(path)
        before = word
    return written
