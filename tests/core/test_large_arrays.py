"""Arrays in files: what they hold is what they would hold in memory, and their memory is given back."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from nwbspikegen.core import large_arrays
from nwbspikegen.core.errors import OutputError
from nwbspikegen.core.large_arrays import cut_rows, empty_array, large_arrays_in, release


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_arrays, "_MOST_HELD", 0)
    monkeypatch.setattr(large_arrays, "_PIECE", 64)


def _owner(array: np.ndarray) -> object:
    while isinstance(array, np.ndarray):
        array = array.base
    return array


def test_small_arrays_are_numpys() -> None:
    assert empty_array((3, 2), np.float32).base is None


@pytest.mark.usefixtures("in_files")
def test_what_was_written_stays_when_memory_is_given_back(tmp_path: Path) -> None:
    with large_arrays_in(tmp_path / "not" / "there"):
        array = empty_array((100, 4), np.float32)
    expected = np.arange(400, dtype=np.float32).reshape(100, 4)
    array[:] = expected
    # of a view, and of one that is turned, the file is found too
    release(array[3:], array.T)
    np.testing.assert_array_equal(array, expected)
    assert isinstance(_owner(array), mmap.mmap)
    # no name is left behind, even while the array lives
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("in_files")
def test_pieces_are_all_rows_once() -> None:
    array = empty_array((100, 4), np.float32)
    pieces = list(cut_rows(array, None))
    assert [piece.start for piece in pieces] == list(range(0, 100, 4))
    assert pieces[-1].stop == 100


@pytest.mark.usefixtures("in_files")
def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", refuse)
    with large_arrays_in(tmp_path), pytest.raises(OutputError, match="no room for"):
        empty_array((5,), np.float32)
