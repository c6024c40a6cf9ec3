"""Panels of scores: with intervals, those of few blocks set apart; calibration; ranking within units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from nwbspikegen.plot.canvas import COLOURS, colours_of, label_of
from nwbspikegen.plot.panels import Mark, Panel
from nwbspikegen.scoring.curves import Curve
from nwbspikegen.scoring.differences import MEAN
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, METRICS, name_score

FEW = "few blocks: unreliable"
"""Said of intervals that are drawn dotted, with hollow points."""


def draw_intervals(table: pd.DataFrame) -> list[Mark]:
    """Return a mark for each row of a table of values with intervals; those of few blocks are dotted.

    The table has the columns `predictor, value, ci_low, ci_high` and, unless all are reliable,
    `ci_reliable`.
    """
    colours = colours_of(table["predictor"])
    reliable = _find_reliable(table)
    marks = []
    for place, (predictor, value, low, high) in enumerate(
        zip(*(table[name] for name in ("predictor", "value", "ci_low", "ci_high")), strict=True)
    ):
        few = "" if reliable[place] else f"; {FEW}"
        interval = f" ({low:.3g} to {high:.3g}{few})" if np.isfinite(low) else ""
        marks.append(
            Mark(
                "intervals",
                [value],
                [float(place)],
                low=[low],
                high=[high],
                colour=colours[predictor],
                text=[f"{label_of(predictor)}: {value:.4g}{interval}"],
                is_faint=not reliable[place],
            )
        )
    return marks


def tell_few(table: pd.DataFrame) -> str:
    """Return the sentence about intervals that cannot be relied on, "" where all can."""
    if _find_reliable(table).all():
        return ""
    return " Dotted and hollow: few blocks, the interval is unreliable and narrower than it should be."


def _find_reliable(table: pd.DataFrame) -> np.ndarray:
    if "ci_reliable" not in table:
        return np.ones(len(table), dtype=bool)
    found: np.ndarray = table["ci_reliable"].astype(bool).to_numpy()
    return found


def draw_differences(differences: pd.DataFrame, model: str) -> Panel:
    """Return how many bits per spike a model is above each other predictor, of `compare_predictors`."""
    unknown = differences["predictor"][~np.isfinite(differences["ci_low"].astype(float))]
    said = f" No interval is stored for {', '.join(map(label_of, unknown))}." if len(unknown) else ""
    return Panel(
        "differences",
        "How much better than each",
        f"Bits per spike of {model} above each other predictor, on the same blocks of time, with 95 % "
        f"intervals; right of the line it is better.{tell_few(differences)}{said}",
        draw_intervals(differences),
        f"Bits per spike of {model} above",
        "",
        y_names={place: label_of(name) for place, name in enumerate(differences["predictor"])},
        lines_x=(0.0,),
        height=110 + 32 * len(differences),
    )


def draw_bits(scores: pd.DataFrame, null: str = MEAN) -> Panel:
    """Return bits per spike of every predictor above a null."""
    above = "the mean rate of each unit in the training segment" if null == MEAN else label_of(null)
    return draw_score(
        scores,
        BITS_PER_SPIKE.name,
        null,
        title="Bits per spike",
        caption=f"Bits per spike of every predictor above {above}, with 95 % intervals.",
    )


def draw_score(scores: pd.DataFrame, metric: str, null: str, *, title: str = "", caption: str = "") -> Panel:
    """Return one score of every predictor of a table, with intervals and a line at chance."""
    rows = scores[(scores["metric"] == metric) & (scores["null"].isin([null, ""]))]
    # a row for every predictor: panels side by side have the same rows
    predictors = pd.Index(scores["predictor"].unique(), name="predictor")
    rows = rows.set_index("predictor").reindex(predictors).reset_index()
    if "ci_reliable" in rows:
        rows["ci_reliable"] = rows["ci_reliable"].eq(True) | rows["value"].isna()
    known = METRICS.get(metric)
    chance = known.chance if known else None
    return Panel(
        "bits" if metric == BITS_PER_SPIKE.name else metric,
        title,
        (caption or (known.meaning if known else metric)) + tell_few(rows),
        draw_intervals(rows),
        name_score(metric, null),
        "",
        y_names={place: label_of(name) for place, name in enumerate(predictors)},
        lines_x=() if chance is None else (chance,),
        height=110 + 32 * len(rows),
    )


def draw_calibration(groups: Mapping[str, np.ndarray]) -> Panel:
    """Return the calibration of predictors: `groups` as `group_by_probability` returns them, by name."""
    shown = {name: np.where(each > 0, each, np.nan) for name, each in groups.items()}
    colours = colours_of(shown)
    marks = [draw_diagonal(np.concatenate(list(shown.values()), axis=1))]
    for name, each in shown.items():
        expected, counted = each[:, np.isfinite(each).all(axis=0)]
        marks.append(Mark("points", expected, counted, name=label_of(name), colour=colours[name]))
    return Panel(
        "calibration",
        "Calibration",
        "All bins and units in up to 20 groups of equal size by probability: mean probability against the "
        "share that has a spike. On the dashed line a probability means what it says.",
        marks,
        "Predicted probability",
        "Share of bins with a spike",
        x_is_log=True,
        y_is_log=True,
        height=340,
    )


def draw_diagonal(groups: np.ndarray) -> Mark:
    """Return the line on which probabilities mean what they say, as long as what is drawn."""
    known = groups[np.isfinite(groups) & (groups > 0)]
    ends = np.array([known.min(), known.max()]) if len(known) else np.array([1e-3, 1.0])
    return Mark("line", ends, ends, name="calibrated", is_faint=True, colour=COLOURS[6])


def draw_areas(marks: list[Mark], mean: float) -> Panel:
    """Return the area under the ROC curve within each unit against its rate, of marks that have them."""
    return Panel(
        "areas",
        "ROC within each unit",
        "Area under the ROC curve within each unit, against its rate: whether its spikes have higher "
        f"probabilities than its silent bins. Mean {mean:.4g}; 0.5 (dashed) is chance, and what any constant "
        "rate has.",
        marks,
        "Rate (Hz)",
        "ROC-AUC",
        x_is_log=True,
        lines_y=(0.5,),
        height=300,
    )


def draw_roc(curves: Mapping[str, Curve], areas: Mapping[str, float], *, is_pooled: bool) -> Panel:
    """Return ROC curves of predictors: means over units, or of all units pooled; areas in the legend."""
    colours = colours_of(curves)
    marks = [Mark("line", [0.0, 1.0], [0.0, 1.0], name="chance", is_faint=True, colour="#7F7F7F")]
    for name, curve in curves.items():
        marks.append(
            Mark("line", curve.x, curve.y, name=f"{label_of(name)}: {areas[name]:.3f}", colour=colours[name])
        )
    told = (
        "ROC curves of all bins of all units together: mostly which units are busy."
        if is_pooled
        else "ROC curves within units, the mean over units at each false positive rate: a constant rate lies "
        "on the diagonal."
    )
    return Panel(
        "roc_pooled" if is_pooled else "roc",
        "ROC, all units pooled" if is_pooled else "ROC within units, mean",
        f"{told} Areas stand in the legend.",
        marks,
        "False positive rate",
        "True positive rate",
        height=340,
    )
