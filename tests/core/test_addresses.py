"""Files on the web: named in any way, opened with what their address held, told without it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dandi_server import ASSET, DIGEST, serve_dandi
from range_server import serve
from views_nwb import write_units

import nwbspikegen as nsg
from nwbspikegen.core import addresses
from nwbspikegen.core.addresses import hide_access, list_access, name_of, require_recording, restore_access
from nwbspikegen.core.dandi_places import find_place, write_place
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.web_secrets import cut_secrets

_SIGNATURE, _KEY = "a-signature%2Fof+seven", "a-secret-key-of-a-test"
_UUID = "01234567-0123-4567-89ab-0123456789ab"


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(addresses, "_ACCESS", {})
    addresses._find_asset.cache_clear()
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("DANDI_CACHE", "ignore")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://u:p@h.org:8/a.nwb?X-Sig=0#f", "https://h.org:8/a.nwb"),
        ("(url='https://h.org/a?sig=0'): failed", "(url='https://h.org/a'): failed"),
        ("URL('https://u:p@w@h.org/a?b'), see", "URL('https://h.org/a'), see"),
        (
            "exceeded with url: /a.nwb?X-Sig=0%2F1&b=2 (Caused by it)",
            "exceeded with url: /a.nwb (Caused by it)",
        ),
        ('{"file": "https://h.org/a?sig=0\\"", "b": 1}', '{"file": "https://h.org/a\\"", "b": 1}'),
        ("https://a.org/x?s=1 and https://b.org/y#z.", "https://a.org/x and https://b.org/y."),
        ("what is it? tcp://10.0.0.1:8786, no=1", "what is it? tcp://10.0.0.1:8786, no=1"),
        ("http://purl.obolibrary.org/obo/NCBITaxon_40674", "http://purl.obolibrary.org/obo/NCBITaxon_40674"),
    ],
)
def test_secrets_are_cut_from_any_text(text: str, kept: str) -> None:
    assert cut_secrets(text) == kept
    assert str(InputError(text, "b", "c")) == f"found {kept}; expected b; c"


def test_two_files_that_differ_by_what_is_cut_stay_two() -> None:
    one, other = (hide_access(f"https://h.org/get?id={number}") for number in (1, 2))
    assert (one, other) == ("https://h.org/get", "https://h.org/get#2")
    assert hide_access("https://h.org/get?id=1") == one
    assert name_of(other) == name_of("https://u:p@h.org/get?id=1") == "get"
    # a worker of a cluster opens what it was sent
    sent = list_access()
    addresses._ACCESS.clear()
    restore_access(sent)
    assert addresses._find_asset(one).url == "https://h.org/get?id=1"
    assert addresses._find_asset(other).url == "https://h.org/get?id=2"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("DANDI:000409", "dandi://000409/"),
        ("DANDI:000409@0.2.1/sub-1/a.nwb", "dandi://000409@0.2.1/sub-1/a.nwb"),
        ("dandi:000409/draft/sub-1/a.nwb", "dandi://000409@draft/sub-1/a.nwb"),
        ("DANDI-SANDBOX:000409/a.nwb", "dandi://dandi-sandbox/000409/a.nwb"),
        ("dandi://dandi/000409/a.nwb", "dandi://000409/a.nwb"),
        ("dandi://DANDI:000409/a.nwb", "dandi://000409/a.nwb"),
        ("dandi://archive.example/000409@draft/a.nwb", "dandi://archive.example/000409@draft/a.nwb"),
        ("https://dandiarchive.org/dandiset/000409/draft/files?location=sub-1%2Fa.nwb&page=1",
         "dandi://000409@draft/sub-1/a.nwb"),
        ("https://gui.dandiarchive.org/#/dandiset/000409/0.2.1/files?location=a.nwb",
         "dandi://000409@0.2.1/a.nwb"),
        ("https://api.dandiarchive.org/api/dandisets/000409/versions/draft/assets/?path=sub-1/a.nwb",
         "dandi://000409@draft/sub-1/a.nwb"),
        (f"https://api.dandiarchive.org/api/assets/{_UUID}/download/",
         f"https://api.dandiarchive.org/api/assets/{_UUID}/"),
        (f"https://archive.example/api/dandisets/000409/versions/draft/assets/{_UUID}/download/?sig=0",
         f"https://archive.example/api/assets/{_UUID}/"),
    ],
)  # fmt: skip
def test_a_file_of_the_archive_has_one_address_however_it_is_named(address: str, kept: str) -> None:
    assert require_recording(address) == kept
    # kept, it leads to the same place
    place = find_place(kept)
    assert place is not None
    assert write_place(place) == kept


@pytest.fixture
def files(tmp_path: Path) -> Iterator[object]:
    write_units(tmp_path / "a.nwb", [[0.1], [0.2]], observed=(0.0, 1.0))
    with serve(tmp_path, token=_SIGNATURE) as server:
        yield server


def test_signed_addresses_are_opened_and_told_without_their_signature(files) -> None:
    address = f"{files.url}/a.nwb?sig={_SIGNATURE}"
    units = nsg.open_units(address)
    assert units.spikes.sum() == 2
    assert units.attrs["source"] == f"{files.url}/a.nwb"
    with pytest.raises(InputError) as raised:
        nsg.open_units(f"{files.url}/b.nwb?sig={_SIGNATURE}")
    assert _SIGNATURE not in str(raised.value)
    # nor in what it was raised from
    assert raised.value.__cause__ is None
    assert f"{files.url}/b.nwb" in str(raised.value)


def test_embargoed_files_are_streamed_with_the_users_key(
    files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # a prompt would read from here
    monkeypatch.setattr(sys, "stdin", None)
    caplog.set_level(logging.DEBUG)
    with serve_dandi(f"{files.url}/a.nwb", key=_KEY, signature=_SIGNATURE) as server:
        host = server.url.removeprefix("http://")
        variable = f"{host}_API_KEY"
        page = f"{server.url}/dandiset/000001/draft/files?location=sub-1%2Fa.nwb"
        with pytest.raises(InputError) as raised:
            nsg.open_units(page)
        assert f"put env '{variable}=...' before the command" in str(raised.value)
        monkeypatch.setenv(variable, "not-the-right-one")
        with pytest.raises(InputError, match="does not accept") as raised:
            nsg.open_units(page)
        assert "not-the-right-one" not in str(raised.value)
        monkeypatch.setenv(variable, f" {_KEY}\n")
        for address in (
            page,
            f"dandi://{host}/000001/sub-1/a.nwb",
            f"dandi://{host}/000001",
            f"{server.url}/api/assets/{ASSET}/download/",
        ):
            units = nsg.open_units(address)
            assert units.spikes.sum() == 2
            assert units.attrs["source_sha256"] == DIGEST
            assert _SIGNATURE not in str(units.attrs)
    assert _KEY not in caplog.text
