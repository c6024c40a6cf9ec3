"""Marks of living processes keep others away; those of the dead are removed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from nwbspikegen.core import files
from nwbspikegen.core.errors import OutputError
from nwbspikegen.core.owners import find_owner, hold_alone

_HOLD = (
    "import sys, time; from nwbspikegen.core.owners import hold_alone\n"
    "with hold_alone(sys.argv[1]): print('held', flush=True); time.sleep(60)"
)


def test_one_process_holds_an_output_until_it_dies(tmp_path):
    target = tmp_path / "model"
    other = subprocess.Popen([sys.executable, "-c", _HOLD, str(target)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        message = rf"model, on which process {other.pid} on {socket.gethostname()} works"
        with pytest.raises(OutputError, match=message), hold_alone(target):
            pass
        # what cleans up leaves the mark of a living process
        files.remove_abandoned(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [".nwbspikegen-model.lock"]
    finally:
        other.kill()
        other.communicate()
    assert [path.name for path in tmp_path.iterdir()] == [".nwbspikegen-model.lock"]
    with hold_alone(target):
        stored = json.loads((tmp_path / ".nwbspikegen-model.lock").read_text())
        assert stored == find_owner()._asdict()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="nothing can be written"), hold_alone(tmp_path / "no" / "model"):
        pass


def test_the_mark_of_a_dead_process_is_cleaned_with_the_rest(tmp_path):
    (tmp_path / ".nwbspikegen-model.lock").write_text("")
    with files.write_whole(tmp_path / "a.txt") as path:
        path.write_text("a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(("host", "days", "is_kept"), [("elsewhere", 1, True), ("elsewhere", 8, False)])
def test_what_another_host_has_left_is_kept_for_a_week(tmp_path, host, days, is_kept):
    place = tmp_path / ".nwbspikegen-other"
    place.mkdir()
    (place / files._OWNER).write_text(json.dumps({"host": host, "process": 1}))
    (place / "half.nwb").write_text("half")
    then = time.time() - days * 86400
    os.utime(place, (then, then))
    files.remove_abandoned(tmp_path)
    assert place.is_dir() == is_kept


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
def test_what_another_user_has_left_is_kept(tmp_path):
    place = tmp_path / ".nwbspikegen-other"
    place.mkdir()
    os.chown(place, 65534, 65534)
    files.remove_abandoned(tmp_path)
    assert place.is_dir()


def test_scratch_of_a_process_that_was_killed_is_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    dying = "import os; from nwbspikegen.core.files import make_scratch\n"
    dying += "with make_scratch() as place: (place / 'a').touch(); os.kill(os.getpid(), 9)"
    ran = subprocess.run([sys.executable, "-c", dying], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with files.make_scratch() as place:
        assert list(place.iterdir()) == []
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
