"""What `in_context` believes before it has read anything, and how soon it believes what it has read."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import FittedModel, build_model, load_model
from nwbspikegen.models.in_context import InContext
from nwbspikegen.models.in_context.correction_shares import CorrectionShares
from nwbspikegen.models.in_context.pair_reading import cut_at_random
from nwbspikegen.models.in_context.past import Past, find_prior
from nwbspikegen.models.in_context.past.feature_columns import HAZARD_COLUMN, TAUS_BINS
from nwbspikegen.models.model_averaging import Evidence, ModelAverage
from nwbspikegen.views.history import online_hazard, running_rate

_BIN = 0.001


def _bursting(num_bins: int, num_units: int = 12) -> np.ndarray:
    """Units that fire at 1 Hz, and together for 200 ms every two seconds; the recording begins within it."""
    rng = np.random.default_rng(3)
    rate = np.where(np.arange(num_bins) % 2000 < 200, 0.06, 0.001)
    return (rng.random((num_bins, num_units)) < rate[:, None]).astype(np.uint8)


def _gain(probability: np.ndarray, spikes: np.ndarray, null: np.ndarray) -> float:
    bits = [np.log2(np.where(spikes > 0, each, 1 - each)).sum() for each in (probability, null)]
    return float((bits[0] - bits[1]) / spikes.sum())


def _perturbed(prior: int) -> InContext:
    torch.manual_seed(0)
    model = build_model("in_context", 12, width=8, prior=prior).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


def test_a_model_that_was_saved_before_there_were_priors_predicts_as_it_did(tmp_path):
    saved = FittedModel(_perturbed(1), "bernoulli", _BIN)
    saved.save(tmp_path / "old")
    # what such a model's file says: nothing of a prior
    assert "prior" not in json.loads((tmp_path / "old/model.json").read_text())["parameters"]
    old = load_model(tmp_path / "old")
    assert (old.module.settings.prior, old.sha256) == (1, saved.sha256)
    spikes = _bursting(3000)
    np.testing.assert_array_equal(old.predict(spikes, 100, _BIN), saved.predict(spikes, 100, _BIN))
    FittedModel(_perturbed(2), "bernoulli", _BIN).save(tmp_path / "new")
    assert load_model(tmp_path / "new").parameters["prior"] == 2


def test_an_untrained_network_is_left_out_and_changes_nothing():
    model, spikes = build_model("in_context", 12).eval(), _bursting(3000)
    left_out = model.predict(spikes, 100, _BIN)
    with torch.no_grad():
        # the smallest number there is: no log odds moves, and the network is asked
        model.network[-1].bias.fill_(np.finfo(np.float32).tiny)
    np.testing.assert_array_equal(model.predict(spikes, 100, _BIN), left_out)
    model.network[-1].bias.requires_grad_(False).fill_(1.0)
    assert (model.predict(spikes, 100, _BIN) != left_out).any()


def test_a_prior_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="prior 4"):
        build_model("in_context", 4, prior=4)


@pytest.mark.parametrize(("prior", "share"), [(1, 20 / 10_020), (2, 1.0), (3, 1.0)])
def test_what_a_silent_unit_is_given(prior, share):
    past = Past(3, _BIN, find_prior(prior))
    pieces = past.read(np.zeros((10_001, 3), np.uint8), np.arange(10_001) == 10_000)
    features = np.concatenate([piece.features[piece.is_requested] for piece in pieces])
    np.testing.assert_allclose(np.exp(features[:, HAZARD_COLUMN]), share, rtol=1e-5)


@pytest.mark.parametrize(("prior", "expected"), [(1, np.log(1e-4 / 1.1e-3)), (2, 0.0), (3, 0.0)])
def test_traces_begin_at_the_rate(prior, expected):
    past = Past(3, _BIN, find_prior(prior))
    (samples,) = past.read(np.zeros((1, 3), np.uint8), np.ones(1, dtype=bool))
    np.testing.assert_allclose(samples.features[:, : len(TAUS_BINS)], expected, atol=1e-6)


def test_time_before_the_first_bin_fades_from_the_traces():
    spikes = _bursting(2500)
    features = []
    for prior in (1, 2):
        past = Past(12, _BIN, find_prior(prior))
        features.append([piece.features for piece in past.read(spikes, np.arange(2500) == 2400)])
    last = [np.concatenate(some)[-12:, : len(TAUS_BINS)] for some in features]
    # of 1,000 bins a tenth is left, of 10 nothing
    np.testing.assert_allclose(last[1][:, :4], last[0][:, :4], atol=1e-6)
    assert (last[1][:, 6:] > last[0][:, 6:]).all()


@pytest.mark.parametrize("context", [0, 1000, 2000, 5000, 10_000])
def test_an_untrained_model_is_no_worse_than_the_running_rate_from_any_context(context):
    spikes = _bursting(context + 3000)
    null = running_rate(spikes, context, _BIN)
    for probability in (
        build_model("in_context", 12).eval().predict(spikes, context, _BIN),
        online_hazard(spikes, context, _BIN),
    ):
        assert _gain(probability, spikes[context:], null) > -0.02


def test_units_that_join_late_are_no_worse_than_at_their_running_rate():
    spikes = _bursting(35_000)
    spikes[:30_000, :6] = 0
    null = running_rate(spikes, 30_000, _BIN)[:, :6]
    found = build_model("in_context", 12).eval().predict(spikes, 30_000, _BIN)[:, :6]
    assert _gain(found, spikes[30_000:, :6], null) > 0


def test_models_of_several_priors_predict_together_as_alone():
    models, spikes = [_perturbed(prior) for prior in (1, 2, 3)], _bursting(2500)
    together = InContext.predict_together(models, Bins(spikes, None), 500, _BIN)
    for model, found in zip(models, together, strict=True):
        np.testing.assert_array_equal(found, model.predict(spikes, 500, _BIN))


def test_a_network_that_knows_another_kind_of_recording_does_harm_for_a_moment_only():
    spikes = _bursting(30_000)
    wrong = [_perturbed(prior) for prior in (2, 3)]
    with torch.no_grad():
        for model in wrong:
            model.network[-1].bias.fill_(-3.0)
    untrained = build_model("in_context", 12).eval().predict(spikes, 0, _BIN)
    alone, averaged = (model.predict(spikes, 0, _BIN) for model in wrong)
    early, late = slice(0, 200), slice(2000, None)
    assert _gain(alone[late], spikes[late], untrained[late]) < -0.02
    assert _gain(averaged[late], spikes[late], untrained[late]) > -0.002
    # 200 bins are 140 spikes: the network is left long before the first of its own corrections
    assert _gain(alone[early], spikes[early], untrained[early]) < -3
    assert _gain(averaged[early], spikes[early], untrained[early]) > -0.15


def test_evidence_is_that_of_bins_before_and_fades():
    rng = np.random.default_rng(0)
    spikes = (rng.random((4000, 3)) < 0.02).astype(np.uint8)
    past, average = Past(3, _BIN), ModelAverage(3)
    (samples,) = itertools.islice(past.read(spikes[:900], np.ones(900, dtype=bool)), 1)
    before = np.full(len(samples.bin), np.log(0.02 / 0.98))
    after = before + np.where(samples.unit == 0, 1.0, 0.0)
    evidence = Evidence(samples.bin, samples.unit, samples.fired, samples.weight)
    found = average.read(evidence, before, after)
    # what each bin says counts from the next one on, in its own unit by .5 and in all by .1
    gained = np.where(samples.fired > 0, 1.0, 0.0) - np.log((1 + np.exp(after)) / (1 + np.exp(before)))
    gained = (samples.weight * gained).reshape(900, 3)[:, 0]
    earlier = np.arange(900)[:, None] > np.arange(900)
    fade = np.exp((np.arange(900) - np.arange(900)[:, None]) / 20_000.0)
    evidence = (gained * earlier * fade).sum(axis=1)
    trust = 1 / (1 + np.exp(-np.log(2.0) - 0.6 * evidence))
    np.testing.assert_allclose((found - before).reshape(900, 3)[:, 0], trust, rtol=1e-9)
    np.testing.assert_array_equal((found - before).reshape(900, 3)[:, 1:], 0.0)


@pytest.mark.parametrize(("truth", "share"), [((1.0, 0.0), (1.0, 0.0)), ((-1.0, 0.5), (0.0, 0.5))])
def test_shares_are_what_would_have_been_best(truth, share):
    rng = np.random.default_rng(0)
    shares = CorrectionShares()
    assert shares.now.tolist() == [0, 0]
    for _ in range(20):
        changes = rng.normal(0, 0.5, (5000, 2))
        fired = rng.random(5000) < 1 / (1 + np.exp(3 - changes @ truth))
        predicted = -3 + changes @ shares.now
        shares.learn(changes, predicted, fired.astype(np.float32), np.ones(5000, np.float32))
        shares.solve()
    np.testing.assert_allclose(shares.now, share, atol=0.1)


def test_restarts_cover_a_recording_with_pieces_of_every_length():
    lengths = [piece.stop - piece.start for piece in cut_at_random(10**6, 1000, np.random.default_rng(0))]
    many = [cut_at_random(200_000, 1000, np.random.default_rng(seed)) for seed in range(50)]
    assert sum(lengths) >= 10**6
    short = np.mean([piece.stop - piece.start < 14_000 for pieces in many for piece in pieces[:1]])
    # half of the first pieces are shorter than the geometric mean of the shortest and all
    assert 0.3 < short < 0.7
    assert all(one.stop == other.start for one, other in zip(many[0], many[0][1:], strict=False))


def test_traces_that_hardly_vary_in_training_are_not_stretched():
    model = build_model("in_context", 12, width=4)
    model.training_examples([_bursting(4000)], _BIN, seed=0)
    slowest = np.flatnonzero(TAUS_BINS == 60_000)[0]
    assert model.scale[slowest] == model.scale[len(TAUS_BINS) + slowest] == 0.25
    assert model.scale[0] > 1
