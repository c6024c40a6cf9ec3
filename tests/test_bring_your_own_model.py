"""The page on models of one's own: its GRU, driven by the command line alone, from an installed package."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from docs_blocks import read_blocks, read_commands
from installed_package import install_package, read_module, remove_package

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.simulation import metadata_of

_PAGE = "bring-your-own-model.md"
_COMMANDS = [
    command.text.removeprefix("nwbspikegen ")
    for block in read_blocks(Path(__file__).resolve().parents[1] / "docs" / _PAGE)
    if block.language == "console"
    for command in read_commands(block)
]
# the recording is short, and what is tested is that the commands work
_QUICK = {
    "train": "--epochs 1",
    "explain": "--targets 5",
    "transfer": "--epochs 1",
    "sweep": "--epochs 1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with two recordings, where the page's package is installed."""
    folder = tmp_path_factory.mktemp("page")
    for seed, name in enumerate(("sub-1", "sub-2")):
        simulation = nsg.simulate("in_vivo", num_units=5, duration=8, seed=seed)
        path = folder / f"{name}_ecephys.nwb"
        nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))
    site = install_package(
        tmp_path_factory.mktemp("site"),
        "mymodels",
        {"mymodels": read_module(_PAGE, "mymodels")},
        {"nwbspikegen.models": {"gru_of_the_page": "mymodels:GRU"}},
    )
    yield folder
    remove_package(site)


def _run(line: str) -> str:
    # a run takes the network over a window in every bin
    words = shlex.split(line.replace("--free-run 10", "--free-run 1"))
    done = CliRunner().invoke(cli, [*words, *shlex.split(_QUICK.get(words[0], ""))])
    assert done.exit_code == 0, f"{line}\n{done.output}"
    return done.stdout


def test_the_model_is_short():
    assert len(read_module(_PAGE, "mymodels").splitlines()) <= 25


def _check_model_and_results() -> None:
    """Check what the page's first two commands write."""
    model = json.loads(Path("gru", "model.json").read_text())
    assert (model["name"], model["parameters"]["width"]) == ("mymodels:GRU", 32)
    audits = nsg.read_audits("sub-1_desc-gru_ecephys.nwb")
    assert audits.passed.all(), audits
    assert {"causality_future", "causality_same_bin", "splits"} <= set(audits.audit)
    scores = nsg.read_scores("sub-1_desc-gru_ecephys.nwb")
    assert "mymodels:GRU" in set(scores.predictor)


def test_the_page_trains_and_predicts(folder, tmp_path, monkeypatch):
    shutil.copy(folder / "sub-1_ecephys.nwb", tmp_path)
    monkeypatch.chdir(tmp_path)
    for line in _COMMANDS[:2]:
        _run(line)
    _check_model_and_results()


@pytest.mark.whole
def test_all_commands_of_the_page_in_order(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = [line.split()[0] for line in _COMMANDS]
    assert names == ["train", "generate", "generate", "explain", "transfer", "sweep"]
    printed = {line: _run(line) for line in _COMMANDS}
    _check_model_and_results()
    statistics = nsg.read_statistics("sub-1_desc-free_ecephys.nwb")
    assert "sample 0" in set(statistics.train)
    explained = next(text for line, text in printed.items() if line.startswith("explain"))
    assert "attention_removed: not applicable: mymodels:GRU declares no attention" in explained
    assert "\ntime_reversed " in explained
    study = nsg.TransferStudy("study")
    value = study.scores.value.sel(predictor="mymodels:GRU", metric="bits_per_spike", null="mean_rate")
    assert value.notnull().all()
    trials = pd.read_csv(Path("widths", "trials.csv"))
    assert sorted(trials.width) == [16, 32]


def test_an_entry_point_is_a_name(folder, monkeypatch):
    monkeypatch.chdir(folder)
    _run("train sub-1_ecephys.nwb --out named --model gru_of_the_page --set width=8 --set num_bins=50")
    model = nsg.load_model("named")
    assert (model.name, model.parameters["num_bins"]) == ("gru_of_the_page", 50)
    parts = nsg.split_fractions(nsg.open_units("sub-1_ecephys.nwb"))
    assert np.isfinite(nsg.generate(model, parts.test)).all()
