"""Intervals equal those of metrics computed again on the drawn blocks."""

from __future__ import annotations

import weakref
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring import (
    bits_per_spike,
    calibration_error,
    paired_difference,
    rank_pooled,
    roc_auc_per_unit,
    score_predictions,
)
from nwbspikegen.scoring.blocks import resample_blocks, split_blocks
from nwbspikegen.scoring.calibration import sum_groups, weigh_calibration
from nwbspikegen.scoring.ranking import rank_sorted, sort_blocks

BIN_SIZE = 0.1
SEED = 3
RESAMPLES = 40


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    """A prediction with ties, a null and spikes: 6 blocks of 100 bins, the last one longer."""
    rng = np.random.default_rng(0)
    truth = rng.random((630, 4)).round(2) * np.array([0.05, 0.1, 0.3, 0.6])
    truth = truth.astype(np.float32)
    null = np.tile(np.array([0.02, 0.05, 0.15, 0.3], np.float32), (630, 1))
    return {"p": truth, "null": null, "y": (rng.random((630, 4)) < truth).astype(np.uint8)}


def drawn_bins(num_bins: int) -> list[np.ndarray]:
    """Return the bins of each draw, blocks repeated as often as they were drawn."""
    blocks = list(pairwise(split_blocks(num_bins, BIN_SIZE)))
    weights = resample_blocks(len(blocks), RESAMPLES, SEED)[1:]
    return [
        np.concatenate(
            [np.arange(*block) for block, w in zip(blocks, row, strict=True) for _ in range(int(w))]
        )
        for row in weights
    ]


METRICS = {
    ("bits_per_spike", "null"): lambda p, y, null: bits_per_spike(p, y, null),
    ("roc_auc_per_unit", ""): lambda p, y, null: roc_auc_per_unit(p, y)[0],
    ("roc_auc_pooled", ""): lambda p, y, null: rank_pooled(p, y).roc_auc,
    ("average_precision_pooled", ""): lambda p, y, null: rank_pooled(p, y).average_precision,
    ("pr_auc_pooled", ""): lambda p, y, null: rank_pooled(p, y).pr_auc,
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda key: key[0])
def test_interval_is_that_of_resampled_bins(data: dict[str, np.ndarray], metric: tuple[str, str]) -> None:
    p, y, null = data["p"], data["y"], data["null"]
    table = score_predictions(
        {"p": p}, y, bin_size=BIN_SIZE, nulls={"null": null}, seed=SEED, resamples=RESAMPLES
    )
    row = table[(table.metric == metric[0]) & (table.null == metric[1])].iloc[0]
    again = [METRICS[metric](p[bins], y[bins], null[bins]) for bins in drawn_bins(len(y))]
    assert row.value == pytest.approx(METRICS[metric](p, y, null), abs=1e-10)
    assert [row.ci_low, row.ci_high] == pytest.approx(np.percentile(again, [2.5, 97.5]), abs=1e-10)
    assert row.ci_low < row.value < row.ci_high


def test_each_draw_of_pooled_areas_is_exact(data: dict[str, np.ndarray]) -> None:
    edges = split_blocks(630, BIN_SIZE)
    weights = resample_blocks(len(edges) - 1, RESAMPLES, SEED)
    found = rank_sorted(sort_blocks(data["p"], data["y"], edges), weights)
    for draw, bins in enumerate(drawn_bins(630), start=1):
        expected = rank_pooled(data["p"][bins], data["y"][bins])
        assert found[:, draw] == pytest.approx(list(vars(expected).values()), abs=1e-12)


def test_calibration_draws_keep_the_groups_of_the_segment(data: dict[str, np.ndarray]) -> None:
    p, y, edges = data["p"], data["y"], split_blocks(630, BIN_SIZE)
    found = weigh_calibration(
        sum_groups(sort_blocks(p, y, edges)), resample_blocks(len(edges) - 1, RESAMPLES, SEED)
    )
    ordered = np.sort(p, axis=None)
    limits = np.unique(ordered[len(ordered) * np.arange(1, 20) // 20])
    group = np.searchsorted(limits, p, side="right")
    for value, bins in zip(found, [np.arange(630), *drawn_bins(630)], strict=True):
        off = [abs((p[bins] - y[bins].astype(float))[group[bins] == g].sum()) for g in range(len(limits) + 1)]
        assert value == pytest.approx(sum(off) / p[bins].size, abs=1e-7)
    assert found[0] == pytest.approx(calibration_error(p, y), abs=1e-12)


def test_paired_difference_is_bits_above_the_other(data: dict[str, np.ndarray]) -> None:
    p, y, null = data["p"], data["y"], data["null"]
    found = paired_difference(p, null, y, bin_size=BIN_SIZE, seed=SEED, resamples=RESAMPLES)
    again = [bits_per_spike(p[bins], y[bins], null[bins]) for bins in drawn_bins(630)]
    assert found.value == pytest.approx(bits_per_spike(p, y, null))
    assert [found.ci_low, found.ci_high] == pytest.approx(np.percentile(again, [2.5, 97.5]))


def test_few_blocks_are_said(data: dict[str, np.ndarray]) -> None:
    table = score_predictions({"p": data["p"]}, data["y"], bin_size=BIN_SIZE, nulls={})
    assert set(table.num_blocks) == {6}
    assert not table.ci_reliable.any()
    short = score_predictions({"p": data["p"][:140]}, data["y"][:140], bin_size=BIN_SIZE, nulls={})
    assert set(short.num_blocks) == {1}
    assert short.ci_low.isna().all()
    long = {name: np.tile(values, (5, 1)) for name, values in data.items()}
    assert score_predictions({"p": long["p"]}, long["y"], bin_size=BIN_SIZE, nulls={}).ci_reliable.all()


def test_blocks_cover_every_bin_and_none_is_short() -> None:
    for num_bins in (1, 40, 99, 149, 150, 1049, 1051):
        edges = split_blocks(num_bins, BIN_SIZE)
        assert (edges[0], edges[-1]) == (0, num_bins)
        assert np.diff(edges).min() >= min(50, num_bins)


@pytest.mark.parametrize("num_spikes", [0, 1, 19, 20])
def test_few_spikes_give_no_score_but_a_reason(num_spikes: int) -> None:
    p, spikes = np.full((300, 2), 0.1), np.zeros((300, 2), np.uint8)
    spikes[:num_spikes, 0] = 1
    table = score_predictions({"p": p}, spikes, bin_size=BIN_SIZE, nulls={"n": p})
    values = table.set_index("metric").value
    assert set(table.num_silent_units) == {2 - (num_spikes > 0)}
    if num_spikes == 20:
        assert np.isfinite(values[["bits_per_spike", "roc_auc_pooled", "calibration_error"]]).all()
        assert set(table.reason) == {""}
    else:
        assert values.isna().all()
        assert not table.ci_reliable.any()
        assert set(table.reason) == {f"{num_spikes} spikes observed, fewer than 20"}


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5, np.inf])
def test_what_is_no_probability_is_refused(data: dict[str, np.ndarray], wrong: float) -> None:
    p = data["p"].copy()
    p[7, 1] = wrong
    with pytest.raises(InputError, match="finite probabilities"):
        score_predictions({"p": p}, data["y"], bin_size=BIN_SIZE, nulls={})
    with pytest.raises(InputError, match="one probability for each bin"):
        score_predictions({"p": p[:-1]}, data["y"], bin_size=BIN_SIZE, nulls={})


def test_predictions_that_are_made_when_scored_have_the_same_scores(data: dict[str, np.ndarray]) -> None:
    """Each is made once, null or not, and is let go before the next is made."""
    p, y, null = data["p"], data["y"], data["null"]
    made: list[weakref.ref[np.ndarray]] = []

    def later(values: np.ndarray):
        def make() -> np.ndarray:
            assert all(each() is None for each in made)
            fresh = values.copy()
            made.append(weakref.ref(fresh))
            return fresh

        return make

    given = {"bin_size": BIN_SIZE, "seed": SEED, "resamples": 20}
    expected = score_predictions({"p": p, "null": null}, y, nulls={"null": null, "p": p}, **given)
    first, second, alone = later(p), later(null), later(null)
    nulls = {"null": second, "p": first}
    table = score_predictions({"p": first, "null": second}, y, nulls=nulls, **given)
    pd.testing.assert_frame_equal(table, expected)
    assert len(made) == 2
    # a null that nobody asked for a row of is made for its sums
    table = score_predictions({"p": p}, y, nulls={"null": alone}, **given)
    rows = expected[(expected.predictor == "p") & (expected.null != "p")].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, rows)
    assert len(made) == 3
