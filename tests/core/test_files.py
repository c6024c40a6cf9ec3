"""Outputs appear whole or not at all, whatever ends the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nwbspikegen.core import files
from nwbspikegen.core.errors import OutputError


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


def test_a_folder_that_stepped_aside_is_put_back(tmp_path):
    """Killed between the two steps that replace a folder where no single step can, as on NFS."""
    target = _write_folder(tmp_path / "model", "old")
    script = (
        "import os, signal, sys, pathlib\n"
        "from nwbspikegen.core import files\n"
        "files._exchange_at_once = lambda one, other: False\n"
        "rename, done = os.rename, []\n"
        "def stop_after_one(old, new):\n"
        "    rename(old, new)\n"
        "    if 'replaced' in str(new): os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.rename = stop_after_one\n"
        "with files.write_whole(sys.argv[1], overwrite=True, marker='marker.json') as new:\n"
        "    new.mkdir(); (new / 'marker.json').write_text('new')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert not target.exists()
    with files.write_whole(tmp_path / "other.txt") as temporary:
        temporary.write_text("other")
    assert (target / "marker.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "other.txt"]


def test_an_empty_workplace_is_removed_and_a_locked_one_is_not(tmp_path):
    (tmp_path / ".nwbspikegen-empty").mkdir()
    unlocked = tmp_path / ".nwbspikegen-unlocked"
    unlocked.mkdir()
    (unlocked / files._UNLOCKED).touch()
    with files.write_whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
    # its owner may be about to lock it
    assert sorted(path.name for path in tmp_path.iterdir()) == [".nwbspikegen-unlocked", "a.txt"]
    os.utime(unlocked, (0, 0))
    with files.write_whole(tmp_path / "b.txt") as temporary:
        temporary.write_text("b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_a_workplace_taken_for_an_abandoned_one_is_made_again(tmp_path, monkeypatch):
    make, made = files.tempfile.mkdtemp, []

    def make_and_lose(**where):
        made.append(make(**where))
        if len(made) == 1:
            os.rmdir(made[0])
        return made[-1]

    monkeypatch.setattr(files.tempfile, "mkdtemp", make_and_lose)
    with files.write_whole(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
    assert len(made) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_who_comes_second_replaces_nothing_unasked(tmp_path):
    target = tmp_path / "a.txt"

    def write_slowly() -> None:
        with files.write_whole(target) as temporary:
            temporary.write_text("second")
            target.write_text("first")

    with pytest.raises(OutputError, match="which exists"):
        write_slowly()
    assert target.read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("marker", [None, "marker.json"])
def test_a_link_stays_one(tmp_path, marker):
    for name in ("far", "near"):
        (tmp_path / name).mkdir()
    real, link = tmp_path / "far" / "real", tmp_path / "near" / "link"
    link.symlink_to(real)
    if marker:
        _write_folder(real, "old")
    else:
        real.write_text("old")
    with files.write_whole(link, overwrite=True, marker=marker) as temporary:
        if marker:
            _write_folder(temporary, "new")
        else:
            temporary.write_text("new")
    assert link.is_symlink()
    assert ((real / marker) if marker else real).read_text() == "new"
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["real"]
    assert [path.name for path in (tmp_path / "near").iterdir()] == ["link"]
