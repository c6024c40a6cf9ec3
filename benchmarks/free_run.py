"""Free runs on a real slice: how fast, how stable, how like the recording.

Prints Markdown; one thread, so that it says what a laptop does:

    python benchmarks/free_run.py > docs/benchmarks/free_run.md
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.prediction.free_run import run_pieces
from nwbspikegen.scoring import compare_trains
from nwbspikegen.views import open_window
from nwbspikegen.views.observed import read_spikes

_MINUTES = 10
_TIMED_SECONDS = 20.0


def main() -> None:
    """Run all and print."""
    require_shared()
    torch.set_num_threads(1)
    print("# Free runs\n")
    print(f"`python benchmarks/free_run.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},")
    print("one thread, no GPU; `slice_210511`, 128 units, seed 0. A model reads the 300 s before the test")
    print("quarter, then goes on from its own spikes.\n")
    recording = RECORDINGS["slice_210511"]
    with tempfile.TemporaryDirectory() as folder:
        path = recording.to_nwb(Path(folder))
        units, parts = open_window(path, recording.options)
        before = units.isel(time=slice(0, -parts.test.sizes["time"])).load()
        model = nsg.train(parts.train, parts.validation, seed=0, progress=False)
        _time_runs(model, before)
        _run_long(model, before, read_spikes(parts.test))


def _time_runs(model: FittedModel, before: xr.Dataset) -> None:
    """Print how much faster than real time a bin is generated, context reading left out."""
    # its speed does not depend on its weights
    transformer = FittedModel(build_model("shimono2026", before.sizes["unit"]), "dice", 0.001, {}, [])
    print("| model | samples | generated s per s, each sample | all samples together |\n|---|---|---|---|")
    for name, each, num_samples in (
        ("`in_context`", model, 1),
        ("`in_context`", model, 8),
        ("`shimono2026`, 3125 bins", transformer, 1),
        ("`shimono2026`, 3125 bins", transformer, 8),
    ):
        pieces = run_pieces(each, before, seconds=_TIMED_SECONDS, num_samples=num_samples)
        first = next(pieces)
        started = time.perf_counter()
        num_bins = sum(piece.shape[1] for piece in pieces)
        factor = num_bins * 0.001 / (time.perf_counter() - started)
        print(f"| {name} | {first.shape[0]} | {factor:.1f} | {factor * num_samples:.1f} |")
    print()


def _run_long(model: FittedModel, before: xr.Dataset, recorded: np.ndarray) -> None:
    run = nsg.free_run(model, before, seconds=60.0 * _MINUTES).values[0]
    rates_hz = run.reshape(_MINUTES, -1, run.shape[1]).mean(axis=1) * 1000
    print(f"## `in_context`, {_MINUTES} minutes\n")
    print("| minute | " + " | ".join(str(minute + 1) for minute in range(_MINUTES)) + " | recorded |")
    print("|---|" + "---|" * (_MINUTES + 1))
    means = [*rates_hz.mean(axis=1), recorded.mean() * 1000]
    print("| mean rate (Hz) | " + " | ".join(f"{mean:.2f}" for mean in means) + " |\n")
    tables = {
        "first minutes of the run": run,
        "last minutes of the run": run[-len(recorded) :],
        "observed before": read_spikes(before)[-len(recorded) :],
    }
    rows = pd.concat(
        [compare_trains(spikes, recorded, 0.001).assign(train=name) for name, spikes in tables.items()]
    )
    wide = rows.pivot_table(index="train", columns="statistic", values="value", sort=False)
    print(f"Against the recorded test quarter ({len(recorded) / 1000:.0f} s), as long a train each:\n")
    print("| train | " + " | ".join(f"`{name}`" for name in wide.columns) + " |")
    print("|---|" + "---|" * len(wide.columns))
    for name, values in wide.iterrows():
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


if __name__ == "__main__":
    main()
