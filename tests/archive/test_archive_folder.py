"""A folder with a recording and all that is derived from it, as archives and their tools look at it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest
from click.testing import CliRunner
from every_result import write_every_result, write_generated, write_recording

from nwbspikegen.archive import validate_folder
from nwbspikegen.archive.result_checks import check_results
from nwbspikegen.archive.share_contents import describe_contents
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError

_RECORDING = "sub-M1_ses-s1_ecephys.nwb"
_GENERATED = "sub-M1_ses-s1_desc-spikegen_ecephys.nwb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("every")
    write_every_result(place)
    return place


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pair")
    write_generated(place, write_recording(place))
    return place


@pytest.fixture
def copied(pair: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pair, tmp_path / "copied"))


@pytest.mark.filterwarnings("ignore")
def test_nwbinspector_has_nothing_grave_to_say_of_the_folder(folder: Path) -> None:
    import nwbinspector

    config = nwbinspector.load_config("dandi")
    found = list(nwbinspector.inspect_all(folder, config=config, progress_bar=False))
    assert len({message.file_path for message in found}) > 1
    # a check that fails on a file is an ERROR, as is a file that cannot be read
    grave = [each for each in found if each.importance.name in ("CRITICAL", "ERROR", "PYNWB_VALIDATION")]
    assert grave == []
    said = {each.check_function_name for each in found}
    assert not said & {
        "check_unique_identifiers",
        "check_table_values_for_dict",
        "check_regular_timestamps",
        "check_table_time_columns_are_not_negative",
    }


def test_a_plan_names_models_and_sources_of_every_module(folder: Path) -> None:
    told = {path.name: describe_contents(path).describe() for path in sorted(folder.glob("*.nwb"))}
    assert told[_RECORDING] == ["recorded data, nothing generated"]
    for name, model, source in (
        (_GENERATED, "m (sha256 abab", _RECORDING),
        ("sub-M1_ses-s1_desc-explained_ecephys.nwb", "m (sha256 abab", _RECORDING),
        ("sub-M1_ses-s1_desc-transfer_ecephys.nwb", "in_context", _RECORDING),
        ("sub-GROUP_ses-spike-transfer.nwb", "in_context", "slice-1.nwb"),
        ("sub-m_ses-s_desc-features_icephys.nwb", "", "sub-m_ses-s_icephys.nwb"),
        ("sub-m_ses-s_desc-classes_icephys.nwb", "forest", "sub-m_ses-s_icephys.nwb"),
    ):
        lines = told[name]
        assert any(line.startswith(f"from {source} (identifier ") for line in lines), lines
        assert any(line.startswith(f"by the model {model}") for line in lines) == bool(model), lines
    features = told["sub-m_ses-s_desc-features_icephys.nwb"]
    assert not any("predict" in line for line in features), features
    assert any(line.startswith("predicted ") for line in told["sub-m_ses-s_desc-classes_icephys.nwb"])


def _rename(folder: Path, name: str, text: str) -> None:
    with h5py.File(folder / name, "r+") as file:
        file["identifier"][()] = text


def _validate(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(cli, ["validate", str(folder), "--json"])
    return result.exit_code, json.loads(result.stdout)["findings"]


def test_files_of_a_folder_are_compared(copied: Path) -> None:
    assert _validate(copied)[0] == 0
    # as files were before they had identifiers of their own
    with h5py.File(copied / _RECORDING) as file:
        recorded = file["identifier"].asstr()[()]
    _rename(copied, _GENERATED, recorded)
    (copied / "text.nwb").write_text("text")
    (copied / ".hidden.nwb").write_text("text")
    code, found = _validate(copied)
    assert code == 2
    errors = [row for row in found if row["severity"] == "error"]
    assert [row["file"] for row in errors] == ["text.nwb", f"{_GENERATED}, {_RECORDING}"]
    assert f"the identifier {recorded} is that of 2 files" in errors[1]["message"]


def test_folders_without_files_are_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputError):
            validate_folder(place)
    result = CliRunner().invoke(cli, ["validate", str(tmp_path), "--source", str(tmp_path / "a.nwb")])
    assert (result.exit_code, "--source for a folder" in result.stderr) == (2, True)


def test_a_source_is_found_under_any_name(copied: Path, tmp_path: Path) -> None:
    place = tmp_path / "000123" / "sub-M1"
    place.mkdir(parents=True)
    recording = (copied / _RECORDING).rename(place / "sub-M1_ses-other.nwb")
    derived = (copied / _GENERATED).rename(place / "sub-M1_ses-other_desc-x.nwb")
    assert check_results(derived) == []
    # as a study over several animals, in a folder of its own
    (place.parent / "sub-GROUP").mkdir()
    moved = derived.rename(place.parent / "sub-GROUP" / "sub-GROUP_desc-x.nwb")
    assert check_results(moved) == []
    with h5py.File(recording, "r+") as file:
        file["session_description"][()] = "another"
    ((_, severity, message, _),) = check_results(moved)
    assert (severity, recording.name in message, "is not the file" in message) == ("error", True, True)


def test_results_of_earlier_versions_are_not_taken_for_the_recording(copied: Path, tmp_path: Path) -> None:
    with h5py.File(copied / _RECORDING) as file:
        _rename(copied, _GENERATED, file["identifier"].asstr()[()])
    shutil.copy(copied / _GENERATED, copied / "another_desc-x.nwb")
    (tmp_path / "elsewhere").mkdir()
    (copied / _RECORDING).rename(tmp_path / "elsewhere" / "away.nwb")
    ((_, severity, message, _),) = check_results(copied / _GENERATED)
    assert (severity, "not at hand" in message) == ("info", True)
