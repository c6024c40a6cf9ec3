"""One suite that every registered baseline passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Predictor
from nwbspikegen.scoring import BASELINES, audit_causality, audit_permutation, bits_per_spike, make_baseline
from nwbspikegen.scoring.baselines import HistoryGLM, MeanRate, glm
from nwbspikegen.scoring.baselines.glm import TAUS

FIRST = 3000


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    """Four units with a refractory period and rebound, one that is silent, and one in every bin."""
    rng = np.random.default_rng(0)
    spikes = np.zeros((4000, 6), np.uint8)
    for t in range(10, 4000):
        chance = np.where(
            spikes[t - 3 : t].any(axis=0), 0.005, 0.03 + 0.2 * spikes[t - 8 : t - 3].any(axis=0)
        )
        spikes[t] = rng.random(6) < chance
    spikes[:, 4], spikes[:, 5] = 0, 1
    return spikes


@pytest.fixture(params=sorted(BASELINES))
def fitted(request: pytest.FixtureRequest, spikes: np.ndarray) -> Predictor:
    return make_baseline(request.param).fit(spikes[:2000], 0.001)


def test_is_a_predictor_under_its_own_name(fitted: Predictor) -> None:
    assert isinstance(fitted, Predictor)
    assert isinstance(make_baseline(fitted.name), type(fitted))


def test_gives_probabilities_of_the_predicted_bins(fitted: Predictor, spikes: np.ndarray) -> None:
    predicted = fitted.predict(spikes, FIRST, 0.001)
    assert predicted.shape == (1000, 6)
    assert predicted.dtype == np.float32
    assert predicted.min() > 0
    assert predicted.max() < 1
    cold = fitted.predict(spikes[FIRST:], 0, 0.001)
    assert np.isfinite(cold).all()


def test_is_causal(fitted: Predictor, spikes: np.ndarray) -> None:
    rows = audit_causality(fitted.predict, spikes, FIRST, 0.001, edges=[3500])
    assert all(row.passed and row.value == 0 for row in rows)


def test_reads_its_context_as_it_would_have_predicted_it(fitted: Predictor, spikes: np.ndarray) -> None:
    whole = fitted.predict(spikes, 2000, 0.001)
    np.testing.assert_allclose(whole[1000:], fitted.predict(spikes, FIRST, 0.001), rtol=1e-5)


def test_is_the_same_after_saving(fitted: Predictor, spikes: np.ndarray, tmp_path: Path) -> None:
    fitted.save(tmp_path / "saved")
    loaded = type(fitted).load(tmp_path / "saved")
    assert np.array_equal(loaded.predict(spikes, FIRST, 0.001), fitted.predict(spikes, FIRST, 0.001))


def test_follows_the_order_of_units(spikes: np.ndarray, fitted: Predictor) -> None:
    if fitted.name in ("running_rate", "online_hazard"):
        assert audit_permutation(fitted.predict, spikes, FIRST, 0.001)[0].passed


def test_fit_is_repeatable(fitted: Predictor, spikes: np.ndarray) -> None:
    again = make_baseline(fitted.name).fit(spikes[:2000], 0.001)
    assert np.array_equal(again.predict(spikes, FIRST, 0.001), fitted.predict(spikes, FIRST, 0.001))


def test_history_glm_finds_the_refractory_period(spikes: np.ndarray) -> None:
    mean = MeanRate().fit(spikes[:2000], 0.001).predict(spikes, FIRST, 0.001)[:, :4]
    predicted = HistoryGLM().fit(spikes[:2000], 0.001).predict(spikes, FIRST, 0.001)[:, :4]
    assert bits_per_spike(predicted, spikes[FIRST:, :4], mean) > 0.1


def test_history_glm_keeps_the_rate_of_units_that_never_change(spikes: np.ndarray) -> None:
    mean = MeanRate().fit(spikes[:2000], 0.001).predict(spikes, FIRST, 0.001)
    predicted = HistoryGLM().fit(spikes[:2000], 0.001).predict(spikes, FIRST, 0.001)
    np.testing.assert_allclose(predicted[:, 4], mean[:, 4], rtol=1e-4)
    assert predicted[:, 5].min() > 0.99


def test_history_glm_sampled_is_close_to_whole(spikes: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = HistoryGLM().fit(spikes, 0.001).predict(spikes, FIRST, 0.001)[:, :4]
    monkeypatch.setattr(glm, "SILENT_BINS", 1500)
    sampled = HistoryGLM().fit(spikes, 0.001).predict(spikes, FIRST, 0.001)[:, :4]
    assert not np.array_equal(whole, sampled)
    assert sampled.mean() == pytest.approx(whole.mean(), rel=0.05)
    assert abs(bits_per_spike(sampled, spikes[FIRST:, :4], whole)) < 0.03


def test_other_units_than_fitted_are_refused(spikes: np.ndarray) -> None:
    for name in ("mean_rate", "history_glm"):
        with pytest.raises(InputError, match="5 units"):
            make_baseline(name).fit(spikes[:100], 0.001).predict(spikes[:, :5], FIRST, 0.001)


def test_weights_of_another_baseline_are_refused(spikes: np.ndarray, tmp_path: Path) -> None:
    MeanRate().fit(spikes, 0.001).save(tmp_path)
    with pytest.raises(InputError, match="weights of mean_rate"):
        HistoryGLM.load(tmp_path)


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="history_glm"):
        make_baseline("oracle")


def test_history_glm_ends_where_the_likelihood_is_highest() -> None:
    """Of many spikes it starts where a tenth of the bins end: the gradient of all bins is 0 all the same."""
    rng = np.random.default_rng(3)
    spikes = np.zeros((8000, 1), np.uint8)
    for t in range(1, len(spikes)):
        spikes[t] = rng.random() < (0.02 if spikes[max(0, t - 4) : t].any() else 0.2)
    assert spikes.sum() > 600
    weights = make_baseline("history_glm").fit(spikes, 0.001).weights
    decay = np.exp(-1 / np.asarray(TAUS))
    traces, trace = np.zeros((len(spikes), len(TAUS))), np.zeros(len(TAUS))
    for t, fired in enumerate(spikes[:, 0]):
        traces[t] = trace
        trace = decay * trace + (1 - decay) * fired
    x = np.vstack([(traces - traces.mean(axis=0)) / traces.std(axis=0), np.zeros((2, len(TAUS)))])
    target = np.concatenate([spikes[:, 0], [1, 0]])
    weight = np.append(np.ones(len(spikes)), [0.5, 0.5])
    slopes = weights["slopes"][0]
    residual = weight * (1 / (1 + np.exp(-(weights["intercept"][0] + x @ slopes))) - target)
    # in spikes, of more than 600; traces in single precision are off by some 1e-7 of their range
    assert abs(residual.sum()) < 1e-2
    np.testing.assert_allclose(x.T @ residual + slopes, 0, atol=1e-2)
