"""What `open_units` and the engine give, and what they refuse."""

from __future__ import annotations

import logging
import pickle
import socket

import h5py
import numpy as np
import pytest
import xarray as xr
from views_nwb import replace_column, write_units

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import hash_file
from nwbspikegen.views import count_merged, open_units
from nwbspikegen.views.engine import NWBUnitsBackend

TRAINS = [[0.0105, 0.0106, 0.5], [0.25], [0.999]]


@pytest.fixture
def path(tmp_path):
    return write_units(tmp_path / "tiny.nwb", TRAINS, observed=(0.0, 1.0))


def test_the_record_says_where_it_comes_from(path):
    units = open_units(path)
    assert units.spikes.dims == ("time", "unit")
    assert units.spikes.shape == (1000, 3)
    assert units.unit.values.tolist() == [10, 11, 12]
    assert units.quality.values.tolist() == ["good"] * 3
    assert units.depth.values.tolist() == [0.0, 1.5, 3.0]
    assert units.electrode_group.values.tolist() == ["probe"] * 3
    assert not {"waveform_mean", "notes"} & set(units.variables)
    assert units.attrs["preparation"] == "in_vitro"
    assert units.attrs["species"] == "Mus musculus"
    assert units.attrs["source_sha256"] == hash_file(path)
    assert units.attrs["session_start_time"] == "2020-01-01T00:00:00+00:00"
    assert units.attrs["bin_size"] == 0.001
    assert units.attrs["start_time"] == 0.0


def test_merged_spikes_are_counted_and_logged(path, caplog):
    units = open_units(path)
    with caplog.at_level(logging.DEBUG, logger="nwbspikegen"):
        assert units.spikes.values.sum() == 4
    assert "1 spikes shared a bin" in caplog.text
    assert count_merged(units) == count_merged(units.load()) == 1
    assert count_merged(units.isel(unit=[2, 1])) == count_merged(units.isel(time=slice(11, None))) == 0
    assert count_merged(open_units(path, binary=False)) == 0
    with pytest.raises(InputError, match="does not know its source"):
        count_merged(units + 1)


def test_a_last_spike_on_the_last_edge_has_a_bin(tmp_path):
    for observed in ((0.0, 1.0), None):
        path = write_units(tmp_path / f"{observed is None}.nwb", [[0.0, 1.0], [0.5]], observed=observed)
        assert open_units(path, binary=False).spikes.sum() == 3


def test_spikes_outside_the_observation_are_announced(tmp_path, caplog):
    path = write_units(tmp_path / "a.nwb", [[0.5, 7.0], [0.6]], observed=(0.0, 1.0))
    assert open_units(path).spikes.sum() == 2
    assert "left out" in caplog.text


@pytest.mark.parametrize("engine", ["nwb_units", NWBUnitsBackend])
def test_the_engine_gives_the_same_with_and_without_chunks(path, engine):
    if engine == "nwb_units" and engine not in xr.backends.list_engines():
        pytest.skip("the package is not installed with its entry points")
    whole = open_units(path, bin_size=0.01)
    chunked = xr.open_dataset(path, engine=engine, bin_size=0.01, chunks={})
    assert chunked.spikes.chunks is not None
    finer = chunked.chunk({"time": 7, "unit": 2})
    xr.testing.assert_identical(finer.compute().drop_encoding(), whole.compute().drop_encoding())
    assert np.array_equal(chunked.spikes.values, whole.spikes.values)
    assert count_merged(finer) == 1
    dropped = xr.open_dataset(path, engine=engine, drop_variables="depth")
    assert "depth" not in dropped.variables


def test_the_engine_claims_no_file(path):
    assert not NWBUnitsBackend().guess_can_open(path)


def test_views_pickle_and_leave_the_file_unlocked(path):
    units = open_units(path).isel(time=slice(200, 300))
    copied = pickle.loads(pickle.dumps(units))
    assert np.array_equal(copied.spikes.values, units.spikes.values)
    assert units.copy(deep=True).spikes.sum() == 1
    with h5py.File(path, "r+"):
        pass


def test_a_file_that_changed_is_not_read(path):
    units = open_units(path)
    write_units(path, [*TRAINS, [0.1]])
    with pytest.raises(InputError, match="changed since"):
        units.spikes.values  # noqa: B018


def test_a_window_is_floored_and_cut_to_what_there_is(path, caplog):
    units = open_units(path, start=0.0109, duration=0.0059)
    assert units.time.values[[0, -1]] == pytest.approx([0.010, 0.014])
    assert units.attrs["start_time"] == pytest.approx(0.010)
    with caplog.at_level(logging.DEBUG, logger="nwbspikegen"):
        assert open_units(path, start=0.5, duration=600).sizes["time"] == 500
    assert "using all" in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"start": 1.0},
        {"start": -0.1},
        {"start": np.nan},
        {"duration": 0.0},
        {"duration": -1.0},
        {"duration": np.nan},
        {"bin_size": 0.0},
        {"bin_size": -1.0},
        {"bin_size": np.nan},
    ],
)
def test_windows_outside_the_recording_are_refused(path, options):
    with pytest.raises(InputError):
        open_units(path, **options)


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        open_units(tmp_path / "none.nwb")
    with pytest.raises(InputError, match="a folder at"):
        open_units(tmp_path)
    (tmp_path / "text.nwb").write_text("spikes")
    with pytest.raises(InputError, match="not HDF5"):
        open_units(tmp_path / "text.nwb")
    with h5py.File(tmp_path / "other.nwb", "w"):
        pass
    with pytest.raises(InputError, match="without nwb_version"):
        open_units(tmp_path / "other.nwb")
    for name, version in (("nwb_version", "NWB-1.0.6"), ("nwb-version", b"1.0.5_beta")):
        with h5py.File(tmp_path / "old.nwb", "w") as file:
            file[name] = version
        with pytest.raises(InputError, match=r"a file of NWB 1\.x \((NWB-1\.0\.6|1\.0\.5_beta)\).*convert"):
            open_units(tmp_path / "old.nwb")
    with pytest.raises(InputError, match="int"):
        open_units(3)


def test_a_truncated_file_is_refused(path):
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot open"):
        open_units(path)


def test_units_elsewhere_are_named(path):
    with h5py.File(path, "r+") as file:
        file.move("units", "processing/ecephys/units")
    with pytest.raises(InputError, match="/processing/ecephys/units"):
        open_units(path)


@pytest.mark.parametrize("trains", [[], [[0.1]]])
def test_fewer_than_two_units_are_refused(tmp_path, trains):
    with pytest.raises(InputError, match=f"{len(trains)} units"):
        open_units(write_units(tmp_path / "a.nwb", trains))


def test_units_without_spikes_or_intervals_are_refused(tmp_path):
    with pytest.raises(InputError, match="no spikes"):
        open_units(write_units(tmp_path / "a.nwb", [[], []]))
    silent = open_units(write_units(tmp_path / "b.nwb", [[], []], observed=(0.0, 1.0)))
    assert silent.spikes.values.sum() == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_spike_times_that_are_no_numbers_are_refused(tmp_path, bad, place):
    train = [0.1, 0.2, 0.3]
    train[place] = bad
    with pytest.raises(InputError, match="NaN or infinite spike times in unit 11"):
        open_units(write_units(tmp_path / "a.nwb", [[0.1], train], observed=(0.0, 1.0)))


@pytest.mark.parametrize("index", [[3, 2, 5], [3, 4, 6], [3, 4, 4], [3, 5], [3, 4, 5, 5]])
def test_an_index_that_does_not_fit_is_refused(path, index):
    replace_column(path, "spike_times_index", index)
    with pytest.raises(InputError, match="spike_times_index"):
        open_units(path)


@pytest.mark.parametrize("name", ["spike_times", "spike_times_index"])
def test_a_table_without_spikes_is_refused(path, name):
    replace_column(path, name, None)
    with pytest.raises(InputError, match=f"without a column {name} "):
        open_units(path)


def test_an_infinite_observation_ends_with_the_spikes(tmp_path):
    path = write_units(tmp_path / "a.nwb", [[0.5], [0.7]], observed=(0.0, np.inf))
    assert open_units(path).sizes["time"] == 701


def test_without_a_connection_dandi_is_named_in_one_line(monkeypatch, caplog, capfd):
    import dandi.consts

    with socket.socket() as nobody:
        # bound and not listening: whoever connects is refused
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        instance = dandi.consts.DandiInstance("unplugged", gui=url, api=f"{url}/api")
        monkeypatch.setitem(dandi.consts.known_instances, "unplugged", instance)
        for address in instance.urls():
            monkeypatch.setitem(dandi.consts.known_instances_rev, address, "unplugged")
        with pytest.raises(
            InputError, match=r"^found no connection to DANDI \(ConnectionError\); "
        ) as caught:
            open_units("dandi://unplugged/000001/sub-1/a.nwb")
    assert "\n" not in str(caught.value)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("dandi").isEnabledFor(logging.ERROR)
