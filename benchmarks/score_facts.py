"""The three facts behind the scores, measured and drawn for docs/scores.md.

    OMP_NUM_THREADS=1 python benchmarks/score_facts.py --cache FOLDER > docs/benchmarks/score_facts.md

Figures go to docs/figures. FOLDER, outside the repository, takes the recordings converted to NWB.
"""

from __future__ import annotations

import argparse
import platform
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.formats.ibl.presets import PRESETS
from nwbspikegen.plot.canvas import COLOURS, new_figure
from nwbspikegen.scoring import bits_per_spike, make_baseline, rank_pooled, roc_auc_per_unit
from nwbspikegen.views import Split, open_window, split_fractions
from nwbspikegen.views.observed import read_spikes

_BIN = 0.001
_FIGURES = Path(__file__).resolve().parents[1] / "docs" / "figures"
_SHOWN = {"slice_210511": "slice, HD-MEA", "ibl_nyu40_20210414": "Neuropixels"}
_PREDICTORS = ("mean_rate", "running_rate", "online_hazard")


def predict_baseline(name: str, parts: Split, units_spikes: np.ndarray) -> np.ndarray:
    """Return a baseline's prediction of the test segment, warm."""
    fitted = make_baseline(name).fit(read_spikes(parts.train), _BIN)
    return fitted.predict(units_spikes, len(units_spikes) - parts.test.sizes["time"], _BIN)


def measure(predicted: np.ndarray, spikes: np.ndarray, null: np.ndarray) -> dict[str, float]:
    """Return the three scores that the figures compare."""
    return {
        "pooled": rank_pooled(predicted, spikes).roc_auc,
        "per_unit": roc_auc_per_unit(predicted, spikes)[0],
        "bits": bits_per_spike(predicted, spikes, null),
    }


def score_rates(cache: Path) -> pd.DataFrame:
    """Score predictors that train no weights, on a slice and on a probe."""
    rows = []
    for name, title in _SHOWN.items():
        recording = RECORDINGS[name]
        units, parts = open_window(recording.to_nwb(cache), recording.options)
        spikes, recorded = read_spikes(units), read_spikes(parts.test)
        predictions = {each: predict_baseline(each, parts, spikes) for each in _PREDICTORS}
        for each, predicted in predictions.items():
            rows.append(
                {
                    "recording": title,
                    "predictor": each,
                    **measure(predicted, recorded, predictions["mean_rate"]),
                }
            )
    return pd.DataFrame(rows)


def score_leaks() -> pd.DataFrame:
    """Score, where the best possible prediction is known, one that reads its own bin, and one squashed."""
    simulation = nsg.simulate("in_vivo", num_units=64, duration=300, seed=0)
    units = nsg.open_units(simulation.sorting)
    parts = split_fractions(units, (0.5, 0.25, 0.25))
    recorded, spikes = read_spikes(parts.test), read_spikes(units)
    truth = simulation.intensity[-len(recorded) :]
    null = predict_baseline("mean_rate", parts, spikes)
    # a third of the evidence of the bin that is predicted, as a model without a causal mask may read it
    leaked = truth + (recorded - truth) * np.float32(1 / 3)
    rows = {
        "online hazard": predict_baseline("online_hazard", parts, spikes),
        "best possible": truth,
        "the same, sigmoid taken twice": 1 / (1 + np.exp(-truth)),
        "reads the bin it predicts": np.clip(leaked, 1e-6, 1 - 1e-6),
    }
    scored = [
        {"predictor": name, **measure(row.astype(np.float32), recorded, null)} for name, row in rows.items()
    ]
    return pd.DataFrame(scored)


def draw_rates(table: pd.DataFrame, path: Path) -> None:
    """Draw pooled area, area per unit and bits per spike side by side."""
    figure = new_figure(8.0, 2.8)
    panels = (
        ("pooled", "ROC-AUC, pooled"),
        ("per_unit", "ROC-AUC, within units"),
        ("bits", "bits per spike above the rate"),
    )
    for place, (column, title) in enumerate(panels):
        axes = figure.add_subplot(1, 3, place + 1)
        for offset, predictor in enumerate(_PREDICTORS):
            values = table[table.predictor == predictor].set_index("recording")[column]
            at = np.arange(len(values)) + 0.27 * (offset - 1)
            bars = axes.bar(at, values, 0.25, color=COLOURS[offset], label=predictor)
            axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=1)
        axes.set_xticks(np.arange(len(_SHOWN)), list(_SHOWN.values()), fontsize=8)
        axes.set_title(title, fontsize=9)
        axes.margins(y=0.12)
        if column != "bits":
            axes.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
            axes.set_ylim(0, 1.08)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=100)


def draw_leaks(table: pd.DataFrame, path: Path) -> None:
    """Draw both scores of every prediction, with the best possible as a line."""
    figure = new_figure(8.0, 2.4)
    best = table.set_index("predictor").loc["best possible"]
    colours = [COLOURS[2], COLOURS[0], COLOURS[3], COLOURS[1]]
    for place, (column, title) in enumerate(
        (("pooled", "ROC-AUC, pooled"), ("bits", "bits per spike above the rate"))
    ):
        axes = figure.add_subplot(1, 2, place + 1)
        bars = axes.barh(table.predictor, table[column], color=colours)
        axes.axvline(best[column], color="black", linewidth=0.8, linestyle="--")
        for text in axes.bar_label(bars, fmt="%.3g", fontsize=8, padding=3):
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
        axes.invert_yaxis()
        axes.set_title(title, fontsize=9)
        axes.margins(x=0.2)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if place:
            axes.set_yticks([])
            axes.set_xscale("symlog", linthresh=1)
            axes.margins(x=0.3)
        else:
            axes.set_xlim(0, 1.2)
    figure.savefig(path, dpi=100)


def compare_sessions() -> pd.DataFrame:
    """Return what each pair of the paper's six in vivo sessions shares: 3 session, 2 subject, 1 lab."""
    sessions = PRESETS["shimono2026"]
    names = [f"{session.subject} {session.day}" for session in sessions]
    shared = [
        [
            3 if one is other else 2 if one.subject == other.subject else int(one.lab == other.lab)
            for other in sessions
        ]
        for one in sessions
    ]
    return pd.DataFrame(shared, names, names)


def draw_sessions(shared: pd.DataFrame, path: Path) -> None:
    """Draw which cells of the matrix are not independent."""
    from matplotlib.colors import ListedColormap

    figure = new_figure(6.4, 3.6)
    axes = figure.add_subplot()
    axes.imshow(shared, cmap=ListedColormap(["#f2f2f2", "#d9d9d9", COLOURS[5], COLOURS[1]]), vmin=0, vmax=3)
    for row, column in np.ndindex(shared.shape):
        axes.text(
            column,
            row,
            ("", "lab", "subject", "session")[shared.iloc[row, column]],
            ha="center",
            va="center",
            fontsize=7,
        )
    axes.set_xticks(range(len(shared)), shared.columns, fontsize=7, rotation=30, ha="right")
    axes.set_yticks(range(len(shared)), shared.index, fontsize=7)
    axes.set_xlabel("tested on", fontsize=8)
    axes.set_ylabel("trained on", fontsize=8)
    figure.savefig(path, dpi=100)


def _print_table(table: pd.DataFrame) -> None:
    print("| " + " | ".join(table.columns) + " |\n|" + "---|" * len(table.columns))
    for row in table.itertuples(index=False):
        print(
            "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |"
        )
    print()


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    asked = parser.parse_args()
    require_shared()
    _FIGURES.mkdir(exist_ok=True)
    print("# Three facts about scores, measured\n")
    print(f"`python benchmarks/score_facts.py`, {date.today()}, {platform.machine()}, no GPU.\n")
    print("## Pooled areas are mostly firing rate\n")
    print(
        "Units 100 to 227 (or all), first 400 s, last quarter scored, warm. Nothing here trains a weight.\n"
    )
    rates = score_rates(asked.cache)
    _print_table(rates)
    draw_rates(rates, _FIGURES / "pooled_area_is_rate.png")
    print("## One step ahead, or not\n")
    print(
        "Simulated in vivo, 64 units, 300 s, seed 0, last quarter; the probability of every bin is known.\n"
    )
    leaks = score_leaks()
    _print_table(leaks)
    draw_leaks(leaks, _FIGURES / "better_than_possible.png")
    shared = compare_sessions()
    print("## Subjects repeat\n")
    pairs = shared.to_numpy()[~np.eye(len(shared), dtype=bool)]
    num_shared = int((pairs == 2).sum())
    print(f"Of {len(pairs)} pairs of sessions in the paper's in vivo matrix, {num_shared} share a subject.")
    draw_sessions(shared, _FIGURES / "subjects_repeat.png")


if __name__ == "__main__":
    main()
