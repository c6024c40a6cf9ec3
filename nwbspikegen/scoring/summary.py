"""A table of scores as a person reads it: how good, how much better than what, and how sure."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.blocks import FEWEST_RELIABLE_BLOCKS
from nwbspikegen.scoring.differences import MEAN, compare_predictors
from nwbspikegen.scoring.meanings import INTERVAL, tell_predictors, tell_scores
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, list_metrics
from nwbspikegen.scoring.summary_text import format_summary

_NEEDED = {"predictor", "metric", "null", "value", "ci_low", "ci_high"}


@dataclasses.dataclass(frozen=True)
class ScoreSummary:
    """Scores in short; printed, it is the table of the command line.

    Attributes
    ----------
    model : str
        The predictor that the others are compared with: that of the first row.
    table : DataFrame
        One row per predictor: `bits_per_spike` above the mean rate with `ci_low` and `ci_high`, then
        `model_above`, how many bits per spike the model is above that predictor on the same draws of
        blocks, with `above_low` and `above_high`; NaN where it is not known.
    others : DataFrame
        The other scores, predictors down.
    num_units, num_silent_units, num_spikes, num_blocks : int
        What was scored: bins with a spike, and blocks of 10 s of observation.
    observed_fraction : float
        Share of all bins that was observed; the rest is not scored.
    is_reliable : bool
        Whether there are blocks enough for the intervals.
    reason : str
        Why there are no scores, where there are none.
    meanings : dict of str to str
        What each predictor and column means.
    """

    model: str
    table: pd.DataFrame
    others: pd.DataFrame
    num_units: int
    num_silent_units: int
    num_spikes: int
    num_blocks: int
    observed_fraction: float
    is_reliable: bool
    reason: str
    meanings: dict[str, str]

    def __str__(self) -> str:
        return format_summary(self)

    def explain(self) -> str:
        """Return the table as text, and below it what each predictor and column means."""
        return format_summary(self, is_explained=True)

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"


def summarise(scores: pd.DataFrame) -> ScoreSummary:
    """Summarise a table of scores: predictors down, with paired differences from the model to each.

    Parameters
    ----------
    scores : DataFrame
        What `score` or `read_scores` returned: the model in its first row.

    Returns
    -------
    ScoreSummary
        `print` shows what the command line does, in 100 columns; `explain()` says what it means.

    Raises
    ------
    InputError
        Not a table of scores.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=40, seed=1).sorting)
    >>> parts = nsg.split_fractions(units)
    >>> from nwbspikegen.scoring import make_baseline
    >>> predicted = nsg.generate(make_baseline("online_hazard"), parts.test, context=units)
    >>> summary = nsg.summarise(nsg.score(predicted, parts.test, train=parts.train))
    >>> summary.model, summary.num_blocks, summary.is_reliable
    ('online_hazard', 1, False)
    >>> summary.table.columns[:3].tolist()
    ['bits_per_spike', 'ci_low', 'ci_high']
    """
    missing = _NEEDED - set(scores.columns)
    if missing or not len(scores):
        raise InputError(
            f"a table without {', '.join(sorted(missing)) or 'rows'}",
            "scores as `score` or `read_scores` returns them",
            "score first",
        )
    first = scores.iloc[0]
    names = list(dict.fromkeys(map(str, scores["predictor"])))
    others, headings = _tabulate_others(scores, names)
    return ScoreSummary(
        model=names[0],
        table=_tabulate_bits(scores, names),
        others=others,
        num_units=_count(first, "num_units"),
        num_silent_units=_count(first, "num_silent_units"),
        num_spikes=_count(first, "num_spikes"),
        num_blocks=_count(first, "num_blocks"),
        observed_fraction=float(first.get("observed_fraction", 1.0)),
        # tables of old files do not say it
        is_reliable=bool(first.get("ci_reliable", _count(first, "num_blocks") >= FEWEST_RELIABLE_BLOCKS)),
        reason=str(first.get("reason", "") or ""),
        meanings={
            **tell_predictors(names, names[0]),
            BITS_PER_SPIKE.column: f"{BITS_PER_SPIKE.meaning} Here above the mean rate of each unit in the "
            "training segment",
            "95 % interval": INTERVAL,
            f"{names[0]} above it": "bits per spike of the model above that predictor, with the interval of "
            "the difference on the same draws of blocks: above 0 the model is better; '-' where that "
            "interval is not stored",
            **tell_scores(headings),
        },
    )


def _count(row: Any, name: str) -> int:
    value = row.get(name, 0)
    return 0 if value is None or math.isnan(float(value)) else int(value)


def _tabulate_bits(scores: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    rows = scores[(scores["metric"] == BITS_PER_SPIKE.name) & scores["null"].isin([MEAN])]
    own = rows.set_index("predictor")[["value", "ci_low", "ci_high"]].astype(float)
    own.columns = pd.Index([BITS_PER_SPIKE.name, "ci_low", "ci_high"])
    above = compare_predictors(scores).set_index("predictor")[["value", "ci_low", "ci_high"]].astype(float)
    above.columns = pd.Index(["model_above", "above_low", "above_high"])
    return own.reindex(names).join(above).rename_axis("predictor")


def _tabulate_others(scores: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the scores beside bits above the mean rate, and the score that each heading is."""
    there, columns, headings = list(dict.fromkeys(scores["metric"])), {}, {}
    # in the order of the register, not of the table: all tables of this package read alike
    for each in list_metrics():
        if each.name not in there:
            continue
        there.remove(each.name)
        if each.needs_null and each.column:
            # from other nulls than the rate so far: what the model is above them stands in the table
            headings["over running"] = each.name
            columns["over running"] = _pick(scores, each.name, "running_rate")
        elif each.column:
            headings[each.column] = each.name
            columns[each.column] = _pick(scores, each.name, "")
    # of packages that are not installed here
    for name in there:
        headings[name] = name
        columns[name] = _pick(scores, name, None)
    frame = pd.DataFrame(columns).reindex(names).rename_axis("predictor").dropna(axis=1, how="all")
    return frame, {heading: name for heading, name in headings.items() if heading in frame}


def _pick(scores: pd.DataFrame, metric: str, null: str | None) -> pd.Series[float]:
    rows = scores[(scores["metric"] == metric) & ((scores["null"] == null) | (null is None))]
    picked: pd.Series[float] = rows.drop_duplicates("predictor").set_index("predictor")["value"].astype(float)
    return picked
