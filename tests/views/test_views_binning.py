"""Properties of binning: no spike is lost, none moves, and a window is a slice of the whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views_nwb import replace_column, write_units

from nwbspikegen.nwb.page_index import BLOCK, PAGE, PageIndex
from nwbspikegen.views import count_merged, open_units
from nwbspikegen.views.binning import BinGrid, count_runs

CLOCKS = st.sampled_from([0.0, 0.1249, 3600.0, 3600.00045, 1e5, -12.3])
BIN_SIZES = st.sampled_from([0.0001, 0.001, 0.0033, 0.05, 1.0])
# in thousandths of a bin, unsorted and repeated
TRAINS = st.lists(st.lists(st.integers(0, 40_000), max_size=60), min_size=2, max_size=4)


@given(CLOCKS, BIN_SIZES, st.lists(st.integers(0, 2**31), min_size=1))
def test_a_spike_on_an_edge_belongs_to_the_bin_that_starts_there(origin, bin_size, bins):
    grid = BinGrid(origin, bin_size, clock=origin + 2**31 * bin_size)
    edges = origin + np.asarray(bins) * bin_size
    assert grid.find_bins(edges).tolist() == bins
    assert grid.find_bins(edges + 0.999 * bin_size).tolist() == bins


@given(CLOCKS, BIN_SIZES)
def test_starts_are_found_in_their_own_bins(origin, bin_size):
    grid = BinGrid(origin, bin_size, clock=origin + 5000 * bin_size)
    assert np.array_equal(grid.find_bins(grid.starts(10, 5000)), np.arange(10, 5000))


@given(st.lists(st.integers(-5, 20)))
def test_runs_count_every_spike(values):
    occupied, counts = count_runs(np.sort(np.asarray(values, dtype=np.int64)))
    assert dict(zip(occupied.tolist(), counts.tolist(), strict=True)) == {v: values.count(v) for v in values}


@settings(deadline=None, max_examples=60)
@given(TRAINS, CLOCKS, BIN_SIZES, st.booleans())
def test_every_spike_is_counted_once_in_its_bin(trains, origin, bin_size, is_observed):
    if not any(trains):
        return
    times = [[origin + tick / 1000 * bin_size for tick in train] for train in trains]
    observed = (origin, origin + 40 * bin_size) if is_observed else None
    with tempfile.TemporaryDirectory() as folder:
        path = write_units(Path(folder, "a.nwb"), times, observed=observed)
        counted = open_units(path, bin_size=bin_size, binary=False)
        merged = open_units(path, bin_size=bin_size)
        counts, ones = counted.spikes.values, merged.spikes.values
        assert counts.sum(axis=0).tolist() == [len(train) for train in trains]
        assert np.array_equal(ones, counts > 0)
        assert count_merged(merged) == counts.sum() - ones.sum()
    if is_observed:
        expected = np.zeros_like(counts)
        for unit, train in enumerate(trains):
            np.add.at(expected[:, unit], np.asarray(train, dtype=int) // 1000, 1)
        assert np.array_equal(counts, expected)


@settings(deadline=None, max_examples=60)
@given(TRAINS, CLOCKS, st.data())
def test_a_window_is_a_slice_of_the_whole(trains, origin, data):
    bin_size = 0.001
    times = [[origin + tick / 1000 * bin_size for tick in train] for train in trains]
    with tempfile.TemporaryDirectory() as folder:
        path = write_units(Path(folder, "a.nwb"), times, observed=(origin, origin + 0.05))
        units = open_units(path, bin_size=bin_size, binary=False)
        whole = units.spikes.values
        positions = st.lists(st.integers(0, whole.shape[0] - 1), min_size=1, max_size=8)
        some = np.asarray(data.draw(positions))
        begin, end = sorted(data.draw(st.tuples(st.integers(0, 49), st.integers(0, 50))))
        order = np.asarray(data.draw(st.permutations(range(len(trains)))))
        assert np.array_equal(units.spikes[begin:end, order].values, whole[begin:end][:, order])
        assert np.array_equal(units.spikes[some].values, whole[some])
        assert np.array_equal(units.spikes[::-3, -1].values, whole[::-3, -1])
        assert np.array_equal(units.spikes[begin].values, whole[begin])
        if begin < end:
            window = open_units(
                path,
                bin_size=bin_size,
                binary=False,
                start=begin * bin_size,
                duration=(end - begin) * bin_size,
            )
            assert np.array_equal(window.spikes.values, whole[begin:end])
            assert np.array_equal(window.time.values, units.time.values[begin:end])


def test_the_dtype_widens_when_a_bin_overflows(tmp_path):
    path = write_units(tmp_path / "a.nwb", [[0.5] * 300 + [0.9], [0.1]], observed=(0.0, 1.0))
    units = open_units(path, bin_size=0.1, binary=False)
    assert units.spikes.dtype == np.uint16
    assert units.spikes.values[5, 0] == 300
    assert open_units(path, bin_size=0.1).spikes.dtype == np.uint8


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("page_of_late_spike", [0, 1, 20])
def test_unsorted_trains_lose_no_spike(tmp_path, page_of_late_spike, compression):
    """A spike that hides in a page far from its time is found in a window that never reads that page."""
    train = np.arange(25_000) * 0.01
    train[page_of_late_spike * PAGE + 400] = 249.5
    trains = [train, train[::-1], [1.0]]
    path = write_units(tmp_path / "a.nwb", trains, observed=(0.0, 250.0), compression=compression)
    units = open_units(path, binary=False)
    late = units.spikes[249_450:249_550, :2].sum("time").values
    assert late.tolist() == [11, 11]
    assert units.spikes.sum("time").values.tolist() == [25_000, 25_000, 1]


@pytest.mark.parametrize("clock", [0.0, 300.0, 1500.0])
def test_times_stored_as_float32_stay_in_their_bins(tmp_path, clock):
    edges = clock + np.arange(0, 500) * 0.001
    path = write_units(tmp_path / "a.nwb", [edges, [clock]], observed=(clock, clock + 0.5))
    replace_column(path, "spike_times", np.append(edges, clock).astype(np.float32))
    spikes = open_units(path, binary=False).spikes.values[:, 0]
    assert spikes.tolist() == [1] * 500


def test_the_page_index_finds_every_window():
    """Against a search of whole trains, for trains that begin, end and repeat at page and block edges."""
    rng = np.random.default_rng(3)
    sizes = [0, 1, PAGE - 1, PAGE, PAGE + 1, 0, 7 * PAGE, BLOCK + 3, 20, 0]
    trains = [np.sort(rng.choice(np.linspace(0, 9, 50), size)) for size in sizes]
    trains[4] = trains[4][::-1].copy()
    times = np.concatenate(trains)
    index = PageIndex(np.concatenate([[0], np.cumsum(sizes)]))
    everyone = np.arange(len(sizes))
    index.survey(times, everyone[::2])
    index.survey(times, everyone)
    assert index.is_sorted.tolist() == [unit != 4 for unit in everyone]
    assert index.has_numbers_only.all()
    assert index.first[6] == trains[6][0]
    assert index.last[7] == trains[7][-1]
    for start, stop in ((-1.0, 0.0), (2.0, 2.0), (2.9, 5.1), (9.0, 99.0), (10.0, 11.0)):
        begins, ends = index.find_rows(everyone, start, stop)
        for train, begin, end, offset in zip(trains, begins, ends, index.offsets[:-1], strict=True):
            wanted = np.flatnonzero((train >= start) & (train <= stop)) + offset
            assert set(wanted.tolist()) <= set(range(begin, end))


def test_a_window_reads_only_its_pages(tmp_path):
    train = np.arange(100_000) * 0.001
    path = write_units(tmp_path / "a.nwb", [train, train], observed=(0.0, 100.0), compression="gzip")
    units = open_units(path)
    source = units.spikes.encoding["binned"].source
    begins, ends = source._pages.find_rows(np.array([0, 1]), 50.0, 50.1)
    assert (ends - begins <= 2 * PAGE).all()
    assert units.spikes[50_000:50_100].values.sum() == 200
