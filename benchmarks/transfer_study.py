"""Five real recordings, each trained on and tested on each: the transfer study of issue 5.

Prints Markdown and draws the study's figures:

    python benchmarks/transfer_study.py --cache FOLDER --figures docs/benchmarks/figures \
        > docs/benchmarks/transfer_study.md

The study stays in the cache, so that a run that was cut off goes on. With `--kill 3` a second study of
the same recordings is killed with SIGKILL at three random moments, resumed each time, and its scores
are compared with those of the first. `--windows 0.1` uses a tenth of every window, to try things out.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import platform
import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.core.tasks import open_client
from nwbspikegen.transfer.plan import STUDY_FILE
from nwbspikegen.transfer.run import draw_study

_LOG = logging.getLogger("nwbspikegen")
_SHOWN = ("in_context", "untrained", "online_hazard", "running_rate", "history_glm")


def main() -> None:
    """Run the study, print its tables, and kill a second one when that is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--figures", type=Path, help="folder for the figures")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--windows", type=float, default=1.0, metavar="SHARE", help="use less of each window")
    parser.add_argument("--kill", type=int, default=0, metavar="TIMES")
    parser.add_argument(
        "--kill-within",
        type=float,
        metavar="SECONDS",
        help="all kills in this time (default: as the study took)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--only-run", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    if asked.only_run:
        run(asked.only_run, asked.cache, asked.workers, asked.windows)
        return
    title = "transfer_study" if asked.windows == 1 else f"transfer_study_{asked.windows:g}"
    study = run(asked.cache / title, asked.cache, asked.workers, asked.windows)
    print_study(study, asked.windows)
    if asked.figures:
        print("\n## Figures\n")
        for path in draw_study(study):
            shrink(path, asked.figures / f"transfer_study-{path.name}")
            print(f"![{path.stem}](figures/transfer_study-{path.name})\n")
    if asked.kill:
        print_kills(study, asked)


def run(folder: Path, cache: Path, workers: int, windows: float) -> nsg.TransferStudy:
    """Return the study in a folder, made when it is not there, and run to its end."""
    if not (folder / STUDY_FILE).is_file():
        options = {
            name: dataclasses.replace(recording.options, duration=windows * recording.duration)
            for name, recording in RECORDINGS.items()
        }
        files = {name: recording.to_nwb(cache) for name, recording in RECORDINGS.items()}
        nsg.TransferStudy.create(folder, files, options=options)
    study = nsg.TransferStudy(folder)
    started = time.perf_counter()
    with open_client(workers=workers) as client:
        study.run(client)
    _LOG.info("%s ran for %.0f s", folder.name, time.perf_counter() - started)
    return study


def print_study(study: nsg.TransferStudy, windows: float) -> None:
    """Print matrices, groups, tests and what pairs share."""
    scores = study.scores
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print("# The transfer study: five recordings against each other\n")
    print(
        f"`python benchmarks/transfer_study.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},"
    )
    print(
        f"OMP_NUM_THREADS {threads}, no GPU; seed 0. Trained on the first half of a recording's window, the"
    )
    print("next quarter choosing the epoch; tested on the last quarter of each, warm context, no weight")
    print("fitted on it. Intervals are 95 %, 10 s blocks; fewer than 30 blocks are few (slice, npx, sun).")
    if windows != 1:
        print(f"Only {windows:g} of each window is used: a trial.")
    for metric, null, title in (
        ("bits_per_spike", "mean_rate", "Bits per spike above the mean rate"),
        ("roc_auc_pooled", "", "Pooled ROC-AUC, the paper's score"),
        ("roc_auc_per_unit", "", "ROC-AUC per unit"),
    ):
        print(f"\n## {title}\n\nTrained on (down), tested on (across); * not independent.\n")
        print_matrix(scores.sel(metric=metric, null=null))
    print_gains(study)
    print("\n## Groups\n")
    groups = study.groups()
    print_table(
        groups[groups.metric.isin(["bits_per_spike", "roc_auc_pooled"]) & (groups.null != "running_rate")]
    )
    print("\n## Against `running_rate`\n")
    print("Means of target sessions, signs flipped, Holm over all groups and predictors of a score; with n")
    print("targets no p is below 2 / 2^n.\n")
    tests = study.tests()
    print_table(tests[(tests.metric == "bits_per_spike") & (tests.null == "mean_rate")])
    print("\n## What recordings share\n")
    pairs = study.independence
    print_table(pairs[(pairs.shared != "") & (pairs.train_session < pairs.test_session)])
    print_maps(study)


def print_matrix(scores: xr.Dataset) -> None:
    """Print a matrix of the model, and below it the predictors that are the same for every row."""
    names = scores.test_session.values.tolist()
    print("| | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for row in scores.train_session.values:
        cells = [
            _cell(scores.sel(train_session=row, test_session=name, predictor="in_context")) for name in names
        ]
        print(f"| `in_context` from {row} | " + " | ".join(cells) + " |")
    for predictor in _SHOWN[1:]:
        chosen = scores.isel(train_session=0).sel(predictor=predictor)
        print(
            f"| `{predictor}` | "
            + " | ".join(_cell(chosen.sel(test_session=name), "") for name in names)
            + " |"
        )


def print_gains(study: nsg.TransferStudy) -> None:
    """Print what training adds to the untrained model in every cell, paired by block."""
    print("\n## What training adds\n\nBits per spike above `untrained`, paired by block; the untrained model")
    print("knows only what its past tells it. An interval below 0: training on that recording does harm.\n")
    chosen = {"metric": "bits_per_spike", "null": "mean_rate"}
    value, drawn = study.scores["value"].sel(chosen), study.draws["value"].sel(chosen)
    gain, draws = (
        each.sel(predictor="in_context") - each.sel(predictor="untrained") for each in (value, drawn)
    )
    low, high = (draws.quantile(level, "draw") for level in (0.025, 0.975))
    names = study.scores.test_session.values.tolist()
    print("| trained on | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for row in names:
        cells = [
            f"{float(gain.loc[row, name]):+.3f} ({float(low.loc[row, name]):+.3f} to "
            f"{float(high.loc[row, name]):+.3f})"
            for name in names
        ]
        print(f"| {row} | " + " | ".join(cells) + " |")
    num_above, num_below = int((low > 0).sum()), int((high < 0).sum())
    print(f"\nAbove 0 in {num_above} of {gain.size} cells, below 0 in {num_below}.")


def _cell(cell: xr.Dataset, mark: str = "*") -> str:
    value, low, high = (float(cell[name]) for name in ("value", "ci_low", "ci_high"))
    return f"{value:.3f}{'' if bool(cell.independent) else mark} ({low:.3f} to {high:.3f})"


def print_table(table: pd.DataFrame) -> None:
    """Print a table as Markdown."""
    print("| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
    for row in table.itertuples(index=False):
        print(
            "| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
        )
    print(flush=True)


def print_maps(study: nsg.TransferStudy) -> None:
    """Print how well the maps fit, and which recordings are good to train on."""
    print("\n## Maps\n")
    for metric in ("bits_per_spike", "roc_auc_pooled"):
        layout = study.layout(metric=metric, null="mean_rate" if metric == "bits_per_spike" else "")
        print(f"`{metric}`: stress {layout.stress:.4g}, normalised {layout.normalised_stress:.4f}.\n")
        print_table(layout.positions.rename_axis("session").reset_index())
    print("\n## Which recording to train on\n")
    for name in study.plan.names:
        ranking = study.recommend(name)
        best = ranking[ranking["rank"].notna()].head(2)
        told = [
            f"{row.train_session} {row.value:.3f} (best in {row.probability_best:.0%} of draws)"
            for row in best.itertuples()
        ]
        print(f"- {name}: {', then '.join(told)}")
    print(flush=True)


def print_kills(study: nsg.TransferStudy, asked: argparse.Namespace) -> None:
    """Kill a second study of the same recordings some times, resume it, and compare all scores."""
    folder = asked.cache / f"{study.folder.name}_killed"
    if (folder / STUDY_FILE).is_file():
        sys.exit(f"{folder} is there already: remove it, so that all of it is computed again")
    command = [
        sys.executable,
        __file__,
        "--cache",
        str(asked.cache),
        "--workers",
        str(asked.workers),
        "--windows",
        str(asked.windows),
        "--only-run",
        str(folder),
    ]
    seconds = asked.kill_within or _seconds_of(study)
    rng = random.Random(asked.seed)
    print(f"\n## Killed {asked.kill} times\n")
    for number in range(asked.kill):
        wait = rng.uniform(0.05, 1 / asked.kill) * seconds
        child = subprocess.Popen(command, start_new_session=True)
        try:
            child.wait(wait)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        there = len(list(folder.glob("cells/**/*.npz")))
        print(f"- kill {number + 1}: SIGKILL after {wait:.0f} s, {there} cells written so far")
    subprocess.run(command, check=True)
    other = nsg.TransferStudy(folder)
    same = all(
        np.array_equal(study.scores[name], other.scores[name], equal_nan=name != "ci_reliable")
        for name in study.scores.data_vars
    )
    drawn = np.array_equal(study.draws.value, other.draws.value, equal_nan=True)
    print(f"\nScores identical to the uninterrupted run: {same}; bootstrap draws: {drawn}.", flush=True)


def _seconds_of(study: nsg.TransferStudy) -> float:
    """Return how long a study took, by the times of its files."""
    times = [path.stat().st_mtime for path in study.folder.rglob("*.npz")]
    return max(times) - (study.folder / STUDY_FILE).stat().st_mtime


def shrink(path: Path, out: Path) -> None:
    """Write a figure at two thirds of its resolution."""
    from PIL import Image

    with Image.open(path) as image:
        size = (image.width * 2 // 3, image.height * 2 // 3)
        image.resize(size, Image.Resampling.LANCZOS).quantize(128).save(out, optimize=True)


if __name__ == "__main__":
    main()
