"""SpikeInterface sortings as views."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from nwbspikegen.views import count_merged, open_units

core = pytest.importorskip("spikeinterface.core", reason="spikeinterface is not installed")

TRAINS = {"a": np.array([5, 6, 5000]), "b": np.array([9999])}


@pytest.fixture
def sorting():
    made = core.NumpySorting.from_unit_dict([TRAINS], sampling_frequency=10_000.0)
    made.set_property("depth", np.array([1.0, 2.0]))
    made.annotate(species="Mus musculus")
    return made


def test_frames_count_from_the_start_of_the_recording(sorting):
    units = open_units(sorting)
    assert units.spikes.shape == (1000, 2)
    assert units.spikes.values.sum(axis=0).tolist() == [2, 1]
    assert units.unit.values.tolist() == ["a", "b"]
    assert units.depth.values.tolist() == [1.0, 2.0]
    assert units.attrs["species"] == "Mus musculus"
    assert count_merged(units) == 1


def test_the_observation_interval_wins(sorting):
    sorting.annotate(observation_interval=(0.0, 2.0))
    assert open_units(sorting).sizes["time"] == 2000
    sorting.observation_interval = (0.0, 3.0)
    assert open_units(sorting).sizes["time"] == 3000


def test_a_recording_tells_the_duration(sorting):
    recording = core.NumpyRecording([np.zeros((15_000, 1), dtype=np.float32)], sampling_frequency=10_000.0)
    sorting.register_recording(recording)
    assert open_units(sorting).sizes["time"] == 1500


def test_the_number_of_samples_tells_the_duration(sorting):
    sorting.num_samples = 12_000
    assert open_units(sorting).sizes["time"] == 1200


def test_several_segments_are_on_one_clock_with_a_gap_that_nobody_observed():
    twice = core.NumpySorting.from_unit_dict([TRAINS, TRAINS], sampling_frequency=10_000.0)
    twice.register_recording(
        core.generate_recording(num_channels=1, durations=[1.5, 2.0], sampling_frequency=1e4)
    )
    units = open_units(twice)
    alone = open_units(core.NumpySorting.from_unit_dict([TRAINS], sampling_frequency=10_000.0)).spikes.values
    # the second begins a second or more after the end of the first, at a whole one
    assert units.sizes["time"] == 5000
    assert units.observed.values[:, 0].nonzero()[0].tolist() == [*range(1500), *range(3000, 5000)]
    for begin in (0, 3000):
        np.testing.assert_array_equal(units.spikes.values[begin : begin + len(alone)], alone)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(units)).spikes.values, units.spikes.values)


def test_views_of_sortings_pickle(sorting):
    units = open_units(sorting)
    assert np.array_equal(pickle.loads(pickle.dumps(units)).spikes.values, units.spikes.values)
