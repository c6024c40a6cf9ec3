"""The part of a page that shows scores: differences first, then values, then units."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nwbspikegen.plot.canvas import PREDICTED, label_of
from nwbspikegen.plot.score_panels import (
    FEW,
    draw_areas,
    draw_bits,
    draw_calibration,
    draw_differences,
)
from nwbspikegen.reports.meanings import tell_metrics
from nwbspikegen.reports.parts import Mark, Panel, Part, Prose, Section, Table
from nwbspikegen.reports.predicted import MEAN, PAST, Predicted
from nwbspikegen.scoring.metrics import list_metrics, name_score

MEANINGS = {
    "predictor": "What predicted: the model, and the predictors that anyone could have made.",
    "score": "What was measured; the register of scores says how.",
    "above": "What it is counted from, where it is a gain.",
    "value": "The score of the whole segment.",
    "low": "Lower end of the 95 % interval, over draws of blocks of 10 s.",
    "high": "Upper end of the 95 % interval.",
    "interval": "Whether the interval can be relied on: with fewer than 30 blocks it is too narrow.",
    "units": "Units that enter the score.",
    "spikes": "Bins with a spike that enter it.",
    "blocks": "Blocks of 10 s of observation that intervals are drawn from.",
    "observed": "Share of all bins that was observed; the rest is not scored.",
}


def show_scores(predicted: Predicted, differences: pd.DataFrame) -> Section:
    """Return the section of scores."""
    if not len(predicted.scores):
        return Section(
            "scores", "Scores", [Prose("The file has no scores: all bins were used for training.")]
        )
    parts: list[Part] = [
        draw_differences(differences, predicted.model),
        draw_bits(predicted.scores),
        tabulate_side_by_side(predicted.scores),
        *_draw_units(predicted),
        draw_calibration({predicted.model: predicted.calibration}),
        _draw_areas(predicted),
        tabulate_scores(predicted.scores),
    ]
    return Section("scores", "Scores", parts)


def tabulate_side_by_side(scores: pd.DataFrame) -> Table:
    """Return predictors down and scores across; bits per spike first, pooled areas after those within "
    "units."""
    known = [each for each in list_metrics() if each.name in set(scores.metric)]
    columns: dict[str, pd.Series] = {}
    meanings = {"predictor": MEANINGS["predictor"]}
    for metric in known:
        # bits above each other predictor are the differences above, with their intervals
        for null in (MEAN, "running_rate") if metric.needs_null else ("",):
            rows = scores[(scores.metric == metric.name) & (scores["null"] == null)]
            if rows.empty:
                continue
            title = name_score(metric.name, null)
            columns[title] = rows.set_index("predictor").value
            meanings[title] = metric.meaning
    frame = pd.DataFrame(columns).reindex(list(dict.fromkeys(scores.predictor)))
    frame = frame.rename_axis("predictor").reset_index()
    first = scores.iloc[0]
    observed = f"{first.observed_fraction:.3%}" if "observed_fraction" in scores else "all"
    few = "" if bool(first.ci_reliable) else ", which are few: intervals are unreliable"
    return Table(
        "predictors",
        "All predictors",
        frame,
        f"{first.num_units} units, {first.num_silent_units} of them silent, {first.num_spikes:,} spikes, "
        f"{observed} of all bins observed and scored, {first.num_blocks} blocks{few}. Pooled areas reward "
        "knowing "
        "which unit is fast, and say little without those within units.",
        meanings,
    )


def tabulate_scores(scores: pd.DataFrame) -> Table:
    """Return the stored table, one row per predictor and score."""
    names = {
        "predictor": "predictor",
        "metric": "score",
        "null": "above",
        "value": "value",
        "ci_low": "low",
        "ci_high": "high",
        "ci_reliable": "interval",
        "num_units": "units",
        "num_spikes": "spikes",
        "num_blocks": "blocks",
        "observed_fraction": "observed",
    }
    kept = [name for name in names if name in scores]
    frame = scores[kept].rename(columns=names)
    frame["interval"] = np.where(scores.ci_reliable.astype(bool), "reliable", FEW)
    meanings = {**MEANINGS, "score": tell_metrics(scores)}
    return Table("scores_table", "Every score, as the file stores it", frame, "", meanings)


def _draw_units(predicted: Predicted) -> list[Part]:
    rates = predicted.recorded.survey.units["rate_hz"].to_numpy(dtype=float)
    if len(rates) != predicted.probability.shape[1]:
        # of a recording with too many spikes the survey has some units only
        seconds = predicted.recorded.stop - predicted.recorded.start
        rates = np.array([len(train) / seconds for train in predicted.recorded.trains])
    titles = {
        MEAN: ("unit_bits", "Bits of each unit, above its mean rate"),
        PAST: ("unit_bits_past", "Bits of each unit, above its own past"),
    }
    panels: list[Part] = []
    for null, (name, title) in titles.items():
        if null not in predicted.bits_by_unit:
            continue
        bits = predicted.bits_by_unit[null]
        better = int((bits > 0).sum())
        known = int(np.isfinite(bits).sum())
        mark = mark_unit_values(predicted, rates, bits, "bits per spike")
        caption = (
            f"Bits per spike of each unit above {label_of(null)}, against its rate; {better} of {known} "
            "units with a "
            "spike lie above the line. Point at one for its id and place, click on it to see it above."
        )
        panels.append(
            Panel(
                name,
                title,
                caption,
                [mark],
                "Rate (Hz)",
                "Bits per spike",
                x_is_log=True,
                lines_y=(0.0,),
                height=320,
            )
        )
    return panels


def mark_unit_values(predicted: Predicted, rates: np.ndarray, values: np.ndarray, unit: str) -> Mark:
    """Return a point for each unit that has a value and a rate, with its id, place and region in words."""
    recorded = predicted.recorded
    places = np.flatnonzero(np.isfinite(values) & (rates > 0))
    told = {
        "in {}": recorded.column("location"),
        "x {:.5g} um": recorded.column("rel_x"),
        "y {:.5g} um": recorded.column("rel_y"),
        "depth {:.5g} um": recorded.column("depth"),
    }
    text = []
    for place in places.tolist():
        where = [said.format(column[place]) for said, column in told.items() if column is not None]
        text.append(
            f"unit {recorded.names[place]}: {values[place]:.3g} {unit}, {rates[place]:.3g} Hz; "
            f"{', '.join(where)}"
        )
    return Mark("points", rates[places], values[places], text=text, units=places.tolist(), colour=PREDICTED)


def _draw_areas(predicted: Predicted) -> Panel:
    areas = predicted.areas_by_unit
    seconds = predicted.recorded.stop - predicted.recorded.start
    rates = np.array([len(train) / seconds for train in predicted.recorded.trains])
    mean = float(np.nanmean(areas)) if np.isfinite(areas).any() else np.nan
    return draw_areas([mark_unit_values(predicted, rates, areas, "ROC-AUC")], mean)
