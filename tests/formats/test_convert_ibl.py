"""IBL sessions to NWB: from folders and ONE caches, and files that say what the arrays say."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from alf_files import NUM_CHANNELS, true_times, write_collection, write_session
from click.testing import CliRunner
from pynwb import NWBHDF5IO

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError, MetadataError, MissingExtraError
from nwbspikegen.formats.ibl.one import find_in_cache
from nwbspikegen.formats.ibl.remote import download_session, open_remote_session

_OTHER_EID = "00000000-0000-4000-8000-000000000000"
_SUBJECT = {"Subject": {"age": "P90D", "sex": "M"}}


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    return write_session(tmp_path_factory.mktemp("one_probe"))


@pytest.fixture(scope="module")
def two_probes(tmp_path_factory) -> Path:
    return write_session(tmp_path_factory.mktemp("two_probes"), probes=("probe00", "probe01"))


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Return an empty home, where ONE keeps its settings."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "APPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.mark.parametrize("name", ["session", "two_probes"])
def test_to_nwb_and_back(request, tmp_path, name):
    source = request.getfixturevalue(name)
    path = nsg.convert_ibl(source, tmp_path / "sub-M1_ecephys.nwb", metadata=_SUBJECT)
    findings = nsg.validate_file(path)
    assert not (findings.severity == "error").any(), findings
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        units, electrodes = nwbfile.units, nwbfile.electrodes
        for row in range(len(units)):
            folder = source / "alf" / units["probe"][row] / "pykilosort"
            cluster = units["cluster_id"][row]
            np.testing.assert_array_equal(units["spike_times"][row], true_times(folder, cluster))
            channel = np.load(folder / "clusters.channels.npy")[cluster]
            x, y = np.load(folder / "channels.localCoordinates.npy")[channel]
            right, anterior, up = np.load(folder / "channels.mlapdv.npy")[channel]
            electrode = units["electrodes"][row].iloc[0]
            assert (electrode.rel_x, electrode.rel_y, electrode.channel) == (x, y, channel)
            assert (electrode.x, electrode.y, electrode.z) == (-anterior, -up, right)
            assert (electrode.location, electrode.group_name) == (units["location"][row], units["probe"][row])
            np.testing.assert_allclose(units["obs_intervals"][row], [[0.5, 200.0]])
        assert len(electrodes) == NUM_CHANNELS * len(nwbfile.electrode_groups)
        assert len(nwbfile.devices) == len(nwbfile.electrode_groups) == (2 if name == "two_probes" else 1)
        table = nwbfile.processing["passive_protocol"]["passive_intervals"].to_dataframe()
        rows = table.set_index("protocol_type").loc["spontaneousActivity"]
        assert (rows.start_time, rows.stop_time) == (110.25, 140.5)
        assert units.resolution == pytest.approx(1 / 30_000)
        assert (nwbfile.lab, nwbfile.session_id) == ("lab1", "2021-04-14-001")
        assert nwbfile.session_start_time.isoformat() == "2021-04-14T00:00:00+00:00"
        assert nwbfile.subject.species == "Mus musculus"
        assert "preparation:in_vivo" in nwbfile.keywords[:]
    assert nsg.open_units(path).sizes["unit"] == 4 * len(nwbfile.devices)


def _content(path: Path) -> dict[str, object]:
    content = {}

    def keep(name, node):
        values = node[()] if isinstance(node, h5py.Dataset) else None
        if isinstance(values, np.ndarray) and h5py.check_ref_dtype(node.dtype):
            values = [node.file[value].name for value in values]
        attributes = {key: str(value) for key, value in node.attrs.items() if key != "object_id"}
        content[name] = (np.asarray(values).tolist(), attributes)

    with h5py.File(path) as file:
        file.visititems(keep)
    return {
        name: repr(value) for name, value in content.items() if name not in {"identifier", "file_create_date"}
    }


def test_two_conversions_give_the_same(two_probes, tmp_path):
    script = (
        "import sys, nwbspikegen as nsg\n"
        "nsg.convert_ibl(sys.argv[1], sys.argv[2], metadata={'Subject': {'age': 'P90D', 'sex': 'M'}})\n"
    )
    contents = []
    for seed in ("1", "2"):
        out = tmp_path / f"{seed}.nwb"
        subprocess.run(
            [sys.executable, "-c", script, str(two_probes), str(out)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        contents.append(_content(out))
    assert contents[0] == contents[1]
    assert "units/spike_times" in contents[0]


def test_what_is_given_wins(session, tmp_path, caplog, monkeypatch):
    # a command that another test ran keeps the package's messages to itself
    monkeypatch.setattr(logging.getLogger("nwbspikegen"), "propagate", True)
    given = {"NWBFile": {"session_start_time": "2021-04-14T11:00:00-05:00", "lab": "other"}, **_SUBJECT}
    path = nsg.convert_ibl(session, tmp_path / "a.nwb", metadata=given)
    with NWBHDF5IO(path, "r") as io:
        nwbfile = io.read()
        assert (nwbfile.lab, nwbfile.session_start_time.isoformat()) == ("other", "2021-04-14T11:00:00-05:00")
        assert nwbfile.session_id == "2021-04-14-001"
    assert "midnight" not in caplog.text
    nsg.convert_ibl(session, path, metadata=_SUBJECT, overwrite=True)
    assert "midnight" in caplog.text


def test_age_and_sex_are_never_guessed(session, tmp_path):
    with pytest.raises(MetadataError, match="no Subject age, no Subject sex"):
        nsg.convert_ibl(session, tmp_path / "a.nwb", metadata=None)
    assert os.listdir(tmp_path) == []


def test_the_real_arrays(shared_data, tmp_path):
    metadata = {
        "NWBFile": {"session_description": "d", "session_start_time": "2020-10-10T00:00:00+00:00"},
        "Subject": {"subject_id": "SWC_054", "species": "Mus musculus", **_SUBJECT["Subject"]},
    }
    path = tmp_path / "sub-SWC_054_ecephys.nwb"
    nsg.convert_ibl(shared_data / "ibl_alf_swc054", path, metadata=metadata)
    findings = nsg.validate_file(path)
    assert not (findings.severity == "error").any(), findings
    assert nsg.open_units(path).sizes["unit"] == 3
    with NWBHDF5IO(path, "r") as io:
        units = io.read().units
        assert units["cluster_id"][:].tolist() == [167, 274, 275]
        assert sum(len(units["spike_times"][row]) for row in range(3)) == 47_748
        expected = true_times(shared_data / "ibl_alf_swc054", 275)
        np.testing.assert_array_equal(units["spike_times"][2], expected)


def test_a_session_in_a_local_cache(tmp_path, home):
    from one.api import One

    root = tmp_path / "cache"
    first = write_session(root)
    second = write_session(root, lab="lab2", subject="M2", number="002")
    assert find_in_cache(root, "lab1/M1/2021-04-14/1") == first
    assert find_in_cache(root, "M2/2021-04-14/002") == second
    with pytest.raises(InputError, match="no table of sessions"):
        find_in_cache(root, _OTHER_EID)
    with pytest.raises(InputError, match="choose lab1/M1/2021-04-14/001 or lab2/M2/2021-04-14/002"):
        find_in_cache(root, "lab1/M3/2021-04-14/001")
    with pytest.raises(InputError, match="a session 'M1'"):
        find_in_cache(root, "M1")
    one = One.setup(root, silent=True, hash_files=False)
    eid = str(one.path2eid(second))
    before = sorted(path for path in root.rglob("*"))
    out = nsg.convert_ibl(root, tmp_path / "a.nwb", session=eid, metadata=_SUBJECT)
    with NWBHDF5IO(out, "r") as io:
        assert io.read().subject.subject_id == "M2"
    with pytest.raises(InputError, match="no session 0"):
        find_in_cache(root, _OTHER_EID)
    assert sorted(path for path in root.rglob("*")) == before
    (root / "sessions.pqt").write_bytes(b"damaged")
    with pytest.raises(InputError, match="the tables in"):
        find_in_cache(root, eid)
    assert list(home.iterdir()) == []


def test_no_remote_one_unless_it_was_set_up(home, tmp_path):
    for url in (None, "https://alyx.example.org"):
        with pytest.raises(InputError, match="set up before"):
            nsg.convert_ibl("lab1/M1/2021-04-14/001", tmp_path / "a.nwb", metadata=None, one_url=url)
    assert list(home.iterdir()) == []
    (home / ".one").mkdir()
    (home / ".one/.caches").write_text("{")
    with pytest.raises(InputError, match=r"\.caches unusable"):
        open_remote_session()


def test_without_one_an_extra_is_named(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "one.api", None)
    with pytest.raises(MissingExtraError, match=r"nwbspikegen\[ibl\]"):
        open_remote_session()


class _Alyx:
    """The database's records of the only session."""

    def rest(self, endpoint, action, id):
        return {
            "sessions": {"subject": "M1", "lab": "lab1", "start_time": "2021-04-14T11:53:07"},
            "subjects": {"sex": "F", "birth_date": "2020-12-24", "strain": "C57BL/6J"},
            "labs": {"institution": "University 1"},
        }[endpoint]


# a local ONE stands in for the remote one, and its tables name no default revisions
@pytest.mark.filterwarnings("ignore:No default revision")
def test_a_remote_session_brings_its_records(tmp_path, home, monkeypatch):
    import one.api

    root = tmp_path / "cache"
    session = write_session(root, probes=("probe00", "probe01"), passive=("alf", "alf/task_00"))
    # an older sorting in the probe's folder, beside its sites
    write_collection(session / "alf/probe01", seed=5)
    (home / ".one").mkdir()
    settings_ = {"CLIENT_MAP": {"alyx.example.org": str(root)}, "DEFAULT": "alyx.example.org"}
    (home / ".one/.caches").write_text(json.dumps(settings_))
    opened = one.api.One.setup(root, silent=True, hash_files=False)
    opened.alyx = _Alyx()
    asked, fetched = [], []
    monkeypatch.setattr(one.api, "ONE", lambda **options: asked.append(options) or opened)
    load_dataset = opened.load_dataset
    monkeypatch.setattr(
        opened, "load_dataset", lambda *a, **k: fetched.append(load_dataset(*a, **k)) or fetched[-1]
    )
    out = nsg.convert_ibl(
        "lab1/M1/2021-04-14/1",
        tmp_path / "sub-M1_ecephys.nwb",
        metadata=None,
        probes=["probe01"],
        one_url="https://alyx.example.org/",
    )
    assert asked == [{"base_url": "https://alyx.example.org/", "silent": True}]
    names = {path.relative_to(session).as_posix() for path in fetched}
    sites, sorting = "alf/probe01/electrodeSites", "alf/probe01/pykilosort"
    of_sorting = "spikes.times spikes.clusters clusters.channels clusters.depths channels.rawInd"
    assert names == {
        f"{sites}.brainLocationIds_ccf_2017.npy",
        f"{sites}.localCoordinates.npy",
        f"{sites}.mlapdv.npy",
        *(f"{sorting}/{name}.npy" for name in of_sorting.split()),
        *(
            f"{sorting}/channels.{name}.npy"
            for name in ("localCoordinates", "mlapdv", "brainLocationIds_ccf_2017")
        ),
        f"{sorting}/clusters.metrics.pqt",
        f"{sorting}/clusters.uuids.csv",
        "alf/_ibl_passivePeriods.intervalsTable.csv",
        "alf/task_00/_ibl_passivePeriods.intervalsTable.csv",
        "raw_ephys_data/probe01/_spikeglx_ephysData_g0_t0.imec1.timestamps.npy",
    }
    with NWBHDF5IO(out, "r") as io:
        nwbfile = io.read()
        assert (nwbfile.subject.sex, nwbfile.subject.strain) == ("F", "C57BL/6J")
        assert nwbfile.subject.date_of_birth.date().isoformat() == "2020-12-24"
        assert nwbfile.session_start_time.isoformat() == "2021-04-14T11:53:07+00:00"
        assert nwbfile.institution == "University 1"
    assert not (nsg.validate_file(out).severity == "error").any()
    with pytest.raises(InputError, match="no session"):
        download_session(opened, "lab1/M9/2021-04-14/001")


def test_the_command(two_probes, tmp_path):
    (tmp_path / "m.yaml").write_text("Subject: {age: P90D, sex: M}\n")
    arguments = ["convert", "ibl", str(two_probes), "--out", str(tmp_path / "a.nwb"), "--good-only", "--json"]
    arguments += ["--metadata", str(tmp_path / "m.yaml"), "--probe", "probe01"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"path": str(tmp_path / "a.nwb")}
    assert nsg.open_units(tmp_path / "a.nwb").sizes["unit"] == 2
    result = CliRunner().invoke(cli, ["convert", "ibl"])
    assert (result.exit_code, "no SOURCE" in result.stderr) == (2, True)


def test_the_preset_lists_the_sessions():
    result = CliRunner().invoke(cli, ["convert", "ibl", "--preset", "shimono2026", "--json"])
    sessions = json.loads(result.stdout)["sessions"]
    assert (result.exit_code, len(sessions)) == (0, 6)
    assert sessions[5] == {
        "lab": "hoferlab",
        "subject": "SWC_043",
        "day": "2020-09-20",
        "regions": ["CA1", "COAp"],
    }
    text = CliRunner().invoke(cli, ["convert", "ibl", "--preset", "shimono2026"]).stdout
    assert text.splitlines()[0] == "angelakilab/NYU-40/2021-04-14  VISpor"
