"""One parameter of `shimono2026` at a time on a real slice, and its losses on two recordings.

A short window and few epochs: this shows what the command makes, not how good the model can become.
Each sweep is one call of what `nwbspikegen sweep` runs. Prints Markdown and draws the figures:

    python benchmarks/sweep.py FOLDER > docs/benchmarks/sweep.md
    python benchmarks/sweep.py FOLDER workers      # or sweeps, losses

An interrupted run goes on in FOLDER, and what is measured there already is read. `workers` is for a quiet
machine: delete FOLDER/workers.json to measure it again (5 minutes).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.plot import plot_losses, save_figure
from nwbspikegen.simulation import metadata_of
from nwbspikegen.sweep.run import SweepReport, run_sweep
from nwbspikegen.views import WindowOptions

_FIGURES = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "figures"
_OPTIONS = WindowOptions(duration=60.0, skip_units=0, take_units=64)
_EPOCHS = 15
_BASE = {"input_length": [500], "start_at_rates": [True], "learning_rate": [0.01]}
_SWEEPS: dict[str, dict[str, Any]] = {
    "depth": {**_BASE, "depth": [1, 2, 3, 4]},
    "input_length": {**_BASE, "input_length": [125, 500, 2000]},
    "heads": {**_BASE, "heads": [4, 16]},
    "dropout": {**_BASE, "dropout": [0.0, 0.1]},
    "learning_rate": {**_BASE, "learning_rate": [0.001, 0.003, 0.01, 0.03]},
    "start_at_rates": {**_BASE, "start_at_rates": [False, True]},
}
_LOSSES = {**_BASE, "loss": ["dice", "focal"]}
_WORKERS_COMMAND = (
    "nwbspikegen sweep FILE.nwb --out DIR --vary learning_rate=0.001,0.002,0.003,0.004 "
    "--vary input_length=500 --loss bernoulli --epochs 15 --duration 120 --skip-units 0 "
    "--take-units 64 --device cpu"
)
_COLUMNS = {
    "num_parameters": "parameters",
    "validation_bits_per_spike": "bits per spike, validation",
    "test_bits_per_spike": "test",
    "test_roc_auc_per_unit": "ROC-AUC within units, test",
    "test_roc_auc_pooled": "ROC-AUC pooled, test",
    "test_pr_auc_pooled": "PR-AUC pooled, test",
    "train_seconds": "training (s)",
}


def main() -> None:
    """Run what is asked for and print."""
    folder, *parts = sys.argv[1:]
    run: dict[str, Callable[[Path], None]] = {
        "sweeps": _sweep_factors,
        "losses": _sweep_losses,
        "workers": _measure_workers,
    }
    for name in parts:
        if name not in run:
            sys.exit(f"no part {name!r}: choose from {', '.join(run)}")
    Path(folder).mkdir(parents=True, exist_ok=True)
    print("# Sweeps of shimono2026\n")
    command = " ".join(["python benchmarks/sweep.py FOLDER", *parts])
    print(f"`{command}`, {date.today()}, {os.cpu_count()} cores {platform.machine()}, no GPU.\n")
    for name in parts or run:
        run[name](Path(folder))
        sys.stdout.flush()


def _open_recordings(folder: Path) -> dict[str, Path]:
    require_shared()
    return {name: RECORDINGS[name].to_nwb(folder) for name in ("slice_210511", "ibl_nyu40_20210414")}


def _sweep_factors(folder: Path) -> None:
    """Print and draw one sweep per factor, on the slice."""
    files = _open_recordings(folder)
    print("Shared with other work, so that training times are orientation only. First 60 s of the window,")
    print(
        f"split 50/25/25, first 64 units, 1 ms, {_EPOCHS} epochs, seed 0, warm context. Bernoulli loss unless"
    )
    print("the loss is varied. Bits per spike are above `mean_rate`. Bold: most bits per spike on the")
    print("validation segment, which alone chooses. One run each: small differences mean little. All")
    print(f"{_EPOCHS} epochs are 225 steps, 900 with an input length of 125 and 60 with 2,000. So trials")
    print("start at the units' mean rates; from one half, where they start otherwise, they do not come down")
    print("to them.\n")
    for name, factors in _SWEEPS.items():
        report = _sweep(files["slice_210511"], folder / name, factors, "bernoulli", name == "depth")
        _print(f"{name.replace('_', ' ')}, slice_210511", report, name)
        shutil.copyfile(report.path / f"{name}.png", _FIGURES / f"sweep_{name}.png")


def _sweep_losses(folder: Path) -> None:
    """Print a sweep over losses per recording, and draw them beside each other."""
    tables = []
    for recording, path in _open_recordings(folder).items():
        report = _sweep(path, folder / f"loss-{recording}", _LOSSES, None, False)
        _print(f"loss, {recording}", report, "loss")
        tables.append(_to_scores(report, recording))
    save_figure(plot_losses(pd.concat(tables)), _FIGURES / "dice_against_focal.png", overwrite=True)
    print("![Dice against focal per recording](figures/dice_against_focal.png)\n")
    print("Zero bits per spike is `mean_rate`; `online_hazard` is untrained.\n")


def _measure_workers(folder: Path) -> None:
    """Print how much faster two workers finish a sweep than one."""
    stored = folder / "workers.json"
    if not stored.is_file():
        simulation = nsg.simulate("in_vivo", num_units=64, duration=120.0, seed=0)
        path = folder / "simulated_ecephys.nwb"
        nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation), overwrite=True)
        stored.write_text(json.dumps({str(number): _time_sweep(path, number) for number in (1, 2)}))
    seconds = {int(number): value for number, value in json.loads(stored.read_text()).items()}
    print("## Two workers\n")
    print("Four trials that differ in learning rate only, on a simulated recording (64 units, 120 s); one")
    print("compute thread per worker. From the start of the command to its end, workers included.\n")
    print(f"`{_WORKERS_COMMAND} --workers N`\n")
    print("| workers | seconds |\n|---|---|")
    for number, value in seconds.items():
        print(f"| {number} | {value:.0f} |")
    print(f"\nTwo workers are {seconds[1] / seconds[2]:.2f} times as fast as one.\n")


def _time_sweep(path: Path, workers: int) -> float:
    out = path.with_name(f"workers-{workers}")
    words = _WORKERS_COMMAND.replace("FILE.nwb", str(path)).replace("DIR", str(out)).split()
    command = [sys.executable, "-m", *words, "--workers", str(workers), "--overwrite", "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _sweep(path: Path, out: Path, factors: dict[str, Any], loss: str | None, match: bool) -> SweepReport:
    return run_sweep(
        path,
        out,
        factors,
        options=_OPTIONS,
        loss=loss,
        epochs=_EPOCHS,
        match_parameters=match,
        workers=1,
    )


def _print(title: str, report: SweepReport, factor: str) -> None:
    varied = " ".join(
        f"--vary {name}={','.join(map(_to_word, values))}" for name, values in report.plan.factors.items()
    )
    loss = f" --loss {report.plan.loss}" if report.plan.loss else ""
    match = " --match-parameters" if report.plan.match_parameters else ""
    print(f"## {title[0].upper()}{title[1:]}\n")
    print(
        f"`nwbspikegen sweep FILE.nwb --out DIR {varied}{loss}{match} --duration 60 "
        f"--skip-units 0 --take-units 64 --epochs {_EPOCHS}`\n"
    )
    wide = ["feedforward"] if report.plan.match_parameters else []
    titles = [factor.replace("_", " "), *wide, *_COLUMNS.values()]
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    for row in report.trials.sort_values(factor).to_dict("records"):
        mark = "**" if row["trial"] == report.best["trial"] else ""
        cells = [row[factor], *(row[name] for name in (*wide, *_COLUMNS))]
        print("| " + " | ".join(f"{mark}{_to_cell(cell)}{mark}" for cell in cells) + " |")
    for name, scores in report.reference.items():
        cells = [f"`{name}`", *("" for _ in wide), *(scores.get(column, "") for column in _COLUMNS)]
        print("| " + " | ".join(map(_to_cell, cells)) + " |")
    print("" if factor == "loss" else f"\n![{title}](figures/sweep_{factor}.png)\n")


def _to_word(value: Any) -> str:
    """Return a value as the command takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _to_cell(value: Any) -> str:
    if not isinstance(value, float):
        return _to_word(value)
    return f"{value:.4f}" if 0 < abs(value) < 10 else f"{value:.1f}"


def _to_scores(report: SweepReport, recording: str) -> pd.DataFrame:
    """Return the test scores of a sweep over losses as `plot_losses` takes them."""
    found: dict[Any, Any] = {row["loss"]: row for row in report.trials.to_dict("records")}
    found["online_hazard (untrained)"] = report.reference["online_hazard"]
    return pd.DataFrame(
        {
            "recording": recording,
            "loss": loss,
            "metric": metric,
            "value": row[f"test_{metric}"],
            "null": "mean_rate" if bits else "",
            "ci_low": row["test_bits_low"] if bits else float("nan"),
            "ci_high": row["test_bits_high"] if bits else float("nan"),
        }
        for loss, row in found.items()
        for metric in ("roc_auc_pooled", "pr_auc_pooled", "roc_auc_per_unit", "bits_per_spike")
        for bits in (metric == "bits_per_spike",)
    )


if __name__ == "__main__":
    main()
