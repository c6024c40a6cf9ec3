"""Coupling among many units: few sources each, chosen by what they tell."""

from __future__ import annotations

import numpy as np
import pytest

from nwbspikegen.models.in_context.past import Past, coupling
from nwbspikegen.models.in_context.past.coupling_screening import screen_sources

_DRIVEN = 5


def _make_spikes(num_bins: int = 20_000, num_units: int = 12, seed: int = 0) -> np.ndarray:
    """Return spikes at 2 % per bin; unit 5 fires a bin after unit 2, half of the times."""
    rng = np.random.default_rng(seed)
    spikes = rng.random((num_bins, num_units)) < 0.02
    spikes[1:, _DRIVEN] |= spikes[:-1, 2] & (rng.random(num_bins - 1) < 0.5)
    return spikes.astype(np.uint8)


def _filters(spikes: np.ndarray) -> np.ndarray:
    """Return weights (ridge, source, tau, target) after all was read."""
    past = Past(spikes.shape[1], 0.001)
    for _ in past.read(spikes, np.zeros(len(spikes), dtype=bool)):
        pass
    return past.solve_filters()


@pytest.fixture
def screened(monkeypatch):
    """Screen whatever the number of units, to so many sources."""

    def screen(num_sources: int) -> None:
        monkeypatch.setattr(coupling, "MOST_COUPLED", 1)
        monkeypatch.setattr(coupling, "NUM_SOURCES", num_sources)

    return screen


def test_with_all_sources_kept_it_is_the_whole_solution(screened):
    """Two ways to one optimum: with Lagrange multipliers for all, or each target's own system."""
    whole = _filters(_make_spikes())
    screened(11)
    np.testing.assert_allclose(_filters(_make_spikes()), whole, atol=1e-4 * np.abs(whole).max())


def test_the_source_that_tells_is_kept(screened):
    screened(2)
    strength = np.abs(_filters(_make_spikes())).sum(axis=(0, 2))
    assert strength[:, _DRIVEN].argmax() == 2
    assert ((strength > 0).sum(axis=0) <= 2).all()
    assert (np.diag(strength) == 0).all()


def test_few_inputs_say_what_all_would(screened):
    """Weights of all others are 0, so that a product of everything with everything is the same."""
    screened(3)
    spikes = _make_spikes()
    past = Past(spikes.shape[1], 0.001)
    for _ in past.read(spikes, np.zeros(len(spikes), dtype=bool)):
        pass
    past.solve_filters()
    coupled = past._coupling
    rng = np.random.default_rng(2)
    inputs = rng.random((50, len(coupled._sum))).astype(np.float32)
    # all units of some bins, a few of the others, none of one
    at, unit = np.nonzero(rng.random((50, 12)) < np.where(np.arange(50) % 3, 0.2, 1)[:, None])
    of_units, of_population, _, _ = coupled.weights()
    weights = np.concatenate([of_units.reshape(3, -1, 12), of_population], axis=1).astype(np.float64)
    expected = np.einsum("ti,rit->tr", inputs[at].astype(np.float64), weights[:, :, unit])
    found = coupled._weigh_inputs(inputs, at, unit)
    assert np.abs(found).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_what_is_kept_does_not_depend_on_the_order_of_units(screened):
    screened(3)
    spikes = _make_spikes()
    order = np.random.default_rng(1).permutation(spikes.shape[1])
    filters, shuffled = _filters(spikes), _filters(spikes[:, order])
    np.testing.assert_allclose(shuffled, filters[:, order][..., order], atol=1e-4 * np.abs(filters).max())


def test_thinned_bins_stand_for_those_left_out(screened, monkeypatch):
    """Every fourth bin, four times: the filters of a driven unit stay, whatever the pieces."""
    screened(4)
    spikes = _make_spikes()
    whole = _filters(spikes)
    monkeypatch.setattr(coupling, "_ALL_BINS", 2000)
    thinned = _filters(spikes)
    monkeypatch.setattr(coupling, "_MOST_WAITING", 77)
    np.testing.assert_allclose(_filters(spikes), thinned, atol=1e-4 * np.abs(thinned).max())
    strongest = whole[:, 2, :, _DRIVEN]
    assert np.abs(thinned[:, 2, :, _DRIVEN] - strongest).max() < 0.25 * np.abs(strongest).max()
    assert np.abs(thinned - whole).max() > 0


def test_a_score_is_relative_to_the_variance_of_its_source():
    """Equal gradients: the quieter source tells more; no unit is its own."""
    gradient = np.ones((3, 1, 3))
    covariance = np.array([1.0, 0.1, 10.0])[:, None, None]
    assert screen_sources(gradient, covariance, 1)[:, 0].tolist() == [1, 0, 1]
