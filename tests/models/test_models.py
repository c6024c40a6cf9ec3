"""What single architectures promise; losses are their formulas. All share `test_model_contract.py`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_specs import BIN, SMALL, make_model, make_spikes

from nwbspikegen.core.errors import InputError
from nwbspikegen.models import LOSSES, build_model, load_model


@pytest.mark.parametrize("start_at_rates", [False, True])
def test_a_transformer_may_begin_at_the_rates(start_at_rates):
    """Units at 0.5 and 20 % per bin; otherwise it begins far above the rates."""
    rates = np.array([0.005, 0.005, 0.2, 0.2, 0.2])
    spikes = (np.random.default_rng(0).random((4000, 5)) < rates).astype(np.uint8)
    torch.manual_seed(0)
    module = build_model("shimono2026", 5, **SMALL["shimono2026"], start_at_rates=start_at_rates)
    module.training_examples([spikes], BIN, seed=0)
    probability = module.eval().predict(spikes, 0, BIN).mean(axis=0)
    if start_at_rates:
        np.testing.assert_allclose(probability, spikes.mean(axis=0), rtol=0.3)
    else:
        assert probability.mean() > 0.3


def test_pieces_do_not_show(monkeypatch):
    """Of `in_context`; the context of a window is shorter at its start by design."""
    model, spikes = make_model("in_context"), make_spikes()
    whole = model.predict(spikes, 50, BIN)
    monkeypatch.setattr("nwbspikegen.models.base._PAIRS_AT_ONCE", 6 * 7)
    np.testing.assert_allclose(model.predict(spikes, 50, BIN), whole, rtol=1e-5)


def test_other_numbers_of_units():
    assert make_model("in_context").predict(make_spikes(50, 11), 0, BIN).shape == (50, 11)
    for other in (5, 7):
        with pytest.raises(InputError, match=f"{other} units"):
            make_model("shimono2026").predict(make_spikes(50, other), 0, BIN)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("in_context", {"width": 0}),
        ("in_context", {"width": "a"}),
        ("in_context", {"width": True}),
        ("shimono2026", {"start_at_rates": 1}),
        ("in_context", {"batch_size": 0}),
        ("in_context", {"skip_seconds": float("nan")}),
        ("shimono2026", {"num_heads": 0}),
        ("shimono2026", {"dropout": 1.0}),
        ("shimono2026", {"depth": 1.5}),
    ],
)
def test_settings_out_of_range(name, settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        build_model(name, 4, **settings)


def test_the_papers_parameter_counts():
    # the number to which the depths of the sweep are matched: 398,336 at depth 4
    count = {
        depth: sum(p.numel() for p in build_model("shimono2026", 128, depth=depth).parameters())
        for depth in (1, 4)
    }
    assert count == {1: 99_584, 4: 398_336}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "nwbspikegen-model-1"}', '{"format": 1}'])
def test_a_broken_description_is_refused(tmp_path, content):
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(InputError, match=r"model\.json|description|model folder|as it was saved"):
        load_model(tmp_path)


def test_a_description_that_names_no_model_is_refused(tmp_path):
    make_model("in_context").save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": "os.system"}))
    with pytest.raises(InputError, match=r"found model 'os\.system'"):
        load_model(tmp_path / "model")


_PAIRS = st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=1, max_size=20)


@given(pairs=_PAIRS)
def test_losses_are_their_formulas(pairs):
    log_odds = np.array([pair[0] for pair in pairs])
    y = np.array([float(pair[1]) for pair in pairs])
    p = 1 / (1 + np.exp(-log_odds))
    of_truth = np.where(y > 0, p, 1 - p)
    expected = {
        "dice": 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1),
        "focal": (-((1 - of_truth) ** 2) * np.log(of_truth)).mean(),
        "bernoulli": -np.log(of_truth).mean(),
    }
    for name, loss in LOSSES.items():
        value = loss(
            torch.tensor(log_odds)[None], torch.tensor(y)[None], torch.ones(1, len(y), dtype=torch.float64)
        )
        assert value.item() == pytest.approx(expected[name], abs=1e-6)


def test_weights_stand_for_bins_left_out():
    log_odds, target = torch.tensor([[1.0, -2.0, -2.0, -2.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    weight = torch.tensor([[1.0, 3.0]])
    for loss in LOSSES.values():
        whole = loss(log_odds, target, torch.ones_like(target))
        assert loss(log_odds[:, :2], target[:, :2], weight).item() == pytest.approx(whole.item(), abs=1e-6)
