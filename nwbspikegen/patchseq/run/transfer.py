"""Classes carried from one species to another: the whole of `nwbspikegen patchseq transfer`."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.patchseq.classify.components import FamilyComponents
from nwbspikegen.patchseq.classify.scores import METRICS, compare_classes, score_classes
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.run.validate import count_confusion
from nwbspikegen.patchseq.species.conditions import (
    TransferCondition,
    fit_pooled,
    fit_stacked_forest,
    fit_target_forest,
    fit_target_only,
    fit_zero_shot,
    predict_conditions,
)

_LOG = logging.getLogger("nwbspikegen")
TRANSFER_FILE = "transfer.json"
LEARNERS = ("linear", "forest", "bilstm")


@dataclass(frozen=True)
class Plan:
    """How to transfer.

    Attributes
    ----------
    learner : str
        "linear" (discriminant; pooled with the source's), "forest" (stacked on the source's opinion) or
        "bilstm" (fine-tuned, and joint). The last needs families.
    method : str
        Label-free alignment (see `align`).
    estimate : bool
        Estimate the target's composition from its unlabelled cells (see `align_shares`).
    labelled : sequence of int
        Numbers of labelled target cells.
    seeds, num_folds : int
        How often cells are dealt to folds, and to how many.
    epochs : int, optional
        Most epochs of a phase of the BiLSTM.
    """

    learner: str = "linear"
    method: str = "rank"
    estimate: bool = True
    # where the source was seen to help, to help a little, and no more (docs/benchmarks/patchseq_tables.md)
    labelled: Sequence[int] = (24, 48, 96)
    seeds: int = 3
    num_folds: int = 5
    epochs: int | None = None


@dataclass(frozen=True)
class TransferReport:
    """What a transfer gave.

    Attributes
    ----------
    path : Path
        Folder with the tables and figures.
    scores : DataFrame
        One row per condition, number of labelled cells (0: zero-shot) and metric: `value`, `ci_low`,
        `ci_high` (95 %, over donors), mean over seeds.
    gains : DataFrame
        Paired differences, transferred minus target-only, on the same folds and labelled cells.
    notes : list of str
        What could not be done, and why.
    """

    path: Path
    scores: pd.DataFrame
    gains: pd.DataFrame
    notes: list[str]


def transfer_cells(
    source: LoadedCells,
    target: LoadedCells,
    out: str | os.PathLike[str],
    *,
    plan: Plan | None = None,
    overwrite: bool = False,
) -> TransferReport:
    """Predict the classes of target cells from a source's, without and with few labels of the target.

    All conditions have the same folds by donor, the same labelled cells and the same unlabelled ones.
    Families become components by a transformer fitted on the source alone. Sources and targets without a
    class, or of classes that the other lacks, are left out.

    Parameters
    ----------
    source, target : LoadedCells
        From `load_cells`, both with families or both tables.
    out : path
        Folder to write: `scores.csv`, `gains.csv`, `predictions.csv`, figures.
    plan : Plan, optional
        A linear transfer by default.
    overwrite : bool
        Replace a transfer.
    """
    plan, out = plan or Plan(), Path(out)
    require_absent(out, overwrite=overwrite, marker=TRANSFER_FILE)
    tables = _prepare(source, target, plan)
    conditions = _choose_conditions(plan, *tables)
    predicted, notes = _predict(*tables, conditions, plan)
    scores, gains = _score(predicted, tables[1])
    with write_whole(out, overwrite=overwrite, marker=TRANSFER_FILE) as temporary:
        temporary.mkdir()
        guard_formulas(scores).to_csv(temporary / "scores.csv", index=False)
        guard_formulas(gains).to_csv(temporary / "gains.csv", index=False)
        guard_formulas(_tabulate(predicted, tables[1])).to_csv(temporary / "predictions.csv", index=False)
        about = {
            "plan": vars(plan),
            "source": source.sources,
            "target": target.sources,
            "source_labels": tables[0].label_version,
            "target_labels": tables[1].label_version,
            "num_source_cells": len(tables[0]),
            "num_target_cells": len(tables[1]),
            "notes": notes,
        }
        (temporary / TRANSFER_FILE).write_text(json.dumps(about, indent=1))
        if find_spec("matplotlib") is not None:
            from nwbspikegen.patchseq.run.draw import draw_transfer

            # the two ends: no label, and as many as there are
            most = max(number for _, number in predicted)
            confusions = {
                f"{condition}-{number}": count_confusion(runs, tables[1].classes)
                for (condition, number), runs in predicted.items()
                if number in (0, most)
            }
            draw_transfer(temporary / "figures", scores, confusions)
    return TransferReport(out, scores, gains, notes)


def _prepare(source: LoadedCells, target: LoadedCells, plan: Plan) -> tuple[CellTable, CellTable]:
    """Return both as tables of the same features and of the classes that both have."""
    if plan.learner not in LEARNERS:
        raise InputError(f"learner {plan.learner!r}", " or ".join(LEARNERS), "choose one of them")
    shared = sorted((set(source.table.classes) & set(target.table.classes)) - {""})
    if len(shared) < 2:
        raise InputError(
            f"classes {sorted(set(source.table.classes))} and {sorted(set(target.table.classes))}",
            "two classes or more that both have",
            "name the same classes alike",
        )
    source, target = (one.select(np.isin(one.table.classes, shared)) for one in (source, target))
    if source.families is None or target.families is None:
        if plan.learner == "bilstm":
            for one in (source, target):
                one.require_families()
        return _share(source.table, target.table)
    from nwbspikegen.patchseq.species.bilstm import tabulate_components

    # on the source alone: a target cell that is scored must not have shaped what it is read by
    transformer = FamilyComponents().fit(source.families)
    tables = [tabulate_components(transformer, one.families, one.table) for one in (source, target)]
    # a cell without any family that the source has tells nothing
    first, second = (one.select(np.isfinite(one.values).any(axis=1)) for one in tables)
    return first, second


def _share(source: CellTable, target: CellTable) -> tuple[CellTable, CellTable]:
    names = [str(name) for name in source.features if name in target.features]
    if not names:
        raise InputError("tables without a feature in common", "the same features", "rename the columns")
    if len(names) < max(source.features.shape[1], target.features.shape[1]):
        _LOG.info("%d features that both tables have", len(names))
    return source.take_features(names), target.take_features(names)


def _choose_conditions(
    plan: Plan, source: CellTable, target: CellTable
) -> tuple[dict[str, TransferCondition], dict[str, TransferCondition]]:
    """Return zero-shot and few-shot conditions; of the latter all are compared with `target_only`."""
    zero = functools.partial(fit_zero_shot, method=plan.method, estimate=plan.estimate)
    if plan.learner == "linear":
        return {"zero_shot": zero}, {"target_only": fit_target_only, "pooled": fit_pooled}
    if plan.learner == "forest":
        return {"zero_shot": zero}, {"target_only": fit_target_forest, "stacked": fit_stacked_forest}
    from nwbspikegen.patchseq.classify.bilstm_training import BiLSTMSchedule
    from nwbspikegen.patchseq.species.bilstm import BiLSTMConditions

    schedule = BiLSTMSchedule() if plan.epochs is None else BiLSTMSchedule(epochs=plan.epochs)
    names = list(map(str, source.features))
    conditions = BiLSTMConditions(names, source.donors, plan.method, plan.estimate, schedule)
    return conditions.zero_shot, conditions.few_shot


_Predicted = dict[tuple[str, int], np.ndarray]


def _predict(
    source: CellTable,
    target: CellTable,
    conditions: tuple[Mapping[str, TransferCondition], Mapping[str, TransferCondition]],
    plan: Plan,
) -> tuple[_Predicted, list[str]]:
    seeds, notes = range(plan.seeds), []
    found = predict_conditions(
        source, target, conditions[0], num_labelled=None, seeds=seeds, num_folds=plan.num_folds
    )
    predicted: _Predicted = {(name, 0): runs for name, runs in found.items()}
    _LOG.info("zero-shot")
    for number in plan.labelled:
        try:
            found = predict_conditions(
                source, target, conditions[1], num_labelled=number, seeds=seeds, num_folds=plan.num_folds
            )
        # too few cells for one number of labels: the others are still worth their hours
        except InputError as error:
            notes.append(f"{number} labelled cells: {error}")
            _LOG.warning("%s", notes[-1])
            continue
        predicted |= {(name, number): runs for name, runs in found.items()}
        _LOG.info("%d labelled cells", number)
    return predicted, notes


def _score(predicted: _Predicted, target: CellTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows: list[dict[str, Any]] = []
    gains: list[dict[str, Any]] = []
    for (condition, number), runs in predicted.items():
        for metric in METRICS:
            found = score_classes(runs, target.classes, target.donors, metric=metric)
            rows.append({"condition": condition, "num_labelled": number, "metric": metric, **_spread(found)})
            # zero-shot is not compared: it has no labelled cells in common
            alone = predicted.get(("target_only", number))
            if alone is None or condition == "target_only":
                continue
            gain = compare_classes(runs, alone, target.classes, target.donors, metric=metric)
            gains.append(
                {
                    "condition": condition,
                    "over": "target_only",
                    "num_labelled": number,
                    "metric": metric,
                    **_spread(gain),
                }
            )
    columns = ["condition", "over", "num_labelled", "metric", "value", "ci_low", "ci_high"]
    return pd.DataFrame(rows), pd.DataFrame(gains, columns=columns)


def _spread(found: Any) -> dict[str, float]:
    return {"value": found.value, "ci_low": found.low, "ci_high": found.high}


def _tabulate(predicted: _Predicted, target: CellTable) -> pd.DataFrame:
    known = {
        "cell": target.features.index.to_numpy(str),
        "donor": target.donors,
        "cell_class": target.classes,
    }
    parts = [
        pd.DataFrame(
            {"condition": condition, "num_labelled": number, "seed": seed, **known, "predicted_class": run}
        )
        for (condition, number), runs in predicted.items()
        for seed, run in enumerate(runs)
    ]
    return pd.concat(parts, ignore_index=True)
