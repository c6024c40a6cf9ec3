"""Long work shows itself on a terminal only, stdout holds nothing but the result, a log file all of it."""

from __future__ import annotations

import json
import multiprocessing
import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest
from asdf_files import write_asdf
from click.testing import CliRunner
from terminal_worker import ask_in_worker

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core import progress
from nwbspikegen.core.logs import hide_secrets
from nwbspikegen.core.tasks import Task
from nwbspikegen.simulation import metadata_of
from nwbspikegen.transfer.tasks import run_plan

_BARS = """
import sys, time
from nwbspikegen.core.progress import set_quiet, show_progress, track
set_quiet("quiet" in sys.argv)
for _ in track(range(8), "counting", 8):
    time.sleep(0.15)
    with show_progress("inner", 4) as work:
        for _ in range(4):
            time.sleep(0.2 if "nested" in sys.argv else 0)
            work.advance()
print("the result")
"""

# the command line, with bars from the first step on: how long training takes decides nothing
_AT_ONCE = """
from nwbspikegen.core import progress
from nwbspikegen.cli import main
progress._DELAY = 0.0
main()
"""

_SMALL = ("--skip-units", "0", "--bin-size", "0.02")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# what a bar ends with: done and all, and the time left
_LEFT = r"\d+/\d+ +(\d:\d\d:\d\d|-:--:--)"


def _run_on_terminal(command: list[str], seconds: float = 120.0) -> tuple[str, str, int]:
    """Run a program whose stderr is a terminal; return its stdout, its stderr and its status."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, env=environment)
    os.close(slave)
    shown, stop = b"", time.monotonic() + seconds
    while time.monotonic() < stop:
        ready, _, _ = select.select([master], [], [], 1.0)
        try:
            part = os.read(master, 65536) if ready else b"-"
        except OSError:
            # what Linux says when the other end is closed
            break
        shown += part if ready else b""
    os.close(master)
    out, _ = child.communicate(timeout=60)
    return out.decode(), _COLOURS.sub("", shown.decode()), child.returncode


@pytest.mark.parametrize("nested", [[], ["nested"]])
def test_a_bar_on_a_terminal(nested):
    out, shown, status = _run_on_terminal([sys.executable, "-c", _BARS, *nested])
    assert (out, status) == ("the result\n", 0)
    assert "counting" in shown
    assert re.search(r"\d/8", shown)
    assert ("inner" in shown) == bool(nested)
    # cursor back, line erased: nothing of it stays
    assert "\x1b[2K" in shown
    assert "\x1b[?25h" in shown.rpartition("counting")[2]


def test_nothing_on_a_terminal_when_quiet():
    assert _run_on_terminal([sys.executable, "-c", _BARS, "quiet"]) == ("the result\n", "", 0)


def test_nothing_off_a_terminal():
    command = [sys.executable, "-c", _BARS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("the result\n", "")


def test_a_line_now_and_then(caplog, monkeypatch):
    monkeypatch.setattr(progress, "_BETWEEN_LINES", 0.0)
    with caplog.at_level("INFO", "nwbspikegen"), progress.show_progress("reading", 4) as work:
        work.advance(3)
        work.reach(4, "writing")
    assert re.fullmatch(r"reading: 3 of 4, about \d+ s left", caplog.messages[0])
    assert caplog.messages[1] == "writing: 4 of 4"


def test_first_steps_that_compile_do_not_count_for_hours(caplog, monkeypatch):
    """A step of 80 s, then steps of 2 s: of 205, what is left is some minutes, never hours."""
    clock = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    with caplog.at_level("INFO", "nwbspikegen"), progress.show_progress("predicting", 205) as work:
        for step in range(205):
            clock[0] += 2.0 if step else 80.0
            work.advance()
    # the first line comes with the first step, then one every 15 steps
    assert caplog.messages[:3] == [
        "predicting: 1 of 205",
        "predicting: 16 of 205, about 6 min 18 s left",
        "predicting: 31 of 205, about 5 min 48 s left",
    ]


def test_unlike_steps_tell_no_time_left(caplog, monkeypatch):
    """A prediction of ten minutes says nothing of how long the three steps after it take."""
    monkeypatch.setattr(progress, "_BETWEEN_LINES", 0.0)
    with (
        caplog.at_level("INFO", "nwbspikegen"),
        progress.show_progress("predicting", 4, stages=True) as work,
    ):
        work.reach(1, "scoring")
        work.reach(2, "auditing")
    assert caplog.messages == ["scoring: 1 of 4", "auditing: 2 of 4"]


def test_a_long_step_has_a_bar_before_it_ends(monkeypatch):
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)
    with progress.show_progress("tasks", 2, at_once=True):
        assert progress._DISPLAY.users == 1
    with progress.show_progress("steps", 2):
        assert progress._DISPLAY.users == 0


def test_workers_draw_no_bars_into_the_terminal_they_share():
    worker = multiprocessing.get_context("spawn").Process(target=ask_in_worker)
    worker.start()
    worker.join()
    assert worker.exitcode == 0


def test_bars_go_after_an_error(monkeypatch):
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)
    monkeypatch.setattr(progress, "_DELAY", 0.0)

    def fail_inside():
        with progress.show_progress("outer", 2) as outer:
            outer.advance()
            with progress.show_progress("inner", 2) as inner:
                inner.advance()
                assert progress._DISPLAY.users == 2
                raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail_inside()
    assert progress._DISPLAY.progress is None
    assert progress._DISPLAY.users == 0


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=60, seed=3)
    path = tmp_path_factory.mktemp("progress") / "sub-a_ecephys.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


def test_training_shows_itself_and_keeps_stdout_clean(recording, tmp_path):
    log = tmp_path / "log.txt"
    command = [
        sys.executable,
        "-c",
        _AT_ONCE,
        "train",
        str(recording),
        "--out",
        str(tmp_path / "model"),
        "--epochs",
        "3",
        *_SMALL,
        "--json",
        "--log-file",
        str(log),
    ]
    out, shown, status = _run_on_terminal(command)
    assert status == 0, shown
    assert json.loads(out)["model"] == "in_context"
    assert re.search(r"epoch \d/3, bits_per_spike|training", shown)
    assert re.search(_LEFT, shown)
    lines = log.read_text().splitlines()
    assert all(
        re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} (DEBUG|INFO|WARNING) ", line) for line in lines
    )
    assert any("training in_context on 6 units" in line for line in lines)
    assert "\x1b" not in log.read_text()


@pytest.fixture(scope="module")
def model(recording, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "model"
    done = CliRunner().invoke(cli, ["train", str(recording), "--out", str(out), "--epochs", "1", *_SMALL])
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            ["convert", "asdf", "{asdf}", "--out", "{out}.nwb", "--metadata", "{yaml}"],
            "writing NWB: 2 of 3\n",
        ),
        (
            ["train", "{recording}", "--out", "{out}", "--epochs", "2", *_SMALL],
            r"training: 1 of 2, about \d+ s left",
        ),
        (["generate", "{model}", "{recording}", "--out", "{out}.nwb"], "auditing: 2 of 4\n"),
        (
            [
                "sweep",
                "{recording}",
                "--out",
                "{out}",
                "--epochs",
                "1",
                "--workers",
                "1",
                "--vary",
                "learning_rate=0.001,0.002",
                "--model",
                "in_context",
                *_SMALL,
            ],
            r"trials of the sweep: 1 of 2, about \d+ s left",
        ),
    ],
    ids=["convert", "train", "generate", "sweep"],
)
def test_long_commands_tell_how_far_they_are(recording, model, tmp_path, monkeypatch, command, says):
    monkeypatch.setattr(progress, "_BETWEEN_LINES", 0.0)
    places = {"recording": recording, "model": model, "out": tmp_path / "out", "asdf": tmp_path / "a.mat"}
    places["yaml"] = tmp_path / "m.yaml"
    write_asdf(places["asdf"])
    places["yaml"].write_text(json.dumps(metadata_of(nsg.simulate("in_vivo", num_units=2, duration=1))))
    log = tmp_path / "log.txt"
    done = CliRunner().invoke(cli, [*(word.format(**places) for word in command), "--log-file", str(log)])
    assert done.exit_code == 0, done.output
    assert re.search(f" INFO {says}", log.read_text())


def test_a_study_tells_the_time_left(caplog, monkeypatch):
    monkeypatch.setattr(progress, "_BETWEEN_LINES", 0.0)
    tasks = [Task("good", int, ("7",)), Task("bad", int, ("x",))]
    with caplog.at_level("INFO", "nwbspikegen"):
        failed = run_plan(tasks)
    assert [outcome.task.key for outcome in failed] == ["bad"]
    told = [line for line in caplog.messages if line.startswith("tasks of the study")]
    assert [re.sub(r"about \d+", "about _", line) for line in told] == [
        "tasks of the study: 0 of 2",
        "tasks of the study: 1 of 2, about _ s left",
        "tasks of the study: 2 of 2",
    ]


def test_quiet_commands_say_nothing(recording, tmp_path):
    arguments = ["train", str(recording), "--out", str(tmp_path / "out"), "--epochs", "1", *_SMALL]
    arguments += ["--take-units", "6", "--duration", "60"]
    done = CliRunner().invoke(cli, [*arguments, "--quiet"])
    assert done.exit_code == 0, done.output
    assert done.stdout
    # but what may spoil a score
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["sub-a_ecephys.nwb, odd"]


def test_a_log_file_is_appended_to_and_has_the_error(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    source = write_asdf(tmp_path / "a.mat")
    for _ in range(2):
        result = CliRunner().invoke(
            cli, ["convert", "asdf", str(source), "--out", str(tmp_path / "a.nwb"), "--log-file", str(log)]
        )
        assert result.exit_code == 2
        assert len([line for line in result.stderr.splitlines() if "nwbspikegen: error:" in line]) == 1
    lines = log.read_text().splitlines()
    assert lines[0] == "before"
    assert sum("error: found no" in line for line in lines) == 2
    refused = CliRunner().invoke(cli, ["score", "a.nwb", "--log-file", str(tmp_path / "no" / "log.txt")])
    assert refused.exit_code == 2
    assert "log file" in refused.stderr


def test_every_command_has_a_log_file():
    def walk(command, path):
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from walk(inner, [*path, name])
        else:
            yield path, {option for parameter in command.params for option in parameter.opts}

    without = [path for path, options in walk(cli, []) if "--log-file" not in options]
    assert without == []


def test_a_log_file_never_has_a_key(tmp_path, monkeypatch):
    monkeypatch.setenv("DANDI_API_KEY", "0123456789abcdef0123")
    assert "0123456789abcdef0123" not in hide_secrets("the key is 0123456789abcdef0123, they say")
    assert hide_secrets("Authorization: token abcdefgh12345678") == "Authorization: token [hidden]"
    assert hide_secrets("trained on 128 units, seed 0") == "trained on 128 units, seed 0"
    log = tmp_path / "log.txt"
    missing = "https://me:swordfish99@127.0.0.1:9/a.nwb?token=fedcba9876543210"
    CliRunner().invoke(cli, ["score", missing, "--log-file", str(log)])
    content = log.read_text()
    assert "error" in content
    assert "swordfish99" not in content
    assert "fedcba9876543210" not in content
