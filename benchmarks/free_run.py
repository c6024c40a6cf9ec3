"""Free runs of real recordings: how fast, and whether they stay alive and at bay for ten minutes.

Windows, units and models as in `realism.py`, whose cache may be given: half of a window is read up to the
test quarter, and `in_context`, trained within, goes on from its own spikes. Prints Markdown; one thread, so
that it says what a laptop does:

    python benchmarks/free_run.py --cache FOLDER > docs/benchmarks/free_run.md

Runs are kept in the cache, as counts of a second, so that one that was cut off goes on.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float64, Int64, UInt8
from recordings import RECORDINGS, require_shared
from zero_shot import Bench

import nwbspikegen as nsg
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.prediction.free_run import run_pieces
from nwbspikegen.scoring import compare_trains
from nwbspikegen.views.observed import read_spikes

_LOG = logging.getLogger("benchmark")
_MINUTES, _SAMPLES = 10, 8
_TIMED_SECONDS = 20.0
_SECOND, _MINUTE = 1000, 60
_SLICE = "slice_210511"


class Past:
    """What a run of a recording goes on from, and its model.

    Parameters
    ----------
    bench : Bench
        Recordings and models.
    name : str
        Of the recording.
    """

    def __init__(self, bench: Bench, name: str) -> None:
        target = bench.targets[name]
        self.name, self._bench = name, bench
        self.recorded = target.parts.test
        first = target.first_bin(self.recorded)
        half = target.units.sizes["time"] // 2
        self.read = target.units.isel(time=slice(first - half, first)).load()

    @property
    def model(self) -> FittedModel:
        """Return the model that was trained within."""
        return self._bench.model(f"within-{self.name}", [self.name], model="in_context")

    def run(self) -> Int64[np.ndarray, "sample second unit"]:
        """Return spikes of each second, generated once."""
        kept = self._bench.cache / "free_runs" / f"{self.name}-{_SAMPLES}x{_MINUTES}.npy"
        if not kept.is_file():
            started = time.process_time()
            pieces = run_pieces(self.model, self.read, seconds=60.0 * _MINUTES, num_samples=_SAMPLES)
            counts = np.concatenate([count_seconds(piece) for piece in pieces], axis=1)
            kept.parent.mkdir(exist_ok=True)
            partial = kept.with_suffix(".part.npy")
            np.save(partial, counts)
            partial.rename(kept)
            _LOG.info("%s in %.0f CPU s", kept.stem, time.process_time() - started)
        return np.load(kept)


def count_seconds(spikes: UInt8[np.ndarray, "sample time unit"]) -> Int64[np.ndarray, "sample second unit"]:
    """Return spikes of each whole second."""
    whole = spikes[:, : spikes.shape[1] // _SECOND * _SECOND]
    return whole.reshape(len(whole), -1, _SECOND, whole.shape[2]).sum(axis=2, dtype=np.int64)


def minute_rates(counts: Int64[np.ndarray, "sample second unit"]) -> Float64[np.ndarray, "sample minute"]:
    """Return the mean rate of a unit (Hz) in each whole minute."""
    each = counts.mean(axis=2)
    whole = each[:, : each.shape[1] // _MINUTE * _MINUTE]
    return whole.reshape(len(whole), -1, _MINUTE).mean(axis=2)


def longest_silence(counts: Int64[np.ndarray, "sample second unit"]) -> int:
    """Return how many seconds in a row no unit has fired."""
    longest = 0
    for silent in counts.sum(axis=2) == 0:
        run = 0
        for each in silent:
            run = run + 1 if each else 0
            longest = max(longest, run)
    return longest


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--recordings", nargs="+", default=list(RECORDINGS), choices=list(RECORDINGS))
    chosen = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING)
    _LOG.setLevel(logging.INFO)
    torch.set_num_threads(1)
    for line in _print_all(Bench(chosen.cache), chosen.recordings):
        print(line, flush=True)


def _print_all(bench: Bench, names: list[str]) -> Iterator[str]:
    yield "# Free runs\n"
    yield f"`python benchmarks/free_run.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},"
    yield "one thread, no GPU; seed 0. `in_context`, trained within, reads half of a window up to the test"
    yield "quarter, then goes on from its own spikes, its rates held.\n"
    yield f"## {_SAMPLES} runs of {_MINUTES} minutes\n"
    yield "Mean rates of a unit (Hz) in whole minutes; a silence is of all units at once.\n"
    yield (
        "| recording | units | read, minutes | lowest to highest minute read | of the runs | mean read | "
        "mean of each run | recorded next | longest silence read (s) | of the runs (s) |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for name in names:
        yield _row(Past(bench, name))
    yield ""
    if _SLICE in names:
        yield from _time_runs(Past(bench, _SLICE))
        yield from _compare(Past(bench, _SLICE))


def _row(past: Past) -> str:
    runs, read = past.run(), count_seconds(read_spikes(past.read)[None])
    rates, before = minute_rates(runs), minute_rates(read)
    each = rates.mean(axis=1)
    cells = [
        past.name,
        str(runs.shape[2]),
        str(before.shape[1]),
        f"{before.min():.3g} to {before.max():.3g}",
        f"{rates.min():.3g} to {rates.max():.3g}",
        f"{before.mean():.3g}",
        f"{each.min():.3g} to {each.max():.3g}",
        f"{read_spikes(past.recorded).mean() * _SECOND:.3g}",
        str(longest_silence(read)),
        str(longest_silence(runs)),
    ]
    return f"| {' | '.join(cells)} |"


def _time_runs(past: Past) -> Iterator[str]:
    """Yield how much faster than real time a bin is generated, context reading left out."""
    # its speed does not depend on its weights
    transformer = FittedModel(build_model("shimono2026", past.read.sizes["unit"]), "dice", 0.001, {}, [])
    yield f"## How fast\n\n`{past.name}`, 128 units.\n"
    yield "| model | samples | generated s per s, each sample | all samples together |\n|---|---|---|---|"
    for name, each, num_samples in (
        ("`in_context`", past.model, 1),
        ("`in_context`", past.model, _SAMPLES),
        ("`shimono2026`, 3125 bins", transformer, 1),
        ("`shimono2026`, 3125 bins", transformer, _SAMPLES),
    ):
        pieces = run_pieces(each, past.read, seconds=_TIMED_SECONDS, num_samples=num_samples)
        first = next(pieces)
        # of the process, so that others on the machine do not count
        started = time.process_time()
        num_bins = sum(piece.shape[1] for piece in pieces)
        factor = num_bins * 0.001 / (time.process_time() - started)
        yield f"| {name} | {first.shape[0]} | {factor:.1f} | {factor * num_samples:.1f} |"
    yield ""


def _compare(past: Past) -> Iterator[str]:
    """Yield how like the recording the beginning of a run is, beside what was observed before."""
    recorded = read_spikes(past.recorded)
    run: xr.DataArray = nsg.free_run(past.model, past.read, seconds=len(recorded) / _SECOND)
    trains = {"the run": run.values[0], "observed before": read_spikes(past.read)[-len(recorded) :]}
    tables = {
        name: compare_trains(spikes, recorded, 0.001).set_index("statistic")["value"]
        for name, spikes in trains.items()
    }
    columns = list(next(iter(tables.values())).index)
    yield "## How like the recording\n"
    yield f"`{past.name}`, against the test quarter ({len(recorded) // _SECOND} s).\n"
    yield "| train | " + " | ".join(f"`{name}`" for name in columns) + " |\n|---|" + "---|" * len(columns)
    for name, values in tables.items():
        yield f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


if __name__ == "__main__":
    main()
