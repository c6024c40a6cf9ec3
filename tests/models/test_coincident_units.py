"""With which others a unit fires, and how lately they have fired."""

from __future__ import annotations

import numpy as np
import pytest

from nwbspikegen.models.in_context.past import Past
from nwbspikegen.models.in_context.past.coincident_units import CoincidentUnits
from nwbspikegen.models.in_context.past.feature_columns import (
    COINCIDENCE_TAU,
    COINCIDENT_COLUMN,
    COINCIDENT_TAUS,
    NUM_COINCIDENT_UNITS,
)
from nwbspikegen.models.in_context.past.priors import find_prior
from nwbspikegen.models.in_context.past.units import UnitHistories
from nwbspikegen.views.history import prior_bins

_BIN = 0.001


def _grouped(num_bins: int = 6000, num_units: int = 24) -> np.ndarray:
    """Two halves of the units fire in bursts of their own, beside spikes at random."""
    rng = np.random.default_rng(4)
    bursting = np.repeat(rng.random((num_bins // 40, 2)) < 0.1, 40, axis=0)
    rate = 0.002 + 0.1 * np.repeat(bursting, num_units // 2, axis=1)
    return (rng.random((num_bins, num_units)) < rate).astype(np.uint8)


def _remaining(spikes: np.ndarray) -> np.ndarray:
    """Return what is left of each unit's latest spike before each bin (time, unit, tau), bin by bin."""
    left = np.zeros((*spikes.shape, len(COINCIDENT_TAUS)))
    for t in range(1, len(spikes)):
        left[t] = np.where(spikes[t - 1, :, None] > 0, 1.0, left[t - 1] * np.exp(-1 / COINCIDENT_TAUS))
    return left


def test_features_are_what_is_left_of_the_coincident_units_latest_spikes() -> None:
    """Those chosen after 5,000 bins have not been chosen again by bin 5,480."""
    spikes = _grouped(5480)
    left = _remaining(spikes)
    # the prior in which nothing is left of a unit that has not fired yet: with the newest, what is expected
    past = Past(spikes.shape[1], _BIN, find_prior(1))
    pieces = list(past.read(spikes, np.ones(len(spikes), dtype=bool)))
    solved = max(int(piece.bin.max()) + 1 for piece in pieces if piece.refit_follows)
    assert solved < 5400
    coincidence = np.einsum("tu,tv->uv", spikes[:solved], left[:solved, :, COINCIDENCE_TAU])
    num_spikes = spikes[:solved].sum(axis=0, dtype=np.float64)
    excess = coincidence / (num_spikes[:, None] + 5) - coincidence.sum(axis=0) / num_spikes.sum()
    np.fill_diagonal(excess, 0)
    rank = np.argsort(np.argsort(-excess, axis=1), axis=1)
    share = np.where((rank < NUM_COINCIDENT_UNITS) & (excess > 0), excess, 0)
    share /= share.sum(axis=1, keepdims=True)
    last = pieces[-1]
    found = last.features[:, COINCIDENT_COLUMN:].reshape(-1, spikes.shape[1], len(COINCIDENT_TAUS))
    expected = np.log(1 + 1000 * np.einsum("uv,tvk->tuk", share, left[solved:]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_coincident_units_are_those_of_the_own_group() -> None:
    spikes = _grouped()
    coincident_units = CoincidentUnits(24, prior_bins(_BIN), find_prior(2))
    nothing = np.full(spikes.shape, -1, dtype=np.int64)
    coincident_units.read(
        spikes,
        np.ones(spikes.shape, dtype=bool),
        nothing,
        np.empty((0, len(COINCIDENT_TAUS)), dtype=np.float32),
    )
    coincident_units.solve()
    shares, _ = coincident_units.activity()
    group = np.arange(24) // 12
    for unit in range(24):
        chosen = np.flatnonzero(shares[:, unit])
        assert unit not in chosen
        assert set(group[chosen]) == {group[unit]}
        assert shares[:, unit].sum() == pytest.approx(1, rel=1e-6)


def test_a_unit_alone_has_none_and_what_never_fired_is_not_left() -> None:
    alone = CoincidentUnits(1, prior_bins(_BIN), find_prior(2))
    alone.solve()
    shares, activity = alone.activity()
    assert shares.tolist() == [[0]]
    assert not activity.any()
    silent = CoincidentUnits(3, prior_bins(_BIN), find_prior(2))
    silent.solve()
    assert not silent.activity()[1].any()


def test_a_stepper_follows_them_bin_by_bin_until_a_spike_is_forgotten() -> None:
    """Unit 0 is silent for longer than ages are told apart, then fires again; the others go on."""
    past, spikes = Past(24, _BIN), _grouped()
    for _ in past.read(spikes, np.zeros(len(spikes), dtype=bool)):
        pass
    shares = past._coincident_units.activity()[0]
    assert shares[0].any()
    num_features = COINCIDENT_COLUMN + len(COINCIDENT_TAUS)
    stepper = past.step_on(
        np.zeros(num_features, dtype=np.float32), np.ones(num_features, dtype=np.float32), 99.0, 1
    )
    later = np.tile(_grouped(), (2, 1))
    later[1 : UnitHistories.oldest + 100, 0] = 0
    later[[0, UnitHistories.oldest + 100], 0] = 1
    left = _remaining(np.concatenate([spikes, later]))[len(spikes) :]
    age = 1 + np.arange(UnitHistories.oldest + 100)
    left[1 : UnitHistories.oldest + 101, 0][age >= UnitHistories.oldest] = 0
    for t in range(UnitHistories.oldest + 150):
        stepper.write()
        expected = np.log(1 + 1000 * shares.T @ left[t])
        np.testing.assert_allclose(stepper.standard[:, COINCIDENT_COLUMN:], expected, rtol=1e-5, atol=1e-5)
        stepper.take(later[t][None])
