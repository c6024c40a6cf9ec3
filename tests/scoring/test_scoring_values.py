"""Metrics of one number: values worked out by hand, edges, and generated trains."""

from __future__ import annotations

import numpy as np
import pytest

from nwbspikegen.core.draws import draw_spikes
from nwbspikegen.scoring import (
    bits_per_spike,
    calibration_error,
    isi_distance,
    rate_correlation,
    rate_log_ratio,
)


def test_bits_are_clipped_for_both() -> None:
    spikes = np.array([[1], [1]], np.uint8)
    zero, null = np.zeros((2, 1), np.float32), np.full((2, 1), 0.5, np.float32)
    assert bits_per_spike(zero, spikes, null) == pytest.approx(np.log2(1e-6) + 1)
    assert bits_per_spike(null, spikes, zero) == pytest.approx(-np.log2(1e-6) - 1)
    assert bits_per_spike(zero, spikes, zero) == 0


def test_counts_above_one_are_one_spike() -> None:
    half, quarter = np.full((2, 1), 0.5), np.full((2, 1), 0.25)
    twice, once = np.array([[2], [0]], np.uint8), np.array([[1], [0]], np.uint8)
    assert bits_per_spike(half, twice, quarter) == bits_per_spike(half, once, quarter)


def test_true_probabilities_are_calibrated_and_doubled_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((50_000, 4)) * 0.1
    spikes = (rng.random(truth.shape) < truth).astype(np.uint8)
    assert calibration_error(truth, spikes) < 0.003
    assert calibration_error(2 * truth, spikes) == pytest.approx(0.05, abs=0.003)


def test_drawn_trains_are_seeded_and_have_the_rates() -> None:
    probability = np.tile(np.array([0.0, 0.02, 0.3, 1.0], np.float32), (20_000, 1))
    drawn = draw_spikes(probability, seed=1)
    assert np.array_equal(drawn, draw_spikes(probability, seed=1))
    assert not np.array_equal(drawn, draw_spikes(probability, seed=2))
    assert drawn.mean(axis=0) == pytest.approx(probability[0], abs=0.01)
    assert np.abs(np.corrcoef(drawn[:, 1:3], rowvar=False)[0, 1]) < 0.02


def test_a_train_is_at_no_distance_from_itself() -> None:
    spikes = draw_spikes(np.tile([0.01, 0.1, 0.3], (3000, 1)), seed=0)
    assert rate_log_ratio(spikes, spikes) == 0
    assert rate_correlation(spikes, spikes) == pytest.approx(1)
    assert isi_distance(spikes, spikes, 0.001) == (0, 3)


def test_fast_units_do_not_make_up_for_slow_ones() -> None:
    real = np.repeat([[1, 0], [0, 0]], [10, 90], axis=0).astype(np.uint8)
    assert rate_log_ratio(real[:, ::-1], real) == pytest.approx(np.log(10.5 / 0.5))


def test_undefined_statistics_are_nan() -> None:
    silent = np.zeros((10, 2), np.uint8)
    assert np.isnan(rate_log_ratio(silent, silent))
    assert np.isnan(rate_correlation(silent, silent))
    distance, num_units = isi_distance(silent, silent, 0.001)
    assert np.isnan(distance)
    assert num_units == 0
