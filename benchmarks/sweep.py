"""One parameter of `shimono2026` at a time on a real slice, and its losses on two recordings.

A short window and few epochs: this shows what the command makes, not how good the model can become.
Each sweep is one call of what `nwbspikegen sweep` runs. Prints Markdown and draws the figures:

    python benchmarks/sweep.py [FOLDER] > docs/benchmarks/sweep.md

With a folder, an interrupted run goes on there.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from recordings import RECORDINGS, require_shared

from nwbspikegen.plot import plot_losses, save_figure
from nwbspikegen.views import WindowOptions
from nwbspikegen.workflows.sweeping import SweepReport, run_sweep

_FIGURES = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "figures"
_OPTIONS = WindowOptions(duration=60.0, skip_units=0, take_units=64)
_EPOCHS = 3
_BASE = {"input_length": [500]}
_SWEEPS: dict[str, dict[str, Any]] = {
    "depth": {**_BASE, "depth": [1, 2, 3, 4]},
    "input_length": {"input_length": [125, 500, 2000]},
    "heads": {**_BASE, "heads": [4, 16]},
    "dropout": {**_BASE, "dropout": [0.0, 0.1]},
    "learning_rate": {**_BASE, "learning_rate": [0.001, 0.003]},
}
_LOSSES = {**_BASE, "loss": ["dice", "focal"]}
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
    """Run all and print."""
    require_shared()
    print("# Sweeps of shimono2026\n")
    print(
        f"`python benchmarks/sweep.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()}, no GPU,"
    )
    print("shared with other work, so that training times are orientation only. First 60 s of the window,")
    print(
        f"split 50/25/25, first 64 units, 1 ms, {_EPOCHS} epochs, seed 0, warm context. Bernoulli loss unless"
    )
    print("the loss is varied. Bits per spike are above `mean_rate`. Bold: most bits per spike on the")
    print("validation segment, which alone chooses. One run each: small differences mean little.\n")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        files = {name: RECORDINGS[name].to_nwb(folder) for name in ("slice_210511", "ibl_nyu40_20210414")}
        for name, factors in _SWEEPS.items():
            report = _sweep(files["slice_210511"], folder / name, factors, "bernoulli", name == "depth")
            _print(f"{name.replace('_', ' ')}, slice_210511", report, name)
            shutil.copyfile(report.path / f"{name}.png", _FIGURES / f"sweep_{name}.png")
        tables = []
        for recording, path in files.items():
            report = _sweep(path, folder / f"loss-{recording}", _LOSSES, None, False)
            _print(f"loss, {recording}", report, "loss")
            tables.append(_to_scores(report, recording))
        save_figure(plot_losses(pd.concat(tables)), _FIGURES / "dice_against_focal.png", overwrite=True)
        print("![Dice against focal per recording](figures/dice_against_focal.png)\n")
        print("Zero bits per spike is `mean_rate`; `online_hazard` is untrained.")


def _sweep(path: Path, out: Path, factors: dict[str, Any], loss: str | None, match: bool) -> SweepReport:
    return run_sweep(
        path, out, factors, options=_OPTIONS, loss=loss, epochs=_EPOCHS, match_parameters=match, workers=1,
    )  # fmt: skip


def _print(title: str, report: SweepReport, factor: str) -> None:
    varied = " ".join(
        f"--vary {name}={','.join(map(str, values))}" for name, values in report.plan.factors.items()
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


def _to_cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if 0 < abs(value) < 10 else f"{value:.1f}"


def _to_scores(report: SweepReport, recording: str) -> pd.DataFrame:
    """Return the test scores of a sweep over losses as `plot_losses` takes them."""
    found = {row["loss"]: row for row in report.trials.to_dict("records")}
    found["online_hazard (untrained)"] = report.reference["online_hazard"]
    return pd.DataFrame(
        {
            "recording": recording, "loss": loss, "metric": metric, "value": row[f"test_{metric}"],
            "null": "mean_rate" if bits else "", "ci_low": row["test_bits_low"] if bits else float("nan"),
            "ci_high": row["test_bits_high"] if bits else float("nan"),
        }
        for loss, row in found.items()
        for metric in ("roc_auc_pooled", "pr_auc_pooled", "roc_auc_per_unit", "bits_per_spike")
        for bits in (metric == "bits_per_spike",)
    )  # fmt: skip


if __name__ == "__main__":
    main()
