"""Training on recordings with simulated populations beside them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import build_model
from nwbspikegen.models.summary import name_sources
from nwbspikegen.simulation import metadata_of
from nwbspikegen.training import populations


@pytest.fixture
def small_populations(monkeypatch):
    for name, value in (("_SHORTEST", 4.0), ("_LONGEST", 6.0), ("_MOST", 14), ("_FEWEST_SPIKES", 20)):
        monkeypatch.setattr(populations, name, value)


def _train(parts, **how):
    how = {"epochs": 1, "training_samples": 5_000, "seed": 4, **how}
    return nsg.train(parts.train, parts.validation, progress=False, **how)


def test_they_are_trained_on_and_told(small_populations, tmp_path):
    parts = small_split()
    alone, beside = _train(parts), _train(parts, populations=2, checkpoints=tmp_path)
    assert alone.sha256 != beside.sha256
    drawn = beside.training["populations_beside"]
    assert (drawn["num_drawn"], drawn["seeds"]) == (2, [4, 5])
    # its recordings are its sources as before: what it met is not scored, and audited
    assert beside.training["sources"] == alone.training["sources"]
    assert name_sources(beside.training)[1:] == [f"{drawn['num_used']} simulated populations"]
    told = (
        f"Beside the recordings, with a quarter of the weight of all of them, {drawn['num_used']} simulated"
    )
    beside.save(tmp_path / "m")
    assert told in (tmp_path / "m" / "README.md").read_text()
    on = _train(parts, start_from=beside)
    assert on.training["started_from"]["populations_beside"] == drawn
    assert name_sources(on.training)[-1] == f"{drawn['num_used']} simulated populations"
    on.save(tmp_path / "on")
    assert (
        f"`, trained on {drawn['num_used']} simulated populations"
        in (tmp_path / "on" / "README.md").read_text()
    )
    # what was drawn is there, and the weights are the same
    assert _train(parts, populations=2, checkpoints=tmp_path / "again").sha256 == beside.sha256


def test_they_weigh_a_quarter_of_all_recordings():
    network = build_model("in_context", 4, training_samples=3_000)
    recordings = [
        nsg.simulate("in_vivo", num_units=4, duration=10, seed=seed).spikes.astype(np.uint8)
        for seed in (0, 1, 2)
    ]
    pairs = [network.read_pairs(spikes, 0.001, 500, 0) for spikes in recordings]
    examples = network.training_examples(recordings[:2], 0.001, 0, beside=pairs)
    target, weight, _ = (values.numpy() for values in examples._rest)
    num_beside = sum(len(part["target"]) for part in pairs)
    of_recordings, of_others = np.split(target * weight, [len(target) - num_beside])
    assert of_others.sum() == pytest.approx(0.25 * of_recordings.sum(), rel=1e-4)


def test_rows_of_a_study_are_trained_beside_them(small_populations, tmp_path):
    recordings = []
    for seed in (0, 1):
        simulation = nsg.simulate("in_vivo", num_units=5, duration=24, seed=seed)
        told = metadata_of(simulation)
        told["NWBFile"]["session_id"] = told["Subject"]["subject_id"] = f"s{seed}"
        recordings.append(nsg.convert_sorting(simulation.sorting, tmp_path / f"{seed}.nwb", metadata=told))
    arguments = ["transfer", *recordings, "--out", tmp_path / "study", "--workers", 1, "--epochs", 1]
    arguments += ["--set", "training_samples=5000", "--populations", 2]
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert done.exit_code == 0, done.output
    models = sorted((tmp_path / "study" / "models").rglob("model.json"))
    assert len(models) == 2
    for path in models:
        training = json.loads(path.read_text())["training"]
        assert training["populations_beside"]["num_drawn"] == 2
    study = nsg.TransferStudy(tmp_path / "study")
    # the network before training is that of a study without populations
    assert "untrained" in study.scores.predictor.values
    done = CliRunner().invoke(cli, [str(each) for each in arguments[:-2]])
    assert done.exit_code == 2
    assert "'populations': 2" in done.stderr
    with pytest.raises(InputError, match="populations beside recordings for glm"):
        nsg.TransferStudy.create(tmp_path / "other", recordings, models=("glm",), populations=2)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"model": "glm"}, "populations beside recordings for glm; expected in_context"),
        ({"model": "population_gru"}, "populations beside recordings for population_gru"),
        ({"populations": -1}, "found populations -1; expected 0 or more"),
    ],
)
def test_what_takes_none_is_refused(how, says):
    parts = small_split()
    with pytest.raises(InputError, match=says):
        nsg.train(parts.train, parts.validation, **{"populations": 2, **how})
