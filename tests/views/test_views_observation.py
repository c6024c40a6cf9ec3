"""What was observed of each unit, as views tell it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from spikeinterface.core import NumpySorting
from views_nwb import write_units

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.views.binning import BinGrid
from nwbspikegen.views.criteria import count_observed, count_occupied
from nwbspikegen.views.observation import Observation, ObservedBins, join_intervals
from nwbspikegen.views.observed import find_stretches, read_bins, read_observed

_TRAINS = [[0.1005, 2.5, 9.0], [0.2, 5.0]]


def _write(path, intervals, index, *, trains=_TRAINS):
    write_units(path, trains)
    with h5py.File(path, "r+") as file:
        file["units/obs_intervals"] = np.asarray(intervals, dtype=float)
        file["units/obs_intervals_index"] = index
    return path


def test_each_unit_has_its_own_intervals(tmp_path):
    path = _write(tmp_path / "a.nwb", [[0.0, 1.0], [8.0, 10.0], [0.0, 10.0]], [2, 3])
    units = nsg.open_units(path)
    assert units.observed.dtype == bool
    assert units.observed.sum("time").values.tolist() == [3000, 10_000]
    assert units.observed[[999, 1000, 7999, 8000], 0].values.tolist() == [True, False, False, True]
    bins = read_bins(units)
    # a spike where nobody looked is no spike; the view still has it
    assert bins.spikes.sum(axis=0).tolist() == [2, 2]
    assert int(units.spikes.sum()) == 5
    assert count_occupied(units).tolist() == [2, 2]
    assert count_observed(units).tolist() == [3000, 10_000]


def test_the_variable_is_absent_only_where_all_was_observed(tmp_path):
    path = _write(tmp_path / "a.nwb", [[0.0, 1.0], [8.0, 10.0], [0.0, 10.0]], [2, 3])
    assert "observed" not in nsg.open_units(path, duration=1.0)
    assert "observed" in nsg.open_units(path, duration=1.001)
    assert "observed" not in nsg.open_units(path, start=8.0)
    # intervals that touch or overlap leave no gap
    path = _write(tmp_path / "b.nwb", [[0.0, 1.0], [1.0, 6.0], [5.0, 10.0], [0.0, 10.0]], [3, 4])
    assert "observed" not in nsg.open_units(path)


@pytest.mark.parametrize(("stop", "num_bins", "last"), [(10.0, 10_000, True), (10.0004, 10_001, False)])
def test_a_partial_last_bin_is_unobserved(tmp_path, stop, num_bins, last):
    path = write_units(tmp_path / "a.nwb", _TRAINS, observed=(0.0, stop))
    units = nsg.open_units(path)
    assert units.sizes["time"] == num_bins
    seen = read_observed(units)
    assert (seen is None) == last
    if seen is not None:
        assert seen[:-1].all()
        assert not seen[-1].any()


def test_invalid_times_and_exclusions_are_unobserved_and_move_no_bin(tmp_path):
    path = write_units(tmp_path / "a.nwb", _TRAINS, observed=(0.0, 10.0))
    with h5py.File(path, "r+") as file:
        table = file.create_group("intervals/invalid_times")
        table["start_time"], table["stop_time"] = [0.0, 4.0], [0.0505, 6.0]
    units = nsg.open_units(path, exclude=[(9.0, 9.5)])
    assert float(units.time[0]) == 0.0
    seen = read_observed(units)
    # a bin that is invalid in part is no observation
    expected = np.ones(10_000, dtype=bool)
    expected[:51] = expected[4000:6000] = expected[9000:9500] = False
    np.testing.assert_array_equal(seen, np.column_stack([expected, expected]))
    assert units.attrs["excluded"] == [[9.0, 9.5]]
    engine = xr.open_dataset(path, engine="nwb_units", exclude=[(9.0, 9.5)], chunks={})
    np.testing.assert_array_equal(engine.observed.values, seen)


@pytest.mark.parametrize("stretch", [(5.0, 5.0), (6.0, 5.0), (0.0, np.nan), (1.0,)])
def test_a_stretch_that_is_none_is_refused(tmp_path, stretch):
    path = write_units(tmp_path / "a.nwb", _TRAINS, observed=(0.0, 10.0))
    with pytest.raises(InputError, match="a start before a stop"):
        nsg.open_units(path, exclude=[stretch])


def test_a_unit_without_a_row_has_the_extent_of_the_others(tmp_path):
    path = _write(tmp_path / "a.nwb", [[0.0, 4.0], [6.0, 10.0]], [0, 2])
    assert read_observed(nsg.open_units(path)).sum(axis=0).tolist() == [10_000, 8000]
    # an empty row says that it was never observed
    path = _write(tmp_path / "b.nwb", [[0.0, 0.0], [0.0, 10.0]], [1, 2])
    assert read_observed(nsg.open_units(path)).sum(axis=0).tolist() == [0, 10_000]


@pytest.mark.parametrize("index", [[1, 2], [3, 2], [1, 2, 3]])
def test_an_index_that_does_not_fit_is_refused(tmp_path, index):
    path = _write(tmp_path / "a.nwb", [[0.0, 1.0], [8.0, 10.0], [0.0, 10.0]], index)
    with pytest.raises(InputError, match="index does not fit 2 units"):
        nsg.open_units(path)


def test_a_sorting_tells_of_each_unit_and_converts(tmp_path):
    trains = {"a": np.array([100, 2500]), "b": np.array([200, 9000])}
    sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=1000.0)
    sorting.annotate(obs_intervals={"a": [(0.0, 1.0), (2.0, 3.0)], "b": [(0.0, 10.0)]})
    sorting.named_intervals = {"invalid_times": [(0.5, 0.6)]}
    units = nsg.open_units(sorting)
    assert count_observed(units).tolist() == [1900, 9900]
    metadata = {
        "NWBFile": {"session_description": "s", "session_start_time": "2024-01-01T00:00:00+00:00"},
        "Subject": {"subject_id": "m1", "species": "Mus musculus", "age": "P20D", "sex": "U"},
    }
    again = nsg.open_units(nsg.convert_sorting(sorting, tmp_path / "sub-m1_ecephys.nwb", metadata=metadata))
    np.testing.assert_array_equal(read_observed(again), read_observed(units))


_ENDS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(_ENDS, _ENDS, st.integers(0, 20), st.integers(1, 40))
def test_bins_are_observed_where_every_part_of_them_is(inside, outside, first, length):
    """Against asking ten points of every bin, one by one."""
    seen = [(start / 10, (start + size) / 10) for start, size in inside]
    gone = [(start / 10, (start + size) / 10) for start, size in outside]
    observation = Observation.of_units([seen, [(0.0, 8.0)]]).without(gone)
    mask = ObservedBins(observation, BinGrid(0.0, 0.1, clock=8.0), first, length)
    points = (first + np.arange(length)[:, None] + (np.arange(10) + 0.5) / 10) * 0.1

    def holds(intervals):
        return np.any(
            [(points > start) & (points < stop) for start, stop in intervals] or [points < 0], axis=0
        )

    expected = [(holds(seen) & ~holds(gone)).all(axis=1), (holds([(0.0, 8.0)]) & ~holds(gone)).all(axis=1)]
    np.testing.assert_array_equal(mask._read(range(length), [0, 1]), np.column_stack(expected))
    assert mask.is_complete == bool(np.all(expected))


def test_stretches_give_the_mask_back():
    mask = np.random.default_rng(0).random((200, 3)) < 0.6
    stretches = find_stretches(mask, 3.0, 0.5)
    observation = Observation.of_units([join_intervals(each) for each in stretches])
    bins = ObservedBins(observation, BinGrid(3.0, 0.5, clock=103.0), 0, 200)
    np.testing.assert_array_equal(bins._read(range(200), [0, 1, 2]), mask)
