"""How long training on the slice takes until `in_context` beats `history_glm` on its last quarter.

Trains for one epoch, for two, and so on, each from the start in a process of its own whose numba code
is compiled already, until the model that was saved has more bits per spike. Prints Markdown:

    python benchmarks/time_to_score.py > docs/benchmarks/time_to_score.md
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.scoring import BASELINES, paired_difference
from nwbspikegen.views import open_window
from nwbspikegen.views.observed import read_spikes

_NAME = "slice_210511"
_MOST_EPOCHS = 6
_WANTED_SECONDS = 60
_CHILD = "--train"


def main() -> None:
    """Run all and print."""
    require_shared()
    if sys.argv[1:2] == [_CHILD]:
        print(json.dumps(_train(Path(sys.argv[2]), int(sys.argv[3]), score="score" in sys.argv)))
        return
    print("# Time to a score\n")
    print(
        f"`python benchmarks/time_to_score.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},"
    )
    print(
        "no GPU. Slice, 128 units, 200 s to train on; bits per spike above the mean rate on its last 100 s,"
    )
    load = os.getloadavg()[0]
    print(f"warm context; other work on the machine at the start: load {load:.1f}. Training is all of")
    print(
        "`nsg.train`: reading the past, every epoch, validation. The process adds Python's start, imports and"
    )
    print("opening the file; it ends before the test is scored.\n")
    with tempfile.TemporaryDirectory() as folder:
        path = RECORDINGS[_NAME].to_nwb(Path(folder))
        os.environ["NUMBA_CACHE_DIR"] = str(Path(folder) / "numba")
        compiled = _measure(path, 1, score=False)
        print(
            "| epochs | training (s) | process (s) | `in_context` | `history_glm` | interval of the"
            " difference |\n|---|---|---|---|---|---|"
        )
        for epochs in range(1, _MOST_EPOCHS + 1):
            found = _measure(path, epochs)
            seconds = f"{found['training']:.1f} | {found['process']:.1f}"
            interval = f"{found['low']:+.4f} to {found['high']:+.4f}"
            print(
                f"| {epochs} | {seconds} | {found['bits']:.4f} | {found['glm']:.4f} | {interval} |",
                flush=True,
            )
            if found["bits"] > found["glm"]:
                break
    met = found["bits"] > found["glm"] and found["training"] <= _WANTED_SECONDS
    print(f"\nWanted: at most {_WANTED_SECONDS} s. {'Met' if met else 'Missed'}: {found['training']:.1f} s.")
    print(f"\nThe first call ever, with nothing compiled, trains one epoch in {compiled['training']:.1f} s.")


def _measure(path: Path, epochs: int, *, score: bool = True) -> dict[str, float]:
    """Train in a process of its own and return its times and scores."""
    started = time.time()
    arguments = [_CHILD, str(path), str(epochs), *(["score"] if score else [])]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return {**found, "process": found["trained_at"] - started}


def _train(path: Path, epochs: int, *, score: bool) -> dict[str, float]:
    units, parts = open_window(path, RECORDINGS[_NAME].options)
    started = time.perf_counter()
    model = nsg.train(parts.train, parts.validation, epochs=epochs, seed=0, device="cpu", progress=False)
    times = {"training": time.perf_counter() - started, "trained_at": time.time()}
    if not score:
        return times
    spikes = read_spikes(parts.test)
    made = {"in_context": nsg.generate(model, parts.test, context=units).values}
    for name in ("history_glm", "mean_rate"):
        baseline = BASELINES[name]().fit(read_spikes(parts.train), 0.001)
        made[name] = nsg.generate(baseline, parts.test, context=units).values
    gain = paired_difference(made["in_context"], made["history_glm"], spikes, bin_size=0.001)
    bits, glm = (
        paired_difference(made[name], made["mean_rate"], spikes, bin_size=0.001, resamples=0).value
        for name in ("in_context", "history_glm")
    )
    return {**times, "bits": bits, "glm": glm, "low": gain.ci_low, "high": gain.ci_high}


if __name__ == "__main__":
    main()
