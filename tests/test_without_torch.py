"""What is installed without extras reads, scores and draws files; the rest says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.simulation import metadata_of

_BLOCKED = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in ("torch", "lightning", "safetensors")
        return None if absent else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
from nwbspikegen.cli import main
main()
"""


def _run(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _BLOCKED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording, a model and a derived file."""
    folder = tmp_path_factory.mktemp("without_torch")
    simulation = nsg.simulate("in_vivo", num_units=4, duration=40, seed=3)
    path = nsg.convert_sorting(simulation.sorting, folder / "a.nwb", metadata=metadata_of(simulation))
    for arguments in (
        ["train", path, "--out", folder / "model", "--epochs", "1", "--skip-units", "0"],
        ["generate", folder / "model", path, "--out", folder / "derived.nwb"],
    ):
        done = CliRunner().invoke(cli, [str(word) for word in arguments])
        assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "derived.nwb"],
        ["score", "derived.nwb", "--recompute"],
        ["plot", "derived.nwb", "--out", "figures"],
        ["patchseq", "train", "--help"],
    ],
    ids=" ".join,
)
def test_files_are_read_scored_and_drawn(folder, arguments):
    done = _run(folder, *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "a.nwb", "--out", "b"],
        ["generate", "model", "a.nwb", "--out", "b.nwb"],
        ["transfer", "a.nwb", "derived.nwb", "--out", "b"],
        ["explain", "model", "a.nwb", "--out", "b.nwb"],
        ["sweep", "a.nwb", "--out", "b", "--vary", "depth=1"],
        ["plot", "model", "--out", "b"],
        ["demo", "--out", "b"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_rest_says_what_to_install(folder, arguments):
    done = _run(folder, *arguments)
    assert done.returncode == 2, done.stderr
    assert "pip install 'nwbspikegen[train]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "b").exists()
