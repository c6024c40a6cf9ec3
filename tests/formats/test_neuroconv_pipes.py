"""Our NeuroConv interfaces beside NeuroConv's own and beside each other: one file, in any order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from alf_files import write_session
from asdf_files import write_asdf
from maxwell_files import MAPPING, PROBE, write_circus, write_new_maxwell
from neuroconv import ConverterPipe, run_conversion_from_yaml
from neuroconv.tools.testing import MockRecordingInterface, MockSortingInterface
from nwbinspector import Importance, inspect_nwbfile
from pynwb import NWBHDF5IO

import nwbspikegen as nsg
from nwbspikegen import formats
from nwbspikegen.formats.nwb_observation import cut_observation

_TRAINS = {0: [10, 40, 41], 1: [7], 2: [], 10: [30, 3999]}
_NAMES = ("asdf", "ibl", "maxwell", "spykingcircus", "sorting")
_LABELS = dict(zip(_NAMES, ("ASDF", "IBL", "MaxWell", "SpykingCircus", "Sorting"), strict=True))


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Give an interface of ours by its format's name, over files that are written once."""
    folder = tmp_path_factory.mktemp("sources")
    trains = [np.array([1, 2, 4, 5, 8, 250]), np.array([], int), np.array([7])]
    (folder / "circus").mkdir()
    (folder / "ibl").mkdir()
    simulated = nsg.simulate("in_vivo", num_units=4, duration=5, seed=2).sorting
    # what NeuroConv has no null value for
    simulated.set_property("num_peaks", np.arange(4))
    simulated.set_property("is_fast", np.array([True, False, True, True]))
    sources = {
        "asdf": (
            formats.ASDFInterface,
            {"file_path": write_asdf(folder / "a.mat", trains, dtype=np.int32), "tick": 0.001},
        ),
        "ibl": (formats.IBLInterface, {"session_path": write_session(folder / "ibl")}),
        "maxwell": (formats.MaxWellInterface, {"file_path": write_new_maxwell(folder / "a.raw.h5")}),
        "spykingcircus": (
            formats.SpykingCircusInterface,
            {"path": write_circus(folder / "circus", _TRAINS, probe=PROBE, best=[1, 3, 0], duration=1)},
        ),
        "sorting": (formats.SortingInterface, {"sorting": simulated}),
    }

    def interface(name: str, **more: Any) -> Any:
        cls, source = sources[name]
        return cls(**source, **more)

    return interface


def _write(path: Path, interfaces: list[Any], options: dict[str, Any] | None = None) -> Path:
    """Convert as a user of NeuroConv does."""
    pipe = ConverterPipe({f"part{number}": each for number, each in enumerate(interfaces)})
    metadata = pipe.get_metadata()
    metadata["NWBFile"]["session_start_time"] = datetime(2024, 1, 1, tzinfo=UTC)
    metadata["Subject"] = {"subject_id": "m1", "species": "Mus musculus", "age": "P30D", "sex": "U"}
    pipe.run_conversion(path, metadata=metadata, conversion_options=options, overwrite=True)
    return path


def _read_units(path: Path, place: Callable[[Any], Any] = lambda nwbfile: nwbfile.units) -> dict[str, Any]:
    """Return what the table has of each unit, by its name: times, intervals, electrodes."""
    with NWBHDF5IO(path, "r") as io:
        table = place(io.read())
        has = table.colnames
        return {
            name: (
                np.asarray(table["spike_times"][row]),
                np.asarray(table["obs_intervals"][row]).tolist() if "obs_intervals" in has else [],
                table["electrodes"].get(row, index=True).tolist() if "electrodes" in has else [],
            )
            for row, name in enumerate(table["unit_name"][:])
        }


def _expected(interface: Any) -> list[np.ndarray]:
    sorting = interface.sorting_extractor
    return [sorting.get_unit_spike_train_in_seconds(unit, segment_index=0) for unit in sorting.unit_ids]


def _require_ours(found: dict[str, Any], name: str, interface: Any) -> None:
    """Compare spikes and observation of our units with the sorting."""
    ours = [value for unit, value in found.items() if unit.startswith(_LABELS[name])]
    for (times, observed, _), train in zip(ours, _expected(interface), strict=True):
        np.testing.assert_array_equal(times, train)
        assert len(observed) == 1
        assert observed[0][0] <= min(train, default=np.inf)
        assert observed[0][1] >= max(train, default=-np.inf)


@pytest.mark.parametrize("is_first", [True, False], ids=["ours_first", "theirs_first"])
@pytest.mark.parametrize("name", _NAMES)
class TestEveryPair:
    def order(self, ours: Any, other: Any, is_first: bool) -> list[Any]:
        return [ours, other] if is_first else [other, ours]

    def test_a_recording_of_neuroconv(self, make, tmp_path, name, is_first):
        ours, other = make(name), MockRecordingInterface(durations=(0.1,))
        path = _write(tmp_path / "a.nwb", self.order(ours, other, is_first))
        _require_ours(_read_units(path), name, ours)
        with NWBHDF5IO(path, "r") as io:
            nwbfile = io.read()
            electrodes = getattr(ours.sorting_extractor, "electrodes", None)
            number = 0 if electrodes is None else len(electrodes.groups)
            assert len(nwbfile.electrodes) == 4 + number
            series = nwbfile.acquisition["ElectricalSeries"]
            assert set(series.electrodes.to_dataframe().group_name) == {"ElectrodeGroup"}
            # each unit at an electrode of its own array
            for row in range(len(nwbfile.units)) if number else ():
                for electrode in nwbfile.units["electrodes"].get(row, index=True):
                    assert nwbfile.electrodes["group_name"][electrode] in set(electrodes.groups)

    def test_a_sorting_of_neuroconv(self, make, tmp_path, name, is_first):
        ours, other = make(name), MockSortingInterface(num_units=3)
        path = _write(tmp_path / "a.nwb", self.order(ours, other, is_first))
        found = _read_units(path)
        _require_ours(found, name, ours)
        theirs = dict(zip(("0", "1", "2"), _expected(other), strict=True))
        times = np.concatenate([*theirs.values()])
        for unit, train in theirs.items():
            np.testing.assert_array_equal(found[unit][0], train)
            # nobody said when it was observed, nor where: from the first spike of theirs to the last
            assert found[unit][1:] == ([[times.min(), times.max()]], [])
        assert nsg.open_units(path).sizes["unit"] == len(found)

    def test_another_of_ours(self, make, tmp_path, name, is_first):
        second = "maxwell" if name == "asdf" else "asdf"
        ours, other = make(name), make(second)
        path = _write(tmp_path / "a.nwb", self.order(ours, other, is_first))
        found = _read_units(path)
        _require_ours(found, name, ours)
        _require_ours(found, second, other)

    def test_a_table_in_a_processing_module(self, make, tmp_path, name, is_first):
        ours, other = make(name), MockSortingInterface(num_units=3)
        mine = {"write_as": "processing", "units_name": "ours", "units_description": "Ours, not curated."}
        options = {"part0" if is_first else "part1": mine}
        path = _write(tmp_path / "a.nwb", self.order(ours, other, is_first), options)
        _require_ours(_read_units(path, lambda nwbfile: nwbfile.processing["ecephys"]["ours"]), name, ours)
        assert list(_read_units(path)) == ["0", "1", "2"]
        with NWBHDF5IO(path, "r") as io:
            assert io.read().processing["ecephys"]["ours"].description == "Ours, not curated."
        view = nsg.open_units(path, unit_table="processing/ecephys/ours")
        assert view.sizes["unit"] == len(ours.sorting_extractor.unit_ids)


def test_a_file_of_many_is_valid(make, tmp_path):
    parts = [
        MockSortingInterface(num_units=3),
        make("maxwell"),
        MockRecordingInterface(durations=(0.1,)),
        make("ibl"),
    ]
    path = _write(
        tmp_path / "sub-m1_ecephys.nwb", parts, {"part3": {"write_as": "processing", "units_name": "ibl"}}
    )
    found = [
        message for message in inspect_nwbfile(path) if message.importance.value >= Importance.CRITICAL.value
    ]
    assert found == []


def test_the_same_sorter_twice_loses_no_unit(make, tmp_path):
    path = _write(tmp_path / "a.nwb", [make("sorting"), make("sorting")])
    assert list(_read_units(path)) == [
        f"{label}_{unit}" for label in ("Sorting", "Sorting-2") for unit in range(4)
    ]


def test_two_wells_have_electrodes_of_their_own(tmp_path):
    plate = b"MaxTwo 6 Well Plate"
    source = write_new_maxwell(
        tmp_path / "a.raw.h5", [("well000", "rec0000"), ("well003", "rec0000")], plate=plate
    )
    wells = [formats.MaxWellInterface(file_path=source, well=well) for well in ("well000", "well003")]
    path = _write(tmp_path / "a.nwb", wells)
    found = _read_units(path)
    assert list(found) == [f"MaxWell_{well}_{unit}" for well in ("well000", "well003") for unit in (0, 3, 7)]
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        assert sorted(nwbfile.devices) == ["MaxTwo well000", "MaxTwo well003"]
        assert {group.device.name for group in nwbfile.electrode_groups.values()} == set(nwbfile.devices)
        names = nwbfile.electrodes["group_name"][:]
        assert list(names) == ["well000"] * 4 + ["well003"] * 4
        for name, (_, _, rows) in found.items():
            assert [names[row] for row in rows] == [name.split("_")[1]]


def test_two_probes_of_a_session_are_two_devices(tmp_path):
    folder = write_session(tmp_path / "s", probes=("probe00", "probe01"))
    probes = [formats.IBLInterface(session_path=folder, probes=[name]) for name in ("probe00", "probe01")]
    path = _write(tmp_path / "a.nwb", probes)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        assert sorted(nwbfile.devices) == ["Neuropixels probe00", "Neuropixels probe01"]
        assert len(nwbfile.units) == sum(len(each.units_ids) for each in probes)
        # both say when the session was passive: once is enough
        parts = nwbfile.processing["passive_protocol"]["passive_intervals"]
        assert len(parts) == len(set(parts["protocol_type"][:]))


def test_two_sorters_of_one_array_share_its_electrodes(tmp_path):
    source = write_new_maxwell(tmp_path / "slice.raw.h5")
    (tmp_path / "circus").mkdir()
    folder = write_circus(tmp_path / "circus", _TRAINS, best=[1, 3, 0])
    sorters = [
        formats.MaxWellInterface(file_path=source),
        formats.SpykingCircusInterface(path=folder, recording=source),
    ]
    path = _write(tmp_path / "a.nwb", sorters)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        assert len(nwbfile.electrodes) == 4
        assert list(nwbfile.devices) == ["MaxOne well000"]
    found = _read_units(path)
    assert found["MaxWell_well000_3"][2] == [1]
    assert found["SpykingCircus_well000_0"][2] == [1]


@pytest.mark.parametrize("is_first", [True, False], ids=["traces_first", "spikes_first"])
@pytest.mark.parametrize("mapping", [MAPPING, [*MAPPING[:3], MAPPING[5]]], ids=["ours", "neo"])
def test_traces_and_spikes_share_electrodes(tmp_path, is_first, mapping):
    source = write_new_maxwell(tmp_path / "a.raw.h5", mapping=mapping)
    both = [formats.MaxWellTracesInterface(file_path=source), formats.MaxWellInterface(file_path=source)]
    path = _write(tmp_path / "a.nwb", both if is_first else both[::-1])
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        table = nwbfile.electrodes
        assert list(nwbfile.devices) == ["MaxOne well000"]
        assert len(table) == 4
        series = nwbfile.acquisition["ElectricalSeries"]
        # the rows of the file's channels have 500 + channel in them
        channels = [float(table["channel"][row]) for row in series.electrodes.data[:]]
        assert (series.data[0] - 500).tolist() == channels
        unit = list(nwbfile.units["unit_name"][:]).index("MaxWell_well000_3")
        assert [
            table["electrode_name"][row] for row in nwbfile.units["electrodes"].get(unit, index=True)
        ] == ["14261"]


def test_yaml_of_neuroconv_names_our_interfaces(make, tmp_path):
    formats.offer_to_neuroconv()
    (tmp_path / "data").mkdir()
    write_new_maxwell(tmp_path / "data" / "a.raw.h5")
    specification = {
        "data_interfaces": {"traces": "MaxWellTracesInterface", "spikes": "MaxWellInterface"},
        "metadata": {"NWBFile": {"lab": "a lab", "session_description": "A culture."}},
        "experiments": {
            "culture": {
                "sessions": [
                    {
                        "nwbfile_name": "a",
                        "source_data": {name: {"file_path": "a.raw.h5"} for name in ("traces", "spikes")},
                        "conversion_options": {"spikes": {"units_description": "On chip."}},
                    }
                ]
            }
        },
    }
    (tmp_path / "a.yml").write_text(yaml.safe_dump(specification))
    run_conversion_from_yaml(tmp_path / "a.yml", tmp_path / "data", tmp_path)
    assert list(_read_units(tmp_path / "a.nwb")) == [f"MaxWell_well000_{unit}" for unit in (0, 3, 7)]
    with NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        nwbfile = io.read()
        assert (nwbfile.units.description, len(nwbfile.electrodes)) == ("On chip.", 4)


def test_arrays_that_are_called_alike_are_told_apart_by_a_key(tmp_path):
    chips = [write_new_maxwell(tmp_path / f"{name}.raw.h5") for name in ("left", "right")]
    keyed = [formats.MaxWellInterface(file_path=each, metadata_key=each.name.split(".")[0]) for each in chips]
    path = _write(tmp_path / "a.nwb", keyed)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        assert sorted(nwbfile.devices) == ["left well000", "right well000"]
        assert sorted(nwbfile.electrode_groups) == ["left well000", "right well000"]
        assert len(nwbfile.electrodes) == 8
    assert list(_read_units(path))[3] == "right_well000_0"


def test_devices_and_groups_can_be_edited_in_the_metadata(make, tmp_path):
    ours = make("maxwell")
    metadata = ours.get_metadata()
    assert metadata["Devices"]["MaxOne well000"]["name"] == "MaxOne well000"
    metadata["Devices"]["MaxOne well000"]["name"] = "Chip 7"
    metadata["Ecephys"]["ElectrodeGroups"]["MaxOne well000"]["location"] = "CA1"
    metadata["NWBFile"]["session_start_time"] = datetime(2024, 1, 1, tzinfo=UTC)
    ours.run_conversion(tmp_path / "a.nwb", metadata=metadata)
    with NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        nwbfile = io.read()
        assert list(nwbfile.devices) == ["Chip 7"]
        assert nwbfile.electrode_groups["well000"].location == "CA1"


def test_alignment_moves_spikes_and_observation_alike(make, tmp_path):
    ours = make("maxwell")
    ours.set_aligned_starting_time(100.0)
    found = _read_units(_write(tmp_path / "a.nwb", [ours]))["MaxWell_well000_3"]
    np.testing.assert_allclose(found[0], 100 + np.array([40, 40, 100]) / 20_000)
    assert found[1] == [[100.0, 100.2]]


def test_a_registered_recording_times_spikes_and_observation(make, tmp_path):
    ours, recording = make("maxwell"), MockRecordingInterface(sampling_frequency=20_000.0, durations=(0.3,))
    recording.recording_extractor.shift_times(5.0)
    ours.register_recording(recording)
    found = _read_units(_write(tmp_path / "a.nwb", [ours]))["MaxWell_well000_3"]
    np.testing.assert_allclose(found[0], 5 + np.array([40, 40, 100]) / 20_000)
    np.testing.assert_allclose(found[1], [[5.0, 5.3]])


def test_a_stub_is_not_observed_after_its_end(make, tmp_path):
    ours = make("maxwell")
    options = {"part0": {"stub_test": True}}
    found = _read_units(_write(tmp_path / "a.nwb", [ours], options))
    # NeuroConv ends it 10 % after the latest of first spikes, frame 3999
    assert found["MaxWell_well000_3"][1] == [[0.0, 0.2]]
    assert cut_observation([[[0.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]], 0.5, 3.0) == [
        [[0.5, 2.5]],
        [[0.5, 0.5]],
    ]


def test_a_column_of_counts_of_somebody_else_is_filled(make, tmp_path):
    other = MockSortingInterface(num_units=3)
    other.sorting_extractor.set_property("num_peaks", np.array([5, 6, 7]))
    path = _write(tmp_path / "a.nwb", [other, make("asdf")])
    with NWBHDF5IO(path, "r") as io:
        assert io.read().units["num_peaks"][:].tolist() == [5, 6, 7, -1, -1, -1]


def test_the_finest_resolution_and_both_descriptions_stay(make, tmp_path):
    path = _write(tmp_path / "a.nwb", [make("asdf"), make("maxwell")])
    with NWBHDF5IO(path, "r") as io:
        units = io.read().units
        assert units.resolution == 1 / 20_000
        assert "ASDF" in units.description
        assert "detected on chip" in units.description
