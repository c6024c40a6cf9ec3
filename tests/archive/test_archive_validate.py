"""What the archive would say: errors are found, and files that are no NWB refused."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import pytest
from nwb_sources import write_source

from nwbspikegen.archive import validate_file
from nwbspikegen.core.errors import InputError, MissingExtraError


def test_a_missing_subject_is_an_error(tmp_path: Path) -> None:
    findings = validate_file(write_source(tmp_path / "sub-M1_ecephys.nwb", subject=None))
    assert list(findings.columns) == ["tool", "severity", "message", "where"]
    errors = findings[findings.severity == "error"]
    assert errors.message.str.contains("(?i)subject").any()
    assert "nwbinspector" in set(errors.tool)
    assert not findings.message.str.contains("not a name of the archive").any()


def test_a_file_that_is_not_nwb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.nwb").write_text("text")
    h5py.File(tmp_path / "bare.nwb", "w").close()
    for name in ("text.nwb", "bare.nwb", "absent.nwb"):
        with pytest.raises(InputError):
            validate_file(tmp_path / name)


def test_damage_without_end_is_refused(tmp_path: Path) -> None:
    path = write_source(tmp_path / "sub-M1_ecephys.nwb")
    damaged = bytearray(path.read_bytes())
    heap = damaged.index(b"GCOL")
    # the first text of the heap has no size: HDF5 looks for the next one at the same place
    damaged[heap + 24 : heap + 32] = bytes(8)
    damaged[heap + 16 : heap + 18] = bytes(2)
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="undamaged"):
        validate_file(path)


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nwbinspector", None)
    with pytest.raises(MissingExtraError, match=r"nwbspikegen\[share\]"):
        validate_file(write_source(tmp_path / "sub-M1_ecephys.nwb"))
