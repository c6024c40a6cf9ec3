"""Weights of mixed models are those that members deserve, unit by unit, and cost nothing where none helps."""

from __future__ import annotations

import numpy as np

from nwbspikegen.training.stacking import stack_log_odds

_BINS = 30_000


def _log_likelihood(log_odds, fired):
    return float((fired * log_odds - np.logaddexp(0, log_odds)).sum())


def _draw(seed=0, num_units=6):
    """Return log odds of the truth, and spikes drawn from them."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-2.5, 1.0, (_BINS, num_units))
    return rng, truth, rng.random(truth.shape) < 1 / (1 + np.exp(-truth))


def test_each_unit_is_given_the_member_that_knows_it():
    rng, truth, fired = _draw()
    noise = rng.normal(-2.5, 1.0, truth.shape)
    knows = np.arange(6) < 3
    members = [np.where(knows, truth, noise), np.where(knows, noise, truth)]
    found = stack_log_odds(members, fired)
    np.testing.assert_allclose(found.weights[:, 0], knows, atol=0.15)
    np.testing.assert_allclose(found.weights[:, 1], ~knows, atol=0.15)
    assert found.strength < np.inf
    mixed = np.einsum("btu,ub->tu", members, found.weights) + found.offset
    best = max(_log_likelihood(member, fired) for member in members)
    assert found.gain > 500
    assert _log_likelihood(mixed, fired) - best > 500


def test_two_halves_of_the_truth_are_added():
    """Log odds of parts that do not depend on each other add up, with the same weights for all units."""
    rng = np.random.default_rng(1)
    parts = [rng.normal(0, 0.7, (_BINS, 6)) for _ in range(2)]
    fired = rng.random((_BINS, 6)) < 1 / (1 + np.exp(2.5 - parts[0] - parts[1]))
    found = stack_log_odds([part - 2.5 for part in parts], fired)
    np.testing.assert_allclose(found.common, [1, 1], atol=0.1)
    # -2.5 was said twice
    np.testing.assert_allclose(found.offset.mean(), 2.5, atol=0.25)


def test_a_member_that_is_right_is_taken_as_it_is_beside_noise():
    rng, truth, fired = _draw(2)
    found = stack_log_odds([rng.normal(-2.5, 1.0, truth.shape), truth], fired)
    mixed = truth * found.weights[:, 1] + found.offset
    np.testing.assert_allclose(found.common, [0, 1], atol=0.05)
    # nats of some 14,000 spikes: what the weights of 12 numbers cost at the most
    assert _log_likelihood(mixed, fired) > _log_likelihood(truth, fired) - 10
    assert found.gain >= 0


def test_units_without_spikes_have_the_common_weights():
    rng, truth, fired = _draw(3)
    fired[:, 5] = False
    members = [truth + rng.normal(0, 1, truth.shape), truth + rng.normal(0, 1, truth.shape)]
    found = stack_log_odds(members, fired)
    assert np.isfinite(found.weights).all()
    assert found.gain > 0
    assert abs(found.weights[5] - found.common).max() < 0.5


def test_what_was_not_observed_weighs_nothing():
    rng, truth, fired = _draw(4)
    members = [truth + rng.normal(0, 1, truth.shape) for _ in range(2)]
    observed = np.ones(fired.shape, dtype=bool)
    observed[5000:9000, 2] = False
    changed = [np.where(observed, member, np.nan) for member in members]
    one = stack_log_odds(members, fired & observed, observed)
    two = stack_log_odds(changed, np.where(observed, fired, True), observed)
    np.testing.assert_array_equal(one.weights, two.weights)


def test_a_unit_that_nobody_observed_has_the_common_weights():
    rng, truth, fired = _draw(4)
    observed = np.ones(fired.shape, dtype=bool)
    observed[:, 2] = False
    members = [truth + rng.normal(0, 1, truth.shape) for _ in range(2)]
    found = stack_log_odds(members, fired & observed, observed)
    np.testing.assert_array_equal(found.weights[2], found.common)


def test_equal_seeds_give_equal_weights():
    rng, truth, fired = _draw(5)
    members = [truth, rng.normal(-2.5, 1.0, truth.shape)]
    one, two = (stack_log_odds(members, fired, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)
