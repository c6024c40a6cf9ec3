"""How far predictions of cell classes are to be trusted: calibration, sets of classes, and unlike cells.

    python benchmarks/patchseq_trust.py --cache FOLDER > docs/benchmarks/patchseq_trust.md

Needs ../shared/data. Held-out probabilities are those of `patchseq_tables.py`, with which it shares the
cache; nothing is chosen on these folds.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import platform
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from patchseq_tables import Cache, fit_vote, grow_forest, predict_folds, say_spread
from recordings import SHARED, require_shared

from nwbspikegen.patchseq.classify.confidence import fit_confidence
from nwbspikegen.patchseq.classify.folds import folds_by_donor
from nwbspikegen.patchseq.classify.known_cells import learn_known_cells
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.classify.scores import score_confidence
from nwbspikegen.patchseq.features.table_allen import read_human_table, read_mouse_table, share_features
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.run.doubt import NONE_OF_THESE, find_doubts
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.run.validate import calibrate_across

_SIZES = (10, 20, 40)
# sets of cells drawn of each size
_DRAWS = 50
_CONFIDENT = 0.8
_SETS = """
## Probabilities and sets of classes

Five folds by donor, mean ± SD over seeds 0-9. Each fold is calibrated on the held-out predictions of the
others. `error` is the expected calibration error of the predicted class in 20 groups of equal size, `in 10`
in ten; `before` without this calibration; `floor` what 20 groups of as many cells show if every probability
is exact. `coverage`: share of cells whose class is in the 90 % set; `by donor`: mean of that share over
donors; `least class`: the share in the class that is found least.

| cells | classifier | before | error | in 10 | floor | coverage | by donor | size | empty | least class |
|---|---|---|---|---|---|---|---|---|---|---|"""
_FLAGS = """
## Cells that are unlike the training cells

A forest on the 19 shared features, with nothing aligned. `own`: cells of held-out donors (5 folds, seed 0).
`confidently wrong`: another class than that of the cell, with a calibrated probability above 0.8.
`set of n`: cells of donors drawn at random and predicted in one call, {draws} draws (for own cells in each
fold); in brackets with all donors unknown.

| model and cells | how | confidently wrong: doubted | all: doubted | all: none of these |
|---|---|---|---|---|"""


def hold_out(table: CellTable, probability: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated probabilities and sets of held-out predictions, as `patchseq train` makes them."""
    fold_of = np.zeros((1, len(table)), dtype=np.int64)
    for fold, (_, test) in enumerate(folds_by_donor(table.classes, table.donors, seed=seed)):
        fold_of[0, test] = fold
    names = np.unique(table.classes)
    raw = xr.Dataset({"probability": (("repeat", "cell", "class"), probability[None])}, {"class": names})
    found = calibrate_across(raw, table.classes, fold_of)
    return found["probability"].values[0], found["in_set"].values[0]


def measure_sets(table: CellTable, probability: np.ndarray, seed: int) -> dict[str, float]:
    """Return calibration errors, coverage and sizes of one deal to folds."""
    names = np.unique(table.classes)
    own = np.searchsorted(names, table.classes)
    calibrated, in_set = hold_out(table, probability, seed)
    covered = in_set[np.arange(len(own)), own]
    sure, hit = calibrated.max(axis=1), calibrated.argmax(axis=1) == own
    groups = np.array_split(np.argsort(sure, kind="stable"), 10)
    rng = np.random.default_rng(seed)
    # classes as they would be if every probability were exact
    exact = [
        np.where(rng.random(len(own)) < sure, names[calibrated.argmax(axis=1)], "another") for _ in range(20)
    ]
    return {
        "before": score_confidence(probability, names, table.classes),
        "error": score_confidence(calibrated, names, table.classes),
        "error, 10": sum(abs(sure[one].sum() - hit[one].sum()) for one in groups) / len(own),
        "floor": float(np.mean([score_confidence(calibrated, names, one) for one in exact])),
        "coverage": float(covered.mean()),
        "by donor": float(pd.Series(covered).groupby(table.donors).mean().mean()),
        "mean size": float(in_set.sum(axis=1).mean()),
        "empty": float((~in_set.any(axis=1)).mean()),
        "least of a class": float(min(covered[own == place].mean() for place in range(len(names)))),
    }


def print_sets(cache: Cache, human: CellTable, mouse: CellTable, seeds: range) -> None:
    """Print calibration and sets of classes within a species."""
    print(_SETS)
    cases = (
        ("human, 84 features", human, "forest", grow_forest),
        ("human, 84 features", human, "vote", fit_vote),
        ("human, 19 features", share_features(human), "forest", grow_forest),
        ("mouse, 19 features (seed 0)", share_features(mouse), "forest", grow_forest),
    )
    for cells, table, name, fit in cases:
        few = seeds if table.species == "human" else seeds[:1]
        rows = []
        for seed in few:
            key = f"{table.species}-{table.values.shape[1]}-{name}-{seed}"
            probability = cache.get(key, functools.partial(predict_folds, table, fit, seed))
            rows.append(measure_sets(table, probability, seed))
        values = [_say_mean([row[column] for row in rows]) for column in rows[0]]
        print(f"| {cells}, {len(table):,} | {name} | {' | '.join(values)} |", flush=True)


def _say_mean(values: list[float]) -> str:
    return say_spread(values) if len(values) > 1 else f"{values[0]:.3f}"


class Remembered:
    """A classifier whose probabilities are known already, found by what it would read."""

    def __init__(self, table: CellTable, probability: np.ndarray, class_names: np.ndarray) -> None:
        self.class_names = class_names
        self.rows = {row.tobytes(): one for row, one in zip(table.values, probability, strict=True)}

    def predict_proba(self, values: np.ndarray) -> np.ndarray:
        """Return what was predicted of these cells."""
        return np.stack([self.rows[row.tobytes()] for row in np.ascontiguousarray(values)])


def learn_trust(table: CellTable, probability: np.ndarray, classifier: Any) -> CellModel:
    """Return a model with what `patchseq train` adds: confidence and known cells."""
    own = np.searchsorted(np.unique(table.classes), table.classes)
    return CellModel(
        classifier,
        "",
        features=tuple(map(str, table.features)),
        confidence=fit_confidence(probability[None], own),
        known=learn_known_cells(table.values, own, probability.argmax(axis=1), table.donors),
    )


def count_doubts(
    model: CellModel, table: CellTable, *, is_other_species: bool = False
) -> dict[str, np.ndarray]:
    """Return of each cell whether it is doubted, answered none of these, and wrong with confidence."""
    predictions = model.predict(table)
    doubts = find_doubts(model, predictions, LoadedCells(table), is_other_species=is_other_species)
    assert doubts is not None
    wrong = predictions["predicted_class"].values.astype(str) != table.classes
    sure = predictions["probability"].max("class").values > _CONFIDENT
    return {
        "doubted": doubts.doubt != "",
        "none": doubts.answer == NONE_OF_THESE,
        "confidently_wrong": wrong & sure,
    }


def draw_sets(model: CellModel, table: CellTable, size: int, *, unknown: bool) -> dict[str, np.ndarray]:
    """Return what `count_doubts` does, over sets of cells of donors drawn at random."""
    rng, parts, of = np.random.default_rng(size), [], table.donors
    names = np.unique(of)
    for _ in range(_DRAWS):
        chosen = np.zeros(0, dtype=int)
        for donor in rng.permutation(names):
            chosen = np.append(chosen, np.flatnonzero(of == donor))[:size]
            if len(chosen) == size:
                break
        part = CellTable(
            table.features.iloc[chosen], table.cells.iloc[chosen].copy(), table.species, table.label_version
        )
        if unknown:
            part.cells["donor"] = ""
        parts.append(count_doubts(model, part))
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}


def _say(found: dict[str, np.ndarray]) -> list[str]:
    wrong = found["confidently_wrong"]
    told = f"{found['doubted'][wrong].mean():.3f} of {wrong.sum():,}" if wrong.any() else "-"
    return [told, f"{found['doubted'].mean():.3f}", f"{found['none'].mean():.3f}"]


def print_flags(cache: Cache, human: CellTable, mouse: CellTable) -> None:
    """Print how many cells of the own and of the other species are doubted."""
    print(_FLAGS.format(draws=_DRAWS))
    for own, other in ((human, mouse), (mouse, human)):
        key = f"{own.species}-19-forest-0"
        probability = cache.get(key, functools.partial(predict_folds, own, grow_forest, 0))
        _print_own(own, probability)
        names = np.unique(own.classes)
        key = f"{own.species}-on-{other.species}-19-forest-0"
        theirs = cache.get(key, functools.partial(_predict_other, own, other))
        model = learn_trust(own, probability, Remembered(other, theirs, names))
        label = f"{own.species} model, {other.species} cells"
        print(f"| {label} | each cell alone | {' | '.join(_say(_count_alone(model, other)))} |")
        for size in _SIZES:
            known, blind = (draw_sets(model, other, size, unknown=unknown) for unknown in (False, True))
            cells = [f"{a} ({b})" for a, b in zip(_say(known), _say(blind), strict=True)]
            print(f"| {label} | set of {size} | {' | '.join(cells)} |", flush=True)
        told = count_doubts(model, other, is_other_species=True)
        print(f"| {label} | all cells, species told | {' | '.join(_say(told))} |", flush=True)


def _predict_other(own: CellTable, other: CellTable) -> np.ndarray:
    return grow_forest(own.values, own.classes, 0).predict_proba(other.values)


def _print_own(own: CellTable, probability: np.ndarray) -> None:
    alone: list[dict[str, np.ndarray]] = []
    sets: dict[int, list[dict[str, np.ndarray]]] = {size: [] for size in _SIZES}
    for train, test in folds_by_donor(own.classes, own.donors, seed=0):
        kept, held = (own.select(np.isin(np.arange(len(own)), one)) for one in (train, test))
        # of these cells the fold's own forest said this already
        classifier = Remembered(held, probability[test], np.unique(own.classes))
        model = learn_trust(kept, probability[train], classifier)
        # one by one: what a set shows is asked below
        alone.append(_count_alone(model, held))
        for size in _SIZES:
            sets[size].append(draw_sets(model, held, size, unknown=False))
    label = f"{own.species} model, own"
    print(f"| {label} | each cell alone | {' | '.join(_say(_join(alone)))} |", flush=True)
    for size, parts in sets.items():
        print(f"| {label} | set of {size} | {' | '.join(_say(_join(parts)))} |", flush=True)


def _count_alone(model: CellModel, table: CellTable) -> dict[str, np.ndarray]:
    """Return `count_doubts` of cells that are predicted one at a time: no set is tested."""
    parts = [table.select(np.arange(len(table)) // 9 == number) for number in range(-(-len(table) // 9))]
    found = [count_doubts(model, part) for part in parts]
    return _join(found)


def _join(found: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    require_shared()
    mouse, human = read_mouse_table(SHARED / "patchseq_mouse"), read_human_table(SHARED / "patchseq_human")
    cache, seeds = Cache(options.cache), range(options.seeds)
    print("# Patch-seq: how far a prediction is to be trusted\n")
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"`python benchmarks/patchseq_trust.py`, {date.today()}, {machine}.")
    print_flags(cache, share_features(human), share_features(mouse))
    print_sets(cache, human, mouse, seeds)


if __name__ == "__main__":
    main()
