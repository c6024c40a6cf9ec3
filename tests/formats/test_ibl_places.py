"""Where units of IBL sessions are: resolved histology, numbers of regions, shanks; passive periods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from alf_files import NUM_CHANNELS, write_collection, write_passive_periods, write_sites

from nwbspikegen.core import brain_regions
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.channels import read_channels
from nwbspikegen.formats.ibl.folder import Collection
from nwbspikegen.formats.ibl.session import read_named_intervals
from nwbspikegen.formats.ibl.shanks import number_shanks
from nwbspikegen.formats.ibl.sorting import ALFSorting

_MOP5, _LPO = 648, 226


@pytest.fixture
def probe(tmp_path) -> Path:
    """Return a probe's folder with a sorting, and sites in other regions than the sorting says."""
    write_collection(tmp_path / "alf/probe00/pykilosort")
    write_sites(tmp_path / "alf/probe00", (_MOP5, _LPO))
    return tmp_path / "alf/probe00"


def _read(probe: Path) -> dict[str, np.ndarray]:
    return read_channels(Collection("probe00", probe / "pykilosort"))


def _remove(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        path.unlink()


def test_the_resolved_histology_is_of_all_sorters_of_the_probe(probe, caplog):
    pytest.importorskip("iblatlas")
    caplog.set_level("INFO", logger="nwbspikegen")
    write_collection(probe / "iblsorter", seed=1)
    for sorter in ("pykilosort", "iblsorter"):
        places = ALFSorting(probe, collection=sorter).get_property("location").tolist()
        assert places == ["MOp5", "MOp5", "MOp5", "LPO"]
    assert "places in the brain are those of electrodeSites.*" in caplog.text
    _remove(probe, "electrodeSites.*")
    assert set(_read(probe)["location"]) == {"VISp2/3", "VISp6a"}


def test_the_latest_revision_of_the_sites_is_read(probe):
    write_sites(probe / "#2025-03-03#", (_LPO,))
    assert set(_read(probe)["brain_location_id"]) == {_LPO}


def test_sites_of_channels_that_were_not_sorted(probe):
    """Sorters leave channels out: of others the place on the probe tells, or the recording's number."""
    folder = probe / "pykilosort"
    kept = [7, 1, 4]
    for name in ("rawInd", "localCoordinates", "mlapdv", "brainLocationIds_ccf_2017"):
        path = folder / f"channels.{name}.npy"
        np.save(path, np.load(path)[kept])
    expected = np.repeat([_MOP5, _LPO], NUM_CHANNELS // 2)[kept].tolist()
    right = np.load(probe / "electrodeSites.mlapdv.npy")[kept, 0].tolist()
    for remaining in ("localCoordinates", "rawInd"):
        columns = _read(probe)
        assert columns["brain_location_id"].tolist() == expected
        assert columns["z"].tolist() == right
        assert columns["channel"].tolist() == kept, remaining
        # the sorter moved the shank aside: nothing fits the sites any longer
        path = folder / "channels.localCoordinates.npy"
        np.save(path, np.load(path) + np.array([400.0, 0.0]))


def test_sites_that_fit_no_channel_are_passed_over(probe, caplog):
    folder = probe / "pykilosort"
    _remove(folder, "channels.rawInd.npy")
    for name in ("localCoordinates", "mlapdv", "brainLocationIds_ccf_2017"):
        path = probe / f"electrodeSites.{name}.npy"
        np.save(path, np.load(path)[:-1] + 1)
    assert set(_read(probe)["brain_location_id"]) == {821, 33}
    assert "electrodeSites.* and channels.* are of different channels" in caplog.text
    np.save(probe / "electrodeSites.mlapdv.npy", np.zeros((5, 3)))
    with pytest.raises(InputError, match=r"7 rows of electrodeSites\.localCoordinates, 5 of electrodeSites"):
        _read(probe)


def test_two_histologies_are_not_mixed(probe):
    _remove(probe, "electrodeSites.mlapdv.npy")
    columns = _read(probe)
    assert set(columns["brain_location_id"]) == {_MOP5, _LPO}
    assert "x" not in columns
    _remove(probe, "electrodeSites.brain*")
    # coordinates on the probe alone are no histology
    assert set(_read(probe)["brain_location_id"]) == {821, 33}
    assert "x" in _read(probe)


def test_sites_alone_are_the_channels(probe):
    _remove(probe / "pykilosort", "channels.*")
    sorting = ALFSorting(probe)
    assert sorting.get_property("brain_location_id").tolist() == [_MOP5, _MOP5, _MOP5, _LPO]
    assert sorting.get_property("rel_x").tolist() == [11, 43, 11, 11]


def test_numbers_that_are_in_no_atlas(tmp_path):
    pytest.importorskip("iblatlas")
    write_collection(tmp_path / "bare", region_ids=(821, 12345, 0, -33))
    sorting = ALFSorting(tmp_path / "bare")
    columns = sorting.electrodes.columns
    places = dict(zip(columns["brain_location_id"].tolist(), columns["location"].tolist(), strict=True))
    assert places == {821: "VISp2/3", 12345: "unknown", 0: "void", -33: "VISp6a"}


def test_without_the_atlas_regions_stay_numbers_and_the_log_says_so(probe, caplog, monkeypatch):
    monkeypatch.setattr(brain_regions, "has_atlas", lambda: False)
    columns = _read(probe)
    assert set(columns["location"]) == {"unknown"}
    assert set(columns["brain_location_id"]) == {_MOP5, _LPO}
    assert "pip install 'nwbspikegen[ibl]'" in caplog.text


@pytest.mark.parametrize(
    ("name", "across", "expected"),
    [
        ("probe00", [43.0, 11, 59, 27], None),
        ("probe_00", [0.0, 32], None),
        ("probe01d", [600.0, 632], [3, 3]),
        ("probe00", [27.0, 277, 527, 777], [0, 1, 2, 3]),
        ("probe00", [0.0, 432, 400, 32], [0, 2, 2, 0]),
        ("probe00", [527.0, 559, 777], [2, 2, 3]),
        ("probe00", [0.0, 310, np.nan], [0, 1, -1]),
        ("probe00", [-250.0, 0, 1000], [0, 1, 2]),
    ],
)
def test_shanks(name, across, expected):
    found = number_shanks(name, np.array(across))
    assert (None if found is None else found.tolist()) == expected


def test_passive_periods_of_several_tasks(tmp_path, caplog):
    alf = tmp_path / "alf"
    for place, folder in enumerate(("task_01", "task_00")):
        write_passive_periods(alf / folder, 1000.0 * place)
    assert read_named_intervals(alf)["spontaneousActivity"] == [(110.25, 140.5), (1110.25, 1140.5)]
    # an older extraction of one of them, and the newest revision of the other
    write_passive_periods(alf, 1000.0)
    assert caplog.text == ""
    write_passive_periods(alf, 2.0)
    write_passive_periods(alf / "task_00/#2024-05-06#", 1005.0)
    assert read_named_intervals(alf)["spontaneousActivity"] == [(110.25, 140.5), (1115.25, 1145.5)]
    assert "spontaneousActivity from 112.25 to 142.5 s is left out" in caplog.text


def test_a_curators_labels(tmp_path):
    write_collection(tmp_path / "bare")
    path = tmp_path / "bare/_av_clusters.curatedLabels.tsv"
    path.write_text("\tgroup\n4\tgood\n0\tnoise\n2\tmua\n3\t\n")
    sorting = ALFSorting(tmp_path / "bare")
    assert sorting.get_property("curated_label").tolist() == ["noise", "", "", "good"]
    assert sorting.get_property("quality").tolist() == ["noise", "mua", "good", "good"]
    assert ALFSorting(tmp_path / "bare", good_only=True).unit_ids.tolist() == [3, 4]
    for text in ("\tlabel\n4\tgood\n", "\tgroup\n4\tgood\n4\tmua\n", "\tgroup\nx\tgood\n", "\tgroup\n"):
        path.write_text(text)
        with pytest.raises(InputError, match="curatedLabels"):
            ALFSorting(tmp_path / "bare")
