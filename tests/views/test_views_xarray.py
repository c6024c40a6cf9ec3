"""What xarray's users do with a view: files that fsspec has opened, other bins, storing."""

from __future__ import annotations

import io
import pickle
import zipfile

import fsspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from range_server import serve
from views_nwb import write_units

from nwbspikegen.core.errors import InputError
from nwbspikegen.views import open_units
from nwbspikegen.views.engine import NWBUnitsBackend

_TRAINS = [[0.0105, 0.0118, 0.5], [0.25, 0.9995]]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_units(tmp_path_factory.mktemp("files") / "a.nwb", _TRAINS, observed=(0.0, 1.0))


@pytest.fixture
def whole(path):
    return open_units(path).spikes.values


def open_object(file, **options) -> xr.Dataset:
    return xr.open_dataset(file, engine=NWBUnitsBackend, **options)


@pytest.mark.parametrize("chunks", [None, {}], ids=["plain", "dask"])
def test_a_file_that_fsspec_has_opened(path, whole, chunks):
    with fsspec.open(str(path)) as file:
        units = open_object(file, chunks=chunks)
    # read after it was closed: sources open files anew
    np.testing.assert_array_equal(units.spikes.values, whole)
    assert units.attrs["source"] == str(path)


def test_a_file_of_python(path, whole):
    with path.open("rb") as file:
        np.testing.assert_array_equal(open_object(file).spikes.values, whole)


def test_a_file_within_a_file_system(path, whole, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.pipe("/views/a.nwb", path.read_bytes())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "inside/a.nwb")
    with memory.open("/views/a.nwb") as opened:
        pass
    # what is inside of another file has no path of its own once it is open
    about_to_be = fsspec.open(f"zip://inside/a.nwb::{tmp_path / 'a.zip'}")
    for file in (opened, about_to_be):
        units = open_object(file)
        np.testing.assert_array_equal(units.spikes.values, whole)
        assert units.attrs["source"].endswith("a.nwb")
        again = pickle.loads(pickle.dumps(units))
        np.testing.assert_array_equal(again.spikes.values, whole)
    memory.rm("/views", recursive=True)


def test_a_file_on_the_web_that_fsspec_has_opened(path, whole):
    with serve(path.parent) as server, fsspec.open(f"{server.url}/a.nwb") as file:
        np.testing.assert_array_equal(open_object(file).spikes.values, whole)


def test_a_stream_in_memory_has_no_address(path):
    with pytest.raises(InputError, match="a BytesIO, which has no path"):
        open_units(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize("start", [0.0, 0.25])
def test_resampling_by_the_recipe_of_the_page(path, start):
    units = open_units(path, start=start, duration=0.7, binary=False)
    timed = units.assign_coords(time=pd.to_timedelta(units.time, unit="s"))
    found = timed.spikes.resample(time="10ms", origin="start").sum()
    expected = units.spikes.values.reshape(70, 10, 2).sum(axis=1)
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_array_equal(units.spikes.coarsen(time=10).sum().values, expected)
    assert found.sizes["time"] == 70


def test_storing_by_the_recipe_of_the_page(tmp_path):
    source = write_units(tmp_path / "b.nwb", [*_TRAINS, [0.3]], observed=(0.0, 0.7495))
    units = open_units(source)
    units.drop_encoding().to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as stored:
        xr.testing.assert_equal(stored.spikes, units.spikes)
        xr.testing.assert_equal(stored.observed, units.observed)
        assert stored.attrs["bin_size"] == 0.001
