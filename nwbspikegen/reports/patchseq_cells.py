"""The pages of folders of patched cells: what was measured of them, and how well their classes are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nwbspikegen.core.json_files import read_json
from nwbspikegen.core.plain_text import restore_formulas
from nwbspikegen.plot.canvas import COLOURS
from nwbspikegen.reports.head import show_head
from nwbspikegen.reports.meanings import iterate_rows
from nwbspikegen.reports.parts import VERSION, Mark, Page, Panel, Part, Prose, Section, Table
from nwbspikegen.scoring.metrics import CALIBRATION_ERROR

if TYPE_CHECKING:
    from nwbspikegen.patchseq.features.files import CellOrigin

_MEANINGS = {
    "predictor": "The model, or majority: the most frequent class of the training cells.",
    "metric": "balanced_accuracy is the mean over classes of the share that is right: chance is one over the "
    f"number of classes. macro_f1 is the mean F1. {CALIBRATION_ERROR.name} is how far confidences lie from "
    "shares that are right; lower is better. set_coverage is the share of cells whose class is in their 90 % "
    "set, set_size the mean number of classes in it.",
    "value": "The score over all cells, each predicted by a model that had not seen its donor.",
    "ci_low": "Lower end of the 95 % interval, over donors.",
    "ci_high": "Upper end of the 95 % interval.",
    "num_cells": "Cells that were predicted.",
    "num_donors": "Donors that they come from; intervals of few are unreliable.",
}
# of predictions by confidence: with more, groups of some hundred cells are empty
_NUM_GROUPS = 10
# ways in which amplifiers were set; a folder of many laboratories has more than anyone reads
_MOST_SETTINGS = 3
# donors: with fewer, percentiles of the bootstrap are too narrow, as with blocks of time
_FEWEST_DONORS = 30


def make_features_page(folder: Path, command: str) -> Page:
    """Return the page of a folder of `patchseq features`: families, gaps, places of the cells, scalars."""
    from nwbspikegen.patchseq.features.files import read_description, read_features, tabulate_scalars

    cells = read_features(folder)
    scalars = tabulate_scalars(cells)
    origins = read_description(folder).cells
    names, classes = cells["cell"].values.astype(str), cells["cell_class"].values.astype(str)
    families = [str(name) for name in cells["family"].values if str(name) in cells]
    missing = int((cells["reason"].values.astype(str) != "").sum())
    facts = {
        "Cells": f"{len(names)}, of {len(set(cells['donor'].values.astype(str)))} donors",
        "Species": ", ".join(sorted(set(cells["species"].values.astype(str)) - {""})),
        "Classes": _count(classes),
        "Families": f"{len(families)} ({cells.attrs.get('preset', '')}), {missing} missing of "
        f"{len(families) * len(names)}",
        "Sweeps": f"{sum(one.sweeps_measured for one in origins.values())} measured, "
        f"{sum(len(one.rejected) for one in origins.values())} left out",
        "Amplifier": _tell_amplifiers(origins),
    }
    verdict = (
        f"{len(names)} cells were measured; {missing} of {len(families) * len(names)} feature families "
        "are missing, "
        "each with its reason below. A missing family is a mask, never zeros."
    )
    parts: list[Part] = [*_draw_families(cells, families, classes), _draw_gaps(cells, families, names)]
    parts += _draw_map(scalars, names, classes)
    table = scalars.reset_index()
    return Page(
        folder.name,
        "patch-clamp features",
        [
            show_head(folder.name, facts, command, verdict=verdict),
            Section("cells", "Cells", parts),
            Section(
                "scalars", "Scalars", [Table("cells_table", "All cells", table), *_list_left_out(origins)]
            ),
        ],
        units=names.tolist(),
        unit_word="Cell",
        methods=(
            f"Feature families ({cells.attrs.get('preset', '')}) and scalars of {len(names)} cells were "
            "measured from "
            "current-clamp sweeps that passed quality control; families whose protocol a cell lacks are "
            "masked. "
            f"Computed with nwbspikegen {VERSION}."
        ),
    )


def _tell_amplifiers(origins: Mapping[str, CellOrigin]) -> str:
    """Return how the amplifiers were set, the most frequent first; "" for folders that do not say it."""
    told = Counter(one.compensation for one in origins.values() if one.compensation)
    shown = [f"{count} cell{'s' * (count > 1)}: {text}" for text, count in told.most_common(_MOST_SETTINGS)]
    more = [f"{len(told) - len(shown)} other settings"] if len(told) > len(shown) else []
    return " | ".join([*shown, *more])


def _list_left_out(origins: Mapping[str, CellOrigin]) -> list[Part]:
    rows = [
        {"cell": cell, "sweep": number, "reason": reason}
        for cell, one in origins.items()
        for number, reason in one.rejected.items()
    ]
    return [Table("left_out", "Sweeps that were left out, and why", pd.DataFrame(rows))] if rows else []


def _count(classes: np.ndarray) -> str:
    names, counts = np.unique(classes, return_counts=True)
    return ", ".join(f"{name or 'no class'} {count}" for name, count in zip(names, counts, strict=True))


def _draw_families(cells: Any, families: list[str], classes: np.ndarray) -> list[Part]:
    """Return each family: the mean of every class, and the chosen cell."""
    panels: list[Part] = []
    kinds = np.unique(classes)
    for family in families:
        values = np.asarray(cells[family].values, dtype=float)
        reasons = cells["reason"].sel(family=family).values.astype(str)
        x = np.arange(values.shape[1], dtype=float)
        marks = []
        for place, kind in enumerate(kinds):
            of = values[(classes == kind) & np.isfinite(values).any(axis=1)]
            if len(of):
                mean = np.nanmean(of, axis=0) if np.isfinite(of).any(axis=0).all() else _mean(of)
                colour = COLOURS[place % len(COLOURS)]
                marks.append(Mark("line", x, mean, name=f"{kind or 'no class'} ({len(of)})", colour=colour))
        marks.append(
            Mark("line", x, values, by_unit=("y",), name="chosen cell", colour="#000000", is_faint=True)
        )
        panels.append(
            Panel(
                f"family_{family}",
                family.replace("_", " "),
                f"Family {family}: mean of the cells of each class, their number in brackets, and dashed "
                "the chosen "
                "cell.",
                marks,
                "Sample",
                family.replace("_", " "),
                height=260,
                notes=[f"missing: {reason}" if reason else "measured" for reason in reasons],
            )
        )
    return panels


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of what is there, NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: np.ndarray = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return mean


def _draw_gaps(cells: Any, families: list[str], names: np.ndarray) -> Panel:
    reasons = cells["reason"].sel(family=families).values.astype(str)
    return Panel(
        "gaps",
        "Which families are missing",
        "Yellow: measured; dark: missing. Choose a cell to read the reason beside each family.",
        [
            Mark(
                "map",
                np.arange(len(families)),
                np.arange(len(names)),
                (reasons == "").astype(float),
                scale="measured",
                limits=(0.0, 1.0),
            )
        ],
        "Family",
        "Cell (row)",
        x_names={float(place): name.replace("_", " ") for place, name in enumerate(families)},
        height=max(260, min(600, 180 + 6 * len(names))),
        rows_are_units=True,
    )


def _draw_map(scalars: pd.DataFrame, names: np.ndarray, classes: np.ndarray) -> list[Part]:
    """Return the cells in the plane of the two principal axes of their scalars, as ranks."""
    values = scalars.select_dtypes("number").rank(pct=True)
    values = values.loc[:, values.notna().any(axis=0)].fillna(0.5)
    if len(values) < 3 or values.shape[1] < 2:
        return [Prose("Three cells and two scalars are needed for a map of the cells.")]
    centred = values.to_numpy() - values.to_numpy().mean(axis=0)
    left, strength, _ = np.linalg.svd(centred, full_matrices=False)
    places, share = left * strength, strength**2 / (strength**2).sum()
    marks = []
    for place, kind in enumerate(np.unique(classes)):
        chosen = np.flatnonzero(classes == kind)
        marks.append(
            Mark(
                "points",
                places[chosen, 0],
                places[chosen, 1],
                name=str(kind) or "no class",
                colour=COLOURS[place % len(COLOURS)],
                text=[f"{names[each]}: {kind or 'no class'}" for each in chosen],
                units=chosen.tolist(),
            )
        )
    return [
        Panel(
            "cell_map",
            "Map of the cells",
            f"Principal axes of {values.shape[1]} scalars, each as its rank; a missing one is in the "
            "middle. Cells "
            "that lie together are alike in most of them. Click on a cell to choose it.",
            marks,
            f"First axis ({share[0]:.0%} of the variance)",
            f"Second axis ({share[1]:.0%})",
            height=400,
        )
    ]


def make_cell_model_page(folder: Path, command: str) -> Page:
    """Return the page of a folder of `patchseq train`: scores, confusion, confidence, every cell."""
    scores = restore_formulas(pd.read_csv(folder / "scores.csv"))
    cells = restore_formulas(pd.read_csv(folder / "cross_validated.csv", dtype={"cell": str, "donor": str}))
    cells["cell_class"] = cells["cell_class"].astype(str)
    cells["predicted_class"] = cells["predicted_class"].astype(str)
    training = read_json(folder / "model.json", "a model of cells", "train it again").get("training", {})
    model = str(scores["predictor"].iloc[0])
    counts = training.get("cells", {})
    facts = {
        "Model": model,
        "Species": str(training.get("species", "")),
        "Cells": ", ".join(f"{name} {count}" for name, count in counts.items()),
        "Donors": str(training.get("num_donors", "")),
        "Trained on": ", ".join(Path(str(each.get("file", ""))).name for each in training.get("sources", [])),
    }
    parts: list[Part] = [
        _draw_scores(scores),
        *_draw_confusion(cells),
        *_draw_confidence(cells),
        Table("scores", "Scores", scores, "", _MEANINGS),
        Table("predictions", "Every cell, by a model that had not seen its donor", cells),
    ]
    verdict = _judge(scores, model)
    head = show_head(folder.name, facts, command, verdict=verdict)
    return Page(
        folder.name,
        "cell classes",
        [head, Section("classes", "Classes", parts)],
        methods=(
            f"Classes were predicted by {model} in cross-validation by donor: no cell was predicted by a "
            "model that "
            "had seen another of its donor. Intervals (95 %) are bootstraps over donors; beside each "
            "score stands "
            f"the most frequent class. Computed with nwbspikegen {VERSION}."
        ),
    )


def _judge(scores: pd.DataFrame, model: str) -> str:
    rows = scores[scores.metric == "balanced_accuracy"].set_index("predictor")
    if model not in rows.index:
        return ""
    own = rows.loc[model]
    told = f"{model}: balanced accuracy {own.value:.2f} ({own.ci_low:.2f} to {own.ci_high:.2f})"
    if "majority" in rows.index:
        told += f", where the most frequent class has {rows.loc['majority'].value:.2f}"
    donors = own.get("num_donors", np.nan)
    few = f" Few donors ({donors:.0f}): the interval is unreliable." if donors < _FEWEST_DONORS else ""
    return f"{told}, on {own.num_cells:.0f} cells whose donors the model had not seen.{few}"


def _draw_scores(scores: pd.DataFrame) -> Panel:
    rows = scores[np.isfinite(scores.ci_low.astype(float))].reset_index(drop=True)
    few = rows["num_donors"].astype(float) < _FEWEST_DONORS if "num_donors" in rows else rows.value.isna()
    names = list(dict.fromkeys(rows.predictor))
    marks = [
        Mark(
            "intervals",
            [row.value],
            [float(row.Index)],
            low=[row.ci_low],
            high=[row.ci_high],
            colour=COLOURS[names.index(row.predictor) % len(COLOURS)],
            text=[f"{row.predictor}, {row.metric}: {row.value:.3g} ({row.ci_low:.3g} to {row.ci_high:.3g})"],
            is_faint=bool(few[row.Index]),
        )
        for row in iterate_rows(rows)
    ]
    said = " Dotted and hollow: few donors, the interval is unreliable." if few.any() else ""
    return Panel(
        "class_scores",
        "How well classes are told",
        f"Scores over cells whose donors the model had not seen, with 95 % intervals over donors.{said}",
        marks,
        "Score",
        "",
        y_names={
            place: f"{row.predictor}, {row.metric}".replace("_", " ")
            for place, row in enumerate(iterate_rows(rows))
        },
        height=110 + 30 * len(rows),
    )


def _draw_confusion(cells: pd.DataFrame) -> list[Part]:
    classes = sorted({*cells.cell_class, *cells.predicted_class})
    counts = pd.crosstab(cells.cell_class, cells.predicted_class).reindex(
        index=classes, columns=classes, fill_value=0
    )
    total = counts.sum(axis=1).to_numpy()[:, None]
    shares = np.where(total > 0, counts.to_numpy() / np.maximum(total, 1), np.nan)
    labels = [[str(value) for value in row] for row in counts.to_numpy().tolist()]
    names = {float(place): name for place, name in enumerate(classes)}
    x = np.arange(len(classes))
    return [
        Panel(
            "confusion",
            "Confusion",
            "Cells of each class (down) by the class that was predicted (across); the number is of "
            "cells, the colour "
            "their share of the row. Repeats of the cross-validation are counted each.",
            [Mark("map", x, x, shares, labels=labels, scale="share of the class", limits=(0.0, 1.0))],
            "Predicted",
            "Class",
            x_names=names,
            y_names=names,
            height=160 + 44 * len(classes),
        )
    ]


def _draw_confidence(cells: pd.DataFrame) -> list[Part]:
    columns = [name for name in cells if str(name).startswith("probability_")]
    if not columns:
        return []
    confidence = cells[columns].max(axis=1).to_numpy(dtype=float)
    right = (cells.cell_class == cells.predicted_class).to_numpy(dtype=float)
    order = np.argsort(confidence, kind="stable")
    groups = [group for group in np.array_split(order, min(_NUM_GROUPS, len(order))) if len(group)]
    x = np.array([confidence[group].mean() for group in groups])
    y = np.array([right[group].mean() for group in groups])
    text = [
        f"{len(group)} cells: confidence {a:.2f}, right {b:.2f}"
        for group, a, b in zip(groups, x, y, strict=True)
    ]
    ends = np.array([min(x.min(), 0.2), 1.0])
    return [
        Panel(
            "confidence",
            "Calibration",
            "Cells in ten groups of equal size by confidence, the largest probability: on the dashed "
            "line, so many "
            "are right as the model says.",
            [
                Mark("line", ends, ends, name="calibrated", is_faint=True, colour="#666666"),
                Mark("points", x, y, text=text, colour=COLOURS[0]),
            ],
            "Mean confidence",
            "Share that is right",
            height=320,
        )
    ]


def make_predictions_page(folder: Path, command: str) -> Page:
    """Return the page of a folder of `patchseq predict` or `patchseq transfer`: classes, and its tables."""
    parts: list[Part] = []
    verdict = ""
    told = {**_MEANINGS, "condition": "What was trained on.", "num_labelled": "Labelled cells of the target."}
    for name, title in (("scores", "Scores"), ("gains", "Gains over other conditions")):
        if (folder / f"{name}.csv").is_file():
            parts.append(Table(name, title, restore_formulas(pd.read_csv(folder / f"{name}.csv")), "", told))
    cells = restore_formulas(pd.read_csv(folder / "predictions.csv", dtype={"cell": str}))
    if "predicted_class" in cells:
        counts = _count(cells["predicted_class"].astype(str).to_numpy())
        verdict = f"Predicted classes: {counts}."
        if "doubt" in cells:
            doubted = int((cells["doubt"].fillna("") != "").sum())
            verdict += (
                f" {doubted} of {len(cells)} are in doubt: beside each stands why, the set of classes that "
                "holds the right one in 9 of 10 cells of new donors, and the distance to the training cells "
                "(1: as far as 95 % of them lie at most)."
            )
        if "cell_class" in cells and cells["cell_class"].notna().all():
            known = cells.assign(cell_class=cells.cell_class.astype(str))
            parts = [*_draw_confusion(known), *_draw_confidence(known), *parts]
    parts.append(Table("predictions", "Predictions", cells))
    head = show_head(folder.name, {"Cells": f"{len(cells)}"}, command, verdict=verdict)
    return Page(
        folder.name, "predicted classes", [head, Section("predictions_section", "Predictions", parts)]
    )
