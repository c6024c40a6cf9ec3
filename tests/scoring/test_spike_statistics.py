"""Statistics of spike trains: trains whose answers are known, and trains that have none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from populations import small_population

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring import check_stationarity

_SECONDS = 400.0


def _poisson(rate_hz: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0.0, _SECONDS, rng.poisson(rate_hz * _SECONDS)))


def test_poisson_trains_vary_as_their_mean_and_are_stationary() -> None:
    table = nsg.spike_statistics(
        {unit: _poisson(rate, unit) for unit, rate in {7: 5.0, 8: 20.0, 9: 40.0}.items()},
        start=0.0,
        stop=_SECONDS,
    )
    assert table.unit.tolist() == [7, 8, 9]
    np.testing.assert_allclose(table.rate_hz, [5, 20, 40], rtol=0.1)
    np.testing.assert_allclose(table.isi_mean, 1 / table.rate_hz, rtol=0.02)
    np.testing.assert_allclose(table[["isi_cv", "cv2"]], 1.0, atol=0.05)
    np.testing.assert_allclose(table[["fano_100ms", "fano_1s"]], 1.0, atol=0.2)
    np.testing.assert_allclose(table.pair_correlation, 0.0, atol=0.03)
    assert (table.adf_p_holm < 0.01).all()
    assert table.attrs["summary"]["share_stationary"]["mean"] == 1.0


def test_slow_changes_of_rate_move_cv_and_not_cv2() -> None:
    """A clock that slows down to a quarter has no local variability."""
    intervals = np.linspace(0.05, 0.2, 2000)
    row = nsg.spike_statistics([np.cumsum(intervals)]).iloc[0]
    assert row.isi_cv == pytest.approx(intervals.std() / intervals.mean(), rel=1e-2)
    assert row.cv2 < 0.001


def test_alternating_intervals_have_the_cv2_of_the_formula() -> None:
    row = nsg.spike_statistics([np.cumsum([0.1, 0.3] * 500)]).iloc[0]
    assert row.cv2 == pytest.approx(2 * 0.2 / 0.4)
    assert row.isi_cv == pytest.approx(0.5, rel=1e-3)


def test_a_random_walk_of_the_rate_is_not_stationary() -> None:
    rng = np.random.default_rng(4)
    walk = np.cumsum(rng.normal(scale=4.0, size=(10, 400)), axis=1)
    counts = rng.poisson(50 + walk - walk.min(axis=1, keepdims=True))
    walks = check_stationarity(list(counts))
    assert (walks.adf_p_holm > 0.05).sum() >= 9
    assert check_stationarity([rng.poisson(50, 400)]).adf_p_holm.item() < 0.01


def test_holm_multiplies_by_the_tests_that_remain() -> None:
    rng = np.random.default_rng(1)
    walks = [rng.poisson(20 + 10 * np.sin(np.arange(100) / (4 + 4 * each))) for each in range(4)]
    table = check_stationarity([*walks, np.zeros(100, np.int64)])
    order = np.argsort(table.adf_p[:4])
    expected = np.minimum(np.maximum.accumulate(table.adf_p[order].to_numpy() * [4, 3, 2, 1]), 1)
    np.testing.assert_allclose(table.adf_p_holm[order], expected)


def test_copies_correlate_fully_and_independent_trains_do_not() -> None:
    one, other = _poisson(10.0, 1), _poisson(10.0, 2)
    table = nsg.spike_statistics([one, one.copy()], start=0.0, stop=_SECONDS)
    np.testing.assert_allclose(table.pair_correlation, 1.0)
    table = nsg.spike_statistics([one, other], start=0.0, stop=_SECONDS)
    np.testing.assert_allclose(table.pair_correlation, 0.0, atol=0.05)


def test_what_is_not_defined_is_nan_with_the_reason() -> None:
    clock = np.arange(0.05, 100.0, 0.1)
    table = nsg.spike_statistics([np.zeros(0), np.array([3.0, 4.0]), clock], start=0.0, stop=100.0)
    assert table.num_spikes.tolist() == [0, 2, 1000]
    assert table.loc[:1, ["isi_mean", "isi_cv", "cv2"]].isna().all(axis=None)
    assert table.fano_1s.isna().tolist() == [True, False, False]
    assert table.fano_1s[2] == pytest.approx(0.0, abs=1e-12)
    assert table.adf_reason.iloc[[0, 2]].tolist() == ["silent", "constant counts"]
    assert table.adf_p.isna()[[0, 2]].all()
    short = nsg.spike_statistics([np.array([0.5, 1.5, 1.6])], start=0.0, stop=3.0)
    assert "3 s of counts" in short.adf_reason.item()
    json.dumps(table.attrs)


def test_a_view_and_its_spike_times_agree() -> None:
    units = small_population()
    from_view = nsg.spike_statistics(units)
    counts = units.spikes.values
    times = {
        unit: units.time.values[counts[:, column] > 0] + 0.0005
        for column, unit in enumerate(units.unit.values.tolist())
    }
    start = float(units.time[0])
    from_times = nsg.spike_statistics(times, start=start, stop=start + 0.001 * len(counts))
    columns = from_view.columns.drop("adf_reason")
    np.testing.assert_allclose(
        from_view[columns].astype(float), from_times[columns].astype(float), rtol=1e-6, atol=1e-9
    )
    assert from_view.rate_hz.mean() == pytest.approx(counts.mean() / 0.001)


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.floats(-1e4, 1e4), st.sampled_from([0.5, 1.5]))
def test_shifting_and_scaling_time_leave_the_ratios_alone(seed: int, shift: float, scale: float) -> None:
    train = np.sort(np.random.default_rng(seed).uniform(0.0, 4.0, 50))
    one = nsg.spike_statistics([train]).iloc[0]
    other = nsg.spike_statistics([train * scale + shift]).iloc[0]
    assert other.isi_cv == pytest.approx(one.isi_cv, rel=1e-6)
    assert other.cv2 == pytest.approx(one.cv2, rel=1e-6)
    assert 0.0 <= one.cv2 <= 2.0


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="0 units"):
        nsg.spike_statistics([])
    with pytest.raises(InputError, match="start and stop"):
        nsg.spike_statistics([np.array([1.0])])
    with pytest.raises(InputError, match="spikes between"):
        nsg.spike_statistics([np.array([1.0, 2.0])], start=1.5, stop=3.0)
    units = small_population()
    with pytest.raises(InputError, match="do not follow"):
        nsg.spike_statistics(units.isel(time=[0, 5]))
    assert isinstance(units, xr.Dataset)
