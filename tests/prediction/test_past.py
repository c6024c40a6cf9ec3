"""What a predictor has read stays with its prediction, and every baseline is given the same."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import nwbspikegen as nsg
from nwbspikegen.core.context_start import find_context_start
from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring import BASELINES
from nwbspikegen.views.history import running_rate
from nwbspikegen.views.looking_back import look_back

_BIN = 0.01


@pytest.fixture(scope="module")
def units() -> xr.Dataset:
    simulated = nsg.simulate("in_vivo", num_units=4, duration=30.0, seed=2)
    return nsg.open_units(simulated.sorting, bin_size=_BIN, exclude=[(3.0, 4.0)])


@pytest.fixture(scope="module")
def parts(units: xr.Dataset) -> nsg.Split:
    return nsg.split_fractions(units, (0.5, 0.25, 0.25))


def _score_running_rate(predicted: xr.DataArray, recorded: xr.Dataset, **how: object) -> tuple[float, float]:
    """Return the calibration error of the running rate that `score` makes, and since when that has read."""
    predicted = predicted.assign_attrs(model="one")
    table = nsg.score(predicted, recorded, baselines=("running_rate",), resamples=0, **how)
    wanted = table[table.predictor.eq("running_rate") & table.metric.eq("calibration_error")]
    return float(wanted.value.item()), float(table.attrs["context_start"])


def _expected(units: xr.Dataset, start: int, first: int, stop: int) -> float:
    """Return the same for the running rate that has read bins `start` up to the one predicted."""
    read = units.isel(time=slice(start, stop))
    known = running_rate(read.spikes.values, first - start, _BIN, read.observed.values)
    segment = units.isel(time=slice(first, stop))
    predicted = xr.DataArray(known.astype(np.float32), segment.spikes.coords, ("time", "unit"))
    table = nsg.score(
        predicted.assign_attrs(model="known", context="cold"), segment, baselines=(), resamples=0
    )
    return float(table[table.metric.eq("calibration_error")].value.item())


@settings(max_examples=15)
@given(
    first=st.integers(0, 600),
    length=st.integers(150, 750),
    context_from=st.integers(0, 2249),
    is_warm=st.booleans(),
)
def test_a_later_piece_is_scored_with_the_bins_since_the_reading_began(
    units: xr.Dataset, parts: nsg.Split, first: int, length: int, context_from: int, is_warm: bool
) -> None:
    context = units.isel(time=slice(context_from, None)) if is_warm else None
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=context)
    start = context_from if is_warm else 2250
    assert find_context_start(predicted) == pytest.approx(start * _BIN)
    piece = slice(first, first + length)
    value, since = _score_running_rate(predicted.isel(time=piece), parts.test.isel(time=piece))
    assert since == pytest.approx(start * _BIN)
    expected = _expected(units, start, 2250 + first, min(2250 + first + length, 3000))
    assert value == pytest.approx(expected, nan_ok=True)
    read = units if start < 2250 + first else None
    told = _score_running_rate(predicted.isel(time=piece), parts.test.isel(time=piece), context=read)
    assert told == (pytest.approx(value, nan_ok=True), since)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p * 1.0,
        lambda p: (p + p) / 2,
        lambda p: p.clip(1e-6, 1 - 1e-6),
        lambda p: p.copy(deep=True),
        lambda p: pickle.loads(pickle.dumps(p)),
        lambda p: p.load(),
        lambda p: p.where(p >= 0),
        lambda p: p.astype(np.float64),
        lambda p: p.chunk({"time": 100}),
        lambda p: p.drop_attrs(),
        lambda p: p.sel(unit=p.unit.values),
        lambda p: xr.concat([p.isel(time=slice(0, 300)), p.isel(time=slice(300, None))], "time"),
    ],
)
def test_what_was_read_survives(
    parts: nsg.Split, units: xr.Dataset, change: Callable[[xr.DataArray], xr.DataArray]
) -> None:
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    expected = _score_running_rate(predicted, parts.test)
    assert _score_running_rate(change(predicted), parts.test) == expected
    assert expected[1] == 0.0


@pytest.mark.parametrize(
    "change",
    [
        lambda test: test.load(),
        lambda test: test.chunk({"time": 100}),
        lambda test: pickle.loads(pickle.dumps(test)),
        lambda test: test.copy(deep=True),
    ],
)
def test_a_segment_finds_the_bins_before_it_again(
    parts: nsg.Split, units: xr.Dataset, change: Callable[[xr.Dataset], xr.Dataset]
) -> None:
    found = look_back(change(parts.test.copy()), 2.0)
    xr.testing.assert_identical(found.drop_attrs(), units.isel(time=slice(200, 2250)).drop_attrs())


@pytest.mark.parametrize(
    "change",
    [
        lambda test: test.assign(spikes=test.spikes * 1),
        lambda test: test.assign(observed=test.observed & True),
        lambda test: xr.Dataset({"spikes": (("time", "unit"), test.spikes.values)}, test.coords, test.attrs),
    ],
)
def test_a_warm_prediction_is_never_scored_with_baselines_that_read_nothing(
    parts: nsg.Split, units: xr.Dataset, change: Callable[[xr.Dataset], xr.Dataset]
) -> None:
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    recorded = change(parts.test)
    with pytest.raises(InputError, match="pass context="):
        nsg.score(predicted, recorded, resamples=0)
    later = slice(10, None)
    cold = nsg.generate(BASELINES["running_rate"](), parts.test)
    with pytest.raises(InputError, match="pass context="):
        nsg.score(cold.isel(time=later), recorded.isel(time=later), resamples=0)


def test_bins_that_the_recording_has_not_are_not_found(parts: nsg.Split) -> None:
    assert look_back(parts.test, -1.0) is None
    assert look_back(parts.test, 5.003) is None
    assert look_back(parts.test, 22.5) is None


def test_predictions_that_have_read_since_different_times_are_not_compared(
    parts: nsg.Split, units: xr.Dataset
) -> None:
    warm = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    cold = nsg.generate(BASELINES["running_rate"](), parts.test)
    with pytest.raises(InputError, match="the same past for every predictor"):
        nsg.score(warm, parts.test, extra_predictions={"other": cold}, resamples=0)
    both = warm.assign_coords(context_start=("time", np.repeat([0.0, 9.0], [400, 350])))
    with pytest.raises(InputError, match=r"context_start is 0.0, 9.0 s"):
        nsg.score(both, parts.test, resamples=0)
    earlier = slice(0, 100)
    with pytest.raises(InputError, match="score the segment that was predicted"):
        nsg.score(
            cold.isel(time=earlier).assign_coords(time=parts.train.time[earlier]),
            parts.train.isel(time=earlier),
            resamples=0,
        )
