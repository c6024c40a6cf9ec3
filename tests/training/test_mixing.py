"""`mixed` is trained by its members, not below the best of them, and one model folder like any other."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from populations import small_population, small_split

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import predict_bins
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.mixed_members import find_members, name_member
from nwbspikegen.scoring.baselines.coupled_glm import CoupledGLM
from nwbspikegen.simulation import metadata_of
from nwbspikegen.training.loaders import read_with_past
from nwbspikegen.views.observed import read_bins

_MEMBERS = "in_context width=16, glm, population_gru num_bins=100 width=8"


@pytest.fixture(scope="module")
def mixed():
    parts = small_split()
    return nsg.train(parts.train, parts.validation, model="mixed", epochs=1, progress=False, members=_MEMBERS)


def _measure_bits(model):
    """Return what a model scores on the validation segment, with the training segment as its past."""
    parts = small_split()
    read, first, _ = read_with_past(parts.train, parts.validation)
    probability = np.clip(predict_bins(model, read, first, 0.001).astype(float), 1e-6, 1 - 1e-6)
    fired = read.since(first).spikes > 0
    return np.where(fired, np.log2(probability), np.log2(1 - probability)).sum() / fired.sum()


def test_a_mixture_of_trained_models_is_not_below_the_best(mixed):
    parts = small_split()
    members = [
        nsg.train(parts.train, parts.validation, model=name, epochs=epochs, progress=False, **settings)
        for name, epochs, settings in (
            ("in_context", 1, {"width": 16}),
            ("glm", None, {}),
            ("population_gru", 1, {"width": 8, "num_bins": 100}),
        )
    ]
    again = nsg.mix_models(members, parts.train, parts.validation)
    # trained by nsg.train or one by one: the same
    assert again.sha256 == mixed.sha256
    assert [each["name"] for each in mixed.training["members"]] == ["in_context", "glm", "population_gru"]
    assert _measure_bits(mixed) > max(_measure_bits(member) for member in members) - 0.005
    # what it is worth where it is believed whole
    whole = nsg.mix_models(members, parts.train, parts.validation, fallback=-1)
    assert mixed.curves[0]["validation_loss"] == whole.curves[0]["validation_loss"]
    assert whole.curves[0]["validation_loss"] == pytest.approx(
        -_measure_bits(whole) * np.log(2) * read_bins(parts.validation).spikes.mean(), rel=1e-4
    )


def test_one_folder_with_all_members(mixed, tmp_path):
    mixed.save(tmp_path / "mixed")
    again = nsg.load_model(tmp_path / "mixed")
    assert sorted(place.name for place in (tmp_path / "mixed").iterdir()) == [
        "README.md",
        "model.json",
        "weights.safetensors",
    ]
    assert again.parameters == {
        "fallback": mixed.module.settings.fallback,
        "members": "in_context width=16 training_units=384 prior=3, glm, population_gru num_bins=100 width=8",
    }
    units, parts = small_population(), small_split()
    one, two = (nsg.generate(model, parts.test, context=units) for model in (mixed, again))
    np.testing.assert_array_equal(one.values, two.values)
    audits = nsg.audit(mixed, parts)
    assert audits.passed.all(), audits.to_dict("records")


def test_a_mixture_that_predicts_worse_gives_way_to_its_best_member(mixed):
    """Weights of the validation segment are wrong of what follows: here every unit's are turned round."""
    parts = small_split()
    read, first, _ = read_with_past(parts.train, parts.validation)
    turned = {}
    for fallback in (-1, 0):
        members = mixed.parameters["members"]
        network = build_model("mixed", mixed.module.num_units, members=members, fallback=fallback)
        network.load_state_dict(mixed.module.state_dict())
        with torch.no_grad():
            network.weights.copy_(torch.tensor([-1.0, 0.0, 0.0]).expand_as(network.weights))
            network.offset.fill_(-8.0)
        turned[fallback] = FittedModel(network.eval(), "bernoulli", 0.001, mixed.training)
    alone = FittedModel(network.members[0], "bernoulli", 0.001, mixed.training)
    best = _measure_bits(alone)
    assert _measure_bits(turned[-1]) < best - 0.5
    assert _measure_bits(turned[0]) > best - 0.005
    # one reading or two, all asked for or a few: the same
    whole = predict_bins(turned[0], read, first, 0.001)
    state = turned[0].module.begin(mixed.module.num_units, 0.001)
    state.read(read.spikes[:first], None, np.zeros(first, dtype=bool))
    wanted = np.arange(500) % 7 == 3
    found = state.read(read.spikes[first : first + 500], None, wanted)
    np.testing.assert_allclose(found, whole[:500][wanted], rtol=1e-4)
    # a free run goes on with the trust that there was
    run = state.fork(2)
    assert np.ptp(run.step(), axis=0).max() == 0
    np.testing.assert_allclose(
        run.step()[0], state.fork().read(read.spikes[first + 500 : first + 501])[0], rtol=1e-4
    )


def test_models_saved_before_are_believed_whole(mixed, tmp_path):
    mixed.save(tmp_path / "mixed")
    path = tmp_path / "mixed" / "model.json"
    told = json.loads(path.read_text())
    del told["parameters"]["fallback"]
    path.write_text(json.dumps(told))
    # the hash of a model that was saved then is that of its settings then: here of those with a fallback
    network = build_model("mixed", mixed.module.num_units, **told["parameters"])
    assert network.settings.fallback == -1
    assert "fallback" not in network.parameters_used


def test_members_that_would_not_fit_the_file_are_refused(mixed, tmp_path):
    mixed.save(tmp_path / "mixed")
    path = tmp_path / "mixed" / "model.json"
    told = json.loads(path.read_text())
    for members in (
        "in_context width=16 prior=3, shimono2026 depth=1000000",
        ", ".join(["glm"] * 5000),
        "in_context width=100000000 prior=3, glm, population_gru num_bins=100 width=8",
    ):
        path.write_text(json.dumps({**told, "parameters": {"members": members}}))
        with pytest.raises(InputError, match=r"depth|of shape"):
            nsg.load_model(tmp_path / "mixed")


def test_the_glm_predicts_as_the_baseline_does():
    parts = small_split()
    model = nsg.train(parts.train, parts.validation, model="glm", progress=False)
    train = read_bins(parts.train)
    baseline = CoupledGLM().fit(train.spikes, 0.001, train.observed)
    read, first, _ = read_with_past(parts.train, parts.validation)
    # sums in another order
    np.testing.assert_allclose(
        predict_bins(model, read, first, 0.001), predict_bins(baseline, read, first, 0.001), rtol=2e-4
    )


def test_one_command_from_recording_to_prediction(tmp_path):
    simulated = nsg.simulate("in_vivo", num_units=4, duration=20, seed=3)
    source = nsg.convert_sorting(simulated.sorting, tmp_path / "a.nwb", metadata=metadata_of(simulated))
    members = "members=in_context width=8, population_gru width=8"
    units = ["--skip-units", 0, "--take-units", 4, "--epochs", 1]
    arguments = [
        ["train", source, "--out", tmp_path / "m", "--model", "mixed", *units, "--set", members, "--json"],
        ["generate", tmp_path / "m", source, "--out", tmp_path / "out.nwb", "--json"],
    ]
    for each in arguments:
        result = CliRunner().invoke(cli, [str(word) for word in each])
        assert result.exit_code == 0, result.output
    scores = nsg.read_scores(tmp_path / "out.nwb")
    assert "mixed" in set(scores.predictor)
    assert nsg.read_audits(tmp_path / "out.nwb").passed.all()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"members": "in_context"}, "at least two other models"),
        ({"members": "in_context, mixed"}, "at least two other models"),
        ({"members": "in_context, nothing"}, "nothing"),
        ({"members": "in_context width, glm"}, "key=value"),
        ({"members": "in_context colour=3, glm"}, "colour"),
        ({"loss": "dice"}, "bernoulli"),
        ({"fallback": 3}, "fallback 3; expected 0 to 2"),
    ],
)
def test_what_cannot_be_mixed_is_told_before_training(how, message):
    parts = small_split()
    with pytest.raises(InputError, match=message):
        nsg.train(parts.train, parts.validation, model="mixed", progress=False, **how)


def test_the_glm_has_no_epochs():
    parts = small_split()
    with pytest.raises(InputError, match="epochs"):
        nsg.train(parts.train, parts.validation, model="glm", epochs=3, progress=False)


def test_other_units_are_refused(mixed):
    with pytest.raises(InputError, match="in_context"):
        mixed.begin(3, 0.001)


def test_members_are_named_with_what_may_change():
    built = [each.build(3) for each in find_members("in_context prior=1, shimono2026 num_heads=1")]
    assert name_member(built[0]) == "in_context training_units=384 prior=1"
    assert name_member(find_members(f"{name_member(built[1])}, glm")[0].build(3)) == name_member(built[1])
