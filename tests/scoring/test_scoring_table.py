"""One table for model and baselines, which have read the same past."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from nwbspikegen.core.context_start import note_context_start
from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring import BASELINES, score
from nwbspikegen.scoring.baselines import HistoryGLM
from nwbspikegen.scoring.evaluation import COLUMNS
from nwbspikegen.views.history import running_rate

NUM_TRAIN = 3000


@pytest.fixture
def recording() -> xr.Dataset:
    rng = np.random.default_rng(0)
    spikes = (rng.random((5000, 3)) < [0.02, 0.05, 0.2]).astype(np.uint8)
    coords = {"time": 7.0 + np.arange(5000) * 0.01, "unit": [4, 8, 15]}
    attrs = {"bin_size": 0.01, "identifier": "one", "session_id": "s"}
    return xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, attrs)


@pytest.fixture
def train(recording: xr.Dataset) -> xr.Dataset:
    return recording.isel(time=slice(0, NUM_TRAIN))


@pytest.fixture
def segment(recording: xr.Dataset) -> xr.Dataset:
    return recording.isel(time=slice(NUM_TRAIN, None))


def flat(segment: xr.Dataset, **attrs: object) -> xr.DataArray:
    predicted = xr.zeros_like(segment.spikes, dtype=np.float32) + np.array([0.02, 0.05, 0.2], np.float32)
    predicted.attrs = {"model": "flat", "context": "cold", **attrs}
    return predicted


def value_of(table: object, predictor: str, metric: str, null: str = "") -> float:
    rows = table[(table.predictor == predictor) & (table.metric == metric) & (table.null == null)]
    return rows.value.item()


def test_a_first_result_is_told_before_baselines(
    segment: xr.Dataset, train: xr.Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    how = {"train": train, "baselines": ("history_glm",), "seed": 3, "resamples": 40}
    with caplog.at_level(logging.INFO, logger="nwbspikegen"):
        table = score(flat(segment), segment, **how)
    rows = table.set_index(["predictor", "metric", "null"])
    row = rows.loc[("flat", "bits_per_spike", "running_rate")]
    interval = f"({row.ci_low:.3f} to {row.ci_high:.3f})"
    assert caplog.messages[0] == f"flat: {row.value:.3f} bits per spike above running_rate {interval}"
    with caplog.at_level(logging.WARNING, logger="nwbspikegen"):
        pd.testing.assert_frame_equal(table, score(flat(segment), segment, **how))


def test_a_prediction_that_is_none_is_refused_before_it_is_told(
    segment: xr.Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = flat(segment)
    wrong[5, 1] = np.nan
    with caplog.at_level(logging.INFO, logger="nwbspikegen"), pytest.raises(InputError, match="probabilit"):
        score(wrong, segment, baselines=())
    assert not caplog.messages


def test_table_holds_every_predictor_metric_and_null(segment: xr.Dataset, train: xr.Dataset) -> None:
    table = score(flat(segment), segment, train=train, resamples=20)
    assert tuple(table.columns) == COLUMNS
    assert set(table.predictor) == {"flat", *BASELINES}
    assert not table.duplicated(["predictor", "metric", "null"]).any()
    others = {"online_hazard", "history_glm", "coupled_glm"}
    assert set(table[table.metric == "bits_per_spike"].null) == {"mean_rate", "running_rate", *others}
    assert set(table[table.metric != "bits_per_spike"].null) == {""}
    assert table.groupby("predictor").size().nunique() == 1
    assert value_of(table, "mean_rate", "bits_per_spike", "mean_rate") == 0
    assert (table.attrs["context"], table.attrs["left_out"]) == ("cold", {})


def test_without_train_fitted_baselines_are_left_out_with_a_reason(
    segment: xr.Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        table = score(flat(segment), segment, resamples=0)
    assert set(table.predictor) == {"flat", "running_rate", "online_hazard"}
    assert set(table.null) == {"", "running_rate", "online_hazard"}
    assert set(table.attrs["left_out"]) == {"mean_rate", "history_glm", "coupled_glm"}
    assert "training segment" in caplog.text


def test_warm_baselines_read_the_context_and_nothing_after(
    recording: xr.Dataset, segment: xr.Dataset
) -> None:
    warm = flat(segment, context="warm", context_start=7.0)
    told = score(warm, segment, context=recording, baselines=("running_rate",), resamples=0)
    noted = note_context_start(flat(segment, context="warm"), 7.0)
    assert told.equals(score(noted, segment, context=recording, baselines=("running_rate",), resamples=0))
    assert (told.attrs["context"], told.attrs["context_start"]) == ("warm", 7.0)
    known = running_rate(recording.spikes.values, NUM_TRAIN, 0.01)
    extra = {"known": flat(segment).copy(data=known)}
    both = score(
        noted, segment, context=recording, baselines=("running_rate",), extra_predictions=extra, resamples=0
    )
    assert value_of(both, "known", "bits_per_spike", "running_rate") == 0


def test_context_is_cut_where_the_prediction_began(recording: xr.Dataset, segment: xr.Dataset) -> None:
    warm = flat(segment, context="warm", context_start=7.0 + 10.0)
    table = score(warm, segment, context=recording, baselines=("running_rate",), resamples=0)
    assert table.attrs["context_start"] == pytest.approx(17.0)


def test_units_are_matched_by_id(recording: xr.Dataset, segment: xr.Dataset, train: xr.Dataset) -> None:
    warm = flat(segment, context="warm")
    straight = score(warm, segment, train=train, context=recording, resamples=0)
    turned = recording.isel(unit=[2, 0, 1])
    again = score(warm, segment, train=turned.isel(time=slice(0, NUM_TRAIN)), context=turned, resamples=0)
    assert straight.equals(again)


def test_warm_without_context_says_what_to_pass(segment: xr.Dataset) -> None:
    with pytest.raises(InputError, match="pass context="):
        score(flat(segment, context="warm"), segment)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda r: r.isel(time=slice(0, NUM_TRAIN - 5)), "up to the segment"),
        (lambda r: r.isel(time=slice(NUM_TRAIN, None)), "up to the segment"),
        (lambda r: r.drop_isel(time=[1500]), "up to the segment"),
        (lambda r: r.isel(unit=[0, 1]), "without 1 of the 3 units"),
        (lambda r: r.assign_attrs(identifier="two"), "context from two"),
        (lambda r: r.assign_attrs(bin_size=0.02), "bins of 0.02 s"),
    ],
)
def test_context_that_does_not_fit_is_refused(
    recording: xr.Dataset, segment: xr.Dataset, wrong: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        score(flat(segment, context="warm"), segment, context=wrong(recording))


def test_context_for_a_cold_prediction_is_refused(recording: xr.Dataset, segment: xr.Dataset) -> None:
    with pytest.raises(InputError, match="made cold"):
        score(flat(segment), segment, context=recording)


def test_segment_that_overlaps_train_is_refused(recording: xr.Dataset, segment: xr.Dataset) -> None:
    with pytest.raises(InputError, match="overlaps the training segment"):
        score(flat(segment), segment, train=recording.isel(time=slice(0, NUM_TRAIN + 1)))
    with pytest.raises(InputError, match="training segment of two"):
        score(flat(segment), segment, train=recording.assign_attrs(identifier="two"))


def test_prediction_of_other_bins_or_units_is_refused(segment: xr.Dataset) -> None:
    later = flat(segment).assign_coords(time=segment.time + 0.01)
    renamed = flat(segment).assign_coords(unit=[4, 8, 16])
    for predicted in (later, renamed):
        with pytest.raises(InputError, match="other bins or units"):
            score(predicted, segment)
    with pytest.raises(InputError, match="along time"):
        score(flat(segment).isel(time=slice(0, 10)), segment)


def test_names_are_told_apart(segment: xr.Dataset, train: xr.Dataset) -> None:
    with pytest.raises(InputError, match="two predictions called flat"):
        score(flat(segment), segment, extra_predictions={"flat": flat(segment)})
    table = score(flat(segment, model="mean_rate"), segment, train=train, resamples=0)
    # eight scores, and bits above five nulls
    assert (table.predictor == "mean_rate").sum() == 8 + 5
    assert "mean_rate" in table.attrs["left_out"]


def test_table_is_the_same_for_the_same_seed(segment: xr.Dataset, train: xr.Dataset) -> None:
    one, same, other = (
        score(flat(segment), segment, train=train, seed=seed, resamples=20) for seed in (1, 1, 2)
    )
    assert one.equals(same)
    assert not one.value.equals(other.value)


def test_history_glm_in_the_table_is_the_one_fitted_on_train(
    recording: xr.Dataset, segment: xr.Dataset, train: xr.Dataset
) -> None:
    alone = HistoryGLM().fit(train.spikes.values, 0.01).predict(segment.spikes.values, 0, 0.01)
    table = score(
        flat(segment),
        segment,
        train=train,
        extra_predictions={"alone": flat(segment).copy(data=alone)},
        resamples=0,
    )
    by_hand = value_of(table, "alone", "bits_per_spike", "mean_rate")
    assert value_of(table, "history_glm", "bits_per_spike", "mean_rate") == by_hand
