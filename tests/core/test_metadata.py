"""Metadata: accepted as nwbinspector accepts them, refused with the cause, contradictions are told."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest
from click.testing import CliRunner
from nwb_sources import SUBJECT, write_source
from nwbinspector.checks import check_subject_age, check_subject_sex, check_subject_species_form

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import MetadataError
from nwbspikegen.core.metadata import StrictMetadata, require_metadata, to_moment
from nwbspikegen.prediction.nwb_writing import require_complete

_SESSION = {"session_description": "s", "session_start_time": "2021-05-11T14:00:00+00:00"}
_WORM = "Caenorhabditis elegans"


def _refusal(**subject: Any) -> str:
    """Return why a subject is refused, "" when it is not."""
    try:
        require_metadata({"NWBFile": _SESSION, "Subject": {**SUBJECT, **subject}})
    except MetadataError as error:
        return error.found
    return ""


@pytest.mark.parametrize(
    "age",
    [
        "P90D",
        "P30D/",
        "/P30D",
        "P1D/P3D",
        "P1DT12H",
        "PT36H",
        "P2W3D",
        "P1Y6M",
        "P12.5W",
        "P89Y/",
        "P0Y/",
        "unknown",
        "90 days",
        "P90d",
        "P",
        "PT",
        "P1D/P2D/P3D",
        "3-8 months",
        "P3D2W",
    ],
)
def test_ages_are_those_of_nwbinspector(age: str) -> None:
    asked = SimpleNamespace(age=age, date_of_birth=None)
    try:
        is_wrong = check_subject_age.__wrapped__(asked) is not None
    except ValueError:
        is_wrong = True
    assert bool(_refusal(age=age)) == is_wrong


def test_a_range_of_ages_goes_upwards() -> None:
    assert "from the younger" in _refusal(age="P3W/P5D")
    assert not _refusal(age="PT36H/P2D")


@pytest.mark.parametrize("species", ["Mus musculus", _WORM])
@pytest.mark.parametrize("sex", ["M", "F", "O", "U", "XO", "XX", "male", "m"])
def test_sexes_are_those_of_nwbinspector(species: str, sex: str) -> None:
    asked = SimpleNamespace(sex=sex, species=species)
    is_wrong = check_subject_sex.__wrapped__(asked) is not None
    assert bool(_refusal(species=species, sex=sex)) == is_wrong


@pytest.mark.parametrize(
    "species",
    [
        "Mus musculus",
        "mouse",
        "mus musculus",
        "Rattus",
        "Macaca mulatta mulatta",
        "Homo Sapiens",
        "http://purl.obolibrary.org/obo/NCBITaxon_10090",
        "NCBITaxon:10090",
    ],
)
def test_species_are_those_of_nwbinspector(species: str) -> None:
    is_wrong = check_subject_species_form.__wrapped__(SimpleNamespace(species=species)) is not None
    assert bool(_refusal(species=species)) == is_wrong


def test_the_cause_of_a_refusal_is_told() -> None:
    assert "a number, which YAML needs in quotes to take as a text: subject_id: '12'" in _refusal(
        subject_id=12
    )
    assert "no slash and no space" in _refusal(subject_id="m/1")
    assert "one of XO, XX is needed" in _refusal(species=_WORM, sex="M")


def test_times_without_a_zone_are_utc() -> None:
    assert to_moment("2021-05-11T14:00:00") == to_moment("2021-05-11T23:00:00+09:00")
    assert to_moment("11.05.2021") is None


@pytest.mark.parametrize(
    ("section", "field", "value", "written"),
    [
        ("Subject", "species", "Rattus norvegicus", b"Rattus norvegicus"),
        ("Subject", "subject_id", "M2", b"M2"),
        ("NWBFile", "session_start_time", "2024-01-06T00:00:00+00:00", b"2024-01-01T00:00:00+00:00"),
    ],
)
def test_a_contradiction_is_told_once_or_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, section: str, field: str, value: str, written: bytes
) -> None:
    from nwbspikegen.core import metadata

    metadata._say_once.cache_clear()
    source = write_source(tmp_path / "a.nwb")
    given = {section: {field: value}}
    with caplog.at_level(logging.WARNING, "nwbspikegen"):
        require_complete(source, given)
        out = nsg.write_results(tmp_path / "out.nwb", source=source, metadata=given)
    told = [record.message for record in caplog.records if f"{section} {field}" in record.message]
    assert len(told) == 1
    assert value in told[0]
    assert "in the recording" in told[0]
    with h5py.File(out) as file:
        place = f"general/subject/{field}" if section == "Subject" else field
        assert file[place][()] == written
    with pytest.raises(MetadataError, match="values that agree"):
        require_complete(source, StrictMetadata(given))
    # what is the same, or missing, contradicts nothing
    require_complete(
        source,
        StrictMetadata(
            {
                "Subject": {"species": "Mus musculus", "strain": "C57BL/6"},
                "NWBFile": {
                    "session_start_time": "2024-01-01T09:00:00+09:00",
                    "keywords": "preparation:in_vitro",
                },
            }
        ),
    )


def test_commands_refuse_a_contradiction_when_asked_to(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.nwb", seconds=60.0)
    yaml = tmp_path / "metadata.yaml"
    yaml.write_text("Subject: {species: Rattus norvegicus}\n")
    window = ["--skip-units", "0", "--epochs", "1"]
    model = tmp_path / "model"
    assert CliRunner().invoke(cli, ["train", str(source), "--out", str(model), *window]).exit_code == 0
    arguments = ["generate", str(model), str(source), "--out", str(tmp_path / "out.nwb")]
    result = CliRunner().invoke(cli, [*arguments, "--metadata", str(yaml), "--strict-metadata"])
    assert result.exit_code == 2
    assert "'Rattus norvegicus' in the metadata and 'Mus musculus' in the recording" in result.stderr
    assert not (tmp_path / "out.nwb").exists()
