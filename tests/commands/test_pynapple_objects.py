"""Views and predictions in pynapple and back: times, gaps, names of units."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xarray as xr

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.formats import Spikes

nap = pytest.importorskip("pynapple", reason="pynapple is not installed: pip install 'nwbspikegen[pynapple]'")


@pytest.fixture(scope="module")
def sorting():
    return nsg.simulate("in_vivo", num_units=5, duration=10, seed=1).sorting


def make_spikes(**more):
    return Spikes(
        times=[0.1, 0.5004, 0.9, 2.2, 0.3, 2.9],
        units=["b", "b", "b", "b", "a", "a"],
        resolution=1e-4,
        columns={"location": ["CA1", "VISp"], "rate": [1.0, 2.0]},
        **more,
    ).to_sorting()


def test_a_view_gives_spike_times_that_are_not_binned(sorting):
    units = nsg.select_units(nsg.open_units(sorting, start=2, duration=5), skip=1, take=3)
    group = nsg.to_pynapple(units)
    np.testing.assert_allclose(group.time_support.values, [[2.0, 7.0]])
    assert list(group.keys()) == group["source_unit"].tolist() == [1, 2, 3]
    assert group["rel_y"].tolist() == units.rel_y.values.tolist()
    for unit in (1, 2, 3):
        times = sorting.get_unit_spike_train_in_seconds(unit, segment_index=0)
        np.testing.assert_allclose(group[unit].t, times[(times >= 2) & (times <= 7)], atol=1e-9)


def test_its_bins_are_those_of_the_view(sorting):
    units = nsg.open_units(sorting, binary=False)
    counts = nsg.to_pynapple(units).count(0.001)
    frame = nsg.to_pynapple(units.spikes)
    np.testing.assert_array_equal(counts.d, units.spikes.values)
    np.testing.assert_allclose(counts.t, frame.t, atol=1e-6)
    np.testing.assert_array_equal(frame.d, units.spikes.values)


def test_time_in_which_some_unit_was_not_observed_is_left_out():
    spikes = make_spikes()
    spikes.obs_intervals = {"a": [(0.0, 1.0), (2.0, 3.0)], "b": [(0.2, 2.5)]}
    group = nsg.to_pynapple(nsg.open_units(spikes))
    np.testing.assert_allclose(group.time_support.values, [[0.2, 1.0], [2.0, 2.5]])
    assert group["source_unit"].tolist() == ["a", "b"]
    assert [group[key].t.tolist() for key in group] == [[0.3], [0.5004, 0.9, 2.2]]
    # a name that pynapple has for itself
    assert group["unit_rate"].tolist() == [1.0, 2.0]
    spikes.obs_intervals = {"a": [(0.0, 1.0)], "b": [(1.0, 3.0)]}
    with pytest.raises(InputError, match="never observed together"):
        nsg.to_pynapple(nsg.open_units(spikes))
    support = nsg.to_pynapple(nsg.open_units(spikes), time_support=[(0, 3)]).time_support.values
    assert support.tolist() == [[0, 3]]


def test_a_view_comes_back():
    sorting = make_spikes(observed=[(0.0, 1.0), (2.0, 3.0)])
    back = nsg.from_pynapple(nsg.to_pynapple(nsg.open_units(sorting)))
    assert back.unit_ids.tolist() == ["a", "b"]
    assert back.get_property("location").tolist() == ["CA1", "VISp"]
    assert back.get_property("rate").tolist() == [1.0, 2.0]
    one, other = nsg.open_units(sorting), nsg.open_units(back)
    np.testing.assert_array_equal(one.spikes, other.spikes)
    np.testing.assert_array_equal(one.observed, other.observed)


def test_a_group_of_pynapple_alone_can_be_opened():
    trains = {3: nap.Ts(np.array([0.1, 0.2])), 8: nap.Ts(np.array([]))}
    sorting = nsg.from_pynapple(nap.TsGroup(trains, time_support=nap.IntervalSet(0, 1)))
    units = nsg.open_units(sorting)
    assert units.unit.values.tolist() == [3, 8]
    assert units.spikes.sum("time").values.tolist() == [2, 0]


def test_a_prediction_goes_and_comes_back_to_be_scored(sorting):
    parts = nsg.split_fractions(nsg.open_units(sorting), (0.5, 0.25, 0.25))
    flat = xr.full_like(parts.test.spikes, 0.02, np.float32).assign_attrs(model="flat", bin_size=0.001)
    frame = nsg.to_pynapple(flat)
    assert frame.columns.tolist() == frame["source_unit"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(frame.time_support.values, [[7.5, 10.0]])
    back = nsg.from_pynapple(frame)
    np.testing.assert_allclose(back.time, flat.time, atol=1e-8)
    how = {"train": parts.train, "baselines": ["running_rate"]}
    one = nsg.score(flat, parts.test, **how)
    other = nsg.score(back.assign_attrs(model="flat"), parts.test, **how)
    np.testing.assert_array_equal(one.value, other.value)


def test_a_gap_in_time_is_one_in_the_support(sorting):
    spikes = nsg.open_units(sorting).spikes
    cut = xr.concat([spikes[:100], spikes[500:700]], "time")
    np.testing.assert_allclose(nsg.to_pynapple(cut).time_support.values, [[0, 0.1], [0.5, 0.7]])


def test_trains_by_unit_are_a_group():
    group = nsg.to_pynapple({"x": [0.2, 0.1], "y": [0.5]}, time_support=[(0, 1)])
    assert group["source_unit"].tolist() == ["x", "y"]
    assert group[0].t.tolist() == [0.1, 0.2]
    assert group.time_support.values.tolist() == [[0, 1]]


def test_what_is_neither_is_refused(sorting):
    for wrong in ([1, 2], xr.DataArray([1.0], dims="time")):
        with pytest.raises(InputError, match="expected a view"):
            nsg.to_pynapple(wrong)
    with pytest.raises(InputError, match="at least two bins"):
        nsg.from_pynapple(nap.TsdFrame(t=[0.5], d=np.ones((1, 2)), time_support=nap.IntervalSet(0, 1)))


def test_without_pynapple_the_extra_is_named(sorting, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynapple", None)
    with pytest.raises(MissingExtraError, match=r"nwbspikegen\[pynapple\]"):
        nsg.to_pynapple(nsg.open_units(sorting))
