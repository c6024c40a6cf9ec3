"""Kills commands at random moments and tells what they left.

A script, so that the processes that are forked and killed come from one with nothing but modules in it:

    python tests/kill_runner.py FOLDER --points 6 --seed 1

prints a line of JSON for each point.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py

import nwbspikegen as nsg
from nwbspikegen.files import hash_file

_HIDDEN = ".nwbspikegen-"
_WINDOW = ["--skip-units", "0", "--duration", "20"]
_PATIENCE = 500.0
_ORDER = ("convert", "generate", "convert", "generate", "transfer")


class Target(NamedTuple):
    """A command, its output, and what reads the output whole."""

    arguments: list[str]
    out: Path
    read: Callable[[Path], Any]


def run(arguments: list[str]) -> int:
    """Start a command in a process of its own and return its id."""
    process = os.fork()
    if process:
        return process
    try:
        from nwbspikegen.cli import cli

        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(silent, stream)
        cli(arguments, standalone_mode=True)
    except SystemExit as leaving:
        os._exit(int(leaving.code or 0))
    except BaseException:
        import traceback

        traceback.print_exc()
    os._exit(1)


def finish(arguments: list[str]) -> None:
    """Run a command to its end, which must be a good one."""
    _, status = os.waitpid(run(arguments), 0)
    if status:
        raise RuntimeError(f"{' '.join(arguments)} ended with status {os.waitstatus_to_exitcode(status)}")


def kill(target: Target, wait: float, *, while_writing: bool) -> bool:
    """Kill a command after `wait` s, or so long after it began to write; False when it was done before."""
    process, begin = run(target.arguments), time.monotonic()
    ends = None if while_writing else begin + wait
    while time.monotonic() < begin + _PATIENCE:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            if status:
                raise RuntimeError(f"{target.arguments[0]} ended with {status}")
            return False
        if ends is None and any(target.out.parent.glob(f"{_HIDDEN}*")):
            ends = time.monotonic() + wait
        if ends is not None and time.monotonic() >= ends:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return True
        time.sleep(0.001)
    raise RuntimeError(f"{target.arguments[0]} took longer than {_PATIENCE} s")


def make_targets(folder: Path) -> dict[str, Target]:
    """Make small inputs, each in a process of its own, and return the commands that read them."""
    source, names = folder / "inputs", ("one.nwb", "other.nwb")
    source.mkdir()
    for seed, name in enumerate(names):
        _in_child(lambda seed=seed, name=name: _write_recording(source / name, seed))
    _in_child(lambda: _write_asdf(source))
    one, other = (str(source / name) for name in names)
    finish(["train", one, "--out", str(source / "model"), "--epochs", "1", *_WINDOW])
    places = {name: folder / name for name in ("convert", "generate", "transfer")}
    for place in places.values():
        place.mkdir()
    convert, generated, study = (
        places["convert"] / "a.nwb",
        places["generate"] / "b.nwb",
        places["transfer"] / "s",
    )
    return {
        "convert": Target(
            ["convert", "asdf", str(source / "a.mat"), "--out", str(convert),
             "--metadata", str(source / "m.yaml"), "--overwrite"],
            convert, _read_recording,
        ),
        "generate": Target(
            ["generate", str(source / "model"), one, "--out", str(generated), "--overwrite"],
            generated, _read_results,
        ),
        "transfer": Target(
            ["transfer", one, other, "--out", str(study), "--epochs", "1", "--workers", "1", *_WINDOW],
            study, _read_study,
        ),
    }  # fmt: skip


def _in_child(work: Callable[[], Any]) -> None:
    process = os.fork()
    if not process:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        raise RuntimeError("the inputs could not be made")


def _write_recording(path: Path, seed: int) -> None:
    from nwbspikegen.simulation import metadata_of

    simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=seed)
    nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


def _write_asdf(folder: Path) -> None:
    import numpy as np
    import yaml
    from test_sources_asdf import write_asdf

    from nwbspikegen.simulation import metadata_of

    rng = np.random.default_rng(5)
    trains = [np.unique(rng.integers(1, 60_000, 3000)) for _ in range(50)]
    write_asdf(folder / "a.mat", trains, (50, 60_000), dtype=np.int32)
    metadata = metadata_of(nsg.simulate("in_vivo", num_units=2, duration=1))
    (folder / "m.yaml").write_text(yaml.safe_dump(metadata))


def _read_recording(path: Path) -> Any:
    """Return every spike, read as users do."""
    units = nsg.open_units(path, bin_size=0.01)
    return units.spikes.values.sum(axis=0).tolist()


def _read_results(path: Path) -> Any:
    """Return scores, audits and generated spikes, and let pynwb read the whole file."""
    from pynwb import NWBHDF5IO

    with NWBHDF5IO(str(path), "r") as io:
        io.read()
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) else None)
    trains = [times.tolist() for times in nsg.read_generated_units(path).values()]
    return [nsg.read_scores(path).value.round(9).astype(str).tolist(), len(nsg.read_audits(path)), trains]


def _read_study(path: Path) -> Any:
    study = nsg.TransferStudy(path)
    if not study.is_complete:
        return "unfinished"
    return study.scores.value.values.round(9).astype(str).tolist()


def _read_in_child(target: Target) -> Any:
    """Return what is read from an output, with the process that might crash on it out of the way."""
    receive, send = os.pipe()
    process = os.fork()
    if not process:
        os.close(receive)
        try:
            text = json.dumps({"read": target.read(target.out)})
        except BaseException as error:
            text = json.dumps({"broken": f"{type(error).__name__}: {error}"})
        with open(send, "w") as stream:
            stream.write(text)
        os._exit(0)
    os.close(send)
    with open(receive) as stream:
        text = stream.read()
    os.waitpid(process, 0)
    return json.loads(text or '{"broken": "the reader crashed"}')


def _hash(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return hash_file(path) if path.exists() else ""


def check_point(
    target: Target, expected: Any, wait: float, *, while_writing: bool, old: bool
) -> dict[str, Any]:
    """Kill a command once, and return what it left and whether the command repeated was right."""
    if not old and target.out.exists():
        shutil.rmtree(target.out) if target.out.is_dir() else target.out.unlink()
    before = _hash(target.out)
    killed = kill(target, wait, while_writing=while_writing)
    after = _hash(target.out)
    left = sorted(path.name for path in target.out.parent.iterdir() if path != target.out)
    found = _read_in_child(target) if after else {"read": "nothing"}
    is_old = after == before and not target.out.is_dir()
    whole = found.get("read") in (expected, "nothing", "unfinished")
    finish(target.arguments)
    repeated = _read_in_child(target).get("read") == expected
    hidden = list(target.out.parent.rglob(f"{_HIDDEN}*"))
    return {
        "killed": killed, "found": "broken" if not whole else "nothing" if not after else
        "unfinished" if found["read"] == "unfinished" else "old" if is_old else "new",
        "strangers": [name for name in left if not name.startswith(_HIDDEN)],
        "left_over": len(left), "repeated": repeated, "left_after_repeat": len(hidden),
        "error": found.get("broken", ""),
    }  # fmt: skip


def main() -> None:
    """Kill the commands in turn and print a line for each point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # forked processes need not load them again
    import lightning  # noqa: F401
    import neuroconv.datainterfaces  # noqa: F401
    import pynwb  # noqa: F401

    import nwbspikegen.workflows.studying  # noqa: F401

    draw = random.Random(options.seed)
    targets = make_targets(options.folder)
    references = {}
    for name, target in targets.items():
        begin = time.monotonic()
        finish(target.arguments)
        seconds, found = time.monotonic() - begin, _read_in_child(target)
        if "broken" in found:
            raise RuntimeError(f"{name} cannot be read: {found['broken']}")
        references[name] = seconds, found["read"]
    for number in range(options.points):
        name = _ORDER[number % len(_ORDER)]
        seconds, expected = references[name]
        # most of a command is reading and computing: half of the points are counted from the first write
        while_writing = draw.random() < 0.5
        wait = draw.uniform(0, seconds / 4 if while_writing else seconds)
        old = name != "transfer" and draw.random() < 0.5
        point = check_point(targets[name], expected, wait, while_writing=while_writing, old=old)
        row = {"command": name, "old": old, "seconds": seconds, "wait": wait, "while_writing": while_writing}
        print(json.dumps({**row, **point}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
