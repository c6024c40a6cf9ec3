"""Scores, audits and statistics as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def format_scores(scores: pd.DataFrame | None) -> str:
    """Return the scores as a table: predictors down, metrics across, with intervals for the first."""
    if scores is None:
        return "no bin is scored: all were used for training"
    columns = _choose_columns(scores)
    # wide enough for numbers of four digits with sign and exponent
    widths = [max(14, len(heading) + 2) for *_, heading in columns]
    headings = "".join(f"{heading:>{width}}" for (*_, heading), width in zip(columns, widths, strict=True))
    lines = [f"{'predictor':<16}{headings}   95 % of bits/spike"]
    for predictor, rows in scores.groupby("predictor", sort=False):
        cells, interval = [], ""
        for (metric, null, _), width in zip(columns, widths, strict=True):
            row = rows[(rows.metric == metric) & (rows.null == null)]
            cells.append(f"{row.value.iloc[0]:>{width}.4g}" if len(row) else f"{'-':>{width}}")
            if len(row) and not interval and math.isfinite(row.ci_low.iloc[0]):
                interval = f"   {row.ci_low.iloc[0]:.3f} to {row.ci_high.iloc[0]:.3f}"
                # said beside the numbers, for it changes how they are read
                interval += "" if row.ci_reliable.iloc[0] else " (few blocks: unreliable)"
        lines.append(f"{predictor!s:<16}{''.join(cells)}{interval}")
    first = scores.iloc[0]
    lines += _say_gain(scores, str(first.predictor))
    lines.append(
        f"{first.num_units} units, {first.num_silent_units} of them silent, {first.num_spikes} spikes; "
        "bits/spike is above the mean rate of the target's training segment"
    )
    if (observed := float(first.get("observed_fraction", 1.0))) < 1:
        lines.append(f"{observed:.3%} of all bins were observed; the rest is not scored")
    if reason := str(first.get("reason", "")):
        lines.append(f"no scores: {reason}")
    return "\n".join(lines)


def _say_gain(scores: pd.DataFrame, model: str) -> list[str]:
    """Return how much better the model is than before training, nothing where that is not known."""
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

    rows = scores[
        (scores.metric == BITS_PER_SPIKE.name) & (scores["null"] == "untrained") & (scores.predictor == model)
    ]
    if not len(rows) or not math.isfinite(rows.value.iloc[0]):
        return []
    gain, low, high = rows.value.iloc[0], rows.ci_low.iloc[0], rows.ci_high.iloc[0]
    # of one block of 10 s there is no interval
    ends = f" ({low:+.3f} to {high:+.3f}, paired)" if math.isfinite(low) else ""
    return [f"{model} above untrained, itself before training: {gain:+.4f} bits/spike{ends}"]


def _choose_columns(scores: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return metric, null and heading of every column: scores that are known first."""
    from nwbspikegen.scoring.metrics import list_metrics

    there, columns = list(dict.fromkeys(scores.metric)), []
    # in the order of the register, not of the table: all tables of this package read alike
    for each in list_metrics():
        if each.name not in there:
            continue
        there.remove(each.name)
        if each.column and each.needs_null:
            columns += [(each.name, "mean_rate", each.column), (each.name, "running_rate", "over running")]
            if (scores["null"] == "untrained").any():
                columns.append((each.name, "untrained", "over untrained"))
        elif each.column:
            columns.append((each.name, "", each.column))
    # of packages that are not installed here
    return columns + [(name, "", name) for name in there]


def format_audits(audits: pd.DataFrame) -> str:
    """Return one line per audit."""
    marks = {True: "pass", False: "FAIL"}
    return "\n".join(
        f"{marks[bool(row.passed)]}  {row.audit:<22} {row.detail}" for row in audits.itertuples()
    )


def format_statistics(statistics: pd.DataFrame) -> str:
    """Return how trains compare with the recorded ones: trains down, statistics across."""
    wide = statistics.pivot_table(
        index="train", columns="statistic", values="value", sort=False, dropna=False
    )
    return wide.to_string(float_format=lambda value: f"{value:.4g}")
