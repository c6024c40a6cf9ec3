"""Rates of a free run are held: what a model says too much of, over minutes, and no more than that."""

from __future__ import annotations

import numpy as np
import pytest

from nwbspikegen.core.predictor import Bins
from nwbspikegen.prediction.rate_holding import RateHolding

# s: wide bins, so that a quarter of an hour has 9,000
_BIN = 0.1


def _run(hold, probability, num_bins, seed=0):
    """Return what units that always have one probability do under a correction."""
    rng = np.random.default_rng(seed)
    made = np.empty((num_bins, *probability.shape), dtype=np.uint8)
    for spikes, uniform in zip(made, rng.random(made.shape), strict=True):
        spikes[:] = uniform < hold.correct(probability)
        hold.take(spikes)
    return made


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng(1)
    return Bins((rng.random((30_000, 3)) < 0.1).astype(np.uint8), None)


def test_units_that_a_model_mistakes_come_back_to_their_rates(context):
    """One is said to fire at three times its rate, one at a third of it, one as it does."""
    probability = np.array([[0.3, 0.1 / 3, 0.1]], dtype=np.float32)
    made = _run(RateHolding(context, _BIN, 1), probability, 9000)
    mean = made[4000:, 0].mean(axis=0)
    # where the correction and the mistake are in balance
    np.testing.assert_allclose(mean, [0.12, 0.08, 0.1], rtol=0.1)


def test_at_first_and_for_seconds_a_model_is_believed(context):
    probability = np.full((2, 3), 0.2, dtype=np.float32)
    hold = RateHolding(context, _BIN, 2)
    np.testing.assert_array_equal(hold.correct(probability), probability)
    # 5 s at twice the rate
    for place in range(50):
        hold.take(np.ones((2, 3), np.uint8) if place % 5 == 0 else np.zeros((2, 3), np.uint8))
    np.testing.assert_allclose(hold.correct(probability), probability, rtol=0.1)


def test_a_unit_that_is_certain_stays_so_and_no_correction_is_without_limit(context):
    hold = RateHolding(context, _BIN, 1)
    for _ in range(4000):
        hold.take(np.array([[1, 1, 1]], np.uint8))
    corrected = hold.correct(np.array([[0.0, 1.0, 0.5]], np.float32))[0]
    np.testing.assert_allclose(corrected, [0.0, 1.0, 1 / (1 + np.exp(2.0))], rtol=1e-5)


def test_a_unit_that_was_not_observed_is_not_pulled_to_silence():
    spikes, observed = np.zeros((10_000, 2), np.uint8), np.ones((10_000, 2), bool)
    observed[:, 1] = False
    hold = RateHolding(Bins(spikes, observed), 0.001, 1)
    for place in range(2000):
        hold.take(np.array([[1, 1]], np.uint8) if place % 500 == 0 else np.zeros((1, 2), np.uint8))
    silent, unknown = hold.correct(np.full((1, 2), 0.001, np.float32))[0]
    assert silent < unknown
