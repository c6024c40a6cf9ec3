"""Sortings and analyzers of SpikeInterface, saved or in memory; nothing is unpickled or imported by name."""

from __future__ import annotations

import json
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from pynwb import NWBHDF5IO
from spikeinterface.core import NumpySorting, create_sorting_analyzer, generate_ground_truth_recording, load
from test_sources_maxwell import METADATA

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.sorters.interface import SavedSortingInterface
from nwbspikegen.formats.sorters.saved import SavedSorting

_KINDS = ("sorting", "sorting.zarr", "analyzer", "analyzer.zarr")
_METADATA = {
    **METADATA,
    "NWBFile": {"session_start_time": "2021-05-11T00:00:00+09:00", **METADATA["NWBFile"]},
}
_SECONDS = 4.0


@pytest.fixture(scope="module")
def analyzer():
    recording, sorting = generate_ground_truth_recording(
        durations=[_SECONDS], num_channels=8, num_units=4, sampling_frequency=10_000.0, seed=0
    )
    sorting.set_property("quality", np.array(["good", "mua", "good", "noise"]))
    made = create_sorting_analyzer(sorting, recording, format="memory")
    made.compute(["random_spikes", "templates", "noise_levels", "unit_locations"])
    made.compute({"quality_metrics": {"metric_names": ["num_spikes", "firing_rate", "snr"]}})
    return made


@pytest.fixture(scope="module")
def saved(analyzer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    with warnings.catch_warnings():
        # a simulated recording cannot be saved, which is told
        warnings.simplefilter("ignore")
        analyzer.sorting.save(folder=folder / "sorting", format="numpy_folder")
        analyzer.sorting.save(folder=folder / "sorting.zarr", format="zarr")
        analyzer.save_as(folder=folder / "analyzer", format="binary_folder")
        analyzer.save_as(folder=folder / "analyzer.zarr", format="zarr")
    return folder


def _trains(sorting):
    return {unit: sorting.get_unit_spike_train(unit).tolist() for unit in sorting.unit_ids.tolist()}


@pytest.mark.parametrize("kind", _KINDS)
def test_what_was_saved_is_read(analyzer, saved, kind):
    sorting = SavedSorting(saved / kind)
    assert _trains(sorting) == _trains(analyzer.sorting)
    assert sorting.unit_ids.tolist() == ["0", "1", "2", "3"]
    assert sorting.get_property("quality").tolist() == ["good", "mua", "good", "noise"]
    assert sorting.sampling_frequency == 10_000.0
    seconds = sorting.get_unit_spike_train_in_seconds("1")
    assert np.array_equal(seconds, analyzer.sorting.get_unit_spike_train("1") / 10_000.0)
    assert _trains(load(sorting.to_dict())) == _trains(sorting)


@pytest.mark.parametrize("kind", ["analyzer", "analyzer.zarr"])
def test_analyzers_tell_places_metrics_electrodes_and_length(analyzer, saved, kind):
    sorting = SavedSorting(saved / kind)
    places = analyzer.get_extension("unit_locations").get_data()
    metrics = analyzer.get_extension("quality_metrics").get_data()
    assert np.array_equal(sorting.get_property("rel_x"), places[:, 0])
    assert np.array_equal(sorting.get_property("depth"), places[:, 1])
    assert sorting.get_property("num_spikes").tolist() == metrics.num_spikes.tolist()
    assert np.allclose(sorting.get_property("snr"), metrics.snr, rtol=1e-6)
    assert sorting.observation_interval == (0.0, _SECONDS)
    sites = sorting.electrodes
    assert np.array_equal(
        np.stack([sites.columns["rel_x"], sites.columns["rel_y"]], axis=1), analyzer.get_channel_locations()
    )
    assert (
        sites.columns["channel_name"][sites.of_units].tolist()
        == sorting.get_property("main_channel_id").tolist()
    )


@pytest.mark.parametrize("kind", ["sorting", "sorting.zarr"])
def test_how_long_a_sorting_lasts(saved, kind, tmp_path):
    assert SavedSorting(saved / kind).observation_interval is None
    assert SavedSorting(saved / kind, duration=5.0).observation_interval == (0.0, 5.0)
    with pytest.raises(InputError, match=r"spikes until .* none after 1 s, the end of the given duration"):
        SavedSorting(saved / kind, duration=1.0)


@pytest.mark.filterwarnings("ignore:The extractor is not serializable")
def test_intervals_that_were_annotated_come_back(tmp_path):
    sorting = NumpySorting.from_unit_dict(
        [{3: np.array([5, 70]), 8: np.array([9])}], sampling_frequency=100.0
    )
    sorting.annotate(observation_interval=(0.0, 2.0), obs_intervals={3: [[0.0, 1.0]], 8: [[0.5, 2.0]]})
    sorting.save(folder=tmp_path / "a")
    found = SavedSorting(tmp_path / "a")
    assert found.observation_interval == (0.0, 2.0)
    assert found.get_annotation("obs_intervals") == {3: [[0.0, 1.0]], 8: [[0.5, 2.0]]}


def test_an_analyzer_in_memory_opens_and_converts(analyzer, tmp_path):
    units = nsg.open_units(analyzer, bin_size=0.01)
    assert units.sizes == {"time": 400, "unit": 4}
    assert np.array_equal(units.depth, analyzer.get_extension("unit_locations").get_data()[:, 1])
    assert units.snr.shape == (4,)
    assert "depth" not in analyzer.sorting.get_property_keys()
    assert nsg.survey(analyzer).is_observation_known
    path = nsg.convert_sorting(analyzer, tmp_path / "a.nwb", metadata=_METADATA)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        table = nwbfile.units.to_dataframe()
        assert [len(train) for train in table.spike_times] == [
            len(each) for each in _trains(analyzer.sorting).values()
        ]
        assert table.obs_intervals.tolist()[0].tolist() == [[0.0, _SECONDS]]
        assert table.num_spikes.tolist() == [len(train) for train in table.spike_times]
        channels = [row.channel_name.tolist() for row in table.electrodes]
    assert channels == [[name] for name in analyzer.sorting.get_property("main_channel_id").tolist()]


def test_an_analyzer_without_its_recording_lasts_as_long(analyzer, saved):
    loaded = load(saved / "analyzer")
    assert not loaded.has_recording()
    views = [
        nsg.open_units(each, bin_size=0.01)
        for each in (loaded, analyzer, SavedSorting(saved / "analyzer.zarr"))
    ]
    assert all(
        view.spikes.identical(views[0].spikes) or view.spikes.equals(views[0].spikes) for view in views
    )


def saved_sorting(saved):
    return SavedSorting(saved / "analyzer.zarr")


class _Trap:
    """What runs when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return Path.touch, (self.place,)


def test_nothing_is_unpickled_or_imported(saved, tmp_path, caplog):
    folder = tmp_path / "analyzer"
    shutil.copytree(saved / "analyzer", folder)
    trap = _Trap(tmp_path / "ran")
    np.save(
        folder / "sorting" / "properties" / "bad.npy", np.array([trap] * 4, dtype=object), allow_pickle=True
    )
    (folder / "recording.pickle").write_bytes(pickle.dumps(trap))
    (folder / "extensions" / "unit_locations" / "more.pkl").write_bytes(pickle.dumps(trap))
    calls = {
        "class": "pathlib.Path.touch",
        "module": "pathlib",
        "version": "1",
        "kwargs": {"self": str(trap.place)},
    }
    for name in ("recording.json", "sorting/si_folder.json", "sorting/provenance.json"):
        (folder / name).write_text(json.dumps({**calls, "annotations": {}}))
    sorting = SavedSorting(folder)
    assert "bad" not in sorting.get_property_keys()
    assert "bad.npy holds pickled objects or is damaged: left out" in caplog.text
    assert not trap.place.exists()


def test_pickles_in_zarr_are_not_read(tmp_path, monkeypatch):
    import numcodecs
    import zarr

    sorting = NumpySorting.from_unit_dict([{"a": np.array([5])}], sampling_frequency=100.0)
    sorting.save(folder=tmp_path / "a.zarr", format="zarr")
    trap = _Trap(tmp_path / "ran")
    root = zarr.open_group(str(tmp_path / "a.zarr"), "a")
    root.require_group("properties").create_dataset(
        "bad", data=np.array([trap], dtype=object), object_codec=numcodecs.Pickle()
    )
    monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True)
    assert SavedSorting(tmp_path / "a.zarr").get_property_keys() == []
    assert not trap.place.exists()


def _edit(folder, **changes):
    file = folder / "numpysorting_info.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: _edit(folder, num_segments=2), "2 segments .* one segment at a time"),
        (lambda folder: _edit(folder, unit_ids=["0", "0", "1", "2"]), "do not name each unit once"),
        (lambda folder: _edit(folder, unit_ids=[[1], [2, 3]]), "do not name each unit once"),
        (lambda folder: _edit(folder, unit_ids=["0"]), "spikes of units that are not"),
        (lambda folder: _edit(folder, sampling_frequency=0), "a rate of 0 Hz"),
        (lambda folder: np.save(folder / "spikes.npy", np.arange(3)), "spikes without frames"),
        (lambda folder: (folder / "spikes.npy").write_bytes(b"no"), "cannot be read"),
        (lambda folder: (folder / "numpysorting_info.json").unlink(), "another folder at"),
    ],
)
def test_what_is_damaged_is_refused(saved, tmp_path, change, message):
    folder = tmp_path / "sorting"
    shutil.copytree(saved / "sorting", folder)
    change(folder)
    with pytest.raises(InputError, match=message):
        SavedSorting(folder)


def test_damaged_zarr_is_refused(saved, tmp_path):
    folder = tmp_path / "a.zarr"
    shutil.copytree(saved / "sorting.zarr", folder)
    next((folder / "spikes" / "unit_index").glob("0*")).write_bytes(b"no")
    with pytest.raises(InputError, match="cannot be read as Zarr"):
        SavedSorting(folder)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("sorter_output", "convert kilosort"), ("waveforms", "save it again"), ("other", "check the path")],
)
def test_other_folders_say_what_to_do(tmp_path, name, remedy):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=remedy):
        SavedSorting(tmp_path)


def test_neuroconv_interface(saved):
    made = SavedSortingInterface(path=str(saved / "analyzer.zarr"))
    assert made.sorting_extractor.observation_interval == (0.0, _SECONDS)
