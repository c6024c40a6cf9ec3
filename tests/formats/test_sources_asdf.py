"""ASDF files: both orientations, every integer type, and no number that contradicts the file."""

from __future__ import annotations

import dataclasses

import h5py
import numpy as np
import pytest
import scipy.io
from asdf_files import TRAINS, write_asdf, write_asdf73, write_matrices73
from spikeinterface.core import load

from nwbspikegen.core import budget
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.asdf.sorting import ASDFSorting


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint16, np.float64])
def test_times_are_the_middles_of_bins(tmp_path, axis, dtype):
    sorting = ASDFSorting(write_asdf(tmp_path / "a.mat", axis=axis, dtype=dtype), tick=0.001)
    assert sorting.unit_ids.tolist() == [0, 1, 2]
    times = sorting.get_unit_spike_train_in_seconds(0)
    np.testing.assert_allclose(times, [0.0005, 0.0025, 0.2495], rtol=0, atol=1e-15)
    assert sorting.get_unit_spike_train(0).tolist() == [1, 5, 499]
    assert sorting.sampling_frequency == 2000
    assert len(sorting.get_unit_spike_train(1)) == 0
    assert sorting.observation_interval == (0.0, 0.25)


def test_a_window_of_a_train(tmp_path):
    sorting = ASDFSorting(write_asdf(tmp_path / "a.mat"), tick=0.001)
    assert sorting.get_unit_spike_train(0, start_frame=2, end_frame=499).tolist() == [5]
    assert sorting.get_unit_spike_train_in_seconds(0, start_time=0.001, end_time=0.2).tolist() == [0.0025]


def test_it_survives_spikeinterface_saving(tmp_path):
    sorting = ASDFSorting(write_asdf(tmp_path / "a.mat"), tick=0.002)
    again = load(sorting.to_dict())
    assert again.get_unit_spike_train_in_seconds(2).tolist() == [6.5 * 0.002]
    assert tuple(again.get_annotation("observation_interval")) == (0.0, 0.5)


def test_positions(tmp_path):
    scipy.io.savemat(tmp_path / "xy.mat", {"x": [[1.0], [2.0], [3.0]], "y": [[4], [5], [6]]})
    sorting = ASDFSorting(write_asdf(tmp_path / "a.mat"), positions=tmp_path / "xy.mat")
    assert sorting.get_property("rel_x").tolist() == [1, 2, 3]
    assert sorting.get_property("rel_y").tolist() == [4, 5, 6]
    scipy.io.savemat(tmp_path / "xy.mat", {"x": [1.0], "y": [1.0]})
    with pytest.raises(InputError, match="3 finite numbers each"):
        ASDFSorting(write_asdf(tmp_path / "a.mat"), positions=tmp_path / "xy.mat")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"size": (4, 250)}, r"\[4, 250\] in the last cell"),
        ({"size": (3, 200)}, "bins 1 to 250 in cell 1"),
        ({"trains": ([0, 5], [], [7])}, "bins 0 to 5 in cell 1"),
        ({"trains": ([1.5], [], [7]), "dtype": np.float64}, "no whole numbers in cell 1"),
        ({"trains": ([np.nan], [], [7]), "dtype": np.float64}, "no whole numbers in cell 1"),
        ({"size": (3, np.inf)}, "in the last cell"),
    ],
)
def test_contradictions_are_refused(tmp_path, kwargs, message):
    with pytest.raises(InputError, match=message):
        ASDFSorting(write_asdf(tmp_path / "a.mat", **kwargs))


def test_what_is_no_asdf_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        ASDFSorting(tmp_path / "missing.mat")
    (tmp_path / "text.mat").write_text("no matrix")
    with pytest.raises(InputError, match="cannot be read as a MATLAB file"):
        ASDFSorting(tmp_path / "text.mat")
    scipy.io.savemat(tmp_path / "other.mat", {"x": np.arange(3)})
    with pytest.raises(InputError, match="0 cell arrays"):
        ASDFSorting(tmp_path / "other.mat")
    with pytest.raises(InputError, match="tick of 0"):
        ASDFSorting(write_asdf(tmp_path / "a.mat"), tick=0)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_version_73_gives_the_same(tmp_path, axis, dtype):
    older = ASDFSorting(write_asdf(tmp_path / "a.mat", axis=axis, dtype=dtype), tick=0.002)
    newer = ASDFSorting(write_asdf73(tmp_path / "b.mat", axis=axis, dtype=dtype), tick=0.002)
    assert newer.unit_ids.tolist() == older.unit_ids.tolist() == [0, 1, 2]
    for unit, train in enumerate(TRAINS):
        assert newer.get_unit_spike_train(unit).tolist() == older.get_unit_spike_train(unit).tolist()
        assert newer.get_unit_spike_train(unit).tolist() == [2 * k - 1 for k in sorted(train)]
    assert newer.observation_interval == older.observation_interval == (0.0, 0.5)


def test_positions_in_version_73(tmp_path):
    places = write_matrices73(tmp_path / "xy.mat", x=[[1.0], [2.0], [3.0]], y=[[4.0, 5.0, 6.0]])
    sorting = ASDFSorting(write_asdf73(tmp_path / "a.mat"), positions=places)
    assert sorting.get_property("rel_x").tolist() == [1, 2, 3]
    assert sorting.get_property("rel_y").tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"size": (4, 250)}, r"\[4.0, 250.0\] in the last cell"),
        ({"size": (3, 200)}, "bins 1 to 250 in cell 1"),
        ({"trains": ([1.5], [], [7]), "dtype": np.float64}, "no whole numbers in cell 1"),
    ],
)
def test_contradictions_in_version_73_are_refused(tmp_path, kwargs, message):
    with pytest.raises(InputError, match=message):
        ASDFSorting(write_asdf73(tmp_path / "a.mat", **kwargs))


def test_what_cells_of_version_73_cannot_be(tmp_path):
    path = write_asdf73(tmp_path / "a.mat")
    with h5py.File(path, "a") as file:
        cells = file["asdf"]
        cells[0, 0] = file["note"].ref
    with pytest.raises(InputError, match="no whole numbers in cell 1"):
        ASDFSorting(path)
    with h5py.File(path, "a") as file:
        file["asdf"][0, 0] = file["about"].ref
    with pytest.raises(InputError, match="no whole numbers in cell 1"):
        ASDFSorting(path)
    with h5py.File(path, "a") as file:
        file["asdf"][0, 0] = h5py.Reference()
    with pytest.raises(InputError, match="no whole numbers in cell 1"):
        ASDFSorting(path)


def test_many_cells_of_one_large_array_are_refused(tmp_path, monkeypatch):
    few = dataclasses.replace(budget._LIMITED, decoded_bytes=10, decoded_ratio=0)
    monkeypatch.setattr(budget, "_LIMITED", few)
    with pytest.raises(InputError, match=r"bytes in the cells of .*a\.mat.*at most 10"):
        ASDFSorting(write_asdf73(tmp_path / "a.mat"))


def test_a_cut_file_of_version_73_is_refused(tmp_path):
    path = write_asdf73(tmp_path / "a.mat")
    content = path.read_bytes()
    for length in (200, 512, 600, len(content) - 200):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="cannot be read"):
            ASDFSorting(path)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_of_version_73_is_refused_or_read(tmp_path, seed):
    path = write_asdf73(tmp_path / "a.mat")
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(512, len(content), 4):
        content[place] ^= int(rng.integers(1, 256))
    path.write_bytes(content)
    try:
        sorting = ASDFSorting(path, tick=0.001)
    except InputError:
        return
    assert all((sorting.get_unit_spike_train(unit) > 0).all() for unit in sorting.unit_ids)


def test_a_default_tick_that_the_intervals_rule_out_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    trains = [np.cumsum(14 + rng.geometric(0.005, 2000)) for _ in range(3)]
    path = write_asdf(tmp_path / "a.mat", trains, (3, 500_000), dtype=np.int32)
    with pytest.raises(InputError, match=r"again within 1\d ms .* 0.1 h .*pass --tick 0\.0001, .* 50 s"):
        ASDFSorting(path)
    assert ASDFSorting(path, tick=0.0001).observation_interval == (0.0, pytest.approx(50.0))
    assert ASDFSorting(path, tick=0.001).observation_interval == (0.0, pytest.approx(500.0))


def test_the_real_default_tick_that_is_ruled_out(shared_data):
    with pytest.raises(InputError, match=r"9.8 h of recording.*pass --tick 0\.0001.* 3,541 s"):
        ASDFSorting(shared_data / "ibl_nyu40_20210414" / "asdf.mat")


def test_real_files(shared_data):
    slice_ = ASDFSorting(
        shared_data / "slice_210511" / "asdf_bh.mat", positions=shared_data / "slice_210511" / "xy.mat"
    )
    assert (len(slice_.unit_ids), slice_.observation_interval[1]) == (128, pytest.approx(400.079))
    assert sum(len(slice_.get_unit_spike_train(unit)) == 0 for unit in slice_.unit_ids) == 1
    npx = ASDFSorting(shared_data / "ibl_nyu40_20210414" / "asdf.mat", tick=0.0001)
    assert sum(len(npx.get_unit_spike_train(unit)) for unit in npx.unit_ids) == 458_082
    assert npx.observation_interval[1] == pytest.approx(3541.2431)
