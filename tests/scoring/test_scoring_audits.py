"""Predictors that cheat are caught, each in its way, and honest ones pass."""

from __future__ import annotations

import numpy as np
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring import assemble_audits, audit_causality, audit_permutation, audit_splits
from nwbspikegen.views.history import exponential_traces

FIRST = 60


def causal(spikes: np.ndarray, first: int, bin_size: float) -> np.ndarray:
    return 0.01 + 0.5 * exponential_traces(spikes, first, [5.0])[..., 0]


def without_mask(spikes: np.ndarray, first: int, bin_size: float) -> np.ndarray:
    """Also reads the bin after the one that it predicts."""
    later = np.concatenate([spikes[first + 1 :], np.zeros_like(spikes[:1])])
    return causal(spikes, first, bin_size) + np.float32(0.1) * later


def own_input(spikes: np.ndarray, first: int, bin_size: float) -> np.ndarray:
    """Reads the very bin that it predicts."""
    return causal(spikes, first, bin_size) + np.float32(0.1) * spikes[first:]


def normalised(spikes: np.ndarray, first: int, bin_size: float) -> np.ndarray:
    """Divides by the mean of the whole segment."""
    return (0.01 * causal(spikes, first, bin_size) / (0.1 + spikes.mean())).astype(np.float32)


@pytest.fixture
def spikes() -> np.ndarray:
    return (np.random.default_rng(0).random((200, 5)) < 0.1).astype(np.uint8)


def failed(predict: object, spikes: np.ndarray, **more: object) -> set[str]:
    return {row.audit for row in audit_causality(predict, spikes, FIRST, 0.001, **more) if not row.passed}


def test_honest_predictor_passes_in_both_precisions(spikes: np.ndarray) -> None:
    assert failed(causal, spikes) == set()
    double = audit_causality(lambda *given: causal(*given).astype(np.float64), spikes, FIRST, 0.001)
    assert all(row.passed and row.tolerance == row.value == 0 for row in double)


def test_missing_mask_is_caught(spikes: np.ndarray) -> None:
    assert "causality_future" in failed(without_mask, spikes)


def test_target_equal_to_its_input_is_caught(spikes: np.ndarray) -> None:
    assert failed(own_input, spikes) == {"causality_same_bin", "causality_statistics"}


def test_normalisation_by_the_whole_segment_is_caught(spikes: np.ndarray) -> None:
    assert "causality_statistics" in failed(normalised, spikes)


def test_leak_at_one_window_edge_is_caught_when_edges_are_given(spikes: np.ndarray) -> None:
    def at_edge(spikes: np.ndarray, first: int, bin_size: float) -> np.ndarray:
        predicted = causal(spikes, first, bin_size)
        predicted[128 - first] += np.float32(0.1) * spikes[128]
        return predicted

    assert "causality_same_bin" in failed(at_edge, spikes, edges=[128])


def test_leak_that_is_small_beside_a_small_probability_is_caught(spikes: np.ndarray) -> None:
    assert failed(lambda *given: own_input(*given) * np.float32(1e-6), spikes)


def test_output_that_is_not_finite_fails(spikes: np.ndarray) -> None:
    table = assemble_audits(
        audit_causality(lambda s, f, b: np.full((len(s) - f, 5), np.nan, np.float32), spikes, FIRST, 0.001)
    )
    assert not table.passed.any()
    assert list(table.columns) == ["audit", "passed", "value", "tolerance", "detail"]


def test_first_bin_outside_is_refused(spikes: np.ndarray) -> None:
    with pytest.raises(InputError, match="first scored bin 200"):
        audit_causality(causal, spikes, 200, 0.001)


def test_inputs_are_left_as_they_were(spikes: np.ndarray) -> None:
    before = spikes.copy()
    audit_causality(causal, spikes, FIRST, 0.001)
    assert np.array_equal(spikes, before)


def test_permutation_is_told_from_place(spikes: np.ndarray) -> None:
    assert audit_permutation(causal, spikes, FIRST, 0.001)[0].passed
    place = np.arange(5, dtype=np.float32) / 10
    assert not audit_permutation(lambda *given: causal(*given) * place, spikes, FIRST, 0.001)[0].passed


def test_splits_that_share_a_bin_or_are_empty_fail() -> None:
    touching = {"train": (0.0, 0.3), "validation": (0.3, 0.45), "test": (0.45, 0.6)}
    assert all(row.passed for row in audit_splits(touching, 0.001))
    sharing = audit_splits({**touching, "test": (0.449, 0.6)}, 0.001)
    assert [row.value for row in sharing] == [0, 0, 1]
    assert not sharing[2].passed
    assert not audit_splits({"train": (0.0, 0.0), "test": (1.0, 2.0)}, 0.001)[0].passed
