"""A transfer study as text that fits a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.output import WIDTH, list_meanings

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from nwbspikegen.scoring.metrics import Metric
    from nwbspikegen.transfer import TransferStudy

# what a model has to be above: its recordings' own past. Above itself before training it stands by its gains
_COMPARED = ("online_hazard",)


def format_study(
    study: TransferStudy,
    ranking: pd.DataFrame | None,
    ranks: pd.DataFrame | None,
    places: list[Path],
    *,
    is_explained: bool = False,
) -> str:
    """Return the matrices of every model, the groups, what is ranked, and what was written.

    With `is_explained` what rows, columns and predictors mean stands below.
    """
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, list_added

    scores = study.scores
    parts = _format_gains(study)
    for model in scores.attrs["models"]:
        parts += _format_matrix(scores, model, BITS_PER_SPIKE)
        parts += _say_alike(scores, model)
        parts += [line for other in _COMPARED for line in _format_gain(scores, model, other)]
    # ours beside bits per spike are in the tables; who added a score looks for it
    for metric in list_added(scores["metric"].values):
        for model in scores.attrs["models"]:
            parts += _format_matrix(scores, model, metric)
    parts.append("* not independent: shares session, subject or time")
    parts += _say_scored(scores)
    groups = study.groups()
    shown = groups[(groups.metric == BITS_PER_SPIKE.name) & (groups.null == "mean_rate")]
    if len(shown):
        parts += ["", "Bits per spike above mean_rate, mean over cells ± SD", _format_groups(shown)]
    if ranking is not None:
        kept = ["rank", "rank_low", "rank_high", "train_session", "value", "ci_low", "ci_high"]
        kept += ["probability_best", "shared"]
        parts.append("\n" + _format_table(ranking[kept]))
    if ranks is not None:
        parts.append("\n" + _format_table(ranks))
    if is_explained:
        parts += ["", *list_meanings(explain_study(scores, ranking, ranks))]
    if places:
        parts.append(f"\nwrote {', '.join(map(str, places))}")
    return "\n".join(parts)


def _format_gains(study: TransferStudy) -> list[str]:
    """Return what training gave in every cell: the gain over untrained, and what it is worth in seconds."""
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

    parts = []
    for model in study.plan.models:
        try:
            gains = study.gains_of(model)
        except InputError:
            # a model with a window says nothing untrained
            continue
        parts += _format_matrix(gains, model, BITS_PER_SPIKE, str(gains.attrs["headline_null"]))
        if study.plan.contexts:
            parts += _format_worth(study, model)
        parts.append("")
    return parts


def _format_worth(study: TransferStudy, model: str) -> list[str]:
    """Return seconds of each column's own past that each row is worth, at the headline's context."""
    from nwbspikegen.scoring.worth import say_seconds
    from nwbspikegen.transfer.gains import find_headline

    label = find_headline(study.plan.contexts)
    worth = study.worth_seconds(label, predictor=model)
    told = (worth[name] for name in ("worth_seconds", "bound", "measured_up_to"))
    worth["shown"] = [say_seconds(*row) for row in zip(*told, strict=True)]
    matrix = worth.pivot(index="train_session", columns="test_session", values="shown")
    names = study.plan.rows(), study.plan.names
    matrix = matrix.reindex(index=names[0], columns=names[1]).fillna("-")
    matrix.index.name = matrix.columns.name = None
    given = "all of the window" if label == "warm" else f"{label} s"
    return [
        f"worth_seconds of {model} with {given} of the target's past: what untrained needs to do as well",
        matrix.to_string(line_width=WIDTH),
    ]


def _say_alike(scores: xr.Dataset, model: str) -> list[str]:
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
    from nwbspikegen.transfer.study_gains import say_rows_differ

    said = say_rows_differ(scores, predictor=model, metric=BITS_PER_SPIKE.name, null="mean_rate")
    return [said] if said else []


def _format_matrix(scores: xr.Dataset, model: str, metric: Metric, null: str | None = None) -> list[str]:
    """Return one score of one model in every cell, below what it is."""
    from nwbspikegen.scoring.metrics import name_score

    if null is None:
        null = "mean_rate" if metric.needs_null else ""
    matrix = scores.value.sel(predictor=model, metric=metric.name, null=null).to_pandas()
    title = f"{name_score(metric.name, null)}, of {model}; trained on (down), tested on (across)"
    return [title, _write_matrix(scores, matrix, "{:.3f}")]


def _format_gain(scores: xr.Dataset, model: str, other: str) -> list[str]:
    """Return how far a model is above another predictor in every cell, nothing where the study has none."""
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

    bits = scores.value.sel(metric=BITS_PER_SPIKE.name, null="mean_rate")
    if other not in scores["predictor"].values:
        return []
    gain = (bits.sel(predictor=model) - bits.sel(predictor=other)).to_pandas()
    if gain.isna().all(axis=None):
        return []
    # the same bins with the same spikes: values are paired, and their difference is that of the bits
    return [
        "",
        f"{model} above {other}, in the same bins (bits per spike)",
        _write_matrix(scores, gain, "{:+.3f}"),
    ]


def _write_matrix(scores: xr.Dataset, matrix: pd.DataFrame, form: str) -> str:
    marked = matrix.map(form.format).mask(matrix.isna(), "-")
    # a star in the cell: a score within one animal must not be read as one between animals
    marked = marked.where(scores.independent.to_pandas(), marked + "*")
    marked.index.name = marked.columns.name = None
    return marked.to_string(line_width=WIDTH)


def _say_scored(scores: xr.Dataset) -> list[str]:
    """Return lines about test segments that were not observed throughout, or are short."""
    import numpy as np

    from nwbspikegen.scoring.blocks import FEWEST_RELIABLE_BLOCKS

    def of_columns(name: str) -> pd.Series:
        # a column's cells have one segment: the largest is that of any that was scored
        others = [dim for dim in scores[name].dims if dim != "test_session"]
        found: pd.Series = scores[name].max(others).to_series()
        return found

    lines = []
    if named := [f"{name} {part:.3%}" for name, part in of_columns("observed_fraction").items() if part < 1]:
        lines.append(f"of all bins were observed, and scored: {', '.join(named)}")
    blocks = of_columns("num_blocks")
    few = [
        f"{name} {int(number)}"
        for name, number in blocks.items()
        if np.isfinite(number) and number < FEWEST_RELIABLE_BLOCKS
    ]
    if few:
        lines.append(
            f"few blocks of 10 s (fewer than {FEWEST_RELIABLE_BLOCKS}: intervals are unreliable): "
            f"{', '.join(few)}"
        )
    return lines


def _format_groups(groups: pd.DataFrame) -> str:
    """Return groups of cells down and predictors across."""
    import math

    def write(row: pd.Series) -> str:
        return f"{row['mean']:.2f}" + (f"±{row.sd:.2f}" if math.isfinite(row.sd) else "")

    wide = groups.assign(shown=groups.apply(write, axis=1)).pivot_table(
        index="group", columns="predictor", values="shown", aggfunc="first", sort=False
    )
    first = groups.drop_duplicates("group").set_index("group")
    wide.insert(0, "cells", first.num_cells.astype(int))
    wide.insert(1, "dependent", first.num_dependent.astype(int))
    wide.index.name = wide.columns.name = None
    return wide.fillna("-").to_string(line_width=WIDTH)


def _format_table(table: pd.DataFrame) -> str:
    return table.to_string(index=False, float_format="{:.3f}".format, line_width=WIDTH)


def explain_study(scores: xr.Dataset, *tables: pd.DataFrame | None) -> dict[str, str]:
    """Return what the rows, columns and predictors of a study and of its rankings mean."""
    from nwbspikegen.nwb.tables import describe_columns
    from nwbspikegen.scoring.meanings import INTERVAL, tell_predictors
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

    model = str(scores.attrs["models"][0])
    names = list(dict.fromkeys([*scores.attrs["models"], *map(str, scores["predictor"].values)]))
    columns = [name for table in tables if table is not None for name in table.columns]
    return {
        "a row": "What the model was trained on: a recording, several joined by +, or all but the tested one",
        "a column": "The recording that was tested on, its test segment, with the weights that the row has",
        BITS_PER_SPIKE.column: BITS_PER_SPIKE.meaning,
        **tell_predictors(names, model),
        "cells, dependent": "Cells of the matrix in a group, and those of them that are not independent",
        **({"ci_low, ci_high": INTERVAL} if "ci_low" in columns else {}),
        **{name: told for name, told in describe_columns(columns).items() if not name.startswith("ci_")},
    }
