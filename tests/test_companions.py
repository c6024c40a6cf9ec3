"""In whose company a unit fires, and how lately they have fired."""

from __future__ import annotations

import numpy as np
import pytest

from nwbspikegen.models.past import Past
from nwbspikegen.models.past.companions import Companions
from nwbspikegen.models.past.layout import COMPANION_COLUMN, COMPANION_TAUS, MEETING_TAU, NUM_COMPANIONS
from nwbspikegen.models.past.units import Units

_BIN = 0.001


def _grouped(num_bins: int = 6000, num_units: int = 24) -> np.ndarray:
    """Two halves of the units fire in bursts of their own, beside spikes at random."""
    rng = np.random.default_rng(4)
    bursting = np.repeat(rng.random((num_bins // 40, 2)) < 0.1, 40, axis=0)
    rate = 0.002 + 0.1 * np.repeat(bursting, num_units // 2, axis=1)
    return (rng.random((num_bins, num_units)) < rate).astype(np.uint8)


def _remaining(spikes: np.ndarray) -> np.ndarray:
    """Return what is left of each unit's latest spike before each bin (time, unit, tau), bin by bin."""
    left = np.zeros((*spikes.shape, len(COMPANION_TAUS)))
    for t in range(1, len(spikes)):
        left[t] = np.where(spikes[t - 1, :, None] > 0, 1.0, left[t - 1] * np.exp(-1 / COMPANION_TAUS))
    return left


def test_features_are_what_is_left_of_the_companions_latest_spikes() -> None:
    """Those chosen after 5,000 bins have not been chosen again by bin 5,480."""
    spikes = _grouped(5480)
    left = _remaining(spikes)
    past = Past(spikes.shape[1], _BIN)
    pieces = list(past.read(spikes, np.ones(len(spikes), dtype=bool)))
    solved = max(int(piece.bin.max()) + 1 for piece in pieces if piece.period_ends)
    assert solved < 5400
    met = np.einsum("tu,tv->uv", spikes[:solved], left[:solved, :, MEETING_TAU])
    num_spikes = spikes[:solved].sum(axis=0, dtype=np.float64)
    excess = met / (num_spikes[:, None] + 5) - met.sum(axis=0) / num_spikes.sum()
    np.fill_diagonal(excess, 0)
    rank = np.argsort(np.argsort(-excess, axis=1), axis=1)
    share = np.where((rank < NUM_COMPANIONS) & (excess > 0), excess, 0)
    share /= share.sum(axis=1, keepdims=True)
    last = pieces[-1]
    found = last.features[:, COMPANION_COLUMN:].reshape(-1, spikes.shape[1], len(COMPANION_TAUS))
    expected = np.log(1 + 1000 * np.einsum("uv,tvk->tuk", share, left[solved:]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_companions_are_those_of_the_own_group() -> None:
    spikes = _grouped()
    companions = Companions(24)
    nothing = np.full(spikes.shape, -1, dtype=np.int64)
    companions.read(spikes, nothing, np.empty((0, len(COMPANION_TAUS)), dtype=np.float32))
    companions.solve()
    _, begin, companion, share = companions.tables()
    group = np.arange(24) // 12
    for unit in range(24):
        chosen = companion[begin[unit] : begin[unit + 1]]
        assert unit not in chosen
        assert set(group[chosen]) == {group[unit]}
        assert share[begin[unit] : begin[unit + 1]].sum() == pytest.approx(1, rel=1e-6)


def test_a_unit_alone_has_none_and_what_never_fired_is_not_left() -> None:
    alone = Companions(1)
    alone.solve()
    _, begin, companion, _ = alone.tables()
    assert begin.tolist() == [0, 0]
    assert companion.size == 0
    remaining = Companions(2).tables()[0]
    assert remaining.shape == (Units.oldest + 1, len(COMPANION_TAUS))
    assert (remaining[-1] == 0).all()
    assert (remaining[1] == 1).all()
