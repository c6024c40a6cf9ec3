"""Sortings to NWB and back: times unrounded, metadata complete or refused, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
import yaml
from asdf_files import write_asdf
from pynwb import NWBHDF5IO
from spikeinterface.extractors import read_nwb_sorting

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError, MetadataError, OutputError
from nwbspikegen.core.metadata import read_metadata, require_metadata
from nwbspikegen.formats.asdf.interface import ASDFInterface
from nwbspikegen.simulation import metadata_of

_METADATA = {
    "NWBFile": {
        "session_description": "Test of a culture.",
        "session_start_time": "2021-05-11T00:00:00+09:00",
        "session_id": "s1",
        "keywords": ["preparation:in_vitro"],
    },
    "Subject": {"subject_id": "m1", "species": "Mus musculus", "age": "P3W/P5W", "sex": "U"},
}


def test_asdf_to_nwb_and_back(tmp_path):
    source = write_asdf(tmp_path / "a.mat")
    path = nsg.convert_asdf(source, tmp_path / "a.nwb", metadata=_METADATA, tick=0.0001)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        np.testing.assert_array_equal(nwbfile.units["spike_times"][0], (np.array([1, 3, 250]) - 0.5) * 0.0001)
        assert nwbfile.units["spike_times"][1].size == 0
        assert nwbfile.units.resolution == 0.0001 / 2
        np.testing.assert_allclose(nwbfile.units["obs_intervals"][2], [[0.0, 0.025]])
        assert nwbfile.subject.species == "Mus musculus"
        assert "preparation:in_vitro" in nwbfile.keywords[:]


def test_spikeinterface_reads_frames_that_keep_every_interval(tmp_path):
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.choice(5000, 900, replace=False)) + 1 for _ in range(3)]
    source = write_asdf(tmp_path / "a.mat", trains, (3, 5000), dtype=np.int32)
    path = nsg.convert_asdf(source, tmp_path / "a.nwb", metadata=_METADATA)
    read = read_nwb_sorting(path, t_start=0.0)
    for unit, train in zip(read.unit_ids, trains, strict=True):
        frames = read.get_unit_spike_train(unit)
        intervals = np.diff(frames) / read.sampling_frequency
        np.testing.assert_allclose(intervals, np.diff(train) * 0.001, rtol=0, atol=1e-9)


def test_the_view_knows_what_was_converted(tmp_path):
    simulation = nsg.simulate("in_vivo", num_units=5, duration=10, seed=2)
    path = nsg.convert_sorting(simulation.sorting, tmp_path / "s.nwb", metadata=metadata_of(simulation))
    units = nsg.open_units(path)
    np.testing.assert_array_equal(units.spikes, simulation.spikes)
    assert units.attrs["preparation"] == "in_vivo"
    np.testing.assert_array_equal(units.rel_x, simulation.sorting.get_property("rel_x"))


def test_missing_metadata_prints_a_template_and_writes_nothing(tmp_path):
    source = write_asdf(tmp_path / "a.mat")
    known = {"Subject": {"subject_id": "m1", "sex": "male"}}
    with pytest.raises(MetadataError) as caught:
        nsg.convert_asdf(source, tmp_path / "a.nwb", metadata=known)
    assert "no Subject species" in str(caught.value)
    assert "Subject sex 'male'" in str(caught.value)
    template = yaml.safe_load(str(caught.value).partition("with\n")[2])
    assert template["NWBFile"] == {"session_description": None, "session_start_time": None}
    assert template["Subject"] == {"subject_id": "m1", "species": None, "age": None, "sex": None}
    assert os.listdir(tmp_path) == ["a.mat"]


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("Subject", "species", "mouse"),
        ("Subject", "age", "5 weeks"),
        ("Subject", "age", "P"),
        ("Subject", "subject_id", "a/b"),
        ("NWBFile", "session_id", "a/b"),
        ("NWBFile", "session_start_time", "yesterday"),
    ],
)
def test_what_the_archive_would_refuse_is_refused(section, field, value):
    metadata = read_metadata(_METADATA)
    require_metadata(metadata)
    metadata[section][field] = value
    with pytest.raises(MetadataError, match=f"{section} {field}"):
        require_metadata(metadata)


def test_metadata_that_is_no_mapping_is_refused(tmp_path):
    (tmp_path / "m.yaml").write_text("- a\n- b\n")
    with pytest.raises(InputError, match="without NWBFile and Subject"):
        read_metadata(tmp_path / "m.yaml")
    (tmp_path / "m.yaml").write_text("a: [")
    with pytest.raises(InputError, match="no YAML"):
        read_metadata(tmp_path / "m.yaml")


def test_unknown_fields_and_silence_are_refused(tmp_path):
    unknown = read_metadata(_METADATA)
    unknown["NWBFile"]["labb"] = "typo"
    with pytest.raises(MetadataError, match="labb"):
        nsg.convert_asdf(write_asdf(tmp_path / "a.mat"), tmp_path / "a.nwb", metadata=unknown)
    silent = write_asdf(tmp_path / "s.mat", trains=([], []), size=(2, 100))
    with pytest.raises(InputError, match="no spike in any of 2 units"):
        nsg.convert_asdf(silent, tmp_path / "a.nwb", metadata=_METADATA)
    assert not (tmp_path / "a.nwb").exists()


def test_existing_output_stays(tmp_path):
    source, out = write_asdf(tmp_path / "a.mat"), tmp_path / "a.nwb"
    out.write_text("precious")
    with pytest.raises(OutputError, match="which exists"):
        nsg.convert_asdf(source, out, metadata=_METADATA)
    assert out.read_text() == "precious"
    nsg.convert_asdf(source, out, metadata=_METADATA, overwrite=True)
    assert nsg.open_units(out).sizes["unit"] == 3


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("id", np.arange(3), "a property 'id'"),
        ("a/b", np.arange(3), "a property 'a/b'"),
        ("things", np.array([{}, [], 1], dtype=object), "neither numbers nor texts"),
    ],
)
def test_what_cannot_be_written_is_refused_before(tmp_path, name, values, message):
    simulation = nsg.simulate("in_vivo", num_units=3, duration=2, seed=2)
    sorting = simulation.sorting
    sorting.set_property(name, values)
    with pytest.raises(InputError, match=message):
        nsg.convert_sorting(sorting, tmp_path / "s.nwb", metadata=metadata_of(simulation))
    assert not (tmp_path / "s.nwb").exists()


@pytest.mark.parametrize("interval", [(2.0, 0.0), (0.0, np.nan)])
def test_an_observation_that_is_none_is_refused_before(tmp_path, interval):
    simulation = nsg.simulate("in_vivo", num_units=3, duration=2, seed=2)
    sorting = simulation.sorting
    sorting.annotate(observation_interval=interval)
    with pytest.raises(InputError, match="a start before a stop"):
        nsg.convert_sorting(sorting, tmp_path / "s.nwb", metadata=metadata_of(simulation))
    assert not (tmp_path / "s.nwb").exists()


def test_other_things_than_sortings_are_refused(tmp_path):
    with pytest.raises(InputError, match="a str"):
        nsg.convert_sorting("a.nwb", tmp_path / "s.nwb", metadata=_METADATA)


def test_column_order_does_not_depend_on_the_process(tmp_path):
    script = (
        "import sys, h5py, numpy as np, nwbspikegen as nsg\n"
        "from nwbspikegen.simulation import metadata_of\n"
        "simulation = nsg.simulate('in_vivo', num_units=3, duration=2, seed=2)\n"
        "nsg.convert_sorting(simulation.sorting, sys.argv[1], metadata=metadata_of(simulation))\n"
        "print(list(h5py.File(sys.argv[1])['units'].attrs['colnames']))\n"
    )
    # hashes of this process are of another seed, drawn when it was started
    there = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "there.nwb")],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    simulation = nsg.simulate("in_vivo", num_units=3, duration=2, seed=2)
    here = nsg.convert_sorting(simulation.sorting, tmp_path / "here.nwb", metadata=metadata_of(simulation))
    with h5py.File(here) as file:
        assert there.strip() == str(list(file["units"].attrs["colnames"]))


def test_the_interface_serves_neuroconv(tmp_path):
    schema = ASDFInterface.get_source_schema()
    assert {"file_path", "tick", "positions"} <= set(schema["properties"])
    interface = ASDFInterface(file_path=write_asdf(tmp_path / "a.mat"))
    assert interface.units_ids.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("folder", "name", "tick"),
    [("slice_210511", "asdf_bh.mat", 0.001), ("ibl_nyu40_20210414", "asdf.mat", 0.0001)],
)
def test_real_files_are_valid(shared_data, tmp_path, folder, name, tick):
    metadata = read_metadata(shared_data / folder / "metadata.yaml")
    path = tmp_path / f"sub-{metadata['Subject']['subject_id']}_ecephys.nwb"
    nsg.convert_asdf(shared_data / folder / name, path, metadata=metadata, tick=tick)
    findings = nsg.validate_file(path)
    assert not (findings.severity == "error").any(), findings
