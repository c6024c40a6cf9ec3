"""Whatever NWB is stored in, and wherever, a view of it is the same."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import xarray as xr
from dandi_server import DIGEST, serve_dandi
from nwb_sources import write_source
from pynwb import NWBHDF5IO
from range_server import serve
from views_nwb import write_units

import nwbspikegen as nsg
from nwbspikegen.archive import validate_file
from nwbspikegen.core.errors import InputError
from nwbspikegen.prediction.nwb_writing import require_complete


def export_to_zarr(source, path):
    import numcodecs.pickles
    from hdmf_zarr.nwb import NWBZarrIO

    # hdmf-zarr pickles references, which it cannot even write unless unpickling is allowed
    with pytest.MonkeyPatch.context() as allowed, NWBHDF5IO(str(source), "r") as source_io:
        allowed.setattr(numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True)
        with NWBZarrIO(str(path), mode="w") as io:
            io.export(src_io=source_io, write_args={"link_data": False})
    return path


@pytest.fixture
def zarr_path(tmp_path):
    return export_to_zarr(write_source(tmp_path / "a.nwb"), tmp_path / "a.nwb.zarr")


def _assert_same(view: xr.Dataset, other: xr.Dataset) -> None:
    # Zarr has electrode groups as pickles, which are not read
    view, other = (each.load().drop_vars("electrode_group", errors="ignore") for each in (view, other))
    xr.testing.assert_equal(view, other)
    differing = {"source", "source_sha256"}
    assert {k: v for k, v in view.attrs.items() if k not in differing} == {
        k: v for k, v in other.attrs.items() if k not in differing
    }


def test_zarr_gives_the_same_view(zarr_path):
    units = nsg.open_units(zarr_path, binary=False)
    _assert_same(nsg.open_units(zarr_path.with_suffix(""), binary=False), units)
    assert units.rel_x.values.tolist() == [0, 1, 2, 3, 4, 5]
    assert len(units.attrs["source_sha256"]) == 64


def test_a_zarr_folder_that_changes_is_noticed(zarr_path):
    import zarr

    units = nsg.open_units(zarr_path)
    times = zarr.open_group(str(zarr_path), mode="r+")["units/spike_times"]
    times[:] = times[:][::-1]
    with pytest.raises(InputError, match="changed since it was opened"):
        _ = units.spikes.values


def test_zarr_with_electrodes_is_written_from_and_pickles_are_never_loaded(zarr_path, tmp_path, monkeypatch):
    import pickle

    monkeypatch.setattr(pickle, "loads", lambda *_: pytest.fail("a pickle was loaded"))
    require_complete(zarr_path)
    out = nsg.write_results(tmp_path / "out.nwb", source=zarr_path)
    with h5py.File(out) as file:
        electrodes = file["general/extracellular_ephys/electrodes"]
        assert {file[group].name for group in electrodes["group"][:]} == {
            "/general/extracellular_ephys/group"
        }
        assert file["general/extracellular_ephys/group/device"] == file["general/devices/Array"]
    _assert_same(nsg.open_units(zarr_path, binary=False), nsg.open_units(out, binary=False))
    assert not (validate_file(out).severity == "error").any()


def test_a_folder_that_is_no_zarr_is_refused(zarr_path, tmp_path):
    with pytest.raises(InputError, match="a folder at"):
        nsg.open_units(tmp_path)
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", zarr_path)
    with pytest.raises(InputError, match="a zip archive"):
        nsg.open_units(packed)
    with pytest.raises(InputError, match="export it to HDF5"):
        validate_file(zarr_path)
    (tmp_path / "zarr.json").write_text("{}")
    with pytest.raises(InputError, match="of version 3"):
        nsg.open_units(tmp_path)


def test_streamed_views_are_the_same_and_fetch_only_what_they_read(tmp_path):
    rng = np.random.default_rng(0)
    trains = [np.sort(rng.uniform(0, 600, 40_000)) for _ in range(40)]
    path = write_units(tmp_path / "a.nwb", trains, observed=(0.0, 600.0))
    with serve(tmp_path) as server:
        units = nsg.open_units(f"{server.url}/a.nwb", binary=False)
        # the spikes are 12.8 MB
        assert server.bytes_sent < 1_000_000
        part = units.isel(unit=slice(10, 13), time=slice(100_000, 101_000))
        local = nsg.open_units(path, binary=False)
        expected = local.isel(unit=slice(10, 13), time=slice(100_000, 101_000))
        assert part.spikes.values.sum() > 0
        np.testing.assert_array_equal(part.spikes.values, expected.spikes.values)
        assert server.bytes_sent < 3_000_000
        _assert_same(local, units)


def test_streamed_recordings_lead_to_results(tmp_path):
    source = write_source(tmp_path / "a.nwb")
    with serve(tmp_path) as server:
        address = f"{server.url}/a.nwb"
        out = nsg.write_results(tmp_path / "out.nwb", source=address)
    units = nsg.open_units(out)
    _assert_same(nsg.open_units(source).assign_attrs(identifier=units.attrs["identifier"]), units)


def test_what_the_web_does_not_have_is_refused(tmp_path):
    write_units(tmp_path / "a.nwb", [[0.1], [0.2]])
    (tmp_path / "b.nwb").write_text("text")
    with serve(tmp_path) as server:
        with pytest.raises(InputError, match="cannot be opened"):
            nsg.open_units(f"{server.url}/missing.nwb")
        with pytest.raises(InputError, match="HDF5 cannot open"):
            nsg.open_units(f"{server.url}/b.nwb")
        # nothing tells when the recording ends but its spikes, which are fetched
        assert nsg.open_units(f"{server.url}/a.nwb").sizes["time"] == 101
    write_units(tmp_path / "c.nwb", [np.arange(200_000) * 0.001, [0.2]])
    with (
        serve(tmp_path, serves_ranges=False) as server,
        pytest.raises(InputError, match="does not serve parts of files"),
    ):
        nsg.open_units(f"{server.url}/c.nwb")


def test_dandi_addresses_lead_to_their_bytes(tmp_path, monkeypatch):
    """Through dandi's own client, which asks a local stand-in for the archive."""
    import dandi.consts

    write_units(tmp_path / "a.nwb", [[0.1], [0.2]], observed=(0.0, 1.0))
    with serve(tmp_path) as files, serve_dandi(f"{files.url}/a.nwb") as server:
        instance = dandi.consts.DandiInstance("local", gui=server.url, api=f"{server.url}/api")
        monkeypatch.setitem(dandi.consts.known_instances, "local", instance)
        units = nsg.open_units("dandi://local/000001/sub-1/a.nwb")
        assert units.spikes.sum() == 2
        assert units.attrs["source_sha256"] == DIGEST
        with pytest.raises(InputError, match="No asset at path"):
            nsg.open_units("dandi://local/000001@draft/sub-1/b.nwb")
