"""Derived files of recordings of any age and oddness: valid, or refused before the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from nwb_sources import write_source
from old_nwb import write_old

import nwbspikegen as nsg
from nwbspikegen.archive import validate_file
from nwbspikegen.core.errors import InputError
from nwbspikegen.prediction.nwb_writing import require_complete

_ELECTRODES = "general/extracellular_ephys/electrodes"


def _require_valid(path: Path) -> None:
    findings = validate_file(path)
    # nothing was predicted here: audits and sources of results are another matter
    assert findings[(findings.severity == "error") & (findings.tool != "nwbspikegen")].empty, (
        findings.to_string()
    )


def _derive(source: Path, **options: object) -> Path:
    require_complete(source, **options)
    return nsg.write_results(source.with_name("out.nwb"), source=source, **options)


@pytest.mark.parametrize("version", ["2.0.0", "2.1.0", "2.2.5", "2.4.0", "2.6.0", "2.9.0"])
def test_recordings_of_any_version_lead_to_valid_files(tmp_path: Path, version: str) -> None:
    source = write_old(tmp_path / "old.nwb", version)
    out = _derive(source)
    _require_valid(out)
    view, other = nsg.open_units(source), nsg.open_units(out)
    np.testing.assert_array_equal(view.spikes.values, other.spikes.values)
    assert view.unit.values.tolist() == other.unit.values.tolist()
    assert view.x.values.tolist() == other.x.values.tolist()
    with h5py.File(out) as file:
        assert file["units/electrodes_index"].dtype.kind == "u"
        assert file["intervals/epochs/tags"][:].tolist() == [b"calm", b"calm"]
        assert "timeseries" not in file["intervals/epochs"]
        assert "intracellular_ephys" not in file["general"]


def _dangle(file: h5py.File) -> None:
    file["units/electrodes"][...] = file["units/electrodes"][:] + 50


def _delete_electrodes(file: h5py.File) -> None:
    del file[_ELECTRODES]


def _lose_type(file: h5py.File) -> None:
    for name in list(file["units/obs_intervals"].attrs):
        del file["units/obs_intervals"].attrs[name]
    file["units"]["extra"] = np.arange(6)


def _lose_all_types(file: h5py.File) -> None:
    file["general/subject"].attrs.pop("neurodata_type")
    for name in file["units"]:
        for key in list(file["units"][name].attrs):
            del file["units"][name].attrs[key]


def _ragged(file: h5py.File) -> None:
    file["units"]["odd"] = np.arange(4)
    file["units"]["odd_index"] = np.array([1, 2, 3, 4, 4, 3])
    colnames = [*file["units"].attrs["colnames"], "odd"]
    file["units"].attrs["colnames"] = np.array(colnames, dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_dangle, "points to rows that a table of 6 rows does not have; it is left out"),
        (_delete_electrodes, "points to rows of a table that is not there; it is left out"),
        (_lose_type, None),
        (_lose_all_types, None),
        (_ragged, "/units/odd has an index that does not fit it; it is left out"),
    ],
)
def test_odd_tables_lead_to_valid_files_and_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[h5py.File], None], said: str | None
) -> None:
    source = write_source(tmp_path / "odd.nwb")
    with h5py.File(source, "r+") as file:
        harm(file)
    out = _derive(source)
    _require_valid(out)
    lines = [record.message for record in caplog.records if "left out of what is written" in record.message]
    assert len(lines) == (said is not None)
    assert said is None or said in lines[0]
    view = nsg.open_units(out).spikes.values
    np.testing.assert_array_equal(view, nsg.open_units(source).spikes.values)


def test_what_no_file_may_hold_is_refused_before_the_work(tmp_path: Path) -> None:
    source = write_source(tmp_path / "odd.nwb")
    with h5py.File(source, "r+") as file:
        del file["session_description"], file["session_start_time"]
        del file["timestamps_reference_time"]
    with pytest.raises(InputError, match="session_start_time") as caught:
        require_complete(source)
    assert "\n" not in str(caught.value)
    out = _derive(source, metadata={"NWBFile": {"session_start_time": "2020-02-02T10:00:00+01:00"}})
    _require_valid(out)
    with h5py.File(out) as file:
        assert file["session_start_time"][()] == b"2020-02-02T10:00:00+01:00"


def test_a_file_held_open_by_another_process_is_written_from(tmp_path: Path) -> None:
    import subprocess
    import sys

    source = write_source(tmp_path / "held.nwb")
    code = (
        f"import h5py, sys; f = h5py.File({str(source)!r}, 'r+'); print('open', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "open\n"
        assert _derive(source).exists()
    finally:
        holder.communicate(timeout=20)


def test_a_time_without_a_zone_is_utc_on_any_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import time

    source = write_source(tmp_path / "naive.nwb")
    with h5py.File(source, "r+") as file:
        for name in ("session_start_time", "timestamps_reference_time", "general/subject/date_of_birth"):
            file.pop(name, None)
            file[name] = "2021-05-11T14:00:00"
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        out = _derive(source)
        assert nsg.open_units(source).attrs["session_start_time"] == "2021-05-11T14:00:00+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()
    with h5py.File(out) as file:
        for name in ("session_start_time", "timestamps_reference_time", "general/subject/date_of_birth"):
            assert file[name][()] == b"2021-05-11T14:00:00+00:00"
    said = [record.message for record in caplog.records if "names no time zone" in record.message]
    assert len(said) == len(set(said)) >= 3


def test_a_trial_reads_no_large_array_and_keeps_every_index(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write_source(tmp_path / "large.nwb")
    num_waveforms = 200_000
    with h5py.File(source, "r+") as file:
        units = file["units"]
        index = np.linspace(0, num_waveforms, 7, dtype=np.int64)[1:]
        for name, values in (
            ("waveforms", np.ones((num_waveforms, 4), dtype=np.float32)),
            ("waveforms_index", np.arange(1, num_waveforms + 1)),
            ("waveforms_index_index", index),
        ):
            units.create_dataset(name, data=values)
        names = [*units.attrs["colnames"], "waveforms"]
        units.attrs["colnames"] = np.array(names, dtype=h5py.string_dtype())
    out = _derive(source)
    assert "left out" not in caplog.text
    _require_valid(out)
    with h5py.File(out) as file:
        assert file["units/waveforms"].shape == (num_waveforms, 4)
        assert file["units/waveforms"][-1].tolist() == [1, 1, 1, 1]
        assert file["units/waveforms_index"][-1] == num_waveforms
