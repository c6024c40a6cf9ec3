"""Which file is which: a derived file has an identifier of its own, and knows its recording."""

from __future__ import annotations

from pathlib import Path

import h5py
from nwb_sources import write_source
from pynwb import NWBHDF5IO

import nwbspikegen as nsg
from nwbspikegen.core.files import hash_file
from nwbspikegen.prediction.nwb_reading import read_sources


def _read(path: Path, name: str) -> str:
    with h5py.File(path) as file:
        return str(file[name].asstr()[()])


def test_every_file_has_an_identifier_of_its_own_and_names_its_source(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.nwb")
    first = nsg.write_results(tmp_path / "first.nwb", source=source)
    # a file that is derived from a derived one
    second = nsg.write_results(tmp_path / "second.nwb", source=first)
    identifiers = [_read(path, "identifier") for path in (source, first, second)]
    assert identifiers[0] == "small-1"
    assert len(set(identifiers)) == 3
    for path, parent in ((first, source), (second, first)):
        (row,) = read_sources(path).itertuples()
        assert (row.identifier, row.sha256) == (_read(parent, "identifier"), hash_file(parent))
        assert (row.file_name, row.recording_identifier) == (parent.name, "small-1")
        # the units are the recording's: who was trained on it is not taken for a stranger
        assert nsg.open_units(path).attrs["identifier"] == "small-1"
        with NWBHDF5IO(str(path), "r") as io:
            assert io.read().identifier == _read(path, "identifier")


def test_files_derived_before_are_read(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.nwb")
    old = nsg.write_results(tmp_path / "old.nwb", source=source)
    with h5py.File(old, "r+") as file:
        file["identifier"][()] = "small-1"
        table = file["processing/spike_generation/sources"]
        del table["recording_identifier"]
        table.attrs["colnames"] = [name for name in table.attrs["colnames"] if name != "recording_identifier"]
    assert read_sources(old).identifier.tolist() == ["small-1"]
    assert nsg.open_units(old).attrs["identifier"] == "small-1"
