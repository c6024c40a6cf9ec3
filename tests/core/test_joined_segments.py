"""Several segments of a sorting: where each lies on one clock, and what is known of its observation."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynwb import NWBHDF5IO
from spikeinterface.core import NumpySorting, generate_recording

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.joined_segments import JoinedSorting, lay_segments
from nwbspikegen.core.segments import join_segments
from nwbspikegen.simulation import metadata_of

_RATE_HZ = 1000.0
_FIRST = {"a": np.array([5, 700]), "b": np.array([10])}
_SECOND = {"a": np.array([3]), "b": np.array([], dtype=np.int64)}


def make_sorting() -> NumpySorting:
    return NumpySorting.from_unit_dict([_FIRST, _SECOND], _RATE_HZ)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)), min_size=2, max_size=5))
def test_laid_segments_never_overlap(found):
    intervals = [(start, start + length) for start, length in found]
    starts = lay_segments(intervals)
    stops = [begin + (stop - start) for begin, (start, stop) in zip(starts, intervals, strict=True)]
    assert all(begin >= stop - 1e-9 for begin, stop in zip(starts[1:], stops, strict=False))
    assert starts[0] == intervals[0][0]


def test_segments_that_follow_each_other_stay_where_they_are():
    sorting = make_sorting()
    sorting.shift_times(20.0, segment_index=1)
    sorting.annotate(observation_interval=[(0.0, 1.0), (20.0, 21.5)])
    joined = join_segments(sorting)
    assert joined.get_unit_spike_train_in_seconds("a").tolist() == [0.005, 0.7, 20.003]
    assert joined.obs_intervals["b"] == [[0.0, 1.0], [20.0, 21.5]]
    assert joined.get_unit_spike_train("a", start_frame=6, end_frame=20_004).tolist() == [700, 20_003]


def test_without_a_length_the_last_spike_ends_a_segment(caplog):
    with caplog.at_level(logging.WARNING):
        joined = join_segments(make_sorting())
    assert "when its 2 segments ended" in caplog.text
    np.testing.assert_allclose(joined.obs_intervals["a"], [[0.0, 0.701], [2.0, 2.004]])


def test_a_silent_segment_without_a_length_is_refused():
    silent = NumpySorting.from_unit_dict([dict.fromkeys("ab", np.array([], int)), _FIRST], _RATE_HZ)
    with pytest.raises(InputError, match="register the recording"):
        join_segments(silent)


def test_intervals_of_units_need_one_clock():
    sorting = make_sorting()
    sorting.register_recording(
        generate_recording(num_channels=1, durations=[1, 1], sampling_frequency=_RATE_HZ)
    )
    sorting.obs_intervals = {"a": [(0.0, 1.0)], "b": [(0.0, 0.5)]}
    with pytest.raises(InputError, match="not on one clock"):
        join_segments(sorting)


def test_properties_and_annotations_stay():
    sorting = make_sorting()
    sorting.set_property("depth", np.array([1.0, 2.0]))
    sorting.annotate(session_id="s")
    joined = JoinedSorting(sorting, intervals=[(0, 1), (0, 1)])
    assert joined.get_property("depth").tolist() == [1.0, 2.0]
    assert joined.get_annotation("session_id") == "s"


def test_they_are_written_with_an_interval_each(tmp_path):
    simulation = nsg.simulate("in_vivo", num_units=2, duration=2, seed=1)
    sorting = make_sorting()
    sorting.annotate(observation_interval=[(0.0, 1.0), (0.0, 2.0)])
    path = nsg.convert_sorting(sorting, tmp_path / "a.nwb", metadata=metadata_of(simulation))
    with NWBHDF5IO(path, "r") as io:
        units = io.read().units
        assert units["spike_times"][0].tolist() == [0.005, 0.7, 2.003]
        assert [np.asarray(each).tolist() for each in units["obs_intervals"][:]] == [[[0, 1], [2, 4]]] * 2
    np.testing.assert_array_equal(nsg.open_units(path).spikes, nsg.open_units(sorting).spikes)
    np.testing.assert_array_equal(nsg.open_units(path).observed, nsg.open_units(sorting).observed)
