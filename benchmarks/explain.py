"""What models look at in real recordings, what that is worth, and whether planted connections are found.

Prints Markdown and draws into docs/benchmarks/figures. Models, explanations and tables are made in
FOLDER; those that lie there already are read, so that an interrupted run goes on:

    python benchmarks/explain.py FOLDER > docs/benchmarks/explain.md
    python benchmarks/explain.py FOLDER window      # or planted, recordings, losses, correlations
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr
from explain_models import (
    BERNOULLI,
    FULL,
    IN_CONTEXT,
    SHORT_WINDOWS,
    Run,
    correlate_run,
    explain_run,
    fit,
    open_run,
)
from recordings import require_shared

import nwbspikegen as nsg
from nwbspikegen.core.predictor import Bins
from nwbspikegen.explain.connections import (
    map_corrected_correlation,
    map_coupling_glm,
    map_cross_correlation,
    recover_connections,
)
from nwbspikegen.explain.correlations import compare_rate_correlations, correlate_rates
from nwbspikegen.explain.figure_bars import plot_ablations, plot_rate_correlations
from nwbspikegen.explain.figure_curves import plot_attention_curves
from nwbspikegen.explain.figure_maps import plot_attention_maps, plot_couplings
from nwbspikegen.explain.maps import map_attention
from nwbspikegen.models import build_model

_FIGURES = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "figures"
_SEEDS = (200, 201, 202, 203)
_CORRELATED_WINDOWS = 24
_LOSSES = (SHORT_WINDOWS[0], BERNOULLI)
_WINDOW_SCRIPT = """
import resource, sys, time
import numpy as np, torch, xarray as xr
from nwbspikegen.explain import map_attention
from nwbspikegen.models import FittedModel, build_model
torch.set_num_threads(1)
model = FittedModel(build_model("shimono2026", 128), "dice", 0.001)
spikes = (np.random.default_rng(0).random((3126, 128)) < 0.02).astype(np.uint8)
coords = {"time": 0.001 * np.arange(3126), "unit": np.arange(128)}
units = xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, {"bin_size": 0.001})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started, used = time.perf_counter(), time.process_time()
map_attention(model, units, most_windows=1, cell_bins=int(sys.argv[1]))
print(time.perf_counter() - started, time.process_time() - used,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, before / 2**20)
"""


def main() -> None:
    """Run what is asked for and print."""
    require_shared()
    folder, *parts = sys.argv[1:]
    run: dict[str, Callable[[Path], None]] = {
        "window": _measure_window,
        "planted": _recover_planted,
        "recordings": _explain_recordings,
        "losses": _compare_losses,
        "correlations": _correlate_recordings,
    }
    for name in parts:
        if name not in run:
            sys.exit(f"no part {name!r}: choose from {', '.join(run)}")
    print("# What models look at\n")
    command = " ".join(["python benchmarks/explain.py FOLDER", *parts])
    print(f"`{command}`, {date.today()}, {os.cpu_count()} cores {platform.machine()}")
    print("shared with other work, no GPU, one thread, seed 0.\n")
    for name in parts or run:
        run[name](Path(folder))
        sys.stdout.flush()


def _measure_window(folder: Path) -> None:
    """Print time and peak memory of one window of full size."""
    print("## One window: 3,125 bins, 16 heads, 128 units\n")
    print("Attention of every head, importance, AWI and all profiles; peak memory is of the whole process,")
    print("one thread; it holds torch before it starts.\n")
    print("| bins per cell of a map | wall (s) | processor (s) | peak (GiB) | before (GiB) |")
    print("|---|---|---|---|---|")
    for cell in (10, 5):
        done = subprocess.run(
            [sys.executable, "-c", _WINDOW_SCRIPT, str(cell)], capture_output=True, text=True, check=True
        )
        numbers = " | ".join(f"{float(value):.2f}" for value in done.stdout.split())
        print(f"| {cell} | {numbers} |", flush=True)
    print()


def _recover_planted(folder: Path) -> None:
    """Print how well true connections are told from others."""
    print("## Planted connections\n")
    print(
        "ROC-AUC of telling the coupled ordered pairs of a simulated preparation from the others: 64 units,"
    )
    print("300 s, seeds that no choice was made on. `in_context` reads couplings without training; the GLM")
    print("is fitted to the same 300 s, its ridge chosen on seed 1.\n")
    stored = folder / "planted.csv"
    if not stored.is_file():
        _measure_planted().to_csv(stored, index=False)
    table = pd.read_csv(stored)
    print(
        "| preparation | map | " + " | ".join(f"seed {seed}" for seed in _SEEDS) + " | mean | processor (s) |"
    )
    print("|---|---|" + "---|" * (len(_SEEDS) + 2))
    for (preparation, name), part in table.groupby(["preparation", "map"], sort=False):
        cells = " | ".join(f"{area:.3f}" for area in part.area)
        print(f"| {preparation} | {name} | {cells} | {part.area.mean():.3f} | {part.seconds.mean():.0f} |")
    print()


def _measure_planted() -> pd.DataFrame:
    """Return ROC-AUC and time of every map on every simulated recording."""
    methods = {
        "`in_context` influence": _map_influence,
        "own-plus-coupling GLM": map_coupling_glm,
        "cross-correlation, largest abs z": map_cross_correlation,
        "cross-correlation, slow part subtracted": map_corrected_correlation,
    }
    rows = []
    for preparation in ("in_vitro", "in_vivo"):
        for seed in _SEEDS:
            simulation = nsg.simulate(preparation, num_units=64, duration=300.0, seed=seed)
            for name, find in methods.items():
                started = time.process_time()
                area = recover_connections(find(simulation.spikes), simulation.coupling)
                rows.append((preparation, seed, name, area, time.process_time() - started))
    return pd.DataFrame(rows, columns=["preparation", "seed", "map", "area", "seconds"])


def _map_influence(spikes: np.ndarray) -> np.ndarray:
    return build_model("in_context", spikes.shape[1]).read_couplings(Bins(spikes, None), 0.001).influence


def _explain_recordings(folder: Path) -> None:
    """Print the controls of both models on both recordings."""
    print("## Controls\n")
    print("`shimono2026` is trained twice: with the paper's input length and few steps, and with a shorter")
    print("one and more. Two other budgets were tried and are not shown: 3,125 bins for 4 epochs at a")
    print("learning rate of 0.01, and 500 bins for 4 epochs. `nwbspikegen explain` on the last quarter of")
    print("the window, warm context. Costs are")
    print("intact minus control: above 0 the control does harm, below 0 the model scores better with it.")
    print("Intervals are 95 %, blocks of 10 s, the same for both; ten blocks are few. Explanations that lie")
    print("in FOLDER are taken as they are: how many windows and sampled bins each used is said with it.\n")
    for run in (FULL[0], SHORT_WINDOWS[0], FULL[1], *IN_CONTEXT):
        _explain_one(folder, run)


def _explain_one(folder: Path, run: Run) -> None:
    fitted, path, found = explain_run(folder, run)
    schedule = fitted.training["schedule"]
    print(f"### {run.title}\n")
    rate = f"{len(fitted.curves)} epochs at a learning rate of {schedule['learning_rate']:g}"
    print(f"{rate}, {fitted.loss} loss; {_windows_of(found.maps)}\n")
    _print_controls(found.ablations)
    for sentence in found.results:
        if "not applicable" not in sentence:
            print(f"- {sentence}")
    _validate(path)
    figures = {"ablations": plot_ablations(found.ablations)}
    if "attention_mean" in found.maps:
        figures["maps"] = plot_attention_maps(found.maps)
        figures["curves"] = plot_attention_curves(found.maps)
    else:
        figures["couplings"] = plot_couplings(found.maps)
    for kind, figure in figures.items():
        _show(figure, f"{kind}_{run.key}", f"{kind} of {run.title.replace('`', '')}")


def _windows_of(maps: xr.Dataset) -> str:
    if "num_windows" in maps.attrs:
        return (
            f"maps are means over {maps.attrs['num_windows']} windows of {maps.attrs['window_bins']:,} bins."
        )
    return f"couplings as they stand after {maps.attrs['observed_bins']:,} bins."


def _print_controls(ablations: pd.DataFrame) -> None:
    titles = ("bits per spike", "pooled ROC-AUC", "ROC-AUC per unit")
    measured = ablations[ablations.status == "measured"]
    for where, part in measured.groupby("scored", sort=False):
        first = part.iloc[0]
        num_bins, num_spikes = f"{int(first.num_bins):,}", f"{int(first.num_spikes):,}"
        print(
            f"Scored on {where}: {num_bins} bins with {num_spikes} spikes of {int(first.num_units)} units.\n"
        )
        print("| control | " + " | ".join(f"{title} | cost" for title in titles) + " |")
        print("|---|" + "---|---|" * len(titles))
        for control, rows in part.groupby("control", sort=False):
            cells = [_cells_of(row, control == "intact") for row in rows.itertuples()]
            print(f"| `{control}` | " + " | ".join(cells) + " |")
        print()


def _cells_of(row: Any, is_intact: bool) -> str:
    value = f"{row.value:.4f}" if abs(row.value) < 10 else f"{row.value:.1f}"
    if is_intact:
        return f"{value} | "
    return f"{value} | {_signed(row.cost)} [{_signed(row.cost_ci_low)} to {_signed(row.cost_ci_high)}]"


def _signed(value: float) -> str:
    """Return four decimals at most; what rounds to nothing is 0."""
    return "0" if abs(value) < 5e-5 else f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"


def _validate(path: Path) -> None:
    """Let DANDI's own command validate a copy, in a process that never saw nwbspikegen or ndx_spikegen."""
    with h5py.File(path, "r") as file:
        subject = file["general/subject/subject_id"][()].decode()
    with tempfile.TemporaryDirectory() as scratch:
        dandiset = Path(scratch)
        (dandiset / "dandiset.yaml").write_text("identifier: DANDI:000000\nname: check\ndescription: check\n")
        copied = dandiset / f"sub-{subject}" / f"sub-{subject}_desc-explain_ecephys.nwb"
        copied.parent.mkdir()
        shutil.copyfile(path, copied)
        command = [str(Path(sys.executable).with_name("dandi")), "validate", "--min-severity", "ERROR"]
        done = subprocess.run(
            [*command, str(copied)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DANDI_NO_ET": "1"},
        )
    verdict = "passes" if done.returncode == 0 else f"fails: {(done.stdout + done.stderr).strip()[:300]}"
    print(f"\nThe file written ({path.stat().st_size / 2**20:.0f} MiB) {verdict} `dandi validate`.\n")


def _show(figure: Any, name: str, text: str) -> None:
    path = _FIGURES / f"explain_{name}.png"
    figure.savefig(path, dpi=100)
    print(f"![{text}](figures/{path.name})\n")


def _compare_losses(folder: Path) -> None:
    """Print how attention-weighted importance differs between losses, of training and of the gradient."""
    stored = folder / "losses.csv"
    found: dict[tuple[str, str], Any] = {}
    if not stored.is_file():
        for run in _LOSSES:
            found |= {(run.key, loss): _map_loss(folder, run, loss) for loss in ("dice", "bernoulli")}
    if found:
        pd.DataFrame(_rows_of_losses(folder, found)).to_csv(stored, index=False)
    print("## Dice against Bernoulli, slice_210511\n")
    print(
        f"`shimono2026` with 500 bins trained with either loss for {BERNOULLI.epochs} epochs, importance of"
    )
    print(
        "either loss; means over 24 windows of the test segment. r is Pearson's: of the map of AWI with that"
    )
    print("of Dice throughout, and of G(i) with the number of units that fire in bin i.\n")
    table = pd.read_csv(stored)
    print("| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
    for row in table.itertuples(index=False):
        print(
            "| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
        )
    print()
    for run in _LOSSES:
        name, text = f"losses_{run.key}", f"attention and AWI, trained with {run.loss}"
        if found:
            _show(plot_attention_maps(found[run.key, str(run.loss)].maps), name, text)
        else:
            print(f"![{text}](figures/explain_{name}.png)\n")


def _map_loss(folder: Path, run: Run, loss: str) -> Any:
    _, units, parts = open_run(folder, run)
    return map_attention(
        fit(folder, run), parts.test, context=units, loss=loss, most_windows=_CORRELATED_WINDOWS
    )


def _rows_of_losses(folder: Path, found: dict[tuple[str, str], Any]) -> list[dict[str, Any]]:
    first = next(iter(found.values())).maps["attention_weighted_importance"].values
    below = np.tril(np.ones(first.shape, dtype=bool))
    rows = []
    for (key, loss), maps in found.items():
        run = next(run for run in _LOSSES if run.key == key)
        fitted = fit(folder, run)
        kept = max(
            fitted.curves, key=lambda row: row["bits_per_spike" if run.loss == "bernoulli" else "pr_auc"]
        )
        weighted = maps.maps["attention_weighted_importance"].values
        correlations = correlate_rates(maps).set_index(["profile", "rate"]).correlation
        curve = maps.maps["awi_offset_curve"].values
        rows.append(
            {
                "trained with": run.loss,
                "importance of": loss,
                "PR-AUC, validation": kept["pr_auc"],
                "bits per spike, validation": kept["bits_per_spike"],
                "G, sum over a window": float(maps.series["importance_bin"].sum(axis=1).mean()),
                "r of AWI maps": float(np.corrcoef(first[below], weighted[below])[0, 1]),
                "r of G with firing": float(correlations["importance_bin", "input"]),
                "AWI 1-10 bins back, over the mean": float(curve[1:11].mean() / np.nanmean(curve)),
            }
        )
    return rows


def _correlate_recordings(folder: Path) -> None:
    """Print how profiles follow firing, over the five recordings."""
    tables = {run.recording: correlate_run(folder, run, _CORRELATED_WINDOWS) for run in SHORT_WINDOWS}
    print("## Profiles against firing rates over five recordings\n")
    print(
        f"`shimono2026` with 500 bins and Dice, trained for {SHORT_WINDOWS[0].epochs} epochs on 200 s of each"
    )
    print(f"recording: Pearson's r over all bins of {_CORRELATED_WINDOWS} windows of its test segment. Over")
    print(
        "recordings: mean +- SD, two-sided t-test on Fisher's z, Holm-corrected over the rows; * is p < 0.01."
    )
    print("NaN: the profile or the rate does not vary.\n")
    compared = compare_rate_correlations(tables)
    print("| profile | spikes | " + " | ".join(tables) + " | mean +- SD | p, corrected |")
    print("|---|---|" + "---|" * (len(tables) + 2))
    for row in compared.itertuples():
        cells = []
        for table in tables.values():
            chosen = table[(table.profile == row.profile) & (table.rate == row.rate)]
            cells.append(f"{chosen.correlation.iloc[0]:.3f}")
        star = " *" if row.significant else ""
        print(
            f"| {row.profile} | {row.rate} | {' | '.join(cells)} | {row.mean:.3f} +- {row.sd:.3f} "
            f"| {row.p_holm:.3g}{star} |"
        )
    print()
    _show(plot_rate_correlations(compared), "rate_correlations", "correlations of profiles with firing rates")


if __name__ == "__main__":
    main()
