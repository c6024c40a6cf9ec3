"""Genuine files: converted, valid, and with the spikes that plain h5py and NumPy read."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO

import nwbspikegen as nsg
from nwbspikegen.archive import validate_file

_METADATA = {
    "NWBFile": {
        "session_description": "Genuine data, read by a test.",
        "session_start_time": "2021-05-11T00:00:00+00:00",
        "session_id": "genuine",
    },
    "Subject": {"subject_id": "m1", "species": "Mus musculus", "age": "P90D", "sex": "U"},
}


def _convert(tmp_path, name, source, **parameters):
    out = tmp_path / "sub-m1_ses-genuine_ecephys.nwb"
    nsg.convert_format(name, source, out, metadata=_METADATA, **parameters)
    assert not (validate_file(out).severity == "error").any()
    return out


def _read(path):
    """Return spike times by the unit's name, and the table of units."""
    with NWBHDF5IO(path, "r") as io:
        table = io.read().units.to_dataframe().drop(columns="electrodes", errors="ignore")
    return dict(zip(table.unit_name, table.spike_times, strict=True)), table


def test_the_network_recording_of_maxone(shared_data, tmp_path):
    source = shared_data / "maxone_network" / "data.raw.h5"
    with h5py.File(source, "r") as file:
        group = file["wells/well000/rec0000"]
        spikes, first = group["spikes"][()], int(group["groups/routed/frame_nos"][0])
        num_frames = len(group["groups/routed/frame_nos"])
        routed = np.isin(spikes["channel"], group["settings/mapping"]["channel"])
    frames = spikes["frameno"] - first
    inside = (frames >= 0) & (frames < num_frames)
    assert (len(spikes), (~inside).sum(), (inside & ~routed).sum()) == (363, 3, 53)
    out = _convert(tmp_path, "maxwell", source)
    trains, table = _read(out)
    assert sum(map(len, trains.values())) == 307
    for channel, train in trains.items():
        expected = np.sort(frames[inside & (spikes["channel"] == int(channel))]) / 20_000
        assert np.array_equal(train, expected)
    assert table.obs_intervals.iloc[0].tolist() == [[0.0, 10.01]]
    [finding] = [each for each in nsg.survey(out).findings if each.name == "left_out"]
    reasons = "3 outside the recorded frames, 53 on channels that are not routed"
    assert finding.text == f"56 of 363 spikes were left out when this was made, {reasons}"


def test_a_result_of_spyking_circus(shared_data, tmp_path):
    folder = shared_data / "spykingcircus_example"
    result = next(folder.rglob("*.result-merged.hdf5"))
    with h5py.File(result, "r") as file:
        expected = {
            match[1]: np.sort(file["spiketimes"][name][()].ravel().astype(np.int64))
            for name in file["spiketimes"]
            if (match := re.fullmatch(r"temp_(\d+)", name))
        }
    out = _convert(tmp_path, "spykingcircus", folder, sampling_frequency=32_000.0, duration=10.0)
    trains, _ = _read(out)
    assert len(trains) == 9
    assert trains.keys() == expected.keys()
    assert all(np.array_equal(trains[unit], frames / 32_000) for unit, frames in expected.items())


def test_a_kilosort_folder_of_a_probe(shared_data, tmp_path):
    folder = shared_data / "kilosort4_ibl_probe"
    times, clusters = (
        np.load(folder / f"spike_{name}.npy").astype(np.int64) for name in ("times", "clusters")
    )
    out = _convert(tmp_path, "kilosort", folder, duration=90.0)
    trains, table = _read(out)
    assert (len(trains), sum(map(len, trains.values()))) == (403, 290_360)
    assert all(
        np.array_equal(train, np.sort(times[clusters == int(unit)]) / 30_000)
        for unit, train in trains.items()
    )
    assert (table.quality == "good").sum() == 253
    units = nsg.open_units(out)
    deep = nsg.select_units(units, skip=0, depth=(0, 1000), quality="good")
    assert 0 < deep.sizes["unit"] < 253
    assert float(deep.depth.max()) <= 1000


@pytest.mark.parametrize("name", ["x", "y"])
def test_units_of_the_probe_lie_on_it(shared_data, name):
    from nwbspikegen.formats import PhySorting

    sorting = PhySorting(shared_data / "kilosort4_ibl_probe", duration=90.0)
    sites = sorting.electrodes
    distance = sorting.get_property(f"rel_{name}") - sites.columns[f"rel_{name}"][sites.of_units]
    assert np.abs(distance).max() < 40
