"""Training learns, chooses its best epoch, resumes to the same weights, and refuses what it cannot use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from populations import small_population, small_split

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.training.choosing import CHOSEN_BY
from nwbspikegen.training.module import TrainingModule, score_validation

_TINY = {"shimono2026": {"num_heads": 2, "feedforward": 8, "num_bins": 200}, "in_context": {}}


@pytest.mark.parametrize("name", _TINY)
@pytest.mark.parametrize("loss", ["dice", "focal", "bernoulli"])
def test_curves_and_choice_of_epoch(name, loss):
    parts = small_split(duration=16.0)
    model = nsg.train(
        parts.train, parts.validation, model=name, loss=loss, epochs=2, progress=False, **_TINY[name]
    )
    assert [point["epoch"] for point in model.curves] == [1, 2]
    expected = {
        "epoch",
        "train_loss",
        "validation_loss",
        "accuracy_on_spikes",
        "accuracy_on_silence",
        "pr_auc",
        "calibration_error",
    }
    assert expected | {"bits_per_spike"} == set(model.curves[0])
    assert CHOSEN_BY[model.loss] == ("bits_per_spike" if loss == "bernoulli" else "pr_auc")
    assert model.training["split"]["validation"][0] == model.training["split"]["train"][1] == 8.0


def test_in_context_beats_the_running_rate():
    units, parts = small_population(), small_split()
    model = nsg.train(parts.train, parts.validation, progress=False)
    predicted = nsg.generate(model, parts.test, context=units)
    scores = nsg.score(predicted, parts.test, train=parts.train, resamples=10)
    bits = (
        scores[scores.metric.eq("bits_per_spike") & scores["null"].eq("mean_rate")]
        .set_index("predictor")
        .value
    )
    assert bits["in_context"] > bits["running_rate"]


def test_equal_seeds_give_equal_weights_and_leave_the_generator_alone():
    parts = small_split(duration=16.0)
    state = torch.get_rng_state()
    one, two = (nsg.train(parts.train, parts.validation, epochs=1, seed=4, progress=False) for _ in range(2))
    assert one.sha256 == two.sha256
    assert torch.equal(state, torch.get_rng_state())
    assert nsg.train(parts.train, parts.validation, epochs=1, seed=5, progress=False).sha256 != one.sha256


@pytest.mark.parametrize(
    ("name", "chosen"), [*((name, {}) for name in _TINY), ("shimono2026", {"start_at_rates": True})]
)
def test_an_interrupted_run_resumes_to_the_same_weights(name, chosen, tmp_path, monkeypatch):
    parts = small_split(duration=16.0)
    kwargs = {"model": name, "epochs": 3, "progress": False, **_TINY[name], **chosen}
    whole = nsg.train(parts.train, parts.validation, **kwargs)

    def interrupt(module):
        if module.current_epoch == 2:
            raise RuntimeError("power cut")
        start(module)

    start = TrainingModule.on_train_epoch_start
    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "on_train_epoch_start", interrupt)
        with pytest.raises(RuntimeError, match="power cut"):
            nsg.train(parts.train, parts.validation, checkpoints=tmp_path, **kwargs)
    resumed = nsg.train(parts.train, parts.validation, checkpoints=tmp_path, **kwargs)
    assert resumed.sha256 == whole.sha256
    assert resumed.curves == whole.curves


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"model": "gpt"}, "model 'gpt'"),
        ({"loss": "hinge"}, "loss 'hinge'"),
        ({"depth": 2}, "parameter 'depth' for in_context"),
        ({"device": "tpu"}, "device 'tpu'"),
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_unknown_choices_are_refused(kwargs, message):
    parts = small_split()
    with pytest.raises(InputError, match=message):
        nsg.train(parts.train, parts.validation, progress=False, **kwargs)


def test_overlapping_or_silent_segments_are_refused():
    units, parts = small_population(), small_split()
    with pytest.raises(InputError, match="share no bin"):
        nsg.train(parts.train, units.isel(time=slice(100, 30_000)), progress=False)
    with pytest.raises(InputError, match="no spike in the validation segment"):
        nsg.train(parts.train, _silence(parts.validation), progress=False)


def _silence(segment):
    return segment.assign(
        spikes=(("time", "unit"), np.zeros((segment.sizes["time"], segment.sizes["unit"]), np.uint8))
    )


def test_validation_scores_are_their_definitions():
    target = np.array([1.0, 0.0, 0.0, 1.0], np.float32)
    scores = score_validation(
        np.array([2.0, -2.0, 1.0, -1.0], np.float32), target, np.full(4, 0.5, np.float32)
    )
    p = 1 / (1 + np.exp([-2.0, -2.0, 1.0, 1.0]))
    assert scores["bits_per_spike"] == pytest.approx((np.log2(p).sum() + 4) / 2, rel=1e-5)
    assert (scores["accuracy_on_spikes"], scores["accuracy_on_silence"]) == (0.5, 0.5)
    assert scores["calibration_error"] > 0
