"""Training that goes on from another model's weights, and what it then counts as trained on."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.models.summary import name_sources
from nwbspikegen.scoring.independence import audit_independence
from nwbspikegen.simulation import metadata_of
from nwbspikegen.training.schedule import schedule_of


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starting")
    paths = []
    for seed in (0, 1):
        simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=seed)
        metadata = metadata_of(simulation)
        metadata["Subject"]["subject_id"] = f"s{seed}"
        path = folder / f"sub-s{seed}_ecephys.nwb"
        paths.append(nsg.convert_sorting(simulation.sorting, path, metadata=metadata))
    return paths


def _train(parts, **how):
    return nsg.train(parts.train, parts.validation, epochs=1, progress=False, seed=4, **how)


@pytest.fixture(scope="module")
def first(recordings):
    return _train(nsg.split_fractions(nsg.open_units(recordings[0])), training_samples=5_000)


def test_weights_are_those_it_starts_from():
    pretrained = nsg.load_model("pretrained")
    parts = small_split()
    # at a rate of 0 nothing moves but the scaling, which fits the new recording
    started = _train(parts, start_from="pretrained", learning_rate=0.0)
    for name, weights in pretrained.module.network.state_dict().items():
        torch.testing.assert_close(started.module.network.state_dict()[name], weights, rtol=0, atol=0)
    assert not torch.equal(started.module.scale, pretrained.module.scale)
    assert started.training["started_from"]["sha256"] == pretrained.sha256
    assert started.training["schedule"]["weight_decay"] == 0.01
    # how many examples were taken is no part of what was learnt
    assert started.parameters["training_samples"] == 2_000_000
    assert name_sources(started.training)[1:] == ["396 simulated populations"]


def test_by_default_a_quarter_of_the_rate_and_half_the_epochs():
    whole, going_on = schedule_of("in_context"), schedule_of("in_context", goes_on=True)
    assert going_on.learning_rate == whole.learning_rate / 4
    assert going_on.epochs == whole.epochs / 2


def test_what_the_first_model_met_counts_as_met(first, recordings):
    parts = nsg.split_fractions(nsg.open_units(recordings[1]))
    second = _train(parts, start_from=first)
    named = [source["subject_id"] for source in second.training["sources"]]
    assert named == ["s1", "s0"]
    # each with its own split, by which bins are left out of scores
    old = second.training["sources"][1]
    assert old["split"] == first.training["sources"][0]["split"]
    units = nsg.open_units(recordings[0])
    rows = audit_independence(second.training, units.attrs, (1.0, 2.0))
    assert [row.passed for row in rows] == [True, False]


def test_nothing_that_the_first_model_met_is_held_out(first, recordings, tmp_path):
    first.save(tmp_path / "first")
    arguments = ["train", *recordings, "--out", tmp_path / "m", "--start-from", tmp_path / "first"]
    arguments += ["--hold-out", recordings[0], "--epochs", 1]
    done = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert done.exit_code == 2
    assert "which the model to start from was trained on" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first"]
    with pytest.raises(InputError, match="that was trained on 1 recordings"):
        nsg.TransferStudy.create(tmp_path / "study", recordings, start_from=str(tmp_path / "first"))


def test_the_command_and_its_model_card(recordings, tmp_path):
    arguments = ["train", recordings[0], "--out", tmp_path / "m", "--start-from", "pretrained", "--epochs", 1]
    done = CliRunner().invoke(cli, [str(each) for each in [*arguments, "--json"]])
    assert done.exit_code == 0, done.output
    training = json.loads((tmp_path / "m" / "model.json").read_text())["training"]
    assert training["started_from"]["sha256"] == nsg.load_model("pretrained").sha256
    assert [source["subject_id"] for source in training["sources"]] == ["s0"]
    card = (tmp_path / "m" / "README.md").read_text()
    assert "Training went on from the weights of another model, sha256 `6090890bad05`" in card
    told = CliRunner().invoke(cli, ["info", str(tmp_path / "m")])
    assert "sub-s0_ecephys.nwb, 396 simulated populations" in told.stdout


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"model": "shimono2026"}, "of the architecture in_context; expected one of shimono2026"),
        ({"model": "glm"}, "a model to start from for glm"),
        ({"width": 32}, "with width=96; expected width=32"),
    ],
)
def test_what_cannot_be_started_from_is_refused(how, says):
    with pytest.raises(InputError, match=says):
        _train(small_split(), start_from="pretrained", **how)


def test_other_bins_are_refused(recordings):
    parts = nsg.split_fractions(nsg.open_units(recordings[0], bin_size=0.002))
    with pytest.raises(InputError, match=r"bins of 0.001 s; expected bins of 0.002 s"):
        _train(parts, start_from="pretrained")
