"""The published table of Patch-seq, from the archive: DANDI 000020 (mouse) and 000636 (human).

    python benchmarks/patchseq_dandi.py --cache DIR --mouse-labels FILE.csv --human-labels FILE.csv

**Not run on the archive**: it was written where there is no network. Behind a local server with simulated
cells its streaming, labels and measuring were seen to begin; the rest has not been run as a whole.

Every recording is streamed (`dandi://`), measured with the preset `schwider2026` and kept in DIR in
batches, so that it can be stopped and begun again; only what is measured is kept, not the recordings.
Classes come from tables of the papers, joined by a number in the asset's path: for the mouse
`20200711_patchseq_metadata_mouse.csv` (`ephys_session_id`, first word of `t_type`), for the human
`LeeDalley_manuscript_metadata.csv` (`specimen_id`, `Revised_subclass_label`); other keys by the options.

It prints what arXiv 2603.11000 reports, by donor: macro-F1 and accuracy of the attention BiLSTM and the
forest within each species, and of the human-only and the transferred network on the same folds.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.files import FEATURES_FILE, read_description
from nwbspikegen.patchseq.features.tables import CLASSES, read_frame
from nwbspikegen.patchseq.run.features import measure_recordings
from nwbspikegen.patchseq.run.fit import Recipe, keep_usable
from nwbspikegen.patchseq.run.load import LoadedCells, load_cells
from nwbspikegen.patchseq.run.transfer import Plan, transfer_cells
from nwbspikegen.patchseq.run.validate import validate_recipe

_LOG = logging.getLogger("nwbspikegen")
PRESET, BATCH = "schwider2026", 25
_RENAMED = {"LAMP5/PAX6/Other": "Lamp5", "LAMP5": "Lamp5", "PVALB": "Pvalb", "SST": "Sst", "VIP": "Vip"}
# macro-F1, accuracy: folds by cell, cells with all protocols only
PAPER = {
    ("mouse", "bilstm"): "0.874 / 0.915",
    ("human", "bilstm"): "0.669 / 0.780",
    ("transfer", "target_only"): "0.658 / 0.771",
    ("transfer", "fine_tune"): "0.680 / 0.791",
}


@dataclass(frozen=True)
class Study:
    """One species' dandiset, and where the classes of its cells are."""

    name: str
    dandiset: str
    labels: Path
    key: str
    class_column: str


def main() -> None:
    """Stream, measure, cross-validate, transfer, print."""
    given = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    studies = [
        Study("mouse", "000020", given.mouse_labels, given.mouse_key, "t_type"),
        Study("human", "000636", given.human_labels, given.human_key, "Revised_subclass_label"),
    ]
    cells = {}
    for study in studies:
        addresses = list_recordings(study.dandiset, given.instance)[: given.cells]
        cells[study.name] = measure_study(study, addresses, given.cache)
    print_table(cells, given.cache, repeats=given.repeats)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder for what was measured")
    parser.add_argument("--mouse-labels", type=Path, required=True)
    parser.add_argument("--mouse-key", default="ephys_session_id")
    parser.add_argument("--human-labels", type=Path, required=True)
    parser.add_argument("--human-key", default="specimen_id")
    parser.add_argument("--instance", default="dandi", help="of the archive")
    parser.add_argument("--cells", type=int, help="only so many of each species")
    parser.add_argument("--repeats", type=int, default=3, help="deals to folds")
    return parser.parse_args()


def list_recordings(dandiset: str, instance: str = "dandi") -> list[str]:
    """Return the addresses of a dandiset's recordings, newest published version or else the draft."""
    from dandi.dandiapi import DandiAPIClient

    with DandiAPIClient.for_dandi_instance(instance) as client:
        found = client.get_dandiset(dandiset)
        version = found.version_id
        paths = sorted(asset.path for asset in found.get_assets())
    return [f"dandi://{instance}/{dandiset}@{version}/{path}" for path in paths if path.endswith(".nwb")]


def measure_study(study: Study, addresses: Sequence[str], cache: Path) -> LoadedCells:
    """Measure the recordings that have a class, in batches that are kept; and return them with classes."""
    classes = read_classes(study)
    wanted = {address: find_class(address, classes) for address in addresses}
    known = [address for address, name in wanted.items() if name]
    _LOG.info("%s: %d recordings, %d of them with a class", study.name, len(addresses), len(known))
    folders = []
    for first in range(0, len(known), BATCH):
        folder = cache / study.name / f"{first:05d}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not (folder / FEATURES_FILE).is_file():
            try:
                measure_recordings(known[first : first + BATCH], folder, preset=PRESET)
            except InputError as error:
                _LOG.warning("%s", error)
                continue
        folders.append(folder)
    rows = [
        {"cell": cell, "cell_class": wanted[origin.recording]}
        for folder in folders
        for cell, origin in read_description(folder).cells.items()
    ]
    table = cache / f"{study.name}_classes.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    return load_cells(folders, labels=table)


def read_classes(study: Study) -> dict[str, str]:
    """Return the class by key; cells of other subclasses are left out, never moved into another class."""
    frame = read_frame(study.labels)
    names = frame[study.class_column].astype(object).fillna("").astype(str)
    names = names.map(lambda name: _RENAMED.get(name, name.split(" ")[0]))
    keys = pd.to_numeric(frame[study.key], errors="coerce").astype("Int64").astype(str)
    return {key: name for key, name in zip(keys, names, strict=True) if name in CLASSES}


def find_class(address: str, classes: dict[str, str]) -> str:
    """Return the class of a recording: of the first number in its path that is a key."""
    return next((classes[key] for key in re.findall(r"\d+", address) if key in classes), "")


def print_table(cells: dict[str, LoadedCells], cache: Path, *, repeats: int) -> None:
    """Print the published table beside what was measured."""
    print("| cells | condition | macro-F1 / accuracy | macro-F1, 95 % over donors | paper |")
    print("|---|---|---|---|---|")
    for species, loaded in cells.items():
        for kind in ("bilstm", "forest"):
            recipe = Recipe(kind)
            usable, _ = keep_usable(loaded, recipe)
            scores = validate_recipe(usable, recipe, repeats=repeats).scores
            print_row(f"{species}, {len(usable.table)}", kind, scores[scores["predictor"] == kind], species)
    human = keep_usable(cells["human"], Recipe("bilstm"))[0]
    # all labels of four fifths of the donors, as in the paper; the smallest fold must have them
    most = int(0.7 * len(human.table))
    budgets = [number for number in (24, 48, 96, 192) if number < most]
    plan = Plan("bilstm", "scale", labelled=[*budgets, most], seeds=repeats)
    report = transfer_cells(cells["mouse"], human, cache / "transfer", plan=plan, overwrite=True)
    for (number, condition), rows in report.scores.groupby(["num_labelled", "condition"]):
        print_row(f"human, {number} labelled", str(condition), rows, "transfer" if number == most else "")


def print_row(cells: str, condition: str, scores: pd.DataFrame, species: str) -> None:
    """Print one row of the table."""
    rows = scores.set_index("metric")
    f1, accuracy = rows.loc["macro_f1"], rows.loc["accuracy", "value"]
    interval = f"{f1['ci_low']:.3f} to {f1['ci_high']:.3f}" if np.isfinite(f1["ci_low"]) else ""
    paper = PAPER.get((species, condition), "")
    print(
        f"| {cells} | {condition} | {f1['value']:.3f} / {accuracy:.3f} | {interval} | {paper} |", flush=True
    )


if __name__ == "__main__":
    main()
