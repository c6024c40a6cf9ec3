"""Files of a transfer study: read back bit by bit, taken by the archive, clear about who was recorded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from nwb_sources import SUBJECT, write_source
from planted_study import ROWS, SESSIONS, planted_sessions, planted_study

import nwbspikegen as nsg
from nwbspikegen.archive import validate_file
from nwbspikegen.core.errors import InputError, MetadataError, OutputError
from nwbspikegen.core.files import hash_file
from nwbspikegen.transfer.nwb_reading import read_layout, read_sessions
from nwbspikegen.transfer.nwb_subject import describe_subjects, read_subject, span_ages
from nwbspikegen.transfer.nwb_writing import write_study, write_transfer

_POSITIONS = pd.DataFrame(
    np.random.default_rng(0).normal(size=(len(SESSIONS), 4)),
    pd.Index(SESSIONS, name="session"),
    ["x", "y", "z", "spread"],
)
_POSITIONS.attrs.update(metric="roc_auc_pooled", null="", predictor="in_context", stress=0.25)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "sub-group_ses-spike-transfer.nwb"
    return write_study(path, planted_study(), layout_positions=_POSITIONS, sessions=planted_sessions())


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("derived")
    source = write_source(folder / "source.nwb")
    sessions = planted_sessions()
    sessions.loc[sessions["session"] == "mouse-1", "source_sha256"] = hash_file(source)
    path = write_transfer(folder / "derived.nwb", source, planted_study(), "mouse-1", sessions=sessions)
    return SimpleNamespace(path=path, source=source, sessions=sessions)


def _assert_same(read: xr.Dataset, written: xr.Dataset) -> None:
    """Every bit of every value, missing ones included, with its dimensions and type."""
    assert set(read.variables) == set(written.variables)
    for name in written.variables:
        one, other = read[name], written[name]
        assert one.dims == other.dims, name
        assert one.dtype == other.dtype, name
        assert one.values.tobytes() == other.values.tobytes(), name
    assert read.attrs == written.attrs


def test_a_study_is_read_back(study: Path) -> None:
    _assert_same(nsg.read_transfer_scores(study), planted_study())
    pd.testing.assert_frame_equal(read_sessions(study), planted_sessions(), check_dtype=False)
    pd.testing.assert_frame_equal(read_layout(study), _POSITIONS)
    assert read_layout(study).attrs == _POSITIONS.attrs


def test_odd_studies_are_read_back(tmp_path: Path) -> None:
    """Other orders, other types, an empty row, coordinates that are missing."""
    scores = planted_study().isel(train_session=[6, 2, 0], test_session=[4, 0, 5, 1, 3, 2])
    scores = scores.transpose(*scores["value"].dims[::-1]).drop_vars(["shared", "test_subject"])
    scores["value"].loc[{"train_session": "slice-3"}] = np.nan
    scores["num_units"] = scores["num_units"].fillna(0).astype(np.int64)
    scores["ci_low"] = scores["ci_low"].astype(np.float32)
    scores.attrs["models"] = []
    path = write_study(tmp_path / "study.nwb", scores, sessions=planted_sessions())
    dims = planted_study()["value"].dims
    _assert_same(nsg.read_transfer_scores(path), scores.transpose(*dims))
    with pytest.raises(InputError, match="layout"):
        read_layout(path)


def test_there_is_one_row_for_each_score(study: Path) -> None:
    scores = planted_study()
    with h5py.File(study) as file:
        table = file["processing/spike_transfer/transfer_scores"]
        segment = table["segment"].asstr()[:]
        assert (segment == "test").sum() == int(np.isfinite(scores["value"]).sum())
        assert (segment == "training").sum() == int(np.isfinite(scores["training_value"]).sum())
        cell = (table["train_session"].asstr()[:] == "mouse-2") & (
            table["test_session"].asstr()[:] == "mouse-3"
        )
        assert set(table["shared"].asstr()[:][cell]) == {"subject"}
        assert not table["independent"][:][cell].any()
        for name in table:
            assert name == "id" or not table[name].attrs["description"].startswith("Column ")
        assert len(file["acquisition"]) == 0


def test_the_archive_would_take_a_study(study: Path) -> None:
    findings = validate_file(study)
    assert findings[findings["severity"] == "error"].empty, findings.to_string()
    with h5py.File(study) as file:
        subject = {name: file[f"general/subject/{name}"].asstr()[()] for name in file["general/subject"]}
        assert file["session_start_time"].asstr()[()].startswith("2024-01-02")
    assert subject["subject_id"].startswith("group-of-5-")
    assert subject["species"] == "Mus musculus"
    assert (subject["sex"], subject["age"]) == ("U", "P3W/P90D")
    assert "m1, m2, s1, s2, s3" in subject["description"]


def test_a_derived_file_holds_its_own_row_and_column(derived: SimpleNamespace) -> None:
    scores, read = planted_study(), nsg.read_transfer_scores(derived.path)
    for dim in ("train_session", "test_session"):
        own = {dim: "mouse-1"}
        for name in ("value", "ci_low", "num_units", "ci_reliable", "independent", "shared"):
            xr.testing.assert_equal(read[name].sel(own), scores[name].sel(own))
    assert read["train_session"].values.tolist() == ROWS
    assert read["test_session"].values.tolist() == SESSIONS
    other = read["value"].sel(train_session="slice-1", test_session="slice-2")
    assert np.isnan(other).all()
    np.testing.assert_array_equal(
        read["training_value"].sel(train_session="mouse-1"),
        scores["training_value"].sel(train_session="mouse-1"),
    )
    assert read.attrs == scores.attrs
    pd.testing.assert_frame_equal(read_sessions(derived.path), derived.sessions, check_dtype=False)


def test_a_derived_file_is_made_like_others(derived: SimpleNamespace) -> None:
    with h5py.File(derived.path) as file, h5py.File(derived.source) as source:
        assert list(file["processing"]) == ["spike_transfer"]
        assert len(file["acquisition"]) == 0
        assert file.attrs["object_id"] != source.attrs["object_id"]
        np.testing.assert_array_equal(file["units/spike_times"][:], source["units/spike_times"][:])
        sources = file["processing/spike_transfer/sources"]
        assert sources["sha256"].asstr()[0] == hash_file(derived.source)
        assert sources["identifier"].asstr()[0] == "small-1"
    findings = validate_file(derived.path)
    assert findings[findings["severity"] == "error"].empty, findings.to_string()


def test_another_file_than_the_study_read_is_refused(derived: SimpleNamespace, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"sessions": derived.sessions}
    out = tmp_path / "out.nwb"
    with pytest.raises(InputError, match="which the study calls slice-1"):
        write_transfer(out, derived.source, planted_study(), "slice-1", **arguments)
    with pytest.raises(InputError, match="session 'nobody'"):
        write_transfer(out, derived.source, planted_study(), "nobody", **arguments)
    with pytest.raises(OutputError, match="exists"):
        write_transfer(derived.path, derived.source, planted_study(), "mouse-1", **arguments)
    with pytest.raises(OutputError, match="two files"):
        write_transfer(
            derived.source, derived.source, planted_study(), "mouse-1", overwrite=True, **arguments
        )
    assert not list(tmp_path.iterdir())


def test_several_species_need_a_name_for_all(tmp_path: Path) -> None:
    sessions = planted_sessions()
    sessions.loc[0, "species"] = "Homo sapiens"
    out = tmp_path / "study.nwb"
    with pytest.raises(MetadataError, match="40674 for Mammalia"):
        write_study(out, planted_study(), sessions=sessions)
    assert not list(tmp_path.iterdir())
    mammals = "http://purl.obolibrary.org/obo/NCBITaxon_40674"
    metadata = {"Subject": {"species": mammals, "subject_id": "mammals"}, "NWBFile": {"lab": "Ours"}}
    write_study(out, planted_study(), sessions=sessions, metadata=metadata)
    with h5py.File(out) as file:
        assert file["general/subject/species"].asstr()[()] == mammals
        assert file["general/subject/subject_id"].asstr()[()] == "mammals"
        assert file["general/lab"].asstr()[()] == "Ours"


def test_what_an_archive_requires_is_not_guessed(tmp_path: Path) -> None:
    out = tmp_path / "study.nwb"
    with pytest.raises(MetadataError, match=r"no Subject age[\s\S]*age:  # ISO 8601"):
        write_study(out, planted_study(), sessions=planted_sessions().drop(columns="age"))
    with pytest.raises(MetadataError, match="session_start_time"):
        write_study(out, planted_study(), sessions=planted_sessions().assign(session_start_time=""))
    metadata = {"Subject": {"age": "P1D/P90D"}, "NWBFile": {"session_start_time": "2023-05-01"}}
    sessions = planted_sessions().drop(columns=["age", "sex"]).assign(session_start_time="")
    write_study(out, planted_study(), sessions=sessions, metadata=metadata)
    with h5py.File(out) as file:
        assert file["general/subject/age"].asstr()[()] == "P1D/P90D"
        assert file["general/subject/sex"].asstr()[()] == "U"
        assert file["session_start_time"].asstr()[()].startswith("2023-05-01")


def test_tables_that_do_not_fit_are_refused(tmp_path: Path, study: Path) -> None:
    out = tmp_path / "study.nwb"
    scores, sessions = planted_study(), planted_sessions()
    with pytest.raises(InputError, match="slice-1"):
        write_study(out, scores, sessions=sessions.iloc[1:])
    with pytest.raises(InputError, match="without lab"):
        write_study(out, scores, sessions=sessions.drop(columns="lab"))
    with pytest.raises(InputError, match="position of ghost"):
        write_study(out, scores, sessions=sessions, layout_positions=_POSITIONS.rename({"mouse-1": "ghost"}))
    empty = scores.where(False).assign(ci_reliable=scores["ci_reliable"] & False)
    with pytest.raises(InputError, match="no score"):
        write_study(out, empty, sessions=sessions)
    with pytest.raises(InputError, match="odd"):
        write_study(out, scores.assign(odd=("metric", np.zeros(3))), sessions=sessions)
    with pytest.raises(InputError, match="no null"):
        write_study(out, scores.isel(null=0, drop=True), sessions=sessions)
    with pytest.raises(OutputError, match=r"\.nwb"):
        write_study(tmp_path / "study.h5", scores, sessions=sessions)
    with pytest.raises(OutputError, match="exists"):
        write_study(study, scores, sessions=sessions)
    assert not list(tmp_path.iterdir())


def test_other_files_hold_no_study(derived: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="spike_transfer"):
        nsg.read_transfer_scores(derived.source)


def test_one_subject_stands_for_itself_and_groups_are_named_by_their_members() -> None:
    sessions = planted_sessions()
    mouse = sessions[sessions["subject_id"] == "m2"]
    alone = describe_subjects(mouse, {})
    assert (alone["subject_id"], alone["sex"], alone["age"]) == ("m2", "F", "P90D")
    names = {describe_subjects(sessions.iloc[rows], {})["subject_id"] for rows in ([0, 1], [1, 0], [0, 2])}
    assert len(names) == 2
    unnamed = sessions.assign(subject_id="")
    assert describe_subjects(unnamed, {})["subject_id"].startswith("group-of-6-")
    assert describe_subjects(unnamed.iloc[:1], {})["subject_id"].startswith("group-of-1-")


def test_ages_span_all_subjects() -> None:
    assert span_ages(["P2M", "P90D", "P1Y"]) == "P2M/P1Y"
    assert span_ages(["P90D", "P90D"]) == "P90D"
    assert span_ages(["P10D/P1W", "young"]) == ""
    assert span_ages([]) == ""


def test_a_subject_is_read_and_its_age_counted(tmp_path: Path) -> None:
    stated = write_source(tmp_path / "stated.nwb")
    assert read_subject(stated) == {"sex": "U", "age": "P90D"}
    born = {**SUBJECT, "date_of_birth": pd.Timestamp("2023-12-22", tz="UTC").to_pydatetime()}
    del born["age"]
    assert read_subject(write_source(tmp_path / "born.nwb", subject=born))["age"] == "P10D"
    assert read_subject(write_source(tmp_path / "bare.nwb", subject=None)) == {"sex": "", "age": ""}
