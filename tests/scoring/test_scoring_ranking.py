"""Areas equal scikit-learn's, with ties, in every precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from nwbspikegen.scoring import curves, rank_pooled, roc_auc_per_unit


@st.composite
def scored_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many or few ties, and spikes that are rare or not, at least one of each kind."""
    size = draw(st.integers(2, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = rng.random(size) ** 3
    if draw(st.booleans()):
        scores = np.round(scores, draw(st.integers(0, 2)))
    spikes = (rng.random(size) < draw(st.sampled_from([0.02, 0.3, 0.9]))).astype(np.uint8)
    spikes[rng.permutation(size)[:2]] = [0, 1]
    return scores.astype(draw(st.sampled_from([np.float32, np.float64]))), spikes


@given(scored_pairs())
@settings(deadline=None, max_examples=200)
def test_areas_equal_scikit_learn(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    scores, spikes = pairs
    found = rank_pooled(scores, spikes)
    precision, recall, _ = metrics.precision_recall_curve(spikes, scores)
    assert found.roc_auc == pytest.approx(metrics.roc_auc_score(spikes, scores), abs=1e-9)
    assert found.average_precision == pytest.approx(metrics.average_precision_score(spikes, scores), abs=1e-9)
    assert found.pr_auc == pytest.approx(metrics.auc(recall, precision), abs=1e-9)


@given(scored_pairs())
@settings(deadline=None, max_examples=50)
def test_whole_curves_have_these_areas(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    scores, spikes = pairs
    found = rank_pooled(scores, spikes)
    roc, precision_recall = curves.roc_curve(scores, spikes), curves.precision_recall_curve(scores, spikes)
    assert np.trapezoid(roc.y, roc.x) == pytest.approx(found.roc_auc, abs=1e-9)
    assert np.trapezoid(precision_recall.y, precision_recall.x) == pytest.approx(found.pr_auc, abs=1e-9)


def test_many_thresholds_cross_chunks() -> None:
    rng = np.random.default_rng(0)
    scores, spikes = rng.random(20_000).round(4), (rng.random(20_000) < 0.6).astype(np.uint8)
    expected = metrics.average_precision_score(spikes, scores)
    assert rank_pooled(scores, spikes).average_precision == pytest.approx(expected, abs=1e-9)


def test_thinned_curves_keep_their_ends() -> None:
    rng = np.random.default_rng(1)
    curve = curves.roc_curve(rng.random(5000), rng.random(5000) < 0.1, num_points=100)
    assert len(curve.x) <= 102
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)


def test_undefined_areas_are_nan() -> None:
    silent = rank_pooled(np.array([0.1, 0.2]), np.array([0, 0]))
    full = rank_pooled(np.array([0.1, 0.2]), np.array([1, 1]))
    assert np.isnan([silent.roc_auc, silent.average_precision, silent.pr_auc, full.roc_auc]).all()
    assert (full.average_precision, full.pr_auc) == (1, 1)


def test_per_unit_area_is_the_mean_over_defined_units() -> None:
    rng = np.random.default_rng(2)
    scores = rng.random((300, 5)).round(1).astype(np.float32)
    spikes = (rng.random((300, 5)) < 0.2).astype(np.uint8)
    spikes[:, 1], spikes[:, 3] = 0, 1
    value, num_units = roc_auc_per_unit(scores, spikes)
    expected = [metrics.roc_auc_score(spikes[:, unit], scores[:, unit]) for unit in (0, 2, 4)]
    assert num_units == 3
    assert value == pytest.approx(np.mean(expected), abs=1e-12)


def test_per_unit_area_without_a_defined_unit() -> None:
    value, num_units = roc_auc_per_unit(np.full((4, 2), 0.5), np.zeros((4, 2), np.uint8))
    assert np.isnan(value)
    assert num_units == 0
