"""A recording that is cut, replaced or changed while it is read is an error, never a number or a crash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from nwb_sources import write_source

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.hdf5_heaps import GuardedFile, require_sound_heaps
from nwbspikegen.nwb.plain_rows import PlainRows
from nwbspikegen.prediction.nwb_writing import require_complete
from nwbspikegen.views import nwb_source

_SHARES = (0.05, 0.5, 0.95)
_WINDOW = ["--skip-units", "0", "--duration", "30", "--bin-size", "0.01", "--epochs", "1"]


def _compress(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        old = file["units/spike_times"]
        values, attributes = old[:], dict(old.attrs)
        del file["units/spike_times"]
        new = file["units"].create_dataset("spike_times", data=values, compression="gzip", chunks=(256,))
        new.attrs.update(attributes)
        file["units/spike_times_index"].attrs["target"] = new.ref


@pytest.fixture(params=["plain", "compressed"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    source = write_source(tmp_path / "a.nwb", seconds=60.0)
    if request.param == "compressed":
        _compress(source)
    return source


def _cut(path: Path, share: float) -> None:
    if path.stat().st_size:
        os.truncate(path, int(path.stat().st_size * share))


def _cut_when_read(monkeypatch: pytest.MonkeyPatch, path: Path, share: float, *, after: int = 0) -> None:
    """Cut the file between the check of its stamp and the reading of a window, however that is read."""
    original_rows, original_open, times = PlainRows.__init__, nwb_source.open_nwb, [0]

    def count() -> None:
        times[0] += 1
        if times[0] > after:
            _cut(path, share)

    def begin(self: PlainRows, *arguments: object) -> None:
        original_rows(self, *arguments)
        count()

    def open_it(address: Path) -> object:
        count()
        return original_open(address)

    monkeypatch.setattr(PlainRows, "__init__", begin)
    monkeypatch.setattr(nwb_source, "open_nwb", open_it)


@pytest.mark.parametrize("share", _SHARES)
def test_a_file_cut_while_it_is_opened_or_read_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    whole = shutil.copy(path, path.with_name("whole.nwb"))
    units = nsg.open_units(path)
    with monkeypatch.context() as patched:
        _cut_when_read(patched, path, share)
        with pytest.raises(InputError):
            _ = units.spikes.values
    shutil.copy(whole, path)
    original = nwb_source.read_unique_ids

    def cut_then_read(*arguments: object) -> np.ndarray:
        _cut(path, share)
        return original(*arguments)

    monkeypatch.setattr(nwb_source, "read_unique_ids", cut_then_read)
    with pytest.raises(InputError):
        nsg.open_units(path)


def _replace(path: Path) -> None:
    other = shutil.copy(path, path.with_name("other.nwb"))
    os.replace(other, path)


def _change(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(b"12345678")


@pytest.mark.parametrize("harm", [_replace, _change])
def test_a_file_that_is_replaced_or_changed_while_it_is_read_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    units = nsg.open_units(path)
    original = nwb_source.search_rows

    def harm_then_search(*arguments: object, **options: object) -> np.ndarray:
        harm(path)
        return original(*arguments, **options)

    monkeypatch.setattr(nwb_source, "search_rows", harm_then_search)
    with pytest.raises(InputError, match="changed since it was opened"):
        _ = units.spikes.values


@pytest.mark.parametrize("share", _SHARES)
def test_commands_end_with_one_line_when_their_recording_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    source, model = write_source(tmp_path / "a.nwb", seconds=60.0), tmp_path / "model"
    whole = shutil.copy(source, tmp_path / "whole.nwb")
    commands = {
        "train": (["train", str(source), "--out", str(tmp_path / "other"), *_WINDOW], 4),
        "generate": (["generate", str(model), str(source), "--out", str(tmp_path / "out.nwb")], 4),
    }
    assert CliRunner().invoke(cli, ["train", str(source), "--out", str(model), *_WINDOW]).exit_code == 0
    for arguments, after in commands.values():
        shutil.copy2(whole, source)
        with monkeypatch.context() as patched:
            _cut_when_read(patched, source, share, after=after)
            result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 2, result.output
        assert source.stat().st_size < whole.stat().st_size
        assert [line.startswith("nwbspikegen: error:") for line in result.stderr.splitlines()][-1]
        assert "Traceback" not in result.stderr
        assert sorted(each.name for each in tmp_path.iterdir()) == ["a.nwb", "model", "whole.nwb"]


def test_a_recording_that_is_cut_while_it_is_copied_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nwbspikegen.nwb import derived as source_opening

    original = source_opening.copy_kept

    def cut_then_copy(*arguments: object) -> None:
        _cut(path, 0.3)
        original(*arguments)

    monkeypatch.setattr(source_opening, "copy_kept", cut_then_copy)
    with pytest.raises(InputError):
        require_complete(path)


def test_short_reads_are_no_reads(tmp_path: Path) -> None:
    place = tmp_path / "numbers"
    place.write_bytes(np.arange(100.0).tobytes())
    with PlainRows(place, 0, np.dtype(float), 100) as rows:
        os.truncate(place, 400)
        assert rows[:50].tolist() == list(range(50))
        with pytest.raises(InputError, match="ends within"):
            _ = rows[40:60]
    with GuardedFile(place) as guarded:
        os.truncate(place, 100)
        with pytest.raises(OSError, match="ends before"):
            guarded.readinto(bytearray(200))
    require_sound_heaps(place)


def test_rows_are_read_alike_where_the_system_has_no_preadv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "numbers"
    place.write_bytes(np.arange(100.0).tobytes())
    monkeypatch.delattr(os, "preadv")
    with PlainRows(place, 80, np.dtype(float), 90) as rows:
        assert rows[5:8].tolist() == [15.0, 16.0, 17.0]
        assert rows.take(np.array([0, 88]), np.array([1, 90])).tolist() == [10.0, 98.0, 99.0]
        os.truncate(place, 400)
        with pytest.raises(InputError, match="ends within"):
            _ = rows[30:60]


def test_zarr_chunks_that_were_never_written_are_refused(tmp_path: Path) -> None:
    from test_views_storage import export_to_zarr

    path = export_to_zarr(write_source(tmp_path / "a.nwb"), tmp_path / "a.nwb.zarr")
    (path / "units/spike_times/0").unlink()
    with pytest.raises(InputError, match="1 of whose 1 chunks are missing"):
        nsg.open_units(path)
    with pytest.raises(InputError, match="chunks are missing"):
        require_complete(path)
