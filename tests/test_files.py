"""Outputs appear whole or not at all, whatever ends the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from nwbspikegen import files


def _write_folder(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "marker.json").write_text(text)
    return folder


@pytest.mark.parametrize("at_once", [True, False])
def test_folders_change_places(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr(files, "_exchange_at_once", lambda one, other: False)
    new, old = _write_folder(tmp_path / "new", "new"), _write_folder(tmp_path / "old", "old")
    files.exchange_folders(new, old)
    assert (old / "marker.json").read_text() == "new"
    assert (new / "marker.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_a_folder_is_replaced_without_a_moment_without_it(tmp_path, monkeypatch):
    target = _write_folder(tmp_path / "model", "old")
    seen = []
    exchange = files._exchange_at_once

    def watch(one: Path, other: Path) -> bool:
        done = exchange(one, other)
        seen.append((done, (target / "marker.json").read_text()))
        return done

    monkeypatch.setattr(files, "_exchange_at_once", watch)
    with files.write_whole(target, overwrite=True, marker="marker.json") as unfinished:
        _write_folder(unfinished, "new")
    if not seen[0][0]:
        pytest.skip("this file system cannot exchange two folders in one step")
    assert seen == [(True, "new")]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_error_leaves_the_old_folder(tmp_path):
    target = _write_folder(tmp_path / "model", "old")

    def fail() -> None:
        with files.write_whole(target, overwrite=True, marker="marker.json") as unfinished:
            _write_folder(unfinished, "half")
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        fail()
    assert (target / "marker.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
