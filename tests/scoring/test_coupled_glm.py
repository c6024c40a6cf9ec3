"""A GLM with coupling: what it finds, what it takes from unobserved time, and when it stands in a table."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from nwbspikegen.scoring import bits_per_spike, score, table
from nwbspikegen.scoring.baselines import CoupledGLM, HistoryGLM, MeanRate, coupled_glm
from nwbspikegen.views.raised_cosines import filter_past, index_past, raised_cosines

FIRST = 12_000


@pytest.fixture(scope="module")
def driven() -> np.ndarray:
    """Four units: the second tends to fire 4 to 6 bins after the first, the others are on their own."""
    rng = np.random.default_rng(1)
    spikes = (rng.random((16_000, 4)) < [0.03, 0.01, 0.02, 0.02]).astype(np.uint8)
    for lag in (4, 5, 6):
        follows = np.roll(spikes[:, 0], lag) & (rng.random(len(spikes)) < 0.2)
        spikes[:, 1] |= follows.astype(np.uint8)
    return spikes


@pytest.fixture(scope="module")
def fitted(driven: np.ndarray) -> CoupledGLM:
    return CoupledGLM().fit(driven[:FIRST], 0.001)


def bits(baseline: object, spikes: np.ndarray, unit: int) -> float:
    null = MeanRate().fit(spikes[:FIRST], 0.001).predict(spikes, FIRST, 0.001)
    predicted = baseline.predict(spikes, FIRST, 0.001)
    chosen = slice(unit, unit + 1)
    return bits_per_spike(predicted[:, chosen], spikes[FIRST:, chosen], null[:, chosen])


def test_cosines_are_of_250_ms_and_begin_at_the_latest_bin() -> None:
    cosines = raised_cosines(0.001)
    assert cosines.shape == (250, 8)
    assert cosines.max(axis=0) == pytest.approx(1, abs=0.05)
    assert (cosines >= 0).all()
    assert cosines[:, 0].argmax() == 0
    assert (np.diff(cosines.argmax(axis=0)) > 0).all()


def test_columns_are_the_sum_over_the_past_and_nothing_else() -> None:
    spikes = (np.random.default_rng(0).random((400, 2)) < 0.2).astype(np.uint8)
    cosines = raised_cosines(0.01)
    found = filter_past(index_past(spikes, None, 0.01), np.array([0, 3, 399]), cosines)
    by_hand = [
        [sum(spikes[t - lag, unit] * cosines[lag - 1, k] for lag in range(1, min(t, 25) + 1))
         for unit in range(2) for k in range(8)]
        for t in (0, 3, 399)
    ]  # fmt: skip
    np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-7)


def test_finds_the_unit_that_drives_another(fitted: CoupledGLM, driven: np.ndarray) -> None:
    alone = HistoryGLM().fit(driven[:FIRST], 0.001)
    assert bits(fitted, driven, 1) > bits(alone, driven, 1) + 0.3
    strength = np.abs(fitted.weights["slopes"].reshape(4, 4, 8)).max(axis=2)
    assert strength[1].argmax() == 0


def test_chooses_a_strong_ridge_where_nothing_couples(fitted: CoupledGLM, driven: np.ndarray) -> None:
    assert fitted.weights["ridge"][1] < fitted.weights["ridge"][[0, 2, 3]].min()
    # eight weights on 240 spikes cost a unit that has no memory something, its own GLM too
    assert bits(fitted, driven, 3) > -0.1


def test_units_that_never_change_keep_their_rate(driven: np.ndarray) -> None:
    spikes = driven[:4000].copy()
    spikes[:, 2], spikes[:, 3] = 0, 1
    predicted = CoupledGLM().fit(spikes, 0.001).predict(spikes, 3000, 0.001)
    assert predicted[:, 2].max() < 0.001
    assert predicted[:, 3].min() > 0.99


def test_what_was_not_observed_is_not_silence(driven: np.ndarray) -> None:
    observed = np.ones(driven.shape, dtype=bool)
    observed[3000:9000, 2] = False
    spikes = np.where(observed, driven, 0).astype(np.uint8)
    model = CoupledGLM().fit(spikes[:FIRST], 0.001, observed[:FIRST])
    rate = driven[FIRST:, 2].mean()
    assert model.predict(driven, FIRST, 0.001)[:, 2].mean() == pytest.approx(rate, rel=0.15)
    # and a unit that nobody looked at says nothing of the others
    observed[:, 0] = False
    spikes = np.where(observed, driven, 0).astype(np.uint8)
    blind = CoupledGLM().fit(spikes[:FIRST], 0.001, observed[:FIRST])
    predicted = blind.predict(spikes, FIRST, 0.001, observed)
    assert np.isfinite(predicted).all()
    assert predicted[:, 1].mean() == pytest.approx(driven[FIRST:, 1].mean(), rel=0.15)


def test_sampled_is_close_to_whole(
    fitted: CoupledGLM, driven: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coupled_glm, "_FEWEST_SILENT", 4000)
    monkeypatch.setattr(coupled_glm, "_MOST_SILENT", 6000)
    sampled = CoupledGLM().fit(driven[:FIRST], 0.001)
    one, other = (each.predict(driven, FIRST, 0.001) for each in (fitted, sampled))
    assert not np.array_equal(one, other)
    assert other.mean() == pytest.approx(one.mean(), rel=0.05)
    assert abs(bits(sampled, driven, 1) - bits(fitted, driven, 1)) < 0.05


def test_reads_in_pieces_what_it_reads_at_once(
    fitted: CoupledGLM, driven: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted.predict(driven, FIRST, 0.001)
    monkeypatch.setattr(coupled_glm, "_BINS_AT_ONCE", 999)
    np.testing.assert_allclose(fitted.predict(driven, FIRST, 0.001), whole, rtol=1e-5)


def test_a_long_fit_is_made_only_where_it_is_asked_for(
    driven: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "LONGEST_FIT_S", 0.0)
    coords = {"time": np.arange(4000) * 0.001, "unit": np.arange(4)}
    recording = xr.Dataset({"spikes": (("time", "unit"), driven[:4000])}, coords, {"bin_size": 0.001})
    train, segment = (recording.isel(time=part) for part in (slice(3000), slice(3000, None)))
    predicted = xr.full_like(segment.spikes, 0.02, np.float32).assign_attrs(model="flat", context="cold")
    short = score(predicted, segment, train=train, resamples=0)
    assert "--baselines coupled_glm" in short.attrs["left_out"]["coupled_glm"]
    assert "history_glm" in set(short.predictor)
    asked = score(predicted, segment, train=train, baselines=["coupled_glm"], resamples=0)
    assert set(asked.predictor) == {"flat", "coupled_glm"}


def test_the_estimate_of_128_units_is_a_minute_and_of_ten_nothing() -> None:
    spikes = np.zeros((300_000, 128), np.uint8)
    assert 30 < CoupledGLM.estimate_fit_seconds(spikes, 0.001) < 120
    assert CoupledGLM.estimate_fit_seconds(spikes[:, :10], 0.001) < 1
