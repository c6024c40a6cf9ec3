"""IBL sessions: every layout of their folders, and no array that contradicts another."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from alf_files import LABELS, NUM_CHANNELS, SPIKING, true_times, write_collection, write_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spikeinterface.core import load

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.interface import IBLInterface
from nwbspikegen.formats.ibl.sorting import ALFSorting


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    return write_session(tmp_path_factory.mktemp("one_probe"))


@pytest.fixture(scope="module")
def two_probes(tmp_path_factory) -> Path:
    return write_session(tmp_path_factory.mktemp("two_probes"), probes=("probe00", "probe01"))


@pytest.fixture
def bare(tmp_path) -> Path:
    """Return a collection that a test may change."""
    write_collection(tmp_path / "bare")
    return tmp_path / "bare"


def test_units_of_one_probe(session):
    sorting = ALFSorting(session)
    folder = session / "alf/probe00/pykilosort"
    assert sorting.unit_ids.tolist() == [0, 1, 3, 4]
    for cluster in sorting.unit_ids:
        np.testing.assert_array_equal(
            sorting.get_unit_spike_train_in_seconds(cluster), true_times(folder, cluster)
        )
    times = true_times(folder, 3)
    np.testing.assert_array_equal(sorting.get_unit_spike_train(3), np.round(times * 30_000))
    window = sorting.get_unit_spike_train_in_seconds(3, start_time=10.0, end_time=50.0)
    np.testing.assert_array_equal(window, times[(times >= 10) & (times < 50)])
    properties = {name: sorting.get_property(name).tolist() for name in sorting.get_property_keys()}
    assert properties["quality"] == ["good", "mua", "good", "mua"]
    assert properties["depth"] == [0, 0, 20, 40]
    assert properties["location"] == ["VISp2/3", "VISp2/3", "VISp2/3", "VISp6a"]
    assert properties["brain_location_id"] == [821, 821, 821, 33]
    assert (properties["rel_x"][0], properties["rel_y"][0]) == (11, 0)
    # channel 1 is 300 um right, 400 um anterior and 500 um up of bregma
    assert [properties[name][0] for name in "xyz"] == [-400, -500, 300]
    assert "shank" not in properties
    assert properties["spike_count"] == [len(true_times(folder, cluster)) for cluster in SPIKING]
    assert properties["label"] == list(LABELS.values())
    assert properties["uuid"][2].endswith("003")


def test_several_probes(two_probes):
    both = ALFSorting(two_probes)
    assert both.unit_ids.tolist()[::4] == ["probe00_0", "probe01_0"]
    second = ALFSorting(two_probes, probes=["probe01"])
    assert second.unit_ids.tolist() == [0, 1, 3, 4]
    times = true_times(two_probes / "alf/probe01/pykilosort", 4)
    np.testing.assert_array_equal(second.get_unit_spike_train_in_seconds(4), times)
    np.testing.assert_array_equal(both.get_unit_spike_train_in_seconds("probe01_4"), times)
    assert both.electrodes.of_units[[0, 4]].tolist() == [1, NUM_CHANNELS + 1]
    assert both.electrodes.groups.tolist() == ["probe00"] * NUM_CHANNELS + ["probe01"] * NUM_CHANNELS
    with pytest.raises(InputError, match="no probe 'probe02'"):
        ALFSorting(two_probes, probes=["probe02"])


def test_a_probe_that_knows_less_leaves_gaps(two_probes, tmp_path):
    shutil.copytree(two_probes, tmp_path / "M1/2021-04-14/001")
    folder = tmp_path / "M1/2021-04-14/001/alf/probe01/pykilosort"
    named = [*folder.glob("channels.*"), *folder.glob("clusters.*"), *folder.parent.glob("electrodeSites.*")]
    for path in named:
        path.unlink()
    sorting = ALFSorting(tmp_path / "M1/2021-04-14/001")
    assert sorting.unit_ids.tolist()[4:] == [f"probe01_{cluster}" for cluster in (0, 1, 3, 4)]
    assert sorting.get_property("location")[[0, 4]].tolist() == ["VISp2/3", "unknown"]
    assert sorting.get_property("quality")[[0, 4]].tolist() == ["good", ""]
    assert np.isnan(sorting.get_property("rel_x")[4])
    # the spikes of that probe still tell its units' depths
    depths, clusters = (np.load(folder / f"spikes.{name}.npy") for name in ("depths", "clusters"))
    assert sorting.get_property("depth")[4] == np.median(depths[clusters == 0])
    assert sorting.electrodes.of_units[4] == -1


@pytest.mark.parametrize("inside", ["", "alf", "alf/probe00", "alf/probe00/pykilosort"])
def test_every_level_of_the_folder(session, inside):
    sorting = ALFSorting(session / inside)
    assert set(sorting.get_property("probe")) == {"probe00"}
    assert sorting.session_metadata["Subject"] == {"subject_id": "M1", "species": "Mus musculus"}
    assert sorting.session_metadata["NWBFile"]["session_id"] == "2021-04-14-001"
    assert sorting.session_metadata["NWBFile"]["lab"] == "lab1"
    assert sorting.named_intervals["spontaneousActivity"] == [(110.25, 140.5)]
    assert "taskReplay" not in sorting.named_intervals
    assert sorting.observation_interval == pytest.approx((0.5, 200.0))


def test_good_units_only(session):
    assert ALFSorting(session, good_only=True).unit_ids.tolist() == [0, 3]


def test_good_units_need_labels(bare):
    (bare / "clusters.metrics.pqt").unlink()
    assert ALFSorting(bare).unit_ids.tolist() == [0, 1, 3, 4]
    with pytest.raises(InputError, match="no quality labels"):
        ALFSorting(bare, good_only=True)
    pd.DataFrame({"label": np.zeros(6)}).to_csv(bare / "clusters.metrics.csv", index=False)
    with pytest.raises(InputError, match="no good unit"):
        ALFSorting(bare, good_only=True)


def test_the_latest_revision_wins(bare):
    times = np.load(bare / "spikes.times.npy")
    for revision, shift in (("#2023-01-01#", 1), ("#2024-05-06#", 2)):
        (bare / revision).mkdir()
        np.save(bare / revision / "spikes.times.npy", times + shift)
    expected = true_times(bare, 3) + 2
    np.testing.assert_array_equal(ALFSorting(bare).get_unit_spike_train_in_seconds(3), expected)


def test_names_with_a_uuid(bare):
    expected = true_times(bare, 3)
    name = "spikes.times.01234567-89ab-cdef-0123-456789abcdef.npy"
    (bare / "spikes.times.npy").rename(bare / name)
    np.testing.assert_array_equal(ALFSorting(bare).get_unit_spike_train_in_seconds(3), expected)
    shutil.copy(bare / name, bare / name.replace("0123-4", "0123-5"))
    with pytest.raises(InputError, match="one file of that name"):
        ALFSorting(bare)


def test_the_ibls_own_namespace_is_no_curation(bare):
    plain = ALFSorting(bare)
    for path in list(bare.iterdir()):
        path.rename(bare / f"_ibl_{path.name.lstrip('_')}")
    named = ALFSorting(bare)
    assert named.unit_ids.tolist() == plain.unit_ids.tolist()
    assert named.get_property("location").tolist() == plain.get_property("location").tolist()
    np.testing.assert_array_equal(
        named.get_unit_spike_train_in_seconds(3), plain.get_unit_spike_train_in_seconds(3)
    )


def test_the_choice_among_sorters(session, tmp_path):
    shutil.copytree(session, tmp_path / "M1/2021-04-14/001")
    probe = tmp_path / "M1/2021-04-14/001/alf/probe00"
    write_collection(probe / "ks2", seed=5)
    np.testing.assert_array_equal(
        ALFSorting(probe).get_unit_spike_train_in_seconds(3), true_times(probe / "pykilosort", 3)
    )
    np.testing.assert_array_equal(
        ALFSorting(probe, collection="ks2").get_unit_spike_train_in_seconds(3), true_times(probe / "ks2", 3)
    )
    with pytest.raises(InputError, match="no collection 'ks3'"):
        ALFSorting(probe, collection="ks3")


def test_unsorted_spikes_are_sorted(bare):
    for name in ("times", "clusters"):
        np.save(bare / f"spikes.{name}.npy", np.load(bare / f"spikes.{name}.npy")[::-1])
    times = ALFSorting(bare).get_unit_spike_train_in_seconds(3)
    np.testing.assert_array_equal(times, np.sort(true_times(bare, 3)))


def test_pickles_are_never_loaded(bare):
    path = bare / "channels.brainLocationAcronyms_ccf_2017.npy"
    np.save(path, np.array(["CA1"] * NUM_CHANNELS, dtype=object))
    sorting = ALFSorting(bare)
    assert set(sorting.get_property("location")) == {"VISp2/3", "VISp6a"}
    assert sorting.get_property("brain_location_id")[0] == 821
    np.save(bare / "spikes.times.npy", np.array([0.5, None] * 200))
    with pytest.raises(InputError, match="cannot be read"):
        ALFSorting(bare)


def test_a_cluster_without_a_uuid(bare):
    (bare / "clusters.uuids.csv").write_text('uuids\n"1.5"\n""\n""\n""\n""\n""\n')
    assert ALFSorting(bare).get_property("uuid").tolist() == ["1.5", "", "", ""]


_TIMES = np.linspace(0, 100, 400)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("spikes.times", np.r_[_TIMES[:-1], np.nan], "NaN"),
        ("spikes.times", np.r_[_TIMES[:-1], np.inf], "NaN or beyond"),
        ("spikes.times", _TIMES[:-1], "399 rows of spikes.times, 400 of spikes.clusters"),
        ("spikes.times", _TIMES.astype(np.int64), "seconds"),
        ("spikes.clusters", np.full(400, 6), "cluster 6"),
        ("spikes.clusters", np.full(400, -1), "cluster -1"),
        ("spikes.clusters", np.full(400, 0.5), "whole numbers"),
        ("clusters.channels", np.full(6, 8), "channels 8 to 8"),
        ("clusters.depths", np.zeros(5), "rows of clusters.channels, 5 of clusters.depths"),
        ("channels.rawInd", np.arange(7), "7 rows of channels.rawInd, 8"),
        ("channels.localCoordinates", np.zeros((8, 3)), "2 columns"),
        ("channels.brainLocationAcronyms_ccf_2017", np.zeros(8), "names"),
    ],
)
def test_contradictions_are_refused(bare, name, array, message):
    np.save(bare / f"{name}.npy", array)
    with pytest.raises(InputError, match=message):
        ALFSorting(bare)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"cluster_id": [0, 6], "label": [1.0, 1.0]}, "from 0 to 5"),
        ({"cluster_id": [0, 0], "label": [1.0, 1.0]}, "each once"),
        ({"cluster_id": ["a", "b"], "label": [1.0, 1.0]}, "each once"),
        ({"cluster_id": [0, 1], "label": ["x", "y"]}, "no numbers"),
        ({"label": [1.0, 1.0]}, "2 rows and no cluster_id"),
    ],
)
def test_metrics_that_do_not_fit_are_refused(bare, metrics, message):
    pd.DataFrame(metrics).to_parquet(bare / "clusters.metrics.pqt")
    with pytest.raises(InputError, match=message):
        ALFSorting(bare)


def test_what_is_no_session_is_refused(tmp_path, session):
    with pytest.raises(InputError, match="nothing at"):
        ALFSorting(tmp_path / "missing")
    with pytest.raises(InputError, match=r"no spikes\.times"):
        ALFSorting(tmp_path)
    np.save(tmp_path / "spikes.times.npy", _TIMES)
    with pytest.raises(InputError, match=r"spikes\.clusters missing"):
        ALFSorting(tmp_path)
    broken = shutil.copytree(session, tmp_path / "M1/2021-02-30/001")
    with pytest.raises(InputError, match="day of the calendar"):
        ALFSorting(broken)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",RFM\nstart,3\nstop,2\n", ",RFM\nstart,x\nstop,2\n"])
def test_damaged_intervals_are_refused(session, tmp_path, text):
    copy = shutil.copytree(session, tmp_path / "M1/2021-04-14/001")
    (copy / "alf/_ibl_passivePeriods.intervalsTable.csv").write_text(text)
    with pytest.raises(InputError, match="passivePeriods"):
        ALFSorting(copy)


_FILES = (
    "spikes.times.npy",
    "spikes.clusters.npy",
    "channels.localCoordinates.npy",
    "clusters.metrics.pqt",
    "clusters.uuids.csv",
    "channels.brainLocationIds_ccf_2017.npy",
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(_FILES), cut=st.booleans())
def test_damaged_files_never_crash(tmp_path, session, data, name, cut):
    folder = session / "alf/probe00/pykilosort"
    copy = tmp_path / "copy"
    if not copy.exists():
        shutil.copytree(folder, copy)
    damaged = bytearray((folder / name).read_bytes())
    if cut:
        damaged = damaged[: data.draw(st.integers(0, len(damaged) - 1))]
    else:
        # most of a file is numbers, which say nothing of their damage: aim at the header as often
        end = data.draw(st.sampled_from([min(128, len(damaged)), len(damaged)]))
        damaged[data.draw(st.integers(0, end - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (copy / name).write_bytes(bytes(damaged))
    try:
        sorting = ALFSorting(copy)
    except InputError:
        pass
    else:
        assert not (cut and name.endswith(".npy"))
        spikes = sum(len(sorting.get_unit_spike_train(unit)) for unit in sorting.unit_ids)
        assert spikes == 400
    finally:
        shutil.copy(folder / name, copy / name)


def test_it_survives_spikeinterface_saving(two_probes):
    sorting = ALFSorting(two_probes, probes=["probe01"], good_only=True)
    again = load(sorting.to_dict())
    assert again.unit_ids.tolist() == [0, 3]
    np.testing.assert_array_equal(
        again.get_unit_spike_train_in_seconds(3), sorting.get_unit_spike_train_in_seconds(3)
    )
    assert tuple(again.get_annotation("observation_interval")) == sorting.observation_interval


def test_the_interface_serves_neuroconv(session):
    schema = IBLInterface.get_source_schema()
    assert {"session_path", "probes", "collection", "good_only"} <= set(schema["properties"])
    assert IBLInterface(session_path=session).units_ids.tolist() == [0, 1, 3, 4]


def test_a_curated_namespace_wins_and_is_said(bare, caplog):
    caplog.set_level("INFO", logger="nwbspikegen")
    times, clusters = (np.load(bare / f"spikes.{name}.npy") for name in ("times", "clusters"))
    # a curator merged clusters 0 and 1 into a new one
    np.save(bare / "_av_spikes.clusters.npy", np.where(clusters < 2, 6, clusters))
    sorting = ALFSorting(bare)
    assert sorting.unit_ids.tolist() == [3, 4, 6]
    np.testing.assert_array_equal(sorting.get_unit_spike_train_in_seconds(6), times[clusters < 2])
    assert "_av_spikes.clusters.npy is read, not spikes.clusters.npy" in caplog.text
    assert ALFSorting(bare, namespace="none").unit_ids.tolist() == [0, 1, 3, 4]
    assert ALFSorting(bare, namespace="_av_").unit_ids.tolist() == [3, 4, 6]
    with pytest.raises(InputError, match=r"no file of the namespace 'xy'.*one of av, none"):
        ALFSorting(bare, namespace="xy")
    np.save(bare / "_bc_spikes.clusters.npy", clusters)
    with pytest.raises(InputError, match=r"namespaces av, bc.*--namespace av"):
        ALFSorting(bare)
    assert ALFSorting(bare, namespace="bc").unit_ids.tolist() == [0, 1, 3, 4]


def test_what_a_curator_made_has_no_place_or_quality(session, tmp_path):
    folder = tmp_path / "alf/probe00/pykilosort"
    shutil.copytree(session / "alf/probe00/pykilosort", folder)
    clusters = np.load(folder / "spikes.clusters.npy")
    np.save(folder / "_av_spikes.clusters.npy", np.where(clusters < 2, 9, clusters))
    plain, curated = ALFSorting(folder, namespace="none"), ALFSorting(folder)
    assert plain.unit_ids.tolist() == [0, 1, 3, 4]
    assert curated.unit_ids.tolist() == [3, 4, 9]
    for name in ("rel_x", "depth", "label"):
        known = curated.get_property(name)
        np.testing.assert_array_equal(known[:2], plain.get_property(name)[[2, 3]])
        assert np.isnan(known[2])
    assert curated.get_property("location")[2] == "unknown"
    assert curated.get_property("quality")[2] == ""
    assert curated.electrodes.of_units.tolist()[2] == -1


def test_a_dated_revision_is_newer_than_a_named_one_and_is_said(bare, caplog):
    caplog.set_level("INFO", logger="nwbspikegen")
    times = np.load(bare / "spikes.times.npy")
    for revision, shift in (("#test#", 1), ("#2024-05-06#", 2)):
        (bare / revision).mkdir()
        np.save(bare / revision / "spikes.times.npy", times + shift)
    expected = true_times(bare, 3) + 2
    np.testing.assert_array_equal(ALFSorting(bare).get_unit_spike_train_in_seconds(3), expected)
    assert "#2024-05-06#/spikes.times.npy is read, not #test#/spikes.times.npy, spikes.times" in caplog.text
