"""The page of a transfer study: every recording against every other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.addresses import name_of
from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import colours_of, label_of
from nwbspikegen.reports.head import show_head
from nwbspikegen.reports.meanings import tell_metrics
from nwbspikegen.reports.parts import VERSION, Mark, Page, Panel, Part, Prose, Section, Table
from nwbspikegen.reports.study_contexts import draw_contexts
from nwbspikegen.reports.study_matrix import draw_matrix
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.transfer.groups import compare_groups, summarise_groups

_MEAN = "mean_rate"
_GAIN = "Bits per spike above the mean rate"
_MEANINGS = {
    "group": "Which cells: of the training segment, of the session itself, of others, across preparations.",
    "predictor": "What predicted.",
    "metric": "What was measured.",
    "null": "What it is counted from, where it is a gain.",
    "mean": "Mean over the cells of the group.",
    "sd": "Standard deviation over the cells.",
    "num_cells": "How many cells there are.",
    "num_dependent": "How many of them share session, subject or time, and say nothing of other animals.",
    "shared": "What the recordings of training and of the test share, by their metadata.",
    "p_holm": "p-value, corrected for the number of tests.",
}


def make_study_page(thing: str | os.PathLike[str], command: str) -> Page:
    """Return the page of a study's folder, or of the NWB file that it was written to."""
    scores, sessions, positions, gains = _read(Path(thing))
    rows, columns = (list(map(str, scores[dim].values)) for dim in ("train_session", "test_session"))
    values = _pick(scores, scores.attrs["models"][0])
    pairs = [f"{a} → {b}" for a in rows for b in columns]
    parts: list[Part] = []
    for model in scores.attrs["models"]:
        parts += _draw_matrices(scores, str(model))
    parts += [_draw_pair(scores), *_draw_map(positions)]
    return Page(
        name_of(thing),
        "transfer study",
        [
            show_head(name_of(thing), _describe(scores, sessions), command, verdict=_judge(scores)),
            Section("study", "Study", parts),
            *_show_contexts(gains, rows, columns),
            Section("tables", "Tables", _tabulate(scores, sessions)),
        ],
        units=pairs,
        unit_word="Pair",
        first_unit=int(np.argmax(np.where(np.isfinite(values), values, -np.inf))),
        methods=_write_methods(scores),
    )


def _read(thing: Path) -> tuple[xr.Dataset, pd.DataFrame, Callable[[], pd.DataFrame], pd.DataFrame]:
    """Return scores, sessions, when called the positions, and gains by context of a study."""
    if thing.is_dir():
        from nwbspikegen.transfer.study import TransferStudy

        study = TransferStudy(thing)
        return study.scores, study.sessions, lambda: study.layout().table, study.context_gains()
    from nwbspikegen.transfer.nwb_reading import (
        read_context_gains,
        read_layout,
        read_sessions,
        read_transfer_scores,
    )

    scores = read_transfer_scores(thing)
    scores.attrs.setdefault("models", [str(scores["predictor"].values[0])])
    return scores, read_sessions(thing), lambda: read_layout(thing), read_context_gains(thing)


def _show_contexts(gains: pd.DataFrame, rows: list[str], columns: list[str]) -> list[Section]:
    """Return the section of a study that measured curves by context, which not every study did."""
    parts = draw_contexts(gains, rows, columns)
    return [Section("contexts", "The first minute", parts)] if parts else []


def _pick(scores: xr.Dataset, predictor: str, variable: str = "value") -> np.ndarray:
    """Return bits per spike above the mean rate of one predictor: array (train, test)."""
    where = {"predictor": predictor, "metric": BITS_PER_SPIKE.name, "null": _MEAN}
    picked: np.ndarray = scores[variable].sel(where).transpose("train_session", "test_session").values
    return picked


def _find_untrained(scores: xr.Dataset, model: str) -> str:
    there = set(map(str, scores["predictor"].values))
    return next((name for name in ("untrained", f"untrained_{model}") if name in there), "")


def _judge(scores: xr.Dataset) -> str:
    """Return what the study says of its first model, in words made from the numbers."""
    model = str(scores.attrs["models"][0])
    values = _pick(scores, model)
    independent = scores["independent"].values
    others = values[independent & np.isfinite(values)]
    own = [
        values[row, column]
        for row, a in enumerate(scores["train_session"].values)
        for column, b in enumerate(scores["test_session"].values)
        if a == b and np.isfinite(values[row, column])
    ]
    told = []
    if len(own):
        median = f"a median of {np.median(own):.2g} bits per spike above the mean rate"
        told.append(f"trained on the recording itself {median}")
    if len(others):
        told.append(f"trained on an independent one {np.median(others):.2g} ({len(others)} cells)")
    else:
        told.append("no cell is independent: all share session, subject or time")
    floor = _find_untrained(scores, model)
    if floor and len(others):
        gain = (values - _pick(scores, floor))[independent]
        gain = gain[np.isfinite(gain)]
        told.append(f"of which training gives {np.median(gain):+.2g} over the same model untrained")
    reliable = _pick(scores, model, "ci_reliable").astype(bool)
    few = ""
    if not reliable[np.isfinite(values)].all():
        few = " Few blocks in some cells: their intervals are unreliable."
    return f"{model}: {'; '.join(told)}.{few}"


def _describe(scores: xr.Dataset, sessions: pd.DataFrame) -> dict[str, str]:
    prepared = map(str, scores["test_preparation"].values)
    return {
        "Recordings": ", ".join(map(str, scores["test_session"].values)),
        "Rows": f"{scores.sizes['train_session']} (trained on), {scores.sizes['test_session']} columns "
        "(tested on)",
        "Models": ", ".join(map(str, scores.attrs["models"])),
        "Subjects": ", ".join(dict.fromkeys(map(str, sessions.get("subject_id", [])))),
        "Preparations": ", ".join(dict.fromkeys(prepared)).replace("_", " "),
        "Context": str(scores.attrs.get("context", "")),
    }


def _draw_matrices(scores: xr.Dataset, model: str) -> list[Part]:
    values = _pick(scores, model)
    independent = scores["independent"].values
    with np.errstate(invalid="ignore", divide="ignore"):
        best = np.nanmax(np.where(np.isfinite(values), values, -np.inf), axis=0)
        within = np.where(best > 0, values / best, np.nan)
    stars = np.where(independent, "", "*")
    rows, columns = (list(map(str, scores[dim].values)) for dim in ("train_session", "test_session"))
    # cells of a column may lie close together: the scale begins at the least
    limits = (min(0.9, max(0.0, float(np.nanmin(within)))) if np.isfinite(within).any() else 0.0, 1.0)
    marked = (
        "A star marks what shares session, subject or time with the test; click on a cell to open its pair."
    )
    parts: list[Part] = [
        draw_matrix(
            rows,
            columns,
            f"within_{model}",
            f"{model}, coloured within each column",
            f"{_GAIN} of {model}, trained on (down), tested on (across). The colour is the share of the "
            "best in "
            f"the column, since recordings differ by how much there is to predict. {marked}",
            within,
            _write(values, stars),
            "share of column's best",
            limits,
        )
    ]
    floor = _find_untrained(scores, model)
    if floor:
        gain = values - _pick(scores, floor)
        top = float(np.nanmax(np.abs(gain))) if np.isfinite(gain).any() else 1.0
        parts.append(
            draw_matrix(
                rows,
                columns,
                f"gain_{model}",
                f"{model}, what training gives",
                f"Bits per spike of {model} above the same model untrained, which reads the target's own "
                "past as well: "
                f"what was learned from the recording of the row. {marked}",
                gain,
                _write(gain, stars),
                "bits per spike",
                (-top, top),
                diverges=True,
            )
        )
    only = np.where(independent, within, np.nan)
    if np.isfinite(only).any():
        parts.append(
            draw_matrix(
                rows,
                columns,
                f"independent_{model}",
                f"{model}, independent pairs only",
                "As above, without the cells whose recordings share session, subject or time: what is "
                "left tells of "
                "other animals.",
                only,
                _write(np.where(independent, values, np.nan), stars),
                "share of column's best",
                limits,
            )
        )
    return parts


def _write(values: np.ndarray, stars: np.ndarray) -> list[list[str]]:
    return [
        [f"{value:.3f}{star}" if np.isfinite(value) else "" for value, star in zip(row, marks, strict=True)]
        for row, marks in zip(values, stars, strict=True)
    ]


def _draw_pair(scores: xr.Dataset) -> Panel:
    """Return one pair closely: all predictors of a cell, with intervals."""
    names = list(map(str, scores["predictor"].values))
    num_pairs = scores.sizes["train_session"] * scores.sizes["test_session"]
    values, low, high = (
        np.stack([_pick(scores, name, each).reshape(num_pairs) for name in names], axis=1)
        for each in ("value", "ci_low", "ci_high")
    )
    reliable = np.stack([_pick(scores, name, "ci_reliable").reshape(num_pairs) for name in names], axis=1)
    y = np.arange(len(names), dtype=float)
    gap = np.full_like(values, np.nan)
    ends = np.stack([low, high, gap], axis=2).reshape(num_pairs, -1)
    few = not reliable[np.isfinite(values)].all()
    shared = scores["shared"].transpose("train_session", "test_session").values.reshape(num_pairs)
    notes = []
    for place in range(num_pairs):
        known = zip(names, values[place], strict=True)
        told = [f"{name} {value:.3g}" for name, value in known if np.isfinite(value)]
        what = str(shared[place])
        notes.append(f"{', '.join(told) or 'not computed'}; {f'shares {what}' if what else 'independent'}")
    caption = "Bits per spike above the mean rate of every predictor of the chosen pair, with 95 % intervals."
    if few:
        caption += " Hollow and dotted: few blocks in some pairs, the intervals are unreliable."
    colours = colours_of(names)
    marks = [
        Mark("line", ends, np.repeat(y, 3), by_unit=("x",), colour="#444444", is_faint=few),
        Mark("points", values, y, by_unit=("x",), colour=colours[names[0]], is_faint=few),
    ]
    return Panel(
        "pair",
        "One pair",
        caption,
        marks,
        _GAIN,
        "",
        y_names={place: label_of(name) for place, name in enumerate(names)},
        lines_x=(0.0,),
        height=130 + 28 * len(names),
        notes=notes,
    )


def _draw_map(positions: Callable[[], pd.DataFrame]) -> list[Part]:
    """Return the recordings as places in a plane."""
    try:
        table = positions()
    except InputError as error:
        return [Prose(f"There is no map of the recordings: {error}.")]
    if "session" in table:
        table = table.set_index("session")
    x, y = table["x"].to_numpy(dtype=float), table["y"].to_numpy(dtype=float)
    spread = table["spread"].to_numpy(dtype=float) if "spread" in table else np.full(len(table), np.nan)
    marks = [
        Mark("points", [a], [b], labels=[f"{name} ± {wide:.2g}" if np.isfinite(wide) else str(name)])
        for name, a, b, wide in zip(table.index, x, y, spread, strict=True)
    ]
    caption = (
        "Recordings as places: the less it matters on which of two a model was trained, the nearer they "
        "lie. Only distances mean something; the third axis is left out. ± is how far the place moves when "
        "blocks of time, or starts, are drawn again."
    )
    return [
        Panel(
            "map",
            "Map of the recordings",
            caption,
            marks,
            "x (distance)",
            "y (distance)",
            is_square=True,
            height=380,
        )
    ]


def _tabulate(scores: xr.Dataset, sessions: pd.DataFrame) -> list[Part]:
    groups = summarise_groups(scores)
    meanings = {**_MEANINGS, "metric": tell_metrics(groups)}
    parts: list[Part] = [Table("groups", "Groups of cells", groups, "", meanings)]
    if "running_rate" in scores["predictor"].values:
        tests = compare_groups(scores, "running_rate")
        told = "Sign-flip tests of target-session means against the rate so far, Holm-corrected."
        parts.append(Table("tests", "Tests against the rate so far", tests, told, _MEANINGS))
    independence = _list_shared(scores)
    return [
        *parts,
        Table("independence", "What recordings share", independence, "", _MEANINGS),
        Table("sessions", "Recordings", sessions.astype(str)),
    ]


def _list_shared(scores: xr.Dataset) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for a in scores["train_session"].values:
        for b in scores["test_session"].values:
            cell = scores.sel(train_session=a, test_session=b)
            rows.append(
                {
                    "trained on": str(a),
                    "tested on": str(b),
                    "independent": bool(cell["independent"]),
                    "shared": str(cell["shared"].values),
                    "overlap_s": float(cell["overlap_s"]) if "overlap_s" in cell.coords else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _write_methods(scores: xr.Dataset) -> str:
    models = ", ".join(map(str, scores.attrs["models"]))
    return (
        f"Models ({models}) were trained on {scores.sizes['train_session']} recordings or mixtures and "
        "tested on the "
        f"last part of the window of {scores.sizes['test_session']} recordings, with the window before it "
        "as context "
        "and weights that do not change. Gains are log-likelihoods above each unit's mean rate in the "
        "target's "
        "training segment, in bits per spike; 95 % intervals are bootstraps over blocks of 10 s, the "
        "same for all "
        "predictors of a column. Pairs that share session, subject or time are not counted as "
        "independent. All was "
        f"computed with nwbspikegen {VERSION}."
    )
