"""Scores, audits and statistics as text."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbspikegen.core.output import WIDTH, list_meanings, records_of

if TYPE_CHECKING:
    import pandas as pd


def format_scores(scores: pd.DataFrame | None, *, is_explained: bool = False) -> str:
    """Return the scores as `summarise` prints them; with `is_explained`, what they mean below."""
    if scores is None or not len(scores):
        return "no bin is scored: all were used for training"
    from nwbspikegen.scoring.summary import summarise

    summary = summarise(scores)
    return summary.explain() if is_explained else str(summary)


def tell_meanings(scores: pd.DataFrame | None, *, is_wanted: bool) -> dict[str, dict[str, str]]:
    """Return, for JSON, what the names of a table mean; nothing unless that is wanted."""
    if not is_wanted or scores is None or not len(scores):
        return {}
    from nwbspikegen.scoring.summary import summarise

    return {"meanings": summarise(scores).meanings}


def format_audits(audits: pd.DataFrame, *, is_explained: bool = False) -> str:
    """Return a line or two per audit; with `is_explained`, what they mean below."""
    from nwbspikegen.scoring.meanings import AUDITS

    marks = {True: "pass", False: "FAIL"}
    lines = [
        textwrap.fill(
            f"{marks[bool(row.passed)]}  {row.audit:<22} {row.detail}", WIDTH, subsequent_indent=" " * 29
        )
        for row in audits.itertuples()
    ]
    if is_explained:
        there = set(map(str, audits["audit"])) if len(audits) else set()
        lines += ["", *list_meanings({name: told for name, told in AUDITS.items() if name in there})]
    return "\n".join(lines)


def format_statistics(statistics: pd.DataFrame, *, is_explained: bool = False) -> str:
    """Return how trains compare with the recorded ones: statistics down, trains across."""
    from nwbspikegen.scoring.meanings import tell_statistics

    wide = statistics.pivot_table(
        index="statistic", columns="train", values="value", sort=False, dropna=False
    )
    wide.index.name = wide.columns.name = None
    text = wide.to_string(float_format=lambda value: f"{value:.4g}", line_width=WIDTH)
    if is_explained:
        text += "\n\n" + "\n".join(list_meanings(tell_statistics(["train", *wide.index])))
    return text


def format_realism(distances: pd.DataFrame, *, is_explained: bool = False) -> str:
    """Return distances of a free run from the recording, by statistic; empty without any."""
    if not len(distances):
        return ""
    from nwbspikegen.likeness.statistics import STATISTICS

    heads = ("distance", "own, least", "most", "generated", "recorded")
    lines = [f"{'1: as the recording from itself':<32}" + "".join(f"{head:>13}" for head in heads)]
    for row in records_of(distances):
        values = [row[key] for key in ("distance", "own_low", "own_high", "generated", "recorded")]
        name = f"{row['level']}: {row['statistic']}"
        lines.append(f"{name:<32}" + "".join(f"{value:>13.3g}" for value in values))
    meanings = {each.name: each.meaning for each in STATISTICS}
    return "\n".join([*lines, *(["", *list_meanings(meanings)] if is_explained else [])])


def format_verdicts(verdicts: pd.DataFrame) -> str:
    """Return how well judges tell trains from the recording; empty without any."""
    if not len(verdicts):
        return ""
    width = max(len(str(each)) for each in [*verdicts["judge"], *verdicts["train"]]) + 2
    heads = f"{'judge':<{width}}{'train':<{width}}{'ROC-AUC':>9}  95 % interval"
    lines = ["told from recorded (0.5: not at all)", heads]
    for row in records_of(verdicts):
        ends = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
        lines.append(f"{row['judge']:<{width}}{row['train']:<{width}}{row['roc_auc']:>9.3f}  {ends}")
    rows = {(row["judge"], row["train"]): row for row in records_of(verdicts)}
    for (judge, train), row in rows.items():
        name = judge.removeprefix("trees, by ")
        if train == "generated" and name != judge:
            lines.append(_say_resemblance(row, rows[judge, name], name))
    return "\n".join(lines)


def _say_resemblance(run: dict[str, Any], recordings: dict[str, Any], name: str) -> str:
    """Return which of two recordings a run resembles: the one that it goes on from, or another."""
    if recordings["ci_low"] <= 0.5:
        return f"{name} and the recording that the run goes on from are not told apart"
    share = (run["roc_auc"] - 0.5) / (recordings["roc_auc"] - 0.5)
    nearer = name if share > 0.5 else "the recording that it goes on from"
    return f"the run resembles {nearer} (0: as that it goes on from, 1: as {name}; {share:.2f})"


def tell_free_run(
    path: Path,
    statistics: pd.DataFrame,
    distances: pd.DataFrame | None,
    verdicts: pd.DataFrame | None,
    *,
    is_explained: bool,
) -> tuple[dict[str, Any], str]:
    """Return a free run's tables as JSON and as text; runs may be too short for distances and judges."""
    result = {
        "path": str(path),
        "statistics": records_of(statistics),
        "realism": records_of(distances),
        "verdicts": records_of(verdicts),
    }
    told = [format_statistics(statistics, is_explained=is_explained)]
    if distances is not None:
        told.append(format_realism(distances, is_explained=is_explained))
    if verdicts is not None:
        told.append(format_verdicts(verdicts))
    return result, "\n\n".join(filter(None, told))


def format_trains(trains: dict[str, dict[str, dict[str, float]]], *, is_explained: bool = False) -> str:
    """Return statistics of trains down, recorded and generated trains across: mean and SD over units."""
    from nwbspikegen.scoring.meanings import TRAINS

    lines = [f"{'spike trains':<20}" + "".join(f"{name + ', mean':>18}{'SD':>10}" for name in trains)]
    for statistic in list(TRAINS)[1:]:
        cells = [
            f"{each[statistic]['mean']:>18.4g}{each[statistic]['sd']:>10.3g}" for each in trains.values()
        ]
        lines.append(f"{statistic:<20}{''.join(cells)}")
    return "\n".join([*lines, *(["", *list_meanings(TRAINS)] if is_explained else [])])
