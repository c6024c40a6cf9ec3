"""The truth behind a simulation: exact, causal, and worth knowing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwbspikegen.scoring.baselines import make_baseline
from nwbspikegen.scoring.likelihood import bits_per_spike
from nwbspikegen.simulation import PREPARATIONS, conditional_intensity, simulate

both = pytest.mark.parametrize("preparation", sorted(PREPARATIONS))


@both
def test_intensity_from_spikes_is_what_was_drawn_from(preparation: str) -> None:
    simulation = simulate(preparation, num_units=24, duration=20.0, seed=5)
    replayed = conditional_intensity(simulation.spikes, preparation, seed=5)
    np.testing.assert_array_equal(replayed, simulation.intensity)


@both
@settings(max_examples=10)
@given(changed=st.integers(0, 1999), seed=st.integers(0, 2**32))
def test_the_future_changes_nothing_and_the_past_does(preparation: str, changed: int, seed: int) -> None:
    simulation = simulate(preparation, num_units=6, duration=2.0, seed=seed)
    spikes = simulation.spikes.copy()
    spikes[changed] = 1 - spikes[changed]
    replayed = conditional_intensity(spikes, preparation, seed=seed)
    np.testing.assert_array_equal(replayed[: changed + 1], simulation.intensity[: changed + 1])
    if changed + 1 < len(spikes):
        assert (replayed[changed + 1] != simulation.intensity[changed + 1]).any()


@both
def test_probability_is_calibrated(preparation: str) -> None:
    simulation = simulate(preparation, num_units=64, duration=60.0, seed=2)
    edges = np.quantile(simulation.intensity, [0, 0.5, 0.9, 0.99, 0.999, 1])
    for low, high in itertools.pairwise(edges):
        inside = (simulation.intensity >= low) & (simulation.intensity <= high)
        expected = simulation.intensity[inside].astype(float)
        deviation = np.sqrt((expected * (1 - expected)).sum())
        assert abs(simulation.spikes[inside].sum() - expected.sum()) < 4 * deviation


@both
@pytest.mark.parametrize("num_units", [16, 32])
def test_truth_beats_own_history_by_30_percent(preparation: str, num_units: int) -> None:
    simulation = simulate(preparation, num_units=num_units, duration=240.0, seed=num_units)
    half, first = len(simulation.spikes) // 2, len(simulation.spikes) * 3 // 4
    train, test = simulation.spikes[:half], simulation.spikes[first:]

    def bits(probability: np.ndarray) -> float:
        null = make_baseline("mean_rate").fit(train, 0.001).predict(simulation.spikes, first, 0.001)
        return float(bits_per_spike(probability, test, null))

    glm = make_baseline("history_glm").fit(train, 0.001).predict(simulation.spikes, first, 0.001)
    assert bits(glm) > 0
    assert bits(simulation.intensity[first:]) > 1.3 * bits(glm)


@both
def test_units_fire_at_plausible_and_steady_rates(preparation: str) -> None:
    for num_units, seed in [(16, 0), (128, 1), (256, 2)]:
        simulation = simulate(preparation, num_units=num_units, duration=60.0, seed=seed)
        rate = simulation.spikes.mean(axis=0) / simulation.bin_size
        assert 0.4 < rate.mean() < 8.0
        assert rate.max() < 60.0
        assert np.log(rate + 0.01).std() > 0.5
        thirds = [part.mean() for part in np.array_split(simulation.spikes, 3)]
        assert max(thirds) < 1.8 * min(thirds)


def test_the_culture_bursts_and_the_brain_is_asynchronous() -> None:
    def variation(preparation: str) -> float:
        spikes = simulate(preparation, num_units=128, duration=120.0, seed=3).spikes
        counts = spikes.reshape(-1, 100, 128).sum(axis=(1, 2))
        return float(counts.std() / counts.mean())

    assert variation("in_vitro") > 1.0
    assert variation("in_vivo") < 0.8
