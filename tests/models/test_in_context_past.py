"""What `in_context` infers from the past: which units are coupled, in pieces or whole, in any order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from populations import small_split

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import build_model
from nwbspikegen.models.in_context.past import NUM_FEATURES, Past
from nwbspikegen.scoring.audits import audit_causality, audit_permutation
from nwbspikegen.scoring.likelihood import bits_per_spike
from nwbspikegen.views.history import mean_rate_per_bin, online_hazard

_BIN = 0.001


def _coupled(num_bins: int = 40_000, num_units: int = 5) -> np.ndarray:
    """Unit 1 fires mostly two bins after unit 0; the others fire at random."""
    rng = np.random.default_rng(2)
    spikes = rng.random((num_bins, num_units)) < 0.01
    follows = np.roll(spikes[:, 0], 2) & (rng.random(num_bins) < 0.6)
    spikes[:, 1] = follows | (rng.random(num_bins) < 0.002)
    return spikes.astype(np.uint8)


def _model(scale: float = 0.1):
    torch.manual_seed(0)
    model = build_model("in_context", 5, width=16).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(scale * torch.randn_like(weight))
    return model


def test_an_untrained_model_learns_which_units_are_coupled():
    spikes = _coupled()
    model = build_model("in_context", 5).eval()
    null = np.broadcast_to(mean_rate_per_bin(spikes[:20_000])[1:2], (20_000, 1))
    predicted_well = [
        bits_per_spike(predicted[:, 1:2], spikes[20_000:, 1:2], null)
        for predicted in (model.predict(spikes, 20_000, _BIN), online_hazard(spikes, 20_000, _BIN))
    ]
    assert predicted_well[0] > predicted_well[1] + 0.5


def test_neither_pieces_nor_new_solutions_show(monkeypatch):
    model, spikes = _model(), _coupled(4000)
    whole = model.predict(spikes, 500, _BIN)
    monkeypatch.setattr("nwbspikegen.models.base._PAIRS_AT_ONCE", 5 * 613)
    np.testing.assert_allclose(model.predict(spikes, 500, _BIN), whole, rtol=1e-4, atol=1e-7)


def test_audits_where_weights_are_solved_again():
    model, spikes = _model(), _coupled(3500)
    rows = audit_causality(model.predict, spikes, 500, _BIN, edges=[1000, 2000, 3000])
    assert all(row.passed for row in rows), rows
    (row,) = audit_permutation(model.predict, spikes, 500, _BIN)
    assert row.passed, row


@pytest.mark.parametrize("num_units", [1, 2, 9])
@pytest.mark.parametrize("bin_size", [0.0005, 0.005])
def test_any_number_of_units_and_bin_size(num_units, bin_size):
    spikes = (np.random.default_rng(0).random((2500, num_units)) < 0.05).astype(np.uint8)
    probability = _model().predict(spikes, 100, bin_size)
    assert probability.shape == (2400, num_units)
    assert ((probability > 0) & (probability < 1)).all()


def test_after_a_long_silence_nothing_is_left_of_a_spike():
    """What decays ends at 0, in reading as in stepping: smaller numbers are slow to multiply."""
    spikes = np.zeros((9000, 3), np.uint8)
    spikes[:50] = np.random.default_rng(0).random((50, 3)) < 0.3
    past = Past(3, 0.001)
    for _ in past.read(spikes, np.zeros(len(spikes), dtype=bool)):
        pass
    # the fastest three time constants, of which less than 1e-300 would be left
    assert past._units.trace[:, :3].max() == 0
    assert past._coupling.trace[:, :3].max() == 0
    zeros, ones = np.zeros(NUM_FEATURES, np.float32), np.ones(NUM_FEATURES, np.float32)
    stepper = past.step_on(zeros, ones, 4.0, 1)
    stepper.take(np.ones((1, 3), np.uint8))
    for _ in range(500):
        stepper.take(np.zeros((1, 3), np.uint8))
    assert stepper._passing[1][:, :, 0].max() == 0


def test_silence_and_constant_firing_stay_finite():
    spikes = np.zeros((3000, 3), np.uint8)
    spikes[:, 2] = 1
    probability = _model().predict(spikes, 0, _BIN)
    assert ((probability > 0) & (probability < 1)).all()


def test_training_samples_stand_for_all_pairs():
    spikes = _coupled(20_000, 30)
    samples = list(Past(30, _BIN).read(spikes, np.zeros(len(spikes), dtype=bool)))
    fired = sum(float(piece.fired.sum()) for piece in samples)
    silent = sum(float(piece.weight[piece.fired == 0].sum()) for piece in samples)
    assert fired == spikes.sum()
    assert silent == pytest.approx(spikes.size - fired, rel=0.05)
    assert all(piece.features.shape[1] == NUM_FEATURES for piece in samples)


def test_training_on_several_recordings():
    one, other = small_split(), small_split(preparation="in_vitro", num_units=5)
    model = nsg.train(
        [one.train, other.train], [one.validation, other.validation], epochs=1, progress=False, width=8
    )
    assert [len(source["split"]) for source in model.training["sources"]] == [2, 2]
    with pytest.raises(InputError, match="2 training and 1 validation"):
        nsg.train([one.train, other.train], one.validation, progress=False)
    with pytest.raises(InputError, match="one recording"):
        nsg.train(
            [one.train, other.train], [one.validation, other.validation], model="shimono2026", progress=False
        )
