"""Ends commands by signals at random moments and tells what they left.

A script, so that the processes that are forked and killed come from one with nothing but modules in it:

    python tests/kill_runner.py FOLDER --points 6 --seed 1 --signals KILL,TERM,INT

prints a line of JSON for each point.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

import nwbspikegen as nsg
from nwbspikegen.core.files import hash_file
from nwbspikegen.models import DESCRIPTION_FILE

_HIDDEN = ".nwbspikegen-"
# where a training keeps its last epoch, from which the same command goes on
_UNFINISHED = "*unfinished*"
# by it the processes that a command has started are found
_MARK = "NWBSPIKEGEN_KILL_MARK"
# what each ends a command with, as shells say it
_STATUS = {"KILL": 137, "TERM": 143, "INT": 130}
# seconds that workers may take to see that their cluster is gone: those that have just been started import
# first, which takes long beside other work
_WORKERS_PATIENCE = 60.0
_WINDOW = ["--skip-units", "0", "--duration", "20", "--bin-size", "0.005"]
_PATIENCE = 500.0
_ORDER = ("convert", "generate", "transfer", "train", "cluster", "sweep", "explain", "report", "patchseq")
_SINCE = ("opened", "renamed", "start")
# seconds: to rename takes less than a millisecond
_AROUND_RENAME = 0.002
_MOST_DRAWS = 12


class Target(NamedTuple):
    """A command, its output, and what reads the output whole."""

    arguments: list[str]
    out: Path
    read: Callable[[Path], Any]


class Run(NamedTuple):
    """What a command did: its exit status, and when (s) it opened and renamed each output."""

    status: int
    seconds: float
    opened: list[float]
    renamed: list[float]


class Moment(NamedTuple):
    """When to send which signal: `wait` s after the start, or the nth time an output is opened or renamed."""

    since: str
    number: int
    wait: float
    signal: str


def run(arguments: list[str], report: int | None = None) -> int:
    """Start a command in a process of its own and return its id; it tells its outputs through a pipe."""
    process = os.fork()
    if process:
        return process
    try:
        from nwbspikegen.cli import main as run_command

        if report is not None:
            _tell_outputs(report)
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(silent, stream)
        os.environ[_MARK] = str(os.getpid())
        sys.argv = ["nwbspikegen", *arguments]
        run_command()
        os._exit(0)
    except SystemExit as leaving:
        os._exit(int(leaving.code or 0))
    except KeyboardInterrupt:
        # before the command or after it, when Python does what shells expect
        os._exit(_STATUS["INT"])
    except BaseException:
        import traceback

        traceback.print_exc()
    os._exit(1)


def _tell_outputs(report: int) -> None:
    """Write a letter before each output is opened, and before it is renamed into its place."""
    from nwbspikegen.core import files

    def telling(function: Callable[..., Any], letter: bytes) -> Callable[..., Any]:
        def told(*arguments: Any, **options: Any) -> Any:
            os.write(report, letter)
            return function(*arguments, **options)

        return told

    files._open_workplace = telling(files._open_workplace, b"o")
    files.exchange_folders = telling(files.exchange_folders, b"r")
    os.replace = telling(os.replace, b"r")


def finish(arguments: list[str]) -> None:
    """Run a command to its end, which must be a good one."""
    _, status = os.waitpid(run(arguments), 0)
    if status:
        raise RuntimeError(f"{' '.join(arguments)} ended with status {os.waitstatus_to_exitcode(status)}")


def watch(arguments: list[str], moment: Moment | None = None) -> tuple[Run, int]:
    """Run a command, end it at a moment, and return what it did until then, and its process id."""
    receive, send = os.pipe()
    process, begin = run(arguments, send), time.monotonic()
    os.close(send)
    seen: dict[str, list[float]] = {"start": [0.0], "opened": [], "renamed": []}
    ends = float("inf")
    while True:
        if moment is not None and len(seen[moment.since]) > moment.number:
            ends = begin + seen[moment.since][moment.number] + moment.wait
        now = time.monotonic()
        if now > min(ends, begin + _PATIENCE):
            if moment is None:
                os.kill(process, signal.SIGKILL)
                break
            os.kill(process, getattr(signal, f"SIG{moment.signal}"))
            ends, moment = float("inf"), None
            if begin + _PATIENCE < now:
                break
            continue
        if select.select([receive], [], [], min(ends, begin + _PATIENCE) - now)[0]:
            # one letter at a time: a moment may begin with any of them
            letter = os.read(receive, 1)
            if not letter:
                break
            seen["opened" if letter == b"o" else "renamed"].append(time.monotonic() - begin)
    os.close(receive)
    # the system, not the clock, says whether the signal found a living process
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    status = 128 - status if status < 0 else status
    if status not in (0, *_STATUS.values()) or time.monotonic() > begin + _PATIENCE:
        raise RuntimeError(f"{arguments[0]} ended with {status}")
    return Run(status, time.monotonic() - begin, seen["opened"], seen["renamed"]), process


def draw_moment(draw: random.Random, since: str, usual: Run, name: str) -> Moment:
    """Draw a moment of a command, for a signal, from when an uninterrupted run of it did what."""
    if since == "start":
        return Moment("start", 0, draw.uniform(0, usual.seconds), name)
    if since == "opened":
        number = draw.randrange(len(usual.opened))
        begin = usual.opened[number]
        done = min((moment for moment in usual.renamed if moment > begin), default=begin)
        return Moment("opened", number, draw.uniform(0, done - begin), name)
    return Moment("renamed", draw.randrange(len(usual.renamed)), draw.uniform(0, _AROUND_RENAME), name)


def make_targets(folder: Path) -> dict[str, Target]:
    """Make small inputs, each in a process of its own, and return the commands that read them."""
    source, names = folder / "inputs", ("one.nwb", "other.nwb")
    source.mkdir()
    for seed, name in enumerate(names):
        _in_child(lambda seed=seed, name=name: _write_recording(source / name, seed))
    _in_child(lambda: _write_asdf(source))
    _write_cells(source / "cells.csv")
    one, other = (str(source / name) for name in names)
    finish(["train", one, "--out", str(source / "model"), "--epochs", "1", *_WINDOW])
    places = {name: folder / name for name in _ORDER}
    for place in places.values():
        place.mkdir()
    convert, generated, study = (
        places["convert"] / "a.nwb",
        places["generate"] / "b.nwb",
        places["transfer"] / "s",
    )
    return {
        "convert": Target(
            [
                "convert",
                "asdf",
                str(source / "a.mat"),
                "--out",
                str(convert),
                "--metadata",
                str(source / "m.yaml"),
                "--overwrite",
            ],
            convert,
            _read_recording,
        ),
        "generate": Target(
            ["generate", str(source / "model"), one, "--out", str(generated), "--overwrite"],
            generated,
            _read_results,
        ),
        "transfer": Target(
            ["transfer", one, other, "--out", str(study), "--epochs", "1", "--workers", "1", *_WINDOW],
            study,
            _read_study,
        ),
        "train": Target(
            ["train", one, "--out", str(places["train"] / "m"), "--epochs", "2", "--overwrite", *_WINDOW],
            places["train"] / "m",
            _read_model,
        ),
        # processes of dask's, which must not outlive the command
        "cluster": Target(
            [
                *("transfer", one, other, "--out", str(places["cluster"] / "s"), "--epochs", "1"),
                *("--workers", "2", *_WINDOW),
            ],
            places["cluster"] / "s",
            _read_study,
        ),
        "sweep": Target(
            [
                *("sweep", one, "--out", str(places["sweep"] / "s"), "--vary", "depth=1,2", "--epochs", "1"),
                *("--set", "input_length=20", "--workers", "1", *_WINDOW),
            ],
            places["sweep"] / "s",
            _read_sweep,
        ),
        "explain": Target(
            [
                *("explain", str(source / "model"), one, "--out", str(places["explain"] / "e.nwb")),
                *("--targets", "20", "--overwrite"),
            ],
            places["explain"] / "e.nwb",
            _read_numbers,
        ),
        "report": Target(
            [
                *("report", one, "--out", str(places["report"] / "r.html"), "--overwrite"),
                *("--duration", "20", "--bin-size", "0.005"),
            ],
            places["report"] / "r.html",
            _read_page,
        ),
        "patchseq": Target(
            [
                *("patchseq", "train", str(source / "cells.csv"), "--out", str(places["patchseq"] / "m")),
                *("--folds", "2", "--repeats", "1", "--trees", "20", "--overwrite"),
            ],
            places["patchseq"] / "m",
            _read_cell_model,
        ),
    }


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
    import yaml
    from asdf_files import write_asdf

    from nwbspikegen.simulation import metadata_of

    rng = np.random.default_rng(5)
    trains = [np.unique(rng.integers(1, 60_000, 3000)) for _ in range(50)]
    write_asdf(folder / "a.mat", trains, (50, 60_000), dtype=np.int32)
    metadata = metadata_of(nsg.simulate("in_vivo", num_units=2, duration=1))
    (folder / "m.yaml").write_text(yaml.safe_dump(metadata))


def _write_cells(path: Path) -> None:
    """Write a table of cells of two classes by eight donors."""
    rng = np.random.default_rng(6)
    rows = ["cell,cell_class,donor,tau,resistance,threshold"]
    for cell in range(48):
        values = ",".join(f"{value:.4f}" for value in rng.normal(cell % 2, 1, 3))
        rows.append(f"c{cell},{'xy'[cell % 2]},d{cell % 8},{values}")
    path.write_text("\n".join(rows) + "\n")


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


def _read_model(path: Path) -> Any:
    """Return the weights' own hash, and how many epochs there were."""
    fitted = nsg.load_model(path)
    return [fitted.sha256, len(fitted.curves)]


def _count_orphans(process: int) -> int:
    """Return how many processes are alive that a command has started, after those that see its end have."""
    patience = time.monotonic() + _WORKERS_PATIENCE
    mark = f"{_MARK}={process}\0".encode()
    while True:
        alive = 0
        for place in Path("/proc").glob("[0-9]*"):
            # one that has just ended, or is another user's
            with contextlib.suppress(OSError):
                alive += mark in (place / "environ").read_bytes() and int(place.name) != process
        if not alive or time.monotonic() > patience:
            return alive
        time.sleep(0.1)


def _read_study(path: Path) -> Any:
    """Return the scores, or that some are missing; every part that is there must be whole."""
    study = nsg.TransferStudy(path)
    for part in path.rglob("*"):
        if any(name.startswith(".") for name in part.relative_to(path).parts):
            continue
        if part.suffix == ".npz":
            with np.load(part, allow_pickle=False) as arrays:
                _ = [arrays[name] for name in arrays]
        elif part.name == DESCRIPTION_FILE:
            nsg.load_model(part.parent)
    if not study.is_complete:
        return "unfinished"
    return study.scores.value.values.round(9).astype(str).tolist()


def _read_sweep(path: Path) -> Any:
    """Return each trial's score and weights, or that some are missing; every model there must be whole."""
    for part in path.rglob(DESCRIPTION_FILE):
        if not any(name.startswith(".") for name in part.relative_to(path).parts):
            nsg.load_model(part.parent)
    table = path / "trials.json"
    if not table.exists():
        return "unfinished"
    trials = json.loads(table.read_text())["trials"]
    found = {
        str(each["depth"]): [each["validation_bits_per_spike"], each["sha256"]]
        for each in trials
        if each["state"] == "complete"
    }
    return found if len(found) == 2 else "unfinished"


def _read_numbers(path: Path) -> Any:
    """Return the sums of all numbers in a file, and let pynwb read it whole."""
    from pynwb import NWBHDF5IO

    with NWBHDF5IO(str(path), "r") as io:
        io.read()
    sums = []

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
            sums.append([name, round(float(np.nansum(item[()], dtype=np.float64)), 6)])

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return sums


def _read_page(path: Path) -> Any:
    """Return how many panels a page has; it must have been written to its end."""
    text = path.read_text()
    if not text.rstrip().endswith("</html>"):
        raise ValueError(f"{path.name} ends before its end")
    return text.count("<section")


def _read_cell_model(path: Path) -> Any:
    """Return what each cell was predicted to be by the model that had not seen it; the model must load."""
    from nwbspikegen.patchseq.classify.models_io import CellModel

    CellModel.load(path)
    return (path / "cross_validated.csv").read_text()


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


def check_point(target: Target, expected: Any, moment: Moment, *, old: bool) -> dict[str, Any]:
    """Kill a command once, and return what it left and whether the command repeated was right."""
    if not old and target.out.exists():
        shutil.rmtree(target.out) if target.out.is_dir() else target.out.unlink()
    before = _hash(target.out)
    done, process = watch(target.arguments, moment)
    if not done.status:
        return {"run": done}
    orphans = _count_orphans(process)
    after = _hash(target.out)
    left = sorted(
        path.name
        for path in target.out.parent.iterdir()
        if path != target.out and not path.match(_UNFINISHED)
    )
    found = _read_in_child(target) if after else {"read": "nothing"}
    is_old = after == before and not target.out.is_dir()
    whole = found.get("read") in (expected, "nothing", "unfinished")
    finish(target.arguments)
    repeated = _read_in_child(target).get("read") == expected
    hidden = [*target.out.parent.rglob(f"{_HIDDEN}*"), *target.out.parent.rglob(_UNFINISHED)]
    return {
        "run": done,
        "signal": moment.signal,
        "status": done.status,
        "is_expected": done.status == _STATUS[moment.signal],
        "orphans": orphans,
        "found": "broken"
        if not whole
        else "nothing"
        if not after
        else "unfinished"
        if found["read"] == "unfinished"
        else "old"
        if is_old
        else "new",
        "strangers": [name for name in left if not name.startswith(_HIDDEN)],
        "left_over": len(left),
        "repeated": repeated,
        "left_after_repeat": len(hidden),
        "error": found.get("broken", ""),
    }


def kill_once(
    target: Target, usual: Run, expected: Any, draw: random.Random, since: str, name: str
) -> tuple[Run, dict[str, Any]]:
    """Draw moments until one finds the command alive; return how long it takes now, and what was found."""
    old = not target.out.is_dir() and draw.random() < 0.5
    for attempt in range(1, _MOST_DRAWS + 1):
        moment = draw_moment(draw, since, usual, name)
        point = check_point(target, expected, moment, old=old)
        done = point.pop("run")
        if done.status:
            return usual, {
                "old": old,
                "since": since,
                "seconds": done.seconds,
                "usual": usual.seconds,
                "opened": len(done.opened),
                "renamed": len(done.renamed),
                "draws": attempt,
                **point,
            }
        # the machine is faster now: the next moment is drawn from how long the command takes today
        usual = done
    raise RuntimeError(f"{target.arguments[0]} was done before each of {_MOST_DRAWS} moments")


def main() -> None:
    """Kill the commands in turn and print a line for each point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--signals", default="KILL,TERM,INT")
    parser.add_argument("--commands", default=",".join(_ORDER))
    options = parser.parse_args()
    # a shell starts what runs in its background deaf to Ctrl-C, and its children would be, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # forked processes need not load them again
    import lightning  # noqa: F401
    import neuroconv.datainterfaces  # noqa: F401
    import pynwb  # noqa: F401

    import nwbspikegen.transfer.run  # noqa: F401

    draw, order, names = random.Random(options.seed), options.commands.split(","), options.signals.split(",")
    targets = make_targets(options.folder)
    usual, expected = {}, {}
    for name in dict.fromkeys(order[: options.points]):
        (usual[name], _), found = watch(targets[name].arguments), _read_in_child(targets[name])
        if "broken" in found:
            raise RuntimeError(f"{name} cannot be read: {found['broken']}")
        expected[name] = found["read"]
    for number in range(options.points):
        turn, place = divmod(number, len(order))
        name = order[place]
        # every command meets each signal at each kind of moment, in so many turns as there are of both
        since = _SINCE[(turn + place) % len(_SINCE)]
        how = names[(turn // len(_SINCE) + place) % len(names)]
        usual[name], point = kill_once(targets[name], usual[name], expected[name], draw, since, how)
        print(json.dumps({"command": name, **point}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
