"""What the archive's records say of results, and what is refused before anything is looked at."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pandas as pd
import pytest
from archive_server import DANDISET, KEY, Archive, serve_archive
from every_result import write_explained, write_generated, write_recording

import nwbspikegen as nsg
from nwbspikegen.core.errors import NWBSpikeGenError
from nwbspikegen.core.files import hash_file

_RECORDING = "sub-M1/sub-M1_ses-s1_ecephys.nwb"
_GENERATED = "sub-M1/sub-M1_ses-s1_desc-spikegen_ecephys.nwb"
_EXPLAINED = "sub-M1/sub-M1_ses-s1_desc-explained_ecephys.nwb"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    source = write_recording(folder)
    write_generated(folder, source)
    write_explained(folder, source)
    return folder


@pytest.fixture
def files(written: Path, tmp_path: Path) -> SimpleNamespace:
    folder = Path(shutil.copytree(written, tmp_path / "files"))
    names = {"recording": _RECORDING, "generated": _GENERATED, "explained": _EXPLAINED}
    return SimpleNamespace(**{name: folder / Path(path).name for name, path in names.items()})


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Archive]:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("DANDI_CACHE", "ignore")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    # other tests validate what is shared
    nothing = pd.DataFrame({"severity": [], "message": []})
    monkeypatch.setattr("nwbspikegen.archive.share_planning.validate_file", lambda path: nothing)
    with serve_archive() as served:
        # with the line's end that a key has when it was read from a file
        monkeypatch.setenv(served.key_variable, f" {KEY}\n")
        yield served


def _share(archive: Archive, *paths: Path, existing: str = "error") -> dict[str, dict[str, Any]]:
    """Share files, and return the archive's records by path."""
    nsg.share_file(list(paths), dandiset=DANDISET, instance=archive.url, existing=existing)
    return {asset["path"]: asset["metadata"] for asset in archive.assets.values()}


@pytest.mark.parametrize("schema", ["0.7.0", "0.8.0"])
def test_the_record_says_what_the_file_is(archive: Archive, files: SimpleNamespace, schema: str) -> None:
    from dandischema.models import BareAsset

    archive.schema = schema
    # in this order: the record of the results names the recording's asset all the same
    records = _share(archive, files.generated, files.recording)
    record = records[_GENERATED]
    assert record["schemaVersion"] == schema
    assert record["keywords"] == ["preparation:in_vitro", "synthetic", "spike generation"]
    techniques = [each["name"] for each in record["measurementTechnique"]]
    assert "computational modeling technique" in techniques
    # beside dandi's own, of how it made the record
    *_, activity = record["wasGeneratedBy"]
    assert activity["name"] == "nwbspikegen: spike_generation"
    assert "SYNTHETIC generated_units" in activity["description"]
    software = [(each["name"], each["version"]) for each in activity["wasAssociatedWith"]]
    assert software == [("nwbspikegen", nsg.__version__), ("model m", f"sha256:{'ab' * 32}")]
    (related,) = record["relatedResource"]
    assert related["relation"] == "dcite:IsDerivedFrom"
    assert related["identifier"] == "small-1"
    assert related["name"] == f"{_RECORDING} (sha256 {hash_file(files.recording)})"
    assert related["url"] == f"{archive.url}/api/assets/{records[_RECORDING]['identifier']}/"
    # a recording's own record stays as dandi makes it
    assert records[_RECORDING]["keywords"] == ["preparation:in_vitro"]
    assert "relatedResource" not in records[_RECORDING]
    for each in records.values():
        # what the server itself adds is not of the schema's bare asset
        bare = {key: value for key, value in each.items() if key not in ("identifier", "contentUrl")}
        BareAsset.model_validate({**bare, "schemaKey": "BareAsset", "schemaVersion": "0.8.0"})


@pytest.mark.parametrize("hashing", [True, False])
def test_a_source_that_is_there_already_is_found(
    archive: Archive, files: SimpleNamespace, hashing: bool
) -> None:
    # the archive takes minutes for the sha256; dandi's own fingerprint is known at once
    archive.hashing = hashing
    _share(archive, files.recording)
    (related,) = _share(archive, files.explained)[_EXPLAINED]["relatedResource"]
    assert related["url"].startswith(f"{archive.url}/api/assets/")


def test_a_source_elsewhere_is_named_by_its_identifier(archive: Archive, files: SimpleNamespace) -> None:
    (related,) = _share(archive, files.generated)[_GENERATED]["relatedResource"]
    assert (related["identifier"], "url" in related) == ("small-1", False)
    assert related["name"] == f"{files.recording.name} (sha256 {hash_file(files.recording)})"


def test_results_of_a_recording_that_was_replaced_are_named(
    archive: Archive, files: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    _share(archive, files.recording, files.generated, files.explained)
    with h5py.File(files.recording, "r+") as file:
        file["session_description"][()] = "another"
    with caplog.at_level(logging.WARNING, logger="nwbspikegen"):
        _share(archive, files.recording, existing="overwrite")
    (line,) = [record.getMessage() for record in caplog.records if "old bytes" in record.getMessage()]
    assert line.startswith(f"{_RECORDING} was replaced")
    assert _GENERATED in line
    assert _EXPLAINED in line


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail when a file is validated."""

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} was validated")

    monkeypatch.setattr("nwbspikegen.archive.share_planning.validate_file", refuse)


def _refuse(archive: Archive, path: Path, says: str, **given: Any) -> None:
    def confirm(plan: pd.DataFrame) -> bool:
        raise AssertionError("somebody was asked")

    arguments = {"dandiset": DANDISET, "instance": archive.url, "confirm": confirm, **given}
    with pytest.raises(NWBSpikeGenError, match=says):
        nsg.share_file(path, **arguments)


@pytest.mark.usefixtures("untouched")
def test_what_cannot_succeed_is_refused_before_files_are_validated(
    archive: Archive, files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.generated
    _refuse(archive, path, "no such dandiset", dandiset="999999")
    _refuse(archive, path, "instance 'elsewhere'", instance="elsewhere")
    archive.owners = ["another", "a third"]
    _refuse(archive, path, "a key of me .* has other owners: another, a third")
    monkeypatch.setenv(archive.key_variable, "wrong")
    _refuse(archive, path, "does not accept")
    monkeypatch.delenv(archive.key_variable)
    # in a form that a shell takes: the name has dots and a colon
    _refuse(archive, path, f"put env '{archive.key_variable}=...' before the command")
    archive.asked.clear()
    _refuse(archive, path.with_name("nothing.nwb"), "nothing at")
    assert archive.asked == []


def test_an_embargoed_dandiset_takes_files(archive: Archive, files: SimpleNamespace) -> None:
    archive.embargoed = True
    assert list(_share(archive, files.generated)) == [_GENERATED]


def test_an_upload_that_broke_off_is_named(
    archive: Archive, files: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tenacity

    monkeypatch.setattr("dandi.dandiapi.REQUEST_RETRIES", 2)
    monkeypatch.setattr(tenacity, "wait_exponential", lambda **_: tenacity.wait_none())
    archive.drops = 2
    with pytest.raises(NWBSpikeGenError) as raised:
        _share(archive, files.generated)
    (upload,) = archive.uploads
    assert f"left open there: the upload {upload}, begun 2024" in str(raised.value)
    assert "a file is sent again unless the archive has closed its upload" in str(raised.value)
    assert "embargo cannot be lifted" in str(raised.value)
    # a refusal of the record comes after the bytes: nothing is left open then
    archive.refusal = "no"
    with pytest.raises(NWBSpikeGenError) as raised:
        _share(archive, files.generated)
    assert "left open" not in str(raised.value)
