"""From a file to an asset: with dandi's own client, against a local archive that fails when asked to."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest
from archive_server import DANDISET, KEY, Archive, serve_archive
from click.testing import CliRunner, Result
from dandischema.digests.dandietag import PartGenerator
from nwb_sources import write_source
from test_archive_results import _write

import nwbspikegen as nsg
from nwbspikegen.archive import share_client
from nwbspikegen.archive.share_contents import describe_contents
from nwbspikegen.cli import cli
from nwbspikegen.core import dandi_keys
from nwbspikegen.core.errors import InputError, NWBSpikeGenError

_PLACE = "sub-M1/sub-M1_ses-s1_desc-spikegen_ecephys.nwb"


@pytest.fixture(autouse=True)
def _stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep dandi from the user's keyring, caches and settings."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("DANDI_CACHE", "ignore")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("DANDI_API_KEY", "DANDI_SANDBOX_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return _write(tmp_path_factory.mktemp("written"))


@pytest.fixture
def file(written: SimpleNamespace, tmp_path: Path) -> Path:
    return Path(shutil.copy(written.path, tmp_path / "derived.nwb"))


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serve_archive() as served:
        yield served


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the validation, which other tests pass through, to save its seconds."""
    import pandas as pd

    nothing = pd.DataFrame({"severity": [], "message": []})
    monkeypatch.setattr("nwbspikegen.archive.share_planning.validate_file", lambda path: nothing)


def _share(archive: Archive, *arguments: object, key: str | None = KEY, yes: bool = True) -> Result:
    given = ["share", *map(str, arguments), "--dandiset", DANDISET, "--instance", archive.url]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.txt")
        given += ["--log-file", str(log)] + ["--yes"] * yes
        # what any library says is caught as well, down to the last detail
        with _listening() as said:
            result = CliRunner().invoke(cli, given, env={archive.key_variable: key})
        said.append(log.read_text())
    if isinstance(result.exception, Exception):
        raise result.exception
    assert "share begins" in said[-1]
    for secret in {KEY, key or KEY}:
        assert not any(secret in text for text in [result.output, *said])
    return result


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Give what is logged anywhere."""
    said: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def _fails(result: Result) -> str:
    """Return the one clear line with which a command has ended."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("nwbspikegen: error: found")]
    assert result.stderr.splitlines()[-1:] == lines
    return lines[0]


def _list(archive: Archive) -> dict[str, Any]:
    """Return what dandi's client finds in the dandiset, by path."""
    from dandi.dandiapi import DandiAPIClient

    with DandiAPIClient(f"{archive.url}/api") as client:
        return {asset.path: asset for asset in client.get_dandiset(DANDISET, "draft").get_assets()}


def test_uploaded_listed_and_downloaded_again(
    archive: Archive, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANDI_NO_ET", "1")
    # parts are of 64 MiB: of less here, so that there are several
    monkeypatch.setattr(PartGenerator, "MIN_PART_SIZE", 100_000)
    monkeypatch.setattr(PartGenerator, "DEFAULT_PART_SIZE", 100_000)
    before = file.read_bytes()
    result = _share(archive, file, "--json")
    (row,) = json.loads(result.stdout)["files"]
    assert (row["status"], row["archive_path"], row["synthetic"]) == ("uploaded", _PLACE, True)
    assert "SYNTHETIC generated_units: 4 trains" in result.stderr
    assert "the model m (sha256 abab" in result.stderr
    assert "identifier small-1" in result.stderr
    assert "case by case" in result.stderr
    assert archive.count("PUT", "/store/") == -(-len(before) // 100_000) > 1
    assets = _list(archive)
    assert list(assets) == [_PLACE]
    assert assets[_PLACE].identifier == row["asset"]
    assets[_PLACE].download(tmp_path / "again.nwb")
    assert (tmp_path / "again.nwb").read_bytes() == before == file.read_bytes()
    assert list(nsg.read_generated_units(tmp_path / "again.nwb")) == [12, 14, 16, 18]
    metadata = assets[_PLACE].get_raw_metadata()
    assert metadata["schemaKey"] == "Asset"
    assert metadata["wasAttributedTo"][0]["identifier"] == "M1"


def test_a_dry_run_needs_neither_key_nor_network(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    result = CliRunner().invoke(cli, ["share", str(file), "--dandiset", DANDISET, "--dry-run"])
    assert result.exit_code == 0, result.output
    assert _PLACE in result.stdout
    assert "SYNTHETIC" in result.stdout
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["derived.nwb"]
    shown = nsg.share_file([file], dandiset="000123", dry_run=True)
    assert shown.loc[0, ["archive_path", "status", "asset"]].tolist() == [_PLACE, "planned", ""]


@pytest.mark.usefixtures("unchecked")
def test_a_wrong_key_is_said_and_not_repeated(archive: Archive, file: Path) -> None:
    result = _share(archive, file, key="not-the-right-key")
    assert "does not accept" in _fails(result)
    assert "not-the-right-key" not in result.output
    assert "no API key" in _fails(_share(archive, file, key=None))
    assert archive.uploads == {}
    assert _share(archive, file).exit_code == 0


@pytest.mark.usefixtures("unchecked")
def test_the_keyring_is_asked(archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(dandi_keys, "ask_keyring", lambda service: asked.append(service) or KEY)
    assert _share(archive, file, key=None).exit_code == 0
    assert asked == [f"dandi-api-{archive.key_variable.removesuffix('_API_KEY')}"]


@pytest.mark.usefixtures("unchecked")
def test_a_refused_asset_is_said_and_its_bytes_not_sent_again(archive: Archive, file: Path) -> None:
    archive.refusal = f"no simulated data without a word with us {KEY}"
    assert "no simulated data without a word with us [key]" in _fails(_share(archive, file))
    assert archive.count("PUT", "/store/") == 1
    archive.refusal = ""
    assert _share(archive, file).exit_code == 0
    assert archive.count("PUT", "/store/") == 1
    assert len(archive.assets) == len(archive.blobs) == 1


@pytest.mark.usefixtures("unchecked")
def test_a_dropped_connection_is_taken_up_again(
    archive: Archive, file: Path, written: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tenacity

    monkeypatch.setattr("dandi.dandiapi.REQUEST_RETRIES", 2)
    monkeypatch.setattr(tenacity, "wait_exponential", lambda **_: tenacity.wait_none())
    # the client itself tries again: the first file comes through, the second does not
    archive.drops = 1
    assert _share(archive, file).exit_code == 0
    archive.drops = 2
    line = _fails(_share(archive, file, written.source, "--existing", "skip"))
    # recordings go first, so that the records of their results can name them
    assert "broke while sending file 1 of 2" in line
    assert "sent again unless the archive has closed its upload" in line
    result = _share(archive, file, written.source, "--existing", "skip")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["skipped", "uploaded"]
    assert sorted(blob for _, blob in archive.blobs.values()) == sorted(
        path.read_bytes() for path in (file, written.source)
    )


@pytest.mark.usefixtures("unchecked")
def test_what_is_there_already_is_said_and_can_be_kept_or_replaced(archive: Archive, file: Path) -> None:
    assert _share(archive, file).exit_code == 0
    assert "which the dandiset has already, with the same bytes" in _fails(_share(archive, file))
    for existing in ("skip", "refresh", "overwrite"):
        assert _share(archive, file, "--existing", existing).stdout.startswith("skipped")
    with h5py.File(file, "r+") as opened:
        opened["session_description"][()] = "another"
    assert "with other bytes" in _fails(_share(archive, file))
    assert _share(archive, file, "--existing", "overwrite").stdout.startswith("replaced")
    (asset,) = archive.assets.values()
    assert archive.blobs[asset["blob"]][1] == file.read_bytes()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("instance", "variable"), [("dandi", "DANDI_API_KEY"), ("dandi-sandbox", "DANDI_SANDBOX_API_KEY")]
)
def test_an_instance_by_its_name_has_its_own_key(
    archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch, instance: str, variable: str
) -> None:
    from dandi import consts

    there = consts.DandiInstance(instance, archive.url, f"{archive.url}/api")
    monkeypatch.setitem(consts.known_instances, instance, there)
    given = ["share", str(file), "--dandiset", DANDISET, "--instance", instance, "--yes"]
    for other in {"DANDI_API_KEY", "DANDI_SANDBOX_API_KEY"} - {variable}:
        # the key of one is never sent to the other
        refused = CliRunner().invoke(cli, given, env={other: KEY})
        assert f"put env '{variable}=...' before the command, or store it once" in _fails(refused)
        assert archive.count("GET", "/auth/token") == 0
    assert CliRunner().invoke(cli, given, env={variable: KEY}).exit_code == 0
    assert list(_list(archive)) == [_PLACE]


@pytest.mark.usefixtures("unchecked")
def test_ctrl_c_while_sending_can_be_repeated(
    archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dandi.files import NWBAsset

    def stop(*_: object, **__: object) -> Iterator[dict[str, Any]]:
        yield {"status": "uploading", "progress": 50.0}
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(NWBAsset, "iter_upload", stop)
        assert _share(archive, file).exit_code == 130
    assert archive.assets == {}
    assert _share(archive, file).exit_code == 0
    assert list(_list(archive)) == [_PLACE]


def test_a_file_that_changes_while_it_is_checked_is_not_sent(
    archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    def check(path: Path) -> pd.DataFrame:
        path.write_bytes(path.read_bytes() + b"more")
        return pd.DataFrame({"severity": [], "message": []})

    monkeypatch.setattr("nwbspikegen.archive.share_planning.validate_file", check)
    assert "changed since it was checked" in _fails(_share(archive, file))
    assert archive.blobs == {}


@pytest.mark.usefixtures("unchecked")
def test_a_file_that_changes_after_it_was_shown_is_not_sent(archive: Archive, file: Path) -> None:
    def change(plan: object) -> bool:
        file.write_bytes(file.read_bytes() + b"more")
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(archive.key_variable, KEY)
        with pytest.raises(InputError, match="changed since it was checked"):
            nsg.share_file(file, dandiset=DANDISET, instance=archive.url, confirm=change)
    assert archive.blobs == {}


@pytest.mark.usefixtures("unchecked")
def test_who_says_no_uploads_nothing(archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = _fails(_share(archive, file, yes=False))
    assert "not a terminal" in line
    assert archive.asked == []
    monkeypatch.setenv(archive.key_variable, KEY)
    shown = nsg.share_file(file, dandiset=DANDISET, instance=archive.url, confirm=lambda plan: False)
    assert list(shown.status) == ["declined"]
    assert {method for method, _ in archive.asked} == {"GET"}


def test_an_invalid_file_is_refused_before_anything_is_sent(archive: Archive, tmp_path: Path) -> None:
    path = write_source(tmp_path / "a.nwb", subject=None)
    assert "nwbspikegen validate" in _fails(_share(archive, path))
    assert {method for method, _ in archive.asked} == {"GET"}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dandiset": "12"}, "six digits"),
        ({"dandiset": "999999"}, "no such dandiset"),
        ({"instance": "elsewhere"}, "dandi-sandbox"),
        ({"instance": "http://127.0.0.1:9"}, "no archive at"),
        ({"existing": "maybe"}, "existing 'maybe'"),
    ],
)
def test_what_cannot_be_asked_for(archive: Archive, file: Path, arguments: dict[str, str], says: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(archive.key_variable, KEY)
        with pytest.raises(NWBSpikeGenError, match=says):
            nsg.share_file(file, **{"dandiset": DANDISET, "instance": archive.url, **arguments})


@pytest.mark.usefixtures("unchecked")
def test_two_files_of_one_name_are_told_apart_by_their_label(archive: Archive, file: Path) -> None:
    second = Path(shutil.copy(file, file.with_name("second.nwb")))
    assert "one file per name" in _fails(_share(archive, file, second))
    second = second.rename(second.with_name("x_desc-second_ecephys.nwb"))
    assert _share(archive, file, second).exit_code == 0
    assert sorted(asset["path"] for asset in archive.assets.values()) == [
        _PLACE.replace("spikegen", "second"),
        _PLACE,
    ]


def test_the_page_names_the_variable_of_an_address() -> None:
    from dandi.consts import DandiInstance
    from dandi.dandiapi import DandiAPIClient

    there = DandiInstance("archive.example", "https://archive.example", "https://archive.example/api")
    page = Path(__file__).parents[2] / "docs" / "share.md"
    assert f"`{DandiAPIClient(dandi_instance=there).api_key_env_var}`" in page.read_text()


def test_the_key_leaves_encrypted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(api_url="http://archive.example/api")
    opened: Callable[[str], Any] = lambda instance: client  # noqa: E731
    with pytest.raises(InputError, match="not encrypted"):
        share_client._open_client("http://archive.example", SimpleNamespace(for_dandi_instance=opened))


def test_what_was_recorded_is_not_called_synthetic(written: SimpleNamespace) -> None:
    assert describe_contents(written.source).describe() == ["recorded data, nothing generated"]
    assert describe_contents(written.path).derived
