"""Every command of the pages runs, in the order of its page, and prints what the page shows."""

from __future__ import annotations

import itertools
import shutil
import warnings
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from docs_blocks import Block, Command, normalise, read_blocks, read_commands
from docs_stand_ins import StandIns, names_of

from nwbspikegen.cli import cli
from nwbspikegen.core import tasks as parallel
from nwbspikegen.training import populations
from nwbspikegen.training.schedule import Schedule

_ROOT = Path(__file__).resolve().parents[1]
# pages with modules of their own, and the test that installs these and runs all commands
_RUN_ELSEWHERE = {"bring-your-own-model.md": "test_bring_your_own_model.py"}
_PAGES = {
    path.relative_to(_ROOT).as_posix(): read_blocks(path)
    for path in (_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md")))
    if path.name not in _RUN_ELSEWHERE
}
# what a command or a block holds, and why it is not run here
_NOT_RUN = {
    "$ make ": "sets up an environment of its own",
    "$ pip ": "installs from a registry",
    "https://": "needs the web; tests/test_views_opening.py serves such a file",
    "dandi://": "needs the web; tests/test_views_opening.py serves the archive's answers",
    "hf://": "needs the web; tests/core/test_remote_folders.py stands in for the Hub",
    ".nwb.zarr": "tests/test_views_storage.py writes and reads such a folder",
    "--instance dandi-sandbox": "uploads; tests/test_share.py does, to an archive of its own",
    "--existing skip": "uploads; tests/test_share.py does, to an archive of its own",
    "$ keyring ": "stores a key",
    "$ git ": "needs the web",
    "import nemos": "needs nemos, which is no dependency",
    "dask_jobqueue": "needs a SLURM cluster",
    "dask_kubernetes": "needs a Kubernetes cluster",
}
# pages that run every time; of the others, what commands do is shown in short by the tests of their room, and
# that the page names commands and options that there are is shown here
_EVERY_TIME = {"README.md"}
# what is tested here is the commands, not the models: options that a page leaves to their defaults...
_QUICK = {
    "sweep": {"trials": 1, "duration": 14.0},
    "explain": {"targets": 2, "windows": 1},
    "pretrain": {"populations": 2},
}
# ... and those that it gives
_SMALLER = {"--free-run": "4", "--samples": "2", "--trials": "1", "--populations": "2"}
_WRITTEN_TO = {"--out", "--figures", "--nwb", "--log-file"}


def _reason(text: str) -> str | None:
    """Return why something is not run."""
    return next((reason for part, reason in _NOT_RUN.items() if part in text), None)


def _is_script(block: Block) -> bool:
    """Return whether a block is Python without prompts; with them, pytest's doctests run it."""
    return block.language == "python" and ">>> " not in block.text


_RUN = [
    page
    for page, blocks in _PAGES.items()
    if any(block.language == "console" or _is_script(block) for block in blocks)
]
_SKIPPED = [
    (page, text)
    for page, blocks in _PAGES.items()
    for block in blocks
    for text in (
        [f"$ {command.text}" for command in read_commands(block)]
        if block.language == "console"
        else [block.text] * _is_script(block)
    )
    if _reason(text)
]


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    return StandIns(tmp_path_factory.mktemp("stand_ins"))


@pytest.fixture
def short_training(monkeypatch):
    """Train every model for one epoch, in this process."""
    replace = Schedule.replace
    monkeypatch.setattr(
        Schedule, "replace", lambda schedule, **changes: replace(schedule, **{**changes, "epochs": 1})
    )
    monkeypatch.setattr(parallel, "count_workers", lambda: 1)
    # and pretrain on few populations, of few units and seconds
    for name, value in (("_SHORTEST", 4.0), ("_LONGEST", 6.0), ("_MOST", 14), ("_FEWEST_SPIKES", 20)):
        monkeypatch.setattr(populations, name, value)
    kept = {name: populations.FAMILIES[name] for name in ("cortex_gamma", "cerebellum")}
    monkeypatch.setattr(populations, "FAMILIES", kept)


@pytest.mark.parametrize("page", _PAGES)
def test_commands_of_a_page_have_the_options_they_name(page):
    for block in _PAGES[page]:
        for command in read_commands(block) if block.language == "console" else ():
            program, *arguments = command.words
            if program == "nwbspikegen":
                _parse(arguments, f"{page}:{block.line}: {command.text}")


def _parse(arguments: list[str], place: str) -> None:
    """Find the command that is named, and give it its arguments, without looking at any of them."""
    command, context = cli, click.Context(cli, info_name="nwbspikegen")
    try:
        while isinstance(command, click.Group):
            _, arguments, _ = command.make_parser(context).parse_args(arguments)
            if not arguments:
                return
            name, command, arguments = command.resolve_command(context, arguments)
            context = click.Context(command, info_name=name, parent=context)
        command.make_parser(context).parse_args(arguments)
    except click.UsageError as error:
        raise AssertionError(f"{place}: {error.format_message()}") from error


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.whole] * (page not in _EVERY_TIME)) for page in _RUN]
)
def test_commands_of_a_page(page, stand_ins, short_training, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page", **names_of(page, stand_ins)}
    for block in _PAGES[page]:
        if block.language == "console":
            for command in read_commands(block):
                if not _reason(f"$ {command.text}"):
                    _run(command, stand_ins, f"{page}:{block.line}")
        elif _is_script(block) and not _reason(block.text):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # line numbers of errors are those of the page
                exec(compile("\n" * block.line + block.text, page, "exec"), names)


@pytest.mark.parametrize(("page", "text"), _SKIPPED)
def test_what_cannot_run_here(page, text):
    pytest.skip(f"{page}: {text.splitlines()[0]}: {_reason(text)}")


def _run(command: Command, stand_ins: StandIns, place: str) -> None:
    """Run one command; its outputs must be there, and what the page shows must be printed."""
    program, *arguments = command.words
    assert program == "nwbspikegen", f"{place}: {command.text} is not run: use a text block"
    arguments = [_SMALLER.get(before, word) for before, word in itertools.pairwise(["", *arguments])]
    written = _provide(arguments, stand_ins)
    # a study that is ranked is read from where it was written
    if not {"--overwrite", "--rank", "--recommend"} & set(arguments):
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
