"""What a network that learned one simulated species is worth in another, with few labelled cells.

    python benchmarks/patchseq_simulated.py --cache DIR [--labelled 20,40,80] [--seeds 5]

prints the Markdown of docs/benchmarks/patchseq_simulated.md. Cells of both species are simulated as NWB
files, measured by the commands' own code, and kept in DIR; then `transfer_cells`, which is what
`nwbspikegen patchseq transfer --model bilstm` runs, gives every condition the same folds by donor and the
same labelled cells. Five cells a class are 20 labelled cells.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import time
from pathlib import Path

import pandas as pd

from nwbspikegen.patchseq.features.files import FEATURES_FILE
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.load import LoadedCells, load_cells
from nwbspikegen.patchseq.run.transfer import Plan, TransferReport, transfer_cells
from nwbspikegen.patchseq.simulation.files import simulate_patchseq

SPECIES = {"source": "Mus musculus", "target": "Homo sapiens"}
CELLS = {"source": 50, "target": 30}
SEED = {"source": 0, "target": 1}
METRIC = "balanced_accuracy"


def main() -> None:
    """Simulate, measure, transfer, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for cells and features")
    parser.add_argument("--labelled", default="20,40,80", help="numbers of labelled target cells")
    parser.add_argument("--seeds", type=int, default=5, help="deals to folds, and draws of labelled cells")
    parser.add_argument("--figures", type=Path, help="folder for the curve")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cells = {side: make_cells(given.cache, side) for side in SPECIES}
    began = time.process_time()
    plan = Plan("bilstm", labelled=[int(one) for one in given.labelled.split(",")], seeds=given.seeds)
    report = transfer_cells(
        cells["source"], cells["target"], given.cache / "transfer", plan=plan, overwrite=True
    )
    print_report(report, cells, time.process_time() - began)
    if given.figures is not None:
        shutil.copy(report.path / "figures" / "few_shot.png", given.figures / "patchseq_simulated.png")


def make_cells(cache: Path, side: str) -> LoadedCells:
    """Return a species' cells, simulated and measured unless the cache has them."""
    features = cache / f"{side}_features"
    if not (features / FEATURES_FILE).is_file():
        recordings = cache / f"{side}_nwb"
        recordings.mkdir(parents=True, exist_ok=True)
        paths = simulate_patchseq(recordings, CELLS[side], SPECIES[side], SEED[side], overwrite=True)
        measure_recordings(paths, features)
    return load_cells([features])


def print_report(report: TransferReport, cells: dict[str, LoadedCells], seconds: float) -> None:
    """Print one row per number of labelled cells and condition."""
    for side, one in cells.items():
        table = one.table
        print(
            f"{side}: {SPECIES[side]}, {len(table)} cells of {len(set(table.classes))} classes, "
            f"{len(set(table.donors))} donors, seed {SEED[side]}.  "
        )
    print(f"CPU time of the transfer: {seconds:.0f} s.\n")
    print("| labelled cells | condition | balanced accuracy | over target_only |\n|---|---|---|---|")
    scores = report.scores[report.scores["metric"] == METRIC]
    gains = report.gains[report.gains["metric"] == METRIC].set_index(["condition", "num_labelled"])
    for row in scores.sort_values("num_labelled", kind="stable").itertuples():
        gain = ""
        if (row.condition, row.num_labelled) in gains.index:
            gain = format_interval(gains.loc[(row.condition, row.num_labelled)], signed=True)
        value = format_interval(pd.Series(row._asdict()))
        print(f"| {row.num_labelled} | {row.condition} | {value} | {gain} |")
    for note in report.notes:
        print(f"\nNot done: {note}")


def format_interval(row: pd.Series, *, signed: bool = False) -> str:
    """Return a value with its 95 % interval."""
    sign = "+" if signed else ""
    low, high = (format(row[end], f"{sign}.3f") for end in ("ci_low", "ci_high"))
    return f"{row['value']:{sign}.3f} ({low} to {high})"


if __name__ == "__main__":
    main()
