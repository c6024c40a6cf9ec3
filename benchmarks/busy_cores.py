"""What threads cost where the cores of a machine are busy with something else.

Prints Markdown; each row is a process of its own, at rest and beside as many programs as there are cores:

    python benchmarks/busy_cores.py > docs/benchmarks/busy_cores.md

Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date

import numpy as np
import threadpoolctl

import nwbspikegen as nsg

_UNITS, _SECONDS = 128, 60
# inputs of coupling among 128 units: four of each, four of the population
_INPUTS = 516


def main() -> None:
    """Measure one thing in this process, or all in others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["eigh", "reading"], help=argparse.SUPPRESS)
    parser.add_argument("--blas", type=int, default=1, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(_measure(chosen.only, chosen.blas)))
        return
    for line in _print_all():
        print(line, flush=True)


def _measure(what: str, blas: int) -> list[float]:
    """Return seconds of wall and of CPU of a second time: the first loads and compiles."""
    if what == "eigh":
        draws = np.random.default_rng(0).normal(size=(_INPUTS, 2 * _INPUTS))
        matrix = draws @ draws.T

        def run() -> None:
            for _ in range(10):
                np.linalg.eigh(matrix)
    else:
        units = nsg.open_units(
            nsg.simulate("in_vitro", num_units=_UNITS, duration=_SECONDS, seed=0).sorting
        ).load()
        spikes, model = units.spikes.values, nsg.load_model("pretrained")

        def run() -> None:
            model.begin(_UNITS, 0.001).read(spikes)

    with threadpoolctl.threadpool_limits(blas, user_api="blas"):
        run()
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        return [time.perf_counter() - wall, time.process_time() - cpu]


def _print_all() -> Iterator[str]:
    num_cores = os.cpu_count() or 1
    yield "# Busy cores\n"
    yield (
        f"`python benchmarks/busy_cores.py`, {date.today()}, {num_cores} cores {platform.machine()}, no GPU. "
        f"Seconds of wall and of CPU, at rest and beside {num_cores} programs that never wait. `eigh`: ten "
        f"of the {_INPUTS} inputs of coupling; reading: `pretrained`, {_SECONDS} s of {_UNITS} simulated "
        "units, all bins predicted.\n"
    )
    yield (
        "| what | threads of BLAS | threads that wait | wall, at rest | CPU, at rest | wall, busy | "
        "CPU, busy |"
    )
    yield "|---|---|---|---|---|---|---|"
    for what, blas, policy in (
        *(("eigh", threads, "ACTIVE") for threads in (1, num_cores)),
        *(("reading", 1, policy) for policy in ("ACTIVE", "PASSIVE")),
    ):
        seconds = [*_ask(what, blas, policy, 0), *_ask(what, blas, policy, num_cores)]
        waits = {"ACTIVE": "try on", "PASSIVE": "sleep"}[policy]
        yield f"| {what} | {blas} | {waits} | " + " | ".join(f"{each:.2f}" for each in seconds) + " |"


def _ask(what: str, blas: int, policy: str, num_others: int) -> list[float]:
    """Return what a process of its own measures, beside others that keep cores busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(num_others)]
    command = [sys.executable, __file__, "--only", what, "--blas", str(blas)]
    # active for ever would be another thing: by default they try on for a while
    told = {} if policy == "ACTIVE" else {"OMP_WAIT_POLICY": policy}
    try:
        done = subprocess.run(command, env={**os.environ, **told}, check=True, capture_output=True, text=True)
    finally:
        for other in others:
            other.kill()
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


if __name__ == "__main__":
    main()
