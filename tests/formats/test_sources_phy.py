"""Phy and Kilosort folders: curated clusters, labels, places, and nothing that is run."""

from __future__ import annotations

import os

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from maxwell_files import NUM_FRAMES as MAXWELL_FRAMES
from maxwell_files import write_new_maxwell
from pynwb import NWBHDF5IO
from sorter_files import (
    LARGEST,
    NUM_FRAMES,
    PARAMS,
    PLACES,
    RATE_HZ,
    TIMES,
    TRAINS,
    make_templates,
    write_phy,
    write_recording,
)
from spikeinterface.core import load
from spikeinterface.extractors import read_phy
from test_sources_maxwell import METADATA, trains_of

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.sorters.interface import KilosortInterface, PhyInterface
from nwbspikegen.formats.sorters.phy import PhySorting

_SESSION = {"session_start_time": "2021-05-11T00:00:00+09:00", **METADATA["NWBFile"]}
_NOWHERE = "neither templates nor places of spikes tell where the units are"


def test_units_are_the_curated_clusters_and_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_phy(tmp_path / "phy")
    sorting = PhySorting(folder, duration=2.0)
    assert trains_of(sorting) == TRAINS
    assert sorting.get_unit_spike_train_in_seconds(2).tolist() == [25 / RATE_HZ, 39_999 / RATE_HZ]
    assert sorting.observation_interval == (0.0, 2.0)
    assert not (tmp_path / "ran").exists()
    assert trains_of(load(sorting.to_dict())) == TRAINS


def test_spikeinterface_finds_the_same_spikes_where_every_cluster_is_listed(tmp_path):
    folder = write_phy(tmp_path / "phy", params=f"sample_rate = {RATE_HZ}\n", curated=False)
    theirs = read_phy(folder)
    ours = PhySorting(folder)
    assert trains_of(ours) == {
        int(unit): theirs.get_unit_spike_train(unit).tolist() for unit in theirs.unit_ids
    }
    assert ours.get_property("KSLabel").tolist() == theirs.get_property("KSLabel").tolist()


@pytest.mark.parametrize("place", ["phy", ".", "phy/params.py"])
def test_the_folder_is_found(tmp_path, place):
    write_phy(tmp_path / "phy")
    assert trains_of(PhySorting(tmp_path / place)) == TRAINS


def test_labels_are_kept_and_quality_is_the_curators_first(tmp_path):
    sorting = PhySorting(write_phy(tmp_path / "phy"))
    assert sorting.unit_ids.tolist() == [2, 3, 4, 5]
    assert sorting.get_property("group").tolist() == ["noise", "", "good", ""]
    assert sorting.get_property("KSLabel").tolist() == ["mua", "good", "", ""]
    assert sorting.get_property("quality").tolist() == ["noise", "good", "good", ""]
    np.testing.assert_array_equal(sorting.get_property("ContamPct"), [7.0, 0.0, np.nan, np.nan])


def test_a_table_named_after_its_column_wins_over_the_summary(tmp_path):
    folder = write_phy(tmp_path / "phy")
    header, rows = (
        "cluster_id\tgroup\tKSLabel\tfr\tn_spikes\t",
        ("2\tgood\tgood\t0.5\t2\t", "3\t\tmua\t1.5\t1\t"),
    )
    (folder / "cluster_info.tsv").write_text("\n".join([header, *rows]) + "\n")
    sorting = PhySorting(folder)
    assert sorting.get_property("group").tolist() == ["noise", "", "good", ""]
    assert sorting.get_property("KSLabel").tolist() == ["mua", "good", "", ""]
    np.testing.assert_array_equal(sorting.get_property("fr"), [0.5, 1.5, np.nan, np.nan])
    assert not [name for name in sorting.get_property_keys() if name.startswith("Unnamed")]


def test_tables_of_the_first_phy_and_of_other_things(tmp_path):
    folder = write_phy(tmp_path / "phy")
    (folder / "cluster_group.tsv").unlink()
    (folder / "cluster_groups.csv").write_text("cluster_id\tgroup\n5\tmua\n")
    (folder / "notes.csv").write_text("day,note\n1,a\n")
    (folder / "cluster_a.tsv").write_text(
        "cluster_id\ta/b\tdone\n" + "".join(f"{n}\t{n}\tTrue\n" for n in range(6))
    )
    sorting = PhySorting(folder)
    assert sorting.get_property("quality").tolist() == ["mua", "good", "", "mua"]
    assert sorting.get_property("a_b").tolist() == [2, 3, 4, 5]
    assert sorting.get_property("done").tolist() == [True] * 4
    assert "note" not in sorting.get_property_keys()


def test_units_are_where_their_templates_are_largest(tmp_path):
    sorting = PhySorting(write_phy(tmp_path / "phy"))
    # 4 has one spike of template 0 and three of template 1
    rows = [LARGEST[template] for template in (2, 3, 1, 3)]
    assert sorting.electrodes.of_units.tolist() == rows
    assert sorting.electrodes.columns["channel"][rows].tolist() == [4, 5, 2, 5]
    assert sorting.get_property("rel_x").tolist() == [PLACES[row][0] for row in rows]
    assert sorting.get_property("depth").tolist() == [PLACES[row][1] for row in rows]


def test_whitening_is_turned_back(tmp_path):
    folder = write_phy(tmp_path / "phy")
    swapped = np.eye(4)[[3, 1, 2, 0]]
    np.save(folder / "whitening_mat_inv.npy", swapped)
    assert PhySorting(folder).electrodes.of_units.tolist() == [2, 0, 1, 0]


@pytest.mark.parametrize("name", ["template_ind", "templates_ind"])
def test_sparse_templates(tmp_path, name):
    folder = write_phy(tmp_path / "phy")
    sites = np.array([[site, (site + 1) % 4, -1] for site in LARGEST])
    # the last has no site
    waveforms = np.stack([make_templates()[row][:, sites[row]] for row in range(4)])
    waveforms[:, :, 2] = [0, 90, -90, 0, 0]
    np.save(folder / "templates.npy", waveforms)
    np.save(folder / f"{name}.npy", sites)
    assert PhySorting(folder).electrodes.of_units.tolist() == [2, 3, 1, 3]


def test_without_templates_units_are_where_their_spikes_are(tmp_path):
    folder = write_phy(tmp_path / "phy", templates=False)
    places = np.zeros((len(TIMES), 2))
    # cluster 4 has spikes 0, 1, 3 and 4
    places[[0, 1, 3, 4]] = [[1.0, 39.0], [2.0, 38.0], [3.0, 37.0], [90.0, 900.0]]
    np.save(folder / "spike_positions.npy", places)
    sorting = PhySorting(folder)
    assert sorting.get_property("rel_x").tolist() == [0.0, 0.0, 2.5, 0.0]
    assert sorting.get_property("rel_y").tolist() == [0.0, 0.0, 38.5, 0.0]
    assert sorting.electrodes.of_units.tolist() == [0, 0, 2, 0]


def test_without_either_units_have_no_place(tmp_path, caplog):
    sorting = PhySorting(write_phy(tmp_path / "phy", templates=False))
    assert _NOWHERE in caplog.text
    assert sorting.electrodes.of_units.tolist() == [-1] * 4
    assert "rel_x" not in sorting.get_property_keys()


def test_shanks_are_groups(tmp_path):
    folder = write_phy(tmp_path / "phy")
    np.save(folder / "channel_shanks.npy", np.array([0, 0, 1, 1]))
    assert PhySorting(folder).electrodes.groups.tolist() == ["shank0", "shank0", "shank1", "shank1"]


@pytest.mark.parametrize("place", ["phy/recording.dat", "recording.dat"])
def test_the_recording_that_params_names_tells_how_long_it_was(tmp_path, place):
    folder = write_phy(
        tmp_path / "phy", params=PARAMS.replace('"recording.dat"', r"r'C:\data\recording.dat'")
    )
    assert PhySorting(folder).observation_interval is None
    write_recording(tmp_path / place)
    assert PhySorting(folder).observation_interval == (0.0, NUM_FRAMES / RATE_HZ)


def test_recordings_in_parts_last_as_long_as_all(tmp_path):
    text = PARAMS.replace('"recording.dat"', "['a.dat', 'b.dat']").replace("offset = 0", "offset = 12")
    folder = write_phy(tmp_path / "phy", params=text)
    write_recording(folder / "a.dat", 30_001)
    assert PhySorting(folder).observation_interval is None
    write_recording(folder / "b.dat", 10_001)
    # each begins with one frame's worth of header
    assert PhySorting(folder).observation_interval == (0.0, 2.0)


def test_a_maxwell_recording_tells_rate_length_and_start(tmp_path):
    folder = write_phy(tmp_path / "phy", params=None, curated=False)
    np.save(folder / "spike_times.npy", np.arange(len(TIMES)))
    recording = write_new_maxwell(tmp_path / "data.raw.h5")
    sorting = PhySorting(folder, recording=recording)
    assert sorting.sampling_frequency == 20_000.0
    assert sorting.observation_interval == (0.0, MAXWELL_FRAMES / 20_000.0)
    assert sorting.session_metadata["NWBFile"]["session_start_time"].startswith("2021-10-19T20:55:05")


def test_a_recording_that_is_given(tmp_path):
    folder = write_phy(tmp_path / "phy")
    recording = write_recording(tmp_path / "other.bin", 50_000)
    assert PhySorting(folder, recording=recording).observation_interval == (0.0, 2.5)
    with pytest.raises(InputError, match=r"nothing at missing\.bin"):
        PhySorting(folder, recording="missing.bin", duration=2.0)
    with pytest.raises(InputError, match=r"a well or recording within .*other.bin"):
        PhySorting(folder, recording=recording, well="well000")
    (folder / "params.py").write_text(f"sample_rate = {RATE_HZ}\n")
    with pytest.raises(InputError, match=r"no n_channels_dat and dtype for .*other.bin"):
        PhySorting(folder, recording=recording)


def test_the_rate_is_asked_for(tmp_path):
    folder = write_phy(tmp_path / "phy", params=None)
    with pytest.raises(InputError, match=r"sampling rate of none .* pass --sampling-rate"):
        PhySorting(folder)
    assert PhySorting(folder, sampling_frequency=10_000.0).sampling_frequency == 10_000.0


def test_rates_that_contradict_each_other(tmp_path):
    folder = write_phy(tmp_path / "phy", params=PARAMS.replace("20000", "30000"))
    recording = write_new_maxwell(tmp_path / "data.raw.h5")
    with pytest.raises(InputError, match="20000 Hz and 30000 Hz"):
        PhySorting(folder, recording=recording)


def test_spikes_just_after_the_end_are_dropped_and_counted(tmp_path, caplog):
    sorting = PhySorting(write_phy(tmp_path / "phy"), duration=1.0)
    assert "1 of 8 spikes are outside the recording: dropped" in caplog.text
    assert trains_of(sorting) == {**TRAINS, 2: [25]}


def test_spikes_long_after_the_end_are_an_error(tmp_path):
    folder = write_phy(tmp_path / "phy")
    with pytest.raises(
        InputError, match=r"spikes from 0.005 to 20 s .* after 2 s, the end of the given duration"
    ):
        PhySorting(folder, sampling_frequency=2000.0, duration=2.0)


def _pickle(path):
    np.save(path, np.array([{}, None], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: np.save(folder / "spike_clusters.npy", np.arange(3)), "8 spikes and 3 clusters"),
        (lambda folder: np.save(folder / "spike_times.npy", np.arange(8) + 0.5), "a row of whole numbers"),
        (lambda folder: np.save(folder / "spike_templates.npy", np.arange(8)), "a template for each spike"),
        (
            lambda folder: np.save(folder / "templates.npy", np.zeros((4, 5, 3), "f4")),
            "3 channels and 4 places",
        ),
        (lambda folder: np.save(folder / "channel_map.npy", np.arange(3)), "3 channels"),
        (lambda folder: np.save(folder / "template_ind.npy", np.zeros((4, 2))), r"shape \(4, 2\)"),
        (lambda folder: _pickle(folder / "spike_times.npy"), "cannot be read"),
        (lambda folder: (folder / "params.py").write_text("sample_rate = = 3"), "no Python"),
        (
            lambda folder: (folder / "params.py").write_text("sample_rate = " + "-" * 50_000 + "3"),
            "none|no Python",
        ),
        (
            lambda folder: (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n2\ta\n2\tb\n"),
            "each cluster",
        ),
        (lambda folder: (folder / "cluster_group.tsv").write_bytes(b'cluster_id\t"\xff\n'), "cannot be read"),
        (lambda folder: (folder / "spike_times.npy").unlink(), "0 folders with spike_times.npy"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path, change, message):
    folder = write_phy(tmp_path / "phy")
    change(folder)
    with pytest.raises(InputError, match=message):
        PhySorting(folder)


def test_several_folders_are_a_choice_to_make(tmp_path):
    for name in ("kilosort3", "kilosort4"):
        write_phy(tmp_path / name)
    with pytest.raises(InputError, match=r"2 folders .* kilosort3, kilosort4"):
        PhySorting(tmp_path)


def test_converted_folders_open_by_depth_and_quality(tmp_path):
    write_phy(tmp_path / "phy")
    (tmp_path / "metadata.yaml").write_text(yaml.safe_dump({**METADATA, "NWBFile": _SESSION}))
    arguments = [
        "convert",
        "phy",
        str(tmp_path / "phy"),
        "--out",
        str(tmp_path / "a.nwb"),
        "--recording-duration",
        "2",
    ]
    result = CliRunner().invoke(cli, [*arguments, "--metadata", str(tmp_path / "metadata.yaml")])
    assert result.exit_code == 0, result.stderr
    with NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        nwbfile = io.read()
        table = nwbfile.units.to_dataframe()
        assert {
            name: train.tolist() for name, train in zip(table.unit_name, table.spike_times, strict=True)
        } == {str(unit): [frame / RATE_HZ for frame in train] for unit, train in TRAINS.items()}
        assert [row.index.tolist() for row in table.electrodes] == [[2], [3], [1], [3]]
        assert nwbfile.electrodes.to_dataframe().channel.tolist() == [0, 2, 4, 5]
        assert table.obs_intervals.tolist()[0].tolist() == [[0.0, 2.0]]
    units = nsg.open_units(tmp_path / "a.nwb")
    near = nsg.select_units(units, skip=0, depth=(10, 50))
    assert near.unit_name.values.tolist() == ["2", "4"]
    assert nsg.select_units(units, skip=0, quality="good").unit_name.values.tolist() == ["3", "4"]


@pytest.mark.parametrize("options", [["--well", "well000"], ["--rec", "rec0000"]])
def test_options_without_effect_are_refused(tmp_path, options):
    folder = write_phy(tmp_path / "phy")
    result = CliRunner().invoke(cli, ["convert", "kilosort", str(folder), "--out", "a.nwb", *options])
    assert result.exit_code == 2
    assert "without --recording" in result.stderr


@pytest.mark.parametrize(("interface", "words"), [(PhyInterface, "phy"), (KilosortInterface, "Kilosort")])
def test_neuroconv_interfaces(tmp_path, interface, words):
    folder = write_phy(tmp_path / "phy")
    made = interface(path=os.fspath(folder), duration=2.0)
    assert trains_of(made.sorting_extractor) == TRAINS
    assert words in made.sorting_extractor.units_description
    assert set(interface.get_source_schema()["required"]) == {"path"}
