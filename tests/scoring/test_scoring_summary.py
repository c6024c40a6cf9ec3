"""Scores in short: the same numbers, in 100 columns, with what they mean and how sure they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.output import WIDTH
from nwbspikegen.scoring import METRICS, metric
from nwbspikegen.scoring.differences import compare_predictors
from nwbspikegen.scoring.evaluation import paired_difference


@pytest.fixture(scope="module")
def recorded() -> xr.Dataset:
    rng = np.random.default_rng(0)
    spikes = (rng.random((6000, 3)) < [0.02, 0.05, 0.2]).astype(np.uint8)
    coords = {"time": 7.0 + np.arange(6000) * 0.01, "unit": [4, 8, 15]}
    return xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, {"bin_size": 0.01, "identifier": "one"})


@pytest.fixture(scope="module")
def predicted(recorded: xr.Dataset) -> xr.DataArray:
    flat = xr.zeros_like(recorded.spikes[3000:], dtype=np.float32) + np.array([0.02, 0.05, 0.2], np.float32)
    return flat.assign_attrs(model="flat", context="cold")


@pytest.fixture(scope="module")
def scores(recorded: xr.Dataset, predicted: xr.DataArray) -> pd.DataFrame:
    untrained = predicted.assign_attrs(model="untrained") * 0 + np.float32(0.1)
    return nsg.score(
        predicted,
        recorded.isel(time=slice(3000, None)),
        train=recorded.isel(time=slice(0, 3000)),
        extra_predictions={"untrained": untrained},
        resamples=50,
    )


def test_differences_to_own_past_and_to_the_untrained_model_have_paired_intervals(
    scores: pd.DataFrame, recorded: xr.Dataset, predicted: xr.DataArray
) -> None:
    rows = compare_predictors(scores).set_index("predictor")
    assert rows.index.tolist() == list(dict.fromkeys(scores.predictor))[1:]
    spikes = recorded.spikes.values[3000:]
    expected = paired_difference(
        predicted.values, np.full(spikes.shape, np.float32(0.1)), spikes, bin_size=0.01, resamples=50
    )
    assert rows.loc["untrained", ["value", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [expected.value, expected.ci_low, expected.ci_high]
    )
    assert np.isfinite(rows.loc[["online_hazard", "history_glm", "mean_rate"], "ci_low"].astype(float)).all()
    above_mean = scores[(scores.metric == "bits_per_spike") & (scores.null == "mean_rate")]
    values = above_mean.set_index("predictor").value
    # one denominator: a difference of bits per spike is the bits above the other
    assert rows.value.astype(float).to_numpy() == pytest.approx(
        values["flat"] - values[rows.index].to_numpy()
    )


def test_a_table_without_that_null_still_says_the_difference(scores: pd.DataFrame) -> None:
    old = scores[scores.null != "online_hazard"]
    row, new = (
        compare_predictors(each).set_index("predictor").loc["online_hazard"] for each in (old, scores)
    )
    assert row.value == pytest.approx(new.value)
    assert np.isnan(row.ci_low)


def test_summary_has_the_numbers_of_the_table(scores: pd.DataFrame) -> None:
    summary = nsg.summarise(scores)
    assert (summary.model, summary.num_units, summary.num_blocks) == ("flat", 3, 3)
    assert not summary.is_reliable
    rows = scores[(scores.metric == "bits_per_spike") & (scores.null == "mean_rate")].set_index("predictor")
    assert summary.table.bits_per_spike.to_dict() == rows.value.to_dict()
    assert np.isnan(summary.table.model_above["flat"])
    areas = scores[scores.metric == "roc_auc_per_unit"].set_index("predictor").value
    assert summary.others["ROC per unit"].to_dict() == areas.to_dict()


def test_text_fits_says_how_sure_and_what_was_seen(scores: pd.DataFrame) -> None:
    text = str(nsg.summarise(scores))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "few blocks (3 of 10 s, fewer than 30)" in text
    assert "all bins observed" in text
    assert "flat above it" in text
    partly = str(nsg.summarise(scores.assign(observed_fraction=0.75)))
    assert "75.000% of all bins observed, the rest is not scored" in partly
    sure = str(nsg.summarise(scores.assign(ci_reliable=True)))
    assert "unreliable" not in sure


def test_long_names_and_many_scores_fit_too(scores: pd.DataFrame) -> None:
    long = "some_laboratory.models.attention:LinearAttention"
    table = scores.replace({"predictor": {"flat": long}})
    added = [table[table.metric == "calibration_error"].assign(metric=f"score_number_{i}") for i in range(5)]
    text = nsg.summarise(pd.concat([table, *added])).explain()
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "some_laboratory.…LinearAttention"[:10] in text
    assert all(f"score_number_{i}" in text for i in range(5))


def test_explained_says_what_each_predictor_and_column_is(scores: pd.DataFrame) -> None:
    @metric("absolute_gap", title="Absolute gap", better="lower", unit="1")
    def absolute_gap(y, p):
        """How far probabilities are from spikes."""
        return abs(p - y)

    try:
        table = pd.concat(
            [scores, scores[scores.metric == "calibration_error"].assign(metric="absolute_gap")]
        )
        summary = nsg.summarise(table)
        for name in [*summary.table.index, *summary.others.columns]:
            assert f"\n{name}: " in summary.explain()
        assert "How far probabilities are from spikes." in summary.explain()
    finally:
        del METRICS["absolute_gap"]


def test_no_scores_say_why_and_no_table_is_refused(scores: pd.DataFrame) -> None:
    none = scores.assign(value=np.nan, ci_low=np.nan, ci_high=np.nan, reason="3 spikes observed")
    assert "no scores: 3 spikes observed" in str(nsg.summarise(none))
    with pytest.raises(InputError, match="null"):
        nsg.summarise(scores.drop(columns="null"))
    with pytest.raises(InputError, match="rows"):
        nsg.summarise(scores.iloc[:0])
