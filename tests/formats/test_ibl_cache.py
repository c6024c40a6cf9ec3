"""A local ONE cache of sessions as the IBL's pipeline writes them: the page has a row on each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from alf_files import (
    NUM_CLUSTERS,
    true_times,
    write_collection,
    write_passive_periods,
    write_session,
    write_sites,
)
from pynwb import NWBHDF5IO
from spikeinterface.extractors import read_nwb_sorting

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.one import find_in_cache
from nwbspikegen.formats.ibl.presets import PRESETS
from nwbspikegen.formats.ibl.sorting import ALFSorting
from nwbspikegen.views import open_units, select_units
from nwbspikegen.views.criteria import is_in_region

pytest.importorskip("iblatlas")
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "convert-ibl.md"
_SUBJECT = {"Subject": {"age": "P90D", "sex": "M"}}
_MOP5, _VISP6A, _LPO = 648, 33, 226
# regions that the paper names, as layers and parts that the pipeline has numbers of; CA1 and LPO have none
_PARTS = {
    "VISpor": (312782636, 312782644),
    "MOp": (943, 648),
    "MOs": (962, 767),
    "LPO": (226, 226),
    "CA1": (382, 382),
    "COAp": (248, 216),
}


def _write_plain(root: Path, subject: str) -> None:
    session = write_session(root, subject=subject)
    for path in (session / "alf/probe00").glob("electrodeSites.*"):
        path.unlink()


def _write_resolved(root: Path, subject: str) -> None:
    session = write_session(root, subject=subject)
    write_sites(session / "alf/probe00", (_MOP5, _VISP6A))


def _write_curated(root: Path, subject: str) -> None:
    """A curator merged clusters 0 and 1 into 6: the files of ibllib's manual curation, and its labels."""
    folder = write_session(root, subject=subject) / "alf/probe00/pykilosort"
    clusters = np.load(folder / "spikes.clusters.npy")
    arrays = {
        "spikes.clusters": np.where(clusters < 2, NUM_CLUSTERS, clusters),
        "clusters.channels": np.append(np.load(folder / "clusters.channels.npy"), 0),
        "clusters.depths": np.append(np.load(folder / "clusters.depths.npy"), 0.0),
    }
    for name, array in arrays.items():
        np.save(folder / f"_av_{name}.npy", array)
    metrics = pd.read_parquet(folder / "clusters.metrics.pqt")
    merged = metrics.iloc[[0]].assign(cluster_id=NUM_CLUSTERS, label=1.0)
    pd.concat([metrics, merged], ignore_index=True).to_parquet(folder / "_av_clusters.metrics.pqt")
    (folder / "_av_clusters.curatedLabels.tsv").write_text("\tgroup\n3\tnoise\n6\tgood\n")


def _write_revised(root: Path, subject: str) -> None:
    """Both the sorting and the passive periods were made anew."""
    session = write_session(root, subject=subject)
    folder = session / "alf/probe00/pykilosort"
    write_collection(folder / "#2024-05-06#", seed=9)
    write_passive_periods(session / "alf/#2024-05-06#", shift=3.0)


def _write_tasks(root: Path, subject: str) -> None:
    write_session(root, subject=subject, passive=("alf/task_00", "alf/task_01"))


def _write_sorters(root: Path, subject: str) -> None:
    probe = write_session(root, subject=subject) / "alf/probe00"
    write_collection(probe, seed=7)
    write_collection(probe / "iblsorter", seed=8)


def _write_bare(root: Path, subject: str) -> None:
    write_session(root, subject=subject, sorter="")


def _write_two_probes(root: Path, subject: str) -> None:
    session = write_session(root, subject=subject, probes=("probe00", "probe01"))
    write_sites(session / "alf/probe01", (_LPO,))


def _write_split_shanks(root: Path, subject: str) -> None:
    write_session(root, subject=subject, probes=tuple(f"probe00{letter}" for letter in "abcd"))


def _write_four_shanks(root: Path, subject: str) -> None:
    """The IBL's sorter places shanks 200 um apart; the sites have no shank in their coordinates."""
    session = write_session(root, subject=subject)
    folder = session / "alf/probe00/pykilosort"
    across = (0.0, 32.0, 200.0, 232.0, 400.0, 432.0, 600.0, 632.0)
    write_collection(folder, across_um=across)
    write_sites(session / "alf/probe00", across_um=(0.0, 32.0))


_SESSIONS = {
    "numbers": ("regions as numbers, in `channels.*` alone", _write_plain),
    "resolved": ("resolved histology: `alf/probe00/electrodeSites.*`", _write_resolved),
    "curated": ("`_av_spikes.clusters.npy`, `_av_clusters.*`", _write_curated),
    "revised": ("`#2024-05-06#` of the sorting and of the passive protocol", _write_revised),
    "tasks": ("`alf/task_00/_ibl_passivePeriods*`, `alf/task_01/...`", _write_tasks),
    "sorters": ("`alf/probe00`, `.../pykilosort`, `.../iblsorter`", _write_sorters),
    "bare": ("sorted before pykilosort: in `alf/probe00` itself", _write_bare),
    "two_probes": ("`alf/probe00`, `alf/probe01`", _write_two_probes),
    "split_shanks": ("Neuropixels 2.4: `alf/probe00a` to `alf/probe00d`", _write_split_shanks),
    "four_shanks": ("Neuropixels 2.4 in one table: `channels.localCoordinates`", _write_four_shanks),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> SimpleNamespace:
    """Return a cache that ONE indexed, and the file of each of its sessions."""
    from one.api import One

    root, home = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("home")
    for subject, (_, write) in _SESSIONS.items():
        write(root, subject)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE", "APPDATA"):
            patch.setenv(name, str(home))
        one = One.setup(root, silent=True, hash_files=False)
        out = tmp_path_factory.mktemp("converted")
        files = {}
        for subject in _SESSIONS:
            eid = str(one.path2eid(root / f"lab1/Subjects/{subject}/2021-04-14/001"))
            path = out / f"sub-{subject}_ecephys.nwb"
            files[subject] = nsg.convert_ibl(root, path, session=eid, metadata=_SUBJECT)
    return SimpleNamespace(root=root, files=files)


def _make_row(subject: str, path: Path) -> str:
    units = open_units(path)
    spans = [f"{start:g} to {stop:g}" for start, stop in _intervals(path)]
    inside = [str(is_in_region(units, region).sum()) for region in ("VISp", "Isocortex")]
    shanks = sorted(set(units.shank.values.tolist())) if "shank" in units.coords else []
    cells = [
        f"`{subject}`",
        _SESSIONS[subject][0],
        str(units.sizes["unit"]),
        ", ".join(sorted(set(units.location.values.tolist()))),
        *inside,
        ", ".join(map(str, shanks)) or "-",
        "; ".join(spans),
    ]
    return f"| {' | '.join(cells)} |"


def _intervals(path: Path) -> list[tuple[float, float]]:
    with NWBHDF5IO(path, "r") as io:
        table = io.read().processing["passive_protocol"]["passive_intervals"].to_dataframe()
    rows = table[table.protocol_type == "spontaneousActivity"]
    return list(zip(rows.start_time, rows.stop_time, strict=True))


@pytest.mark.parametrize("subject", _SESSIONS)
def test_the_page_says_what_becomes_of_each_session(cache, subject):
    row = _make_row(subject, cache.files[subject])
    assert row in _PAGE.read_text().splitlines(), row
    assert "unknown" not in row


@pytest.mark.parametrize("subject", ["curated", "tasks", "split_shanks"])
def test_files_are_valid(cache, subject):
    findings = nsg.validate_file(cache.files[subject])
    assert not (findings.severity == "error").any(), findings


def _folder(cache, subject: str) -> Path:
    return find_in_cache(cache.root, f"lab1/{subject}/2021-04-14/001") / "alf"


def _read(path: Path) -> pd.DataFrame:
    with NWBHDF5IO(path, "r") as io:
        return io.read().units.to_dataframe()


@pytest.mark.parametrize(
    ("subject", "inside"),
    [
        ("sorters", "probe00/iblsorter"),
        ("bare", "probe00"),
        ("revised", "probe00/pykilosort/#2024-05-06#"),
        ("resolved", "probe00/pykilosort"),
    ],
)
def test_the_spikes_are_those_of_the_folder_that_is_read(cache, subject, inside):
    for _, unit in _read(cache.files[subject]).iterrows():
        expected = true_times(_folder(cache, subject) / inside, unit.cluster_id)
        np.testing.assert_array_equal(unit.spike_times, expected)


def test_a_curator_decides_on_units_and_their_quality(cache):
    units = _read(cache.files["curated"]).set_index("cluster_id")
    assert units.index.tolist() == [3, 4, 6]
    assert units.curated_label.tolist() == ["noise", "", "good"]
    assert units.quality.tolist() == ["noise", "mua", "good"]
    assert units.location.tolist() == ["VISp2/3", "VISp6a", "VISp2/3"]
    folder = _folder(cache, "curated") / "probe00/pykilosort"
    expected = np.sort(np.r_[true_times(folder, 0), true_times(folder, 1)])
    np.testing.assert_array_equal(units.spike_times[6], expected)
    assert ALFSorting(folder, good_only=True).unit_ids.tolist() == [6]
    assert ALFSorting(folder, namespace="none").unit_ids.tolist() == [0, 1, 3, 4]


def test_shanks_and_probes(cache):
    split = _read(cache.files["split_shanks"])
    assert split.groupby("probe").shank.unique().map(list).to_dict() == {
        f"probe00{letter}": [shank] for shank, letter in enumerate("abcd")
    }
    whole = _read(cache.files["four_shanks"]).set_index("cluster_id")
    # channels 1, 0, 3 and 5 of two columns a shank
    assert whole["shank"].tolist() == [0, 0, 1, 2]
    with NWBHDF5IO(cache.files["four_shanks"], "r") as io:
        electrodes = io.read().electrodes.to_dataframe()
    assert electrodes["shank"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    both = _read(cache.files["two_probes"])
    assert both.unit_name.tolist()[::4] == ["probe00_0", "probe01_0"]
    assert both.groupby("probe").location.unique().map(sorted).to_dict() == {
        "probe00": ["VISp2/3", "VISp6a"],
        "probe01": ["LPO"],
    }


_NUMBERS = [
    "depth",
    "rel_x",
    "rel_y",
    "x",
    "y",
    "z",
    "brain_location_id",
    "label",
    "firing_rate",
    "amp_median",
]
_WORDS = ["quality", "location", "probe", "uuid", "ks2_label"]


def test_columns_that_others_see(cache):
    """pynapple takes the one-dimensional columns of a units table, SpikeInterface makes them properties."""
    path = cache.files["resolved"]
    with NWBHDF5IO(path, "r") as io:
        table = io.read().units
        for name in [*_NUMBERS, *_WORDS]:
            values = np.asarray(table[name].data[:])
            assert values.shape == (4,), name
            assert (values.dtype.kind in "iuf") == (name in _NUMBERS), name
    sorting = read_nwb_sorting(path, sampling_frequency=30_000.0)
    assert {*_NUMBERS, *_WORDS} <= set(sorting.get_property_keys())
    assert sorting.get_property("location").tolist() == ["MOp5", "MOp5", "MOp5", "VISp6a"]
    assert sorting.get_property("x").tolist() == [-400, -100, -1000, -1600]


def test_columns_that_pynapple_sees(cache):
    nap = pytest.importorskip("pynapple")
    units = nap.load_file(str(cache.files["resolved"]))["units"]
    assert {*_NUMBERS, *_WORDS} <= set(units.metadata_columns)
    assert units["location"].tolist() == ["MOp5", "MOp5", "MOp5", "VISp6a"]


@pytest.mark.parametrize("paper", PRESETS["shimono2026"], ids=lambda paper: f"{paper.subject}-{paper.day}")
def test_the_sessions_of_the_paper_are_selectable_by_its_regions(tmp_path, paper):
    # a part of the probe is where the paper says, and the rest beside it
    inside = [part for region in paper.regions for part in _PARTS[region]]
    beside = _PARTS["MOs" if "LPO" in paper.regions else "LPO"]
    ids = [*inside, *beside] if len(inside) == 2 else [*inside, *beside, *beside]
    write_session(tmp_path, paper.lab, paper.subject, paper.day, region_ids=ids)
    address = f"{paper.lab}/{paper.subject}/{paper.day}/001"
    units = open_units(ALFSorting(find_in_cache(tmp_path, address)), bin_size=0.001)
    chosen = select_units(units, skip=0, region=paper.regions)
    is_inside = np.isin(units.brain_location_id.values, inside)
    assert chosen.unit.values.tolist() == units.unit.values[is_inside].tolist()
    assert 2 <= is_inside.sum() < len(is_inside)
    with pytest.raises(InputError, match="no unit of region CB"):
        select_units(units, skip=0, region="CB")
