"""SpikeInterface sortings as views."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from nwbspikegen.core.errors import InputError
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


def test_several_segments_are_refused():
    sorting = core.NumpySorting.from_unit_dict([TRAINS, TRAINS], sampling_frequency=10_000.0)
    with pytest.raises(InputError, match="2 segments"):
        open_units(sorting)


def test_views_of_sortings_pickle(sorting):
    units = open_units(sorting)
    assert np.array_equal(pickle.loads(pickle.dumps(units)).spikes.values, units.spikes.values)
