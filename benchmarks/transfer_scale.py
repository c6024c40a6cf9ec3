"""How a transfer study scales: two workers against one, cost per cell, memory, one large cell.

Prints Markdown; parts by name, all by default:

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/transfer_scale.py --cache FOLDER \
        > docs/benchmarks/transfer_scale.md

`workers` runs one study of six simulated recordings twice, with one and with two worker processes, one
compute thread each; `memory` runs a study of two of them with memory kept and with memory given back;
`sessions` runs forty sessions against each other in this process; `cell` scores one cell of 150,000 bins x
128 units. Timings want a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
from metrics import BIN_SIZE, CELL, draw_cell

import nwbspikegen as nsg
from nwbspikegen.core.allocation import keep_freed_memory
from nwbspikegen.core.tasks import open_client, run_tasks
from nwbspikegen.scoring import score_predictions
from nwbspikegen.simulation import metadata_of
from nwbspikegen.transfer.study import TransferStudy
from nwbspikegen.transfer.tasks import plan_tasks
from nwbspikegen.views import WindowOptions

_IBL_SESSIONS = 700
_BIG = {"num_units": 64, "duration": 200.0}
_FEW_SAMPLES = {"epochs": 2, "training_samples": 100_000, "validation_samples": 50_000}
_PARTS = ("workers", "memory", "sessions", "cell")


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=list(_PARTS))
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the sessions' recordings")
    parser.add_argument("--units", type=int, default=30)
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--alone", choices=("given back", "kept"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.cache.mkdir(parents=True, exist_ok=True)
    if asked.once:
        time_workers(asked.cache, asked.once)
        return
    if asked.alone:
        time_alone(asked.cache, keep=asked.alone == "kept")
        return
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print("# The transfer study, larger\n")
    print(
        f"`python benchmarks/transfer_scale.py --sessions {asked.sessions} --seconds {asked.seconds:g} "
        f"--units {asked.units}`, {date.today()}, {os.cpu_count()} cores {platform.machine()},"
    )
    print(
        f"OMP_NUM_THREADS {threads}, no GPU. Simulated recordings, half in vitro, half in vivo.\n", flush=True
    )
    if "workers" in asked.parts:
        compare_workers(asked.cache)
    if "memory" in asked.parts:
        compare_memory(asked.cache)
    if "sessions" in asked.parts:
        run_sessions(asked.cache, asked.sessions, asked.units, asked.seconds)
    if "cell" in asked.parts:
        measure_cell()


def record(folder: Path, number: int, num_units: int, duration: float) -> list[Path]:
    """Return simulated recordings as NWB files, made when they are not there."""
    folder.mkdir(exist_ok=True)
    paths = []
    for seed in range(number):
        path = folder / f"sub-s{seed}-{num_units}-{duration:g}_ecephys.nwb"
        if not path.is_file():
            preparation = ("in_vitro", "in_vivo")[seed % 2]
            simulation = nsg.simulate(preparation, num_units=num_units, duration=duration, seed=seed)
            metadata = metadata_of(simulation)
            metadata["NWBFile"]["session_id"] = f"s{seed}"
            nsg.convert_sorting(simulation.sorting, path, metadata=metadata)
        paths.append(path)
    return paths


def create(folder: Path, paths: list[Path]) -> TransferStudy:
    """Return a new study of whole recordings."""
    shutil.rmtree(folder, ignore_errors=True)
    return TransferStudy.create(folder, paths, options=WindowOptions(skip_units=0), **_FEW_SAMPLES)


def compare_workers(cache: Path) -> None:
    """Print how long one study takes with one worker and with two."""
    paths = record(cache / "recordings", 6, **_BIG)
    print("## Two workers against one\n")
    print(f"{len(paths)} recordings of {_BIG['duration']:g} s and {_BIG['num_units']} units, 36 cells; one")
    print("compute thread per worker in both runs. From the start of the run to its end, workers included.\n")
    print("| workers | seconds | times faster |\n|---|---|---|")
    seconds = {}
    for workers in (1, 2):
        seconds[workers] = float(_run_again(cache, "--once", str(workers))[-1])
        print(f"| {workers} | {seconds[workers]:.1f} | {seconds[1] / seconds[workers]:.2f} |", flush=True)
    one, two = (TransferStudy(cache / f"study_{workers}").scores for workers in (1, 2))
    print(f"\nScores identical: {one.identical(two)}. Asked for: 1.6 times.\n", flush=True)


def time_workers(cache: Path, workers: int) -> None:
    """Print how long the study takes; in a process of its own, so that both runs start alike."""
    study = create(cache / f"study_{workers}", record(cache / "recordings", 6, **_BIG))
    started = time.perf_counter()
    with open_client(workers=workers) as client:
        study.run(client)
    print(time.perf_counter() - started)


def compare_memory(cache: Path) -> None:
    """Print how long a study takes when the C library keeps memory, and when it gives it back."""
    print("## Memory kept or given back\n")
    print("A study of two of these recordings, in one process each. Kept: as")
    print("`nwbspikegen.core.allocation.keep_freed_memory` sets it. Given back: glibc's defaults.\n")
    print("| memory | seconds | peak memory, MB | page faults |\n|---|---|---|---|")
    for memory in ("given back", "kept"):
        seconds, peak, faults = _run_again(cache, "--alone", memory)[-3:]
        print(f"| {memory} | {float(seconds):.1f} | {float(peak):.0f} | {int(faults):,} |", flush=True)
    print()


def time_alone(cache: Path, *, keep: bool) -> None:
    """Print seconds, peak memory in MB and page faults of a study of two recordings."""
    study = create(cache / "study_alone", record(cache / "recordings", 6, **_BIG)[:2])
    if keep:
        keep_freed_memory()
    started = time.perf_counter()
    for task in plan_tasks(str(study.folder), study.plan):
        task.function(*task.arguments)
    took, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    print(took, used.ru_maxrss / 1024, used.ru_minflt)


def _run_again(cache: Path, *arguments: str) -> list[str]:
    """Return the words that this script prints, in a process of its own with one compute thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--cache", str(cache), *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.split()


def run_sessions(cache: Path, number: int, num_units: int, seconds: float) -> None:
    """Run many sessions against each other; print cost per cell and memory as the study goes on."""
    study = create(cache / f"study_of_{number}", record(cache / "recordings", number, num_units, seconds))
    tasks = plan_tasks(str(study.folder), study.plan)
    print(f"## {number} sessions\n")
    print(f"{seconds:g} s x {num_units} units each, trained on {_FEW_SAMPLES['training_samples']:,} pairs.")
    print("One process. Resident memory is that at the end of each part, tasks in the order they ran.\n")
    print("| part | tasks | cells | seconds | ms per cell | resident memory, MB |\n|---|---|---|---|---|---|")
    spent = {"training": 0.0, "controls": 0.0, "cells": 0.0}
    part, since, cells, num_tasks = "", time.perf_counter(), 0, 0
    cost_per_cell = []
    outcomes = run_tasks(tasks)
    for place, outcome in enumerate(outcomes, start=1):
        if outcome.error is not None:
            raise outcome.error
        kind = {"train": "training", "controls": "controls"}.get(outcome.task.key.split("-")[0], "cells")
        now = time.perf_counter()
        spent[kind] += now - since
        new = outcome.result if kind == "cells" else 0
        cost_per_cell += [(now - since) / new] * new if new else []
        since, part, cells, num_tasks = now, kind, cells + new, num_tasks + 1
        if place % max(1, len(tasks) // 12) == 0 or place == len(tasks):
            latest = np.mean(cost_per_cell[-cells:]) * 1000 if cells else float("nan")
            print(
                f"| to {part} | {num_tasks} | {cells} | {sum(spent.values()):.0f} | {latest:.0f} |"
                f" {_resident_mb():.0f} |",
                flush=True,
            )
            cells, num_tasks = 0, 0
    started = time.perf_counter()
    scores = study.scores
    took = time.perf_counter() - started
    filled = int(
        scores.value.sel(predictor="in_context", metric="bits_per_spike", null="mean_rate").notnull().sum()
    )
    print_summary(spent, filled, number, np.array(cost_per_cell), took)


def print_summary(
    spent: dict[str, float], filled: int, number: int, cost_per_cell: np.ndarray, read: float
) -> None:
    """Print totals, whether the cost stayed flat, and what 700 sessions would take."""
    thirds = [part.mean() * 1000 for part in np.array_split(cost_per_cell, 3)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{filled:,} cells. Training {spent['training']:.0f} s ({spent['training'] / number:.1f} s each),"
    )
    print(f"controls {spent['controls']:.0f} s, cells {spent['cells']:.0f} s; per cell, by thirds")
    print(
        f"of the cells, {', '.join(f'{third:.0f} ms' for third in thirds)}. Peak memory {peak:.0f} MB; read"
    )
    print(f"all into one Dataset {read:.1f} s.\n")
    cell = spent["cells"] / max(len(cost_per_cell), 1)
    once = (spent["training"] + spent["controls"]) / number
    total = _IBL_SESSIONS**2 * cell + _IBL_SESSIONS * once
    print(f"On paper, {_IBL_SESSIONS} sessions of this size (as many as the IBL Brain-Wide Map has):")
    print(f"{_IBL_SESSIONS**2:,} cells x {cell:.2f} s + {_IBL_SESSIONS} x {once:.1f} s = {total / 3600:.0f}")
    print(
        f"core hours, {total / 3600 / 64:.1f} h on 64 cores. Cells cost by bins x units scored.\n",
        flush=True,
    )


def measure_cell() -> None:
    """Print the time of every score of one large cell with 200 resamples."""
    probability, spikes = draw_cell(CELL, seed=1)
    rate = spikes.mean(axis=0, dtype=np.float32)
    nulls = {name: np.broadcast_to(rate, CELL) for name in ("mean_rate", "running_rate")}
    started = time.perf_counter()
    table = score_predictions({"model": probability}, spikes, bin_size=BIN_SIZE, nulls=nulls, resamples=200)
    took = time.perf_counter() - started
    print(
        f"## One large cell\n\nAll {len(table)} scores of {CELL[0]:,} bins x {CELL[1]} units, both nulls, 200"
    )
    print(f"resamples: {took:.2f} s on one core. Asked for: under 10 s.")


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
