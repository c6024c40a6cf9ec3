"""Folders at addresses: only the files that are asked for, bounded, read only, and gone afterwards."""

from __future__ import annotations

import sys
import tempfile
import zipfile
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry
from range_server import serve

from nwbspikegen.core import remote_folders
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.core.remote_folders import is_there, open_folder

_NAMES = ["model.json", "weights"]
_FILES = {"model.json": b"{}", "weights": bytes(5000), "run.py": b"raise SystemExit"}


class StandInHub(MemoryFileSystem):
    """What huggingface_hub registers as "hf", as far as it is used; it counts what is opened, and how."""

    protocol = "hf"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    opened: ClassVar[list] = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.removeprefix("hf://"))

    def _open(self, path, mode="rb", **options):
        self.opened.append((path, mode))
        return super()._open(path, mode, **options)


@pytest.fixture
def hub(monkeypatch):
    """Stand in for huggingface_hub for as long as a test takes."""
    monkeypatch.setitem(_registry, "hf", StandInHub)
    monkeypatch.setattr(StandInHub, "store", {})
    monkeypatch.setattr(StandInHub, "opened", [])
    system = fsspec.filesystem("hf", skip_instance_cache=True)
    system.pipe({f"/org/name@v1/{name}": content for name, content in _FILES.items()})
    StandInHub.opened.clear()
    return StandInHub


@pytest.fixture
def memory():
    """Give fsspec's memory, emptied afterwards."""
    system = fsspec.filesystem("memory")
    system.pipe({f"/m/{name}": content for name, content in _FILES.items()})
    yield system
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Return where temporary folders go."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def _read(address):
    with open_folder(address, _NAMES) as folder:
        return {path.name: path.read_bytes() for path in folder.iterdir()}


_WANTED = {name: _FILES[name] for name in _NAMES}


def test_of_the_hub_the_named_files_are_read_and_nothing_is_left(hub, scratch):
    assert _read("hf://org/name@v1") == _WANTED
    assert hub.opened == [(f"/org/name@v1/{name}", "rb") for name in _NAMES]
    assert list(scratch.iterdir()) == []
    assert sorted(hub.store) == sorted(f"/org/name@v1/{name}" for name in _FILES)


@pytest.mark.parametrize("serves_ranges", [True, False])
def test_over_the_web(tmp_path, serves_ranges):
    (tmp_path / "model").mkdir()
    for name, content in _FILES.items():
        (tmp_path / "model" / name).write_bytes(content)
    with serve(tmp_path, serves_ranges=serves_ranges) as server:
        assert _read(f"{server.url}/model/") == _WANTED
        assert server.bytes_sent == sum(map(len, _WANTED.values()))
        assert is_there(f"{server.url}/model", "model.json")
        assert not is_there(f"{server.url}/model", "other.json")
        with pytest.raises(
            InputError, match=r"found no model\.json at http://127.*/nowhere; expected the add"
        ):
            _read(f"{server.url}/nowhere")
    with pytest.raises(InputError, match=r"which cannot be read \(ClientConnectorError"):
        _read(f"{server.url}/model")


@pytest.mark.parametrize("place", ["", "inner"])
def test_in_an_archive(tmp_path, memory, place):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _FILES.items():
            archive.writestr(f"{place}/{name}".lstrip("/"), content)
    memory.pipe("/a.zip", (tmp_path / "a.zip").read_bytes())
    assert _read(f"zip://{place}::memory://a.zip") == _WANTED
    with pytest.raises(InputError, match=r"nothing at zip://::memory://b\.zip"):
        _read("zip://::memory://b.zip")


def test_a_file_that_may_be_missing_may(memory):
    memory.rm("/m/weights")
    assert _read("memory://m") == {"model.json": b"{}"}


def test_too_large_a_file_is_left_before_its_end(memory, monkeypatch, scratch):
    # also what unpacks to more than it says: pieces are counted as they come
    monkeypatch.setattr(remote_folders, "_MOST_BYTES", 4000)
    monkeypatch.setattr(remote_folders, "_PIECE", 1000)
    with pytest.raises(InputError, match="weights of more than 4000 bytes at memory://m"):
        _read("memory://m")
    assert list(scratch.iterdir()) == []


def test_errors_name_the_address(memory):
    with pytest.raises(InputError) as caught, open_folder("memory://m", _NAMES) as folder:
        raise InputError(f"{folder / 'model.json'}, broken", "another", f"look at {folder}")
    assert str(caught.value) == "found memory://m/model.json, broken; expected another; look at memory://m"


def test_a_folder_here_is_taken_as_it_is(tmp_path):
    with open_folder(tmp_path, _NAMES) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("dandi://000409/model", "DANDI keeps recordings only"),
        ("https://host.org/model?download=1", "leave the query out"),
        ("nowhere://model", r"cannot be read \(ValueError: Protocol not known: nowhere\)"),
        ("memory://nothing", r"no model\.json at memory://nothing"),
    ],
)
def test_addresses_that_lead_nowhere(address, said):
    with pytest.raises(InputError, match=said):
        _read(address)


def test_without_the_package_that_reads_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    _registry.pop("hf", None)
    with pytest.raises(
        MissingExtraError, match=r"hf:// .*pip install 'nwbspikegen\[hub\]', or pass https://hug"
    ):
        _read("hf://org/name")
    monkeypatch.setitem(sys.modules, "adlfs", None)
    with pytest.raises(
        MissingExtraError, match=r"abfs:// .*\(Install adlfs .*fetch the folder and pass its path"
    ):
        _read("abfs://org/name")
