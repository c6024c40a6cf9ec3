"""What the numbers say, in words that are made from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.reports.predicted import MEAN, PAST, Predicted
from nwbspikegen.scoring.blocks import FEWEST_RELIABLE_BLOCKS

_SAYS = {
    MEAN: "the mean rate of each unit",
    "running_rate": "the rate so far",
    PAST: "what a unit's own past tells",
    "history_glm": "a linear model of all units' past",
    "untrained": "the same model untrained",
    "true_intensity": "the best possible prediction",
}


def judge(predicted: Predicted, differences: pd.DataFrame) -> str:
    """Return a verdict: bits per spike above the mean rate, then above the unit's own past, and how sure.

    The numbers are those of the stored table and of `Predicted.compare`.
    """
    if differences.empty or not np.isfinite(differences.value).any():
        reason = str(predicted.scores.reason.iloc[0]) if len(predicted.scores) else "no bin is scored"
        return f"There are no scores: {reason or 'the table is empty'}."
    rows = differences.set_index("predictor")
    told = [_tell(rows.loc[name], name, is_first=name == MEAN) for name in (MEAN, PAST) if name in rows.index]
    best = differences[~differences.predictor.isin([MEAN, PAST, "true_intensity"])]
    beaten_by = best[best.value < 0]
    told += [_tell(row, row.predictor, is_first=False) for _, row in beaten_by.iterrows()]
    text = f"{predicted.model}: {', '.join(told)}."
    return f"{text} {_tell_certainty(predicted, rows)}".strip()


def _tell(row: Any, name: str, *, is_first: bool) -> str:
    unit = " bits per spike" if is_first else ""
    side = "above" if row.value >= 0 else "below"
    value = f"{abs(row.value):.2g}" if abs(row.value) < 0.1 else f"{abs(row.value):.2f}"
    interval = ""
    if np.isfinite(row.ci_low):
        low, high = sorted([row.ci_low, row.ci_high] if row.value >= 0 else [-row.ci_low, -row.ci_high])
        interval = f" ({low:.2g} to {high:.2g})"
    return f"{value}{unit} {side} {_SAYS.get(name, name)}{interval}"


def _tell_certainty(predicted: Predicted, rows: pd.DataFrame) -> str:
    said = []
    reference = PAST if PAST in rows.index else MEAN
    if reference in rows.index:
        low, high = (float(each) for each in rows.loc[[reference], ["ci_low", "ci_high"]].to_numpy()[0])
        if np.isfinite(low) and low <= 0 <= high:
            told = _SAYS.get(reference, reference)
            said.append(f"The interval holds zero: it may be no better than {told}.")
    first = predicted.scores.iloc[0]
    if not bool(first.ci_reliable):
        said.append(
            f"Few blocks ({int(first.num_blocks)} of 10 s, fewer than {FEWEST_RELIABLE_BLOCKS}): the "
            "intervals are "
            "unreliable, and narrower than they should be."
        )
    audits = predicted.audits
    failed = list(dict.fromkeys(audits.audit[~audits.passed.astype(bool)])) if len(audits) else []
    if failed:
        said.append(f"Audits that failed: {', '.join(failed)}.")
    return " ".join(said)
