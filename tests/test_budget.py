"""Files that stand for much more than they are end in one line, little memory and a moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile_files import FILES, write_linked_zarr, write_many_spikes

from nwbspikegen.core.budget import TRUST, get_budget
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_inside
from nwbspikegen.nwb.hdf5_walk import walk_objects
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.nwb.unit_table import require_units

_RUNNER = Path(__file__).with_name("budget_runner.py")
_WEB = {"endless": "an answer of more than 33554432 bytes", "dripping": "fewer than 65536 bytes in 1 s"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    ran = subprocess.run(
        [sys.executable, str(_RUNNER), str(tmp_path_factory.mktemp("budget"))],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return {each["name"]: each for each in map(json.loads, ran.stdout.splitlines())}


@pytest.mark.parametrize(
    ("name", "words"), [*((name, words) for name, (_, _, words) in FILES.items()), *_WEB.items()]
)
def test_one_line_little_memory_and_a_moment(outcomes, name, words):
    outcome = outcomes[name]
    assert outcome["status"] == 2, outcome
    lines = outcome["said"].splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("nwbspikegen: error: found")
    assert words in lines[0]
    assert outcome["megabytes"] < 600
    assert outcome["seconds"] < 20


def test_ten_thousand_units_and_an_hour_are_within_it():
    # 10,000 units of 5 Hz, packed to a fifth
    num_bytes = 10_000 * 5 * 3600 * 8
    assert get_budget().decoded(num_bytes // 5) > 10 * num_bytes
    # as one chunk of the first 30 million spikes
    assert get_budget().chunk_bytes >= 30e6 * 8


def test_trust_lifts_it(tmp_path, monkeypatch):
    path = write_many_spikes(tmp_path)
    linked = write_linked_zarr(tmp_path)
    for address in (path, linked):
        with pytest.raises(InputError, match="pass --trust"), open_nwb(address) as root:
            require_units(root, address)
    monkeypatch.setenv(TRUST, "1")
    for address, number in ((path, 10**8), (linked, 10)):
        with open_nwb(address) as root:
            assert len(require_units(root, address)["spike_times"]) == number
    assert np.array_equal(root["units/spike_times"][:], np.arange(10.0))


def test_links_within_a_repository_are_its_own(tmp_path):
    store = tmp_path / ".git/annex/objects/a"
    session = tmp_path / "M1/2024-01-01/001"
    for folder in (store, session):
        folder.mkdir(parents=True)
    (store / "key").write_text("content")
    (session / "a.npy").symlink_to(store / "key")
    assert require_inside(session / "a.npy", session) == session / "a.npy"
    # of another repository
    (session / "b.npy").symlink_to(tmp_path / "other/.git/annex/objects/a/key")
    (session / "c").symlink_to(tmp_path, target_is_directory=True)
    for name in ("b.npy", "c/.git"):
        with pytest.raises(InputError, match="leads out"):
            require_inside(session / name, session)


def test_groups_that_hold_themselves_are_walked_once(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b"] = 1
        file["a/again"] = file["a"]
        file["up"] = file["/"]
        file["a"].attrs["kept"] = 1
        assert sorted(path for path, _ in walk_objects(file)) == [b"", b"a", b"a/b"]
