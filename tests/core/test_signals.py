"""Interruptions end a command wherever they come, and what cleans up is left to do so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from nwbspikegen.core import files
from nwbspikegen.core.signals import ending_on_signals, is_interrupted

_BEGIN = """
import ctypes, os, signal, sys, time
from nwbspikegen.core.signals import ending_on_signals, find_exit_status, is_interrupted
def send(): os.kill(os.getpid(), signal.SIGNUM)
def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: sum(range(1000))
"""
# numba tells of compiled code through a callback of C, which prints what is raised in it and goes on
_CALLBACK = """
callback = ctypes.CFUNCTYPE(None)(lambda: (send(), work(0.2)))
callback()
work(20)
"""
# as HDF5, which makes an OSError of what is raised while it reads, and a command that takes the next file
_DROPPED = """
try:
    send(); work(1)
except BaseException: pass
work(20)
"""
# what cleans up for longer than the time after which an interruption is raised again
_CLEANING = """
try:
    send(); work(1)
finally:
    try:
        work(1.5)
    except KeyboardInterrupt: print('disturbed')
    print('cleaned')
"""
_CODES = {"callback": _CALLBACK, "dropped": _DROPPED, "cleaning": _CLEANING}


@pytest.mark.parametrize("name", sorted(_CODES))
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_none_is_lost(name, number, status):
    if number == "SIGTERM" and name != "cleaning":
        pytest.skip("one handler serves both")
    code = "\n".join("        " + line for line in _CODES[name].strip().splitlines())
    script = _BEGIN.replace("SIGNUM", number) + (
        "with ending_on_signals():\n    try:\n" + code + "\n    except KeyboardInterrupt:\n"
        "        assert is_interrupted()\n        sys.exit(find_exit_status())\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout == ("cleaned\n" if name == "cleaning" else "")


_COMMAND = """
import os, signal, threading, time, click
from nwbspikegen.cli import main
from nwbspikegen.cli.main import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
@cli.command()
def half():
    with write_whole('out.txt') as path:
        path.write_text('half')
        try:
            os.kill(os.getpid(), signal.SIGNUM)
            time.sleep(5)
        except KeyboardInterrupt as error:
            raise RAISED
import sys
sys.argv = ['nwbspikegen', 'half']
main()
"""


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("raised", ["error", "InputError('OSError', 'a', 'b') from error"])
def test_a_command_ends_clean_and_says_so(tmp_path, number, status, raised):
    script = _COMMAND.replace("SIGNUM", number).replace("RAISED", raised)
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ran.returncode == status, ran.stderr
    assert ran.stderr.startswith("nwbspikegen: interrupted: no output is half-written")
    assert len(ran.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", ["made", "opened", "removed", "closed"])
def test_a_folder_that_is_made_or_removed_meanwhile_is_not_left(moment, tmp_path, monkeypatch):
    """A signal when the hidden folder is there and nobody is in charge of it yet, or of it any more."""

    def after(function):
        def interrupted(*arguments, **options):
            try:
                return function(*arguments, **options)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                # a handler runs at the next instruction of the interpreter
                time.sleep(0)

        return interrupted

    module, name = {
        "made": (files.tempfile, "mkdtemp"),
        "opened": (files, "_open_workplace"),
        "removed": (files.shutil, "rmtree"),
        "closed": (files, "_remove_workplace"),
    }[moment]

    def write():
        with monkeypatch.context() as patch:
            if moment in ("made", "opened"):
                patch.setattr(module, name, after(getattr(module, name)))
            with files.write_whole(tmp_path / "out") as path:
                path.write_text("whole")
                if moment in ("removed", "closed"):
                    patch.setattr(module, name, after(getattr(module, name)))

    with ending_on_signals():
        with pytest.raises(KeyboardInterrupt):
            write()
        assert is_interrupted()
    # the next command of this process was not interrupted
    assert not is_interrupted()
    # whole or not there, and nothing beside it
    left = [each.name for each in tmp_path.iterdir()]
    assert left == (["out"] if moment in ("removed", "closed") else [])
