"""Files that stand for much more than they are end in one line, little memory and a moment."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_files import FILES, write_linked_zarr, write_many_spikes

from nwbspikegen.core import budget
from nwbspikegen.core.budget import TRUST, get_budget
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_inside
from nwbspikegen.core.table_files import read_table
from nwbspikegen.nwb import zarr_folders
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


def test_too_many_objects_are_refused(tmp_path, monkeypatch):
    import h5py

    monkeypatch.setattr(budget, "_LIMITED", dataclasses.replace(budget._LIMITED, objects=20))
    for name, place in (("wide", "{}"), ("parted", "{0}/a")):
        with h5py.File(tmp_path / name, "w") as file:
            for at in range(25):
                file[place.format(at)] = at
        with h5py.File(tmp_path / name) as file, pytest.raises(InputError, match="more than 20 groups"):
            list(walk_objects(file))


def test_parquet_that_lies_about_its_pages_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"a": np.zeros(5000)}).to_parquet(path, compression="zstd", write_page_checksum=False)
    whole = path.read_bytes()
    assert len(read_table(path, "ibl")) == 5000
    with pq.ParquetFile(path) as file:
        column = file.metadata.row_group(0).column(0)
    at = column.dictionary_page_offset or column.data_page_offset
    # the header of the first page: field 1, its kind; field 2, its unpacked size, in one byte
    assert whole[at] == whole[at + 2] == 0x15
    for larger in (b"\xfe\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f"):
        path.write_bytes(whole[: at + 3] + larger + whole[at + 4 :])
        with pytest.raises(InputError, match="cannot be read"):
            read_table(path, "ibl")


def test_texts_that_share_their_beginnings_are_refused(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"a": ["x" * 10_000 + str(at) for at in range(100)]})
    pq.write_table(table, path, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    assert path.stat().st_size < 30_000
    with pytest.raises(InputError, match="share their beginnings"):
        read_table(path, "ibl")


@pytest.mark.parametrize("codec", ["gzip", "bz2", "lzma", "zstd", "lz4", "blosc"])
def test_chunks_of_zarr_are_counted_before_they_are_unpacked(tmp_path, monkeypatch, codec):
    numcodecs = pytest.importorskip("numcodecs")
    monkeypatch.setattr(budget, "_LIMITED", dataclasses.replace(budget._LIMITED, chunk_bytes=10**6))
    packing = numcodecs.get_codec({"id": codec})
    for number in (10**6, 10**6 + 1, 3 * 10**6):
        content = bytes(packing.encode(np.zeros(number, "u1")))
        if number <= 10**6:
            zarr_folders._require_small_chunk(content, codec, "a/0")
            continue
        with pytest.raises(InputError, match="chunk a/0, which unpacks to more than 1000000 bytes"):
            zarr_folders._require_small_chunk(content, codec, "a/0")


def test_the_page_on_safety_names_tests_that_are_there():
    here = Path(__file__).parent
    page = (here.parent / "docs/safety.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (here / file).read_text(), (file, name)
    listed = set(re.findall(r"\w+", " ".join(re.findall(r"\(([a-z_, ]+)\)", page))))
    assert {*FILES, *_WEB} <= listed


def test_groups_that_hold_themselves_are_walked_once(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b"] = 1
        file["a/again"] = file["a"]
        file["up"] = file["/"]
        file["a"].attrs["kept"] = 1
        assert sorted(path for path, _ in walk_objects(file)) == [b"", b"a", b"a/b"]
