"""What models look at in real recordings, what that is worth, and whether planted connections are found.

Parts: `window` (time and memory of one map), `planted` (recovering connections of simulated
preparations), `recordings` (maps and controls). Models are trained into FOLDER, and used again when they
are there. Prints Markdown, draws into docs/benchmarks/figures:

    python benchmarks/explain.py FOLDER > docs/benchmarks/explain.md
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.attention import (
    Explanation,
    compare_recordings,
    correlate_rates,
    map_attention,
    map_corrected_correlation,
    map_coupling_glm,
    map_cross_correlation,
    recover_connections,
)
from nwbspikegen.attention.couplings import read_couplings
from nwbspikegen.models import load_model
from nwbspikegen.plot import (
    plot_ablations,
    plot_attention_curves,
    plot_attention_maps,
    plot_couplings,
    plot_rate_correlations,
)
from nwbspikegen.views import open_window
from nwbspikegen.workflows.explaining import explain_and_write
from nwbspikegen.workflows.training import train_recordings

_FIGURES = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "figures"
_SEEDS = (200, 201, 202, 203)
_EXPLAINED = ("slice_210511", "ibl_nyu40_20210414")
_EPOCHS = {"shimono2026": 3, "in_context": None}
_TARGETS = {"shimono2026": 500, "in_context": 60}
_RETRAINED = ("slice_210511", "shimono2026")
_WINDOW_SCRIPT = """
import resource, sys, time
import numpy as np, torch, xarray as xr
from nwbspikegen.attention import map_attention
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
        "window": _measure_window, "planted": _recover_planted, "recordings": _explain_recordings,
    }  # fmt: skip
    if not parts or "window" in parts:
        print("# What models look at\n")
        print(f"`python benchmarks/explain.py FOLDER`, {date.today()}, {os.cpu_count()} cores")
        print(f"{platform.machine()} shared with other work, no GPU, seed 0. Costs are intact minus control:")
        print("above 0 the control does harm. Intervals are 95 %, blocks of 10 s, the same for both.\n")
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
    table = pd.DataFrame(rows, columns=["preparation", "seed", "map", "area", "seconds"])
    print(
        "| preparation | map | " + " | ".join(f"seed {seed}" for seed in _SEEDS) + " | mean | processor (s) |"
    )
    print("|---|---|" + "---|" * (len(_SEEDS) + 2))
    for (preparation, name), part in table.groupby(["preparation", "map"], sort=False):
        cells = " | ".join(f"{area:.3f}" for area in part.area)
        print(f"| {preparation} | {name} | {cells} | {part.area.mean():.3f} | {part.seconds.mean():.0f} |")
    print()


def _map_influence(spikes: np.ndarray) -> np.ndarray:
    return read_couplings(spikes, 0.001)[1]


def _explain_recordings(folder: Path) -> None:
    """Print the controls of both models on both recordings, and correlations over recordings."""
    correlations = {}
    for name in _EXPLAINED:
        for model in _EPOCHS:
            found = _explain_one(folder, name, model)
            if not found.rate_correlations.empty:
                correlations[name] = found.rate_correlations
    for name in RECORDINGS:
        if name not in correlations and _model_folder(folder, name, "shimono2026").is_dir():
            correlations[name] = _correlate_one(folder, name)
    _print_correlations(correlations)


def _model_folder(folder: Path, name: str, model: str) -> Path:
    return folder / f"{model}_{name}"


def _explain_one(folder: Path, name: str, model: str) -> Explanation:
    recording = RECORDINGS[name]
    source, out = recording.to_nwb(folder), _model_folder(folder, name, model)
    if not out.is_dir():
        train_recordings([source], out, options=recording.options, model=model, epochs=_EPOCHS[model])
    fitted = load_model(out)
    derived = folder / f"{source.stem.removesuffix('_ecephys')}_desc-{model.replace('_', '')}_ecephys.nwb"
    started = time.process_time()
    report = explain_and_write(
        fitted,
        source,
        derived,
        num_targets=_TARGETS[model],
        retrain=(name, model) == _RETRAINED,
        overwrite=True,
    )
    found = report.explanation
    print(f"## {name}, `{model}`, {fitted.loss}, {len(fitted.curves)} epochs\n")
    _print_controls(found.ablations)
    print("\n" + "\n".join(f"- {sentence}" for sentence in found.findings))
    print(f"\nExplained in {time.process_time() - started:.0f} s of processor time, retraining included.")
    _validate(derived)
    _draw(found, name, model)
    return found


def _print_controls(ablations: pd.DataFrame) -> None:
    titles = ("bits per spike", "pooled ROC-AUC", "ROC-AUC per unit")
    print("| control | scored on | " + " | ".join(f"{title} | cost" for title in titles) + " |")
    print("|---|---|---|---|---|---|---|---|")
    measured = ablations[ablations.status == "measured"]
    for (where, control), rows in measured.groupby(["scored", "control"], sort=False):
        cells = []
        for row in rows.itertuples():
            cells += [f"{row.value:.4g}", f"{row.cost:.3g} [{row.cost_ci_low:.2g} to {row.cost_ci_high:.2g}]"]
        first = rows.iloc[0]
        on = where if where == "whole segment" else f"{int(first.num_bins)} bins"
        print(f"| `{control}` | {on}, {int(first.num_spikes)} spikes | " + " | ".join(cells) + " |")


def _validate(derived: Path) -> None:
    """Validate in a process of its own, which never imports ndx_spikegen."""
    command = [sys.executable, "-m", "nwbspikegen", "validate", str(derived)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    verdict = "passes" if done.returncode == 0 else f"fails: {(done.stdout + done.stderr).strip()[-300:]}"
    print(f"The file written ({derived.stat().st_size / 2**20:.0f} MiB) {verdict} `nwbspikegen validate`.\n")


def _draw(found: Explanation, name: str, model: str) -> None:
    figures = {"ablations": plot_ablations(found.ablations)}
    if model == "shimono2026":
        figures["maps"] = plot_attention_maps(found.maps)
        figures["curves"] = plot_attention_curves(found.maps)
    else:
        figures["couplings"] = plot_couplings(found.maps)
    for kind, figure in figures.items():
        path = _FIGURES / f"explain_{kind}_{model}_{name}.png"
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path, dpi=100)
        print(f"![{kind} of {model}, {name}](figures/{path.name})\n")


def _correlate_one(folder: Path, name: str) -> pd.DataFrame:
    """Return the correlations of a recording whose controls are not run."""
    recording = RECORDINGS[name]
    options = replace(recording.options, duration=400.0)
    units, parts = open_window(recording.to_nwb(folder), options)
    fitted = load_model(_model_folder(folder, name, "shimono2026"))
    return correlate_rates(map_attention(fitted, parts.test, context=units))


def _print_correlations(correlations: dict[str, pd.DataFrame]) -> None:
    print("## Profiles against firing rates, `shimono2026`\n")
    print("Pearson's r over all bins of eight windows; over recordings mean +- SD, t-test on Fisher's z,")
    print("Holm-corrected, significant at p < 0.01. NaN: the profile or the rate does not vary.\n")
    compared = compare_recordings(correlations)
    print("| profile | spikes | " + " | ".join(correlations) + " | mean +- SD | p, corrected |")
    print("|---|---|" + "---|" * (len(correlations) + 2))
    for row in compared.itertuples():
        values = [
            table[(table.profile == row.profile) & (table.rate == row.rate)].correlation.iloc[0]
            for table in correlations.values()
        ]
        cells = " | ".join(f"{value:.3f}" for value in values)
        star = " *" if row.significant else ""
        spread = f"{row.mean:.3f} +- {row.sd:.3f}" if np.isfinite(row.sd) else f"{row.mean:.3f}"
        print(f"| {row.profile} | {row.rate} | {cells} | {spread} | {row.p_holm:.3g}{star} |")
    path = _FIGURES / "explain_rate_correlations.png"
    plot_rate_correlations(compared).savefig(path, dpi=100)
    print(f"\n![correlations](figures/{path.name})\n")


if __name__ == "__main__":
    main()
