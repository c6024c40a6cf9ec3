"""A stored model names its class: what lies beside it must not run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nwb_sources import write_source

from nwbspikegen.models import DESCRIPTION_FILE, FittedModel, build_model

_PLANTED = "from pathlib import Path\nPath('it-ran').touch()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a recording, a model that names a class of `planted`, and that module."""
    write_source(tmp_path / "recording.nwb")
    model = tmp_path / "model"
    FittedModel(build_model("in_context", num_units=4), loss="bernoulli", bin_size=0.001).save(model)
    described = json.loads((model / DESCRIPTION_FILE).read_text())
    (model / DESCRIPTION_FILE).write_text(json.dumps({**described, "name": "planted:Model"}))
    (tmp_path / "planted.py").write_text(_PLANTED)
    (model / "planted.py").write_text(_PLANTED)
    return tmp_path


def test_a_name_in_a_file_imports_nothing_from_the_working_folder(folder: Path) -> None:
    command = [sys.executable, "-m", "nwbspikegen", "generate", "model", "recording.nwb", "--out", "out.nwb"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    assert "'planted:Model', which cannot be imported" in run.stderr
    assert not list(folder.rglob("it-ran"))
    assert not (folder / "out.nwb").exists()


def test_a_name_that_is_typed_is_found_there(folder: Path) -> None:
    command = [sys.executable, "-m", "nwbspikegen", "train", "recording.nwb", "--model", "planted:Model"]
    run = subprocess.run([*command, "--out", "new"], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 2, run.stderr
    assert (folder / "it-ran").exists()
