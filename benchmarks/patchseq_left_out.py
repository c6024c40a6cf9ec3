"""A data set left out: classes learned from one table and predicted in another, and a rule for aligning them.

    python benchmarks/patchseq_left_out.py > docs/benchmarks/patchseq_left_out.md

Needs ../shared/data. The rule is chosen on simulated shifts of the mouse table, before a human cell is read.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from recordings import SHARED, require_shared
from scipy.special import ndtri, softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score

from nwbspikegen.patchseq.classify.folds import folds_by_donor
from nwbspikegen.patchseq.classify.forest import fit_forest
from nwbspikegen.patchseq.classify.scores import score_classes
from nwbspikegen.patchseq.features.table_allen import read_human_table, read_mouse_table, share_features
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.species.alignment_shares import SharedSpace, align_shares
from nwbspikegen.patchseq.species.conditions import TransferDataset, fit_zero_shot

_METHODS = ("scale", "rank", "quantile", "coral")
# cells that the source's means count for when those of the target are learned from
_STRENGTHS = (20, 50, 200, 1000)
_DEFAULT = "rank, estimated"
_MOST_SOURCE = 1500
_LEFT_OUT = """
## A data set left out

Everything is learned on one side and scored on the other; intervals (95 %) are over donors. Two tables share
features, both of the Allen Institute, each of one species: none here is of another laboratory, and between
the two the species changes with all else. Within a species there are only parts of one table: cortical lobe
and disease of the human donors (all 84 features).

| learned from | scored on | features | classifier | macro-F1 | balanced accuracy |
|---|---|---|---|---|---|"""
_RULE = """
## A rule for aligning, chosen on simulated shifts

Half of the mouse donors are the source. Cells of the other half are the target: about 700, drawn in random
shares of the classes, in normal scores of the source, and then changed. Every class is moved by a random
vector of its own ({low:g} to {high:g} deviations within classes in each feature), noise is added (0 to 2.5),
a random half of the cells is moved together (0 to 1.5), 90 donors are (0 to 0.7), and each feature is bent,
scaled and shifted. 3 % of the values are taken away. The mean balanced accuracy over {number} such targets
decides; the other columns have them by the noise (below 0.8, to 1.6, above). `mean` is the mean log
probability over the alignments; `+ n` learns class means and covariance of the target from these
probabilities (three turns of EM, in which the source's means count as n target cells).

| candidate | all | little noise | some | much |
|---|---|---|---|---|"""


def fit_discriminant(values: np.ndarray, classes: np.ndarray) -> Any:
    """Fit the discriminant of `fit_zero_shot`."""
    number = len(np.unique(classes))
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[1 / number] * number).fit(
        values, classes
    )


def simulate_shift(
    mouse: CellTable, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Return source and target with their classes, and the noise of the target."""
    rng = np.random.default_rng(10_000 + seed)
    move, noise, alpha = rng.uniform(0.2, 1.5), rng.uniform(0, 2.5), rng.choice([1.0, 3.0, 10.0])
    rng = np.random.default_rng(seed)
    donors = rng.permutation(np.unique(mouse.donors))
    in_source = np.isin(mouse.donors, donors[: len(donors) // 2])
    source, classes = mouse.values[in_source], mouse.classes[in_source]
    others, theirs = mouse.values[~in_source], mouse.classes[~in_source]
    names = np.unique(mouse.classes)
    shares = 0.8 * rng.dirichlet([alpha] * len(names)) + 0.05
    drawn = [
        rng.choice(np.flatnonzero(theirs == name), max(8, round(700 * share)))
        for name, share in zip(names, shares, strict=True)
    ]
    picked = np.concatenate(drawn)
    target, truth = _to_scores(others[picked], source), theirs[picked]
    source = _to_scores(source, source)
    spread = np.sqrt(np.mean([np.nanvar(source[classes == name], axis=0) for name in names], axis=0))
    size = target.shape[1]
    for name in names:
        target[truth == name] += rng.normal(0, move, size) * spread
    target += noise * rng.normal(size=target.shape) * spread
    half = rng.random(len(target)) < rng.uniform(0.2, 0.8)
    target[half] += rng.normal(size=size) * rng.uniform(0, 1.5) * spread
    shifts = rng.normal(size=(90, size)) * rng.uniform(0, 0.7) * spread
    target += shifts[rng.integers(0, 90, len(target))]
    scale, offset, bend = np.exp(rng.normal(0, 0.4, size)), rng.normal(size=size), rng.normal(0, 0.3, size)
    target = np.expm1(bend * target) / bend * scale + offset
    target[rng.random(target.shape) < 0.03] = np.nan
    kept = rng.choice(len(source), min(_MOST_SOURCE, len(source)), replace=False)
    return source[kept], classes[kept], target, truth, noise


def _to_scores(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return normal scores of values among those of a reference, feature by feature; NaN stays."""
    columns = []
    for column, known in zip(values.T, reference.T, strict=True):
        ordered = np.sort(known[np.isfinite(known)])
        below = np.searchsorted(ordered, column, "left") + np.searchsorted(ordered, column, "right")
        level = np.clip((below + 1) / (2 * len(ordered) + 2), 0.002, 0.998)
        columns.append(np.where(np.isfinite(column), ndtri(level), np.nan))
    return np.stack(columns, axis=1)


def adapt(
    log_probability: np.ndarray,
    space: SharedSpace,
    classes: np.ndarray,
    placed: np.ndarray,
    strength: float,
) -> Callable[[np.ndarray], np.ndarray]:
    """Learn class means and a covariance of the target from what its cells seem to be.

    Parameters
    ----------
    log_probability : array, shape (target cell, class)
    space : SharedSpace
        Its source has the means to start from.
    classes : array of str, shape (source cell,)
    placed : array, shape (target cell, feature)
        The target cells in that space.
    strength : float
        Cells that the source's means count for.
    """
    names, source = np.unique(classes), space.aligned.source
    start = np.stack([source[classes == name].mean(axis=0) for name in names])
    within = np.cov((source - start[np.searchsorted(names, classes)]).T)
    share = softmax(log_probability, axis=1)
    means, inverse = start, np.linalg.inv(within)

    def classify(values: np.ndarray) -> np.ndarray:
        left = values[:, None] - means[None]
        return np.asarray(softmax(-0.5 * np.einsum("ckf,fg,ckg->ck", left, inverse, left), axis=1))

    for _ in range(3):
        counts = share.sum(axis=0)
        own = (share.T @ placed) / np.maximum(counts, 1e-9)[:, None]
        trust = (counts / (counts + strength))[:, None]
        means = trust * own + (1 - trust) * start
        left = placed[:, None] - means[None]
        mixed = 0.5 * within + 0.5 * np.einsum("ck,ckf,ckg->fg", share, left, left) / len(placed)
        # a tenth of the mean variance, or a feature without scatter would decide all
        inverse = np.linalg.inv(mixed + 0.1 * np.trace(mixed) / len(mixed) * np.eye(len(mixed)))
        share = classify(placed)
    return classify


def predict_candidates(
    source: np.ndarray, classes: np.ndarray, unlabelled: np.ndarray, asked: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Return probabilities of the asked cells by every candidate, which learns of the unlabelled only."""
    logs: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for estimate in (False, True):
        for method in _METHODS:
            space = align_shares(source, classes, unlabelled, method=method, estimate=estimate, seed=seed)
            model = fit_discriminant(space.aligned.source, classes)
            placed, wanted = space.aligned.place(unlabelled), space.aligned.place(asked)
            found = tuple(np.log(model.predict_proba(one) + 1e-4) for one in (placed, wanted))
            logs[f"{method}, {'estimated' if estimate else 'equal'}"] = (found[0], found[1])
            if (method, estimate) == ("rank", True):
                base, base_placed, base_wanted = space, placed, wanted
    for shares in ("equal", "estimated"):
        logs[f"mean, {shares}"] = _average([logs[f"{method}, {shares}"] for method in _METHODS])
    logs["mean of rank and quantile, estimated"] = _average(
        [logs[f"{method}, estimated"] for method in ("rank", "quantile")]
    )
    predicted = {name: wanted for name, (_, wanted) in logs.items()}
    for name in (_DEFAULT, "mean, estimated"):
        for strength in _STRENGTHS:
            classify = adapt(logs[name][0], base, classes, base_placed, strength)
            predicted[f"{name} + {strength}"] = classify(base_wanted)
    return predicted


def _average(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.mean([one for one, _ in parts], axis=0), np.mean([one for _, one in parts], axis=0)


def choose_rule(mouse: CellTable, number: int) -> tuple[str, str]:
    """Print all candidates, and return the best and the best that only aligns."""
    names = np.unique(mouse.classes)
    rows = []
    for seed in range(number):
        source, classes, target, truth, noise = simulate_shift(mouse, seed)
        found = predict_candidates(source, classes, target, target, seed)
        scores = {
            name: balanced_accuracy_score(truth, names[one.argmax(axis=1)]) for name, one in found.items()
        }
        rows.append({**scores, "noise": noise})
    table = pd.DataFrame(rows)
    group = np.digitize(table.pop("noise"), [0.8, 1.6])
    means = table.mean().sort_values(ascending=False)
    print(_RULE.format(low=0.2, high=1.5, number=number))
    for name, value in means.items():
        by_noise = [f"{table.loc[group == one, name].mean():.3f}" for one in range(3)]
        print(f"| {name} | {value:.3f} | {' | '.join(by_noise)} |", flush=True)
    return str(means.index[0]), next(str(name) for name in means.index if "+" not in str(name))


def print_once(mouse: CellTable, human: CellTable, chosen: tuple[str, ...], seeds: range) -> None:
    """Print what the chosen candidates give on human cells of new donors."""
    names = np.unique(mouse.classes)
    runs = {name: np.full((len(seeds), len(human)), "", dtype=names.dtype) for name in chosen}
    for run, seed in enumerate(seeds):
        for fold, (train, test) in enumerate(folds_by_donor(human.classes, human.donors, seed=seed)):
            found = predict_candidates(
                mouse.values, mouse.classes, human.values[train], human.values[test], 1000 * seed + fold
            )
            for name, predicted in runs.items():
                predicted[run, test] = names[found[name].argmax(axis=1)]
    print("\n| human cells of new donors (seeds 0-9) | balanced accuracy | interval | macro-F1 |")
    print("|---|---|---|---|")
    for name, predicted in runs.items():
        found = score_classes(predicted, human.classes, human.donors, metric="balanced_accuracy")
        f1 = score_classes(predicted, human.classes, human.donors)
        print(f"| {name} | {found.value:.3f} | {found.low:.3f}-{found.high:.3f} | {f1.value:.3f} |")


def print_left_out(mouse: CellTable, human: CellTable, whole: CellTable) -> None:
    """Print scores of what was learned from other data."""
    print(_LEFT_OUT)
    names = np.unique(mouse.classes)
    for source, target in ((mouse, human), (human, mouse)):
        forest = fit_forest(source.values, source.classes, seed=0).predict_proba(target.values)
        dataset = TransferDataset(
            source.values, source.classes, target.values, target.values[:0], target.classes[:0], names
        )
        aligned = fit_zero_shot(dataset)(target.values)
        for label, one in (("forest, nothing aligned", forest), ("ranks, composition estimated", aligned)):
            _print_score(source.species, len(source), target, names[one.argmax(axis=1)], label)
    metadata = pd.read_csv(SHARED / "patchseq_human" / "LeeDalley_manuscript_metadata.csv")
    metadata = metadata.set_index(metadata["specimen_id"].astype(str))
    for column in ("lobe", "disease_category"):
        part = metadata[column].reindex(whole.features.index.astype(str)).fillna("").to_numpy(str)
        for value in sorted(set(part) - {""}):
            test = part == value
            train = ~test & ~np.isin(whole.donors, whole.donors[test])
            if min(test.sum(), train.sum()) < 50 or len(np.unique(whole.classes[train])) < len(names):
                continue
            kept, held = whole.select(train), whole.select(test)
            predicted = fit_forest(kept.values, kept.classes, seed=0).predict(held.values)
            _print_score(f"human, {column} not {value}", len(kept), held, predicted, "forest", value)


def _print_score(
    learned: str, number: int, target: CellTable, predicted: np.ndarray, label: str, part: str = ""
) -> None:
    f1, accuracy = (
        score_classes(predicted[None], target.classes, target.donors, metric=metric)
        for metric in ("macro_f1", "balanced_accuracy")
    )
    scored = f"{target.species}{f', {part}' if part else ''}, {len(target):,}"
    values = " | ".join(f"{one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for one in (f1, accuracy))
    print(f"| {learned}, {number:,} | {scored} | {target.values.shape[1]} | {label} | {values} |", flush=True)


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shifts", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    require_shared()
    mouse, whole = read_mouse_table(SHARED / "patchseq_mouse"), read_human_table(SHARED / "patchseq_human")
    mouse, human = share_features(mouse), share_features(whole)
    print("# Patch-seq: a data set left out, and a rule for aligning two\n")
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"`python benchmarks/patchseq_left_out.py`, {date.today()}, {machine}.")
    print_left_out(mouse, human, whole)
    best, best_alignment = choose_rule(mouse, options.shifts)
    print_once(mouse, human, (best, best_alignment, _DEFAULT), range(options.seeds))


if __name__ == "__main__":
    main()
