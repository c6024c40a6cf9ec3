"""The model in the package: whole, small, of any number of units, causal, found by its word everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.model_places import find_model
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.simulation import FAMILIES, metadata_of

_BIN = 0.001


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """Return an NWB file that the model has not met: of another simulator than the prior's."""
    simulation = nsg.simulate("in_vivo", num_units=8, duration=40, seed=7)
    path = tmp_path_factory.mktemp("recording") / "sub-7_ecephys.nwb"
    nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))
    return path


def _run(*arguments: object) -> str:
    found = CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_it_is_whole_small_and_says_what_it_was_trained_on():
    model = nsg.load_model("pretrained")
    assert (model.name, model.bin_size, model.license) == ("in_context", _BIN, "BSD-3-Clause")
    folder = find_model("pretrained")
    files = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    assert {"model.json", "weights.safetensors", "README.md"} <= set(files)
    assert sum(files.values()) < 1_000_000
    drawn = model.training["populations"]
    assert model.training["sources"] == []
    assert set(drawn["families"]) == set(FAMILIES)
    assert drawn["num_used"] == sum(drawn["families"].values()) >= 90
    assert len(drawn["spikes_sha256"]) == 64
    assert "simulated populations and no recording" in (folder / "README.md").read_text()


def test_changed_weights_are_refused(tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in find_model("pretrained").iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    nsg.load_model(folder)
    weights = bytearray((folder / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(bytes(weights))
    with pytest.raises(InputError, match="sha256"):
        nsg.load_model(folder)


@pytest.mark.parametrize("num_units", [2, 9, 40])
def test_it_predicts_any_number_of_units_from_the_first_bin_on(num_units):
    spikes = (np.random.default_rng(num_units).random((1500, num_units)) < 0.02).astype(np.uint8)
    predicted = nsg.load_model("pretrained").predict(spikes, 0, _BIN)
    assert predicted.shape == spikes.shape
    assert ((predicted > 0) & (predicted < 1)).all()


def test_it_predicts_better_than_the_same_network_untrained_and_passes_the_audits():
    parts = small_split()
    model = nsg.load_model("pretrained")
    untrained = nsg.generate(model.before_training(), parts.test)
    scores = nsg.score(
        nsg.generate(model, parts.test), parts.test, train=parts.train,
        extra_predictions={"untrained": untrained}, baselines=["running_rate"], resamples=10,
    )  # fmt: skip
    bits = scores[scores.metric.eq("bits_per_spike") & scores["null"].eq("running_rate")]
    bits = bits.set_index("predictor").value
    assert bits["in_context"] > max(bits["untrained"], 0.0)
    audits = nsg.audit(model, parts)
    assert audits.passed.all()
    assert any(audits.audit.str.startswith("causality"))


def test_generate_by_its_word(tmp_path, recording):
    out = tmp_path / "out.nwb"
    printed = json.loads(_run("generate", "pretrained", recording, "--out", out, "--json"))
    predictors = {row["predictor"] for row in printed["scores"]}
    assert {"in_context", "untrained", "mean_rate", "running_rate", "history_glm"} <= predictors
    assert all(row["passed"] for row in printed["audits"])
    models = nsg.read_models(out)
    assert models.sha256[0] == nsg.load_model("pretrained").sha256
    assert models.training[0]["populations"]["num_used"] >= 90
    stored = _run("score", out)
    assert "untrained" in stored
    again = tmp_path / "free.nwb"
    _run("generate", "pretrained", recording, "--out", again, "--free-run", 2)
    assert nsg.read_generated_units(again) is not None


def test_info_report_and_plot_know_the_word(tmp_path):
    told = json.loads(_run("info", "pretrained", "--json"))
    assert (told["kind"], told["sha256"]) == ("model", nsg.load_model("pretrained").sha256)
    assert "simulated populations" in told["sources"][0]
    text = _run("info", "pretrained")
    assert "nwbspikegen generate pretrained FILE.nwb" in text
    _run("report", "pretrained", "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "simulated populations" in page
    assert "nwbspikegen report pretrained" in page
    _run("plot", "pretrained", "--out", tmp_path / "figures")
    assert (tmp_path / "figures/training.png").is_file()


def test_explain_by_its_word(tmp_path, recording):
    out = tmp_path / "explained.nwb"
    _run("explain", "pretrained", recording, "--out", out, "--windows", 1, "--targets", 2)
    assert out.is_file()


def test_the_word_wins_over_a_folder_of_that_name(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    other = FittedModel(build_model("in_context", num_units=4, width=8), "bernoulli", _BIN)
    other.save("pretrained")
    ours = nsg.load_model("pretrained")
    assert ours.sha256 != other.sha256
    assert "./pretrained" in caplog.text
    assert nsg.load_model("./pretrained").sha256 == other.sha256
    assert nsg.load_model(Path("pretrained")).sha256 == other.sha256
    for said, expected in (("pretrained", ours), ("./pretrained", other)):
        assert json.loads(_run("info", said, "--json"))["sha256"] == expected.sha256
