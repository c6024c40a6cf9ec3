"""The pages of folders that commands write: a model, a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nwbspikegen.core.records import read_record
from nwbspikegen.plot.canvas import COLOURS
from nwbspikegen.reports.head import show_head
from nwbspikegen.reports.parts import VERSION, Mark, Page, Panel, Part, Prose, Section, Table
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, CALIBRATION_ERROR, list_metrics, name_score

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel

_VALIDATION, _TEST = (f"{part}_{BITS_PER_SPIKE.name}" for part in ("validation", "test"))


def make_model_page(folder: Path, command: str) -> Page:
    """Return the page of a model: what it is, what it was trained on, and how it learned."""
    # late: other pages are made without torch
    from nwbspikegen.models import load_model
    from nwbspikegen.training.choosing import CHOSEN_BY, find_best_epoch

    model = load_model(folder)
    curves = pd.DataFrame(list(model.curves))
    best = find_best_epoch(model) if len(curves) else {}
    verdict = ""
    if BITS_PER_SPIKE.name in best:
        verdict = (
            f"{model.name} reaches {best[BITS_PER_SPIKE.name]:.2g} bits per spike above the mean rate on "
            "validation, "
            f"in epoch {best['epoch']:.0f} of {len(curves)}. Validation chose the epoch: score a test "
            "segment to know "
            "how well it predicts."
        )
    parts: list[Part] = _draw_learning(curves, best, CHOSEN_BY.get(model.loss, "")) if len(curves) else []
    if len(curves):
        # a spike is called where p > 1/2, which is nearly never: such an accuracy says nothing of rare spikes
        kept = [name for name in curves if not str(name).startswith("accuracy")]
        parts.append(Table("epochs", "All epochs", curves[kept]))
    else:
        parts.append(Prose("The model has no curves: it was not trained by epochs."))
    chosen = model.parameters.items()
    settings = pd.DataFrame([(str(name), str(value)) for name, value in chosen], columns=["setting", "value"])
    parts.append(Table("settings", "Settings", settings))
    head = show_head(folder.name, _describe_model(model), command, verdict=verdict)
    return Page(folder.name, "model", [head, Section("learning", "How it learned", parts)])


def _describe_model(model: FittedModel) -> dict[str, str]:
    from nwbspikegen.models.summary import name_sources

    sources = model.training.get("sources", [])
    first = {**model.training, **(sources[0] if sources else {})}
    split = first.get("split", {})
    return {
        "Model": f"{model.name}, trained with {model.loss}",
        "Trained on": ", ".join(name_sources(model.training)),
        "Species": str(first.get("species", "")),
        "Preparation": str(first.get("preparation", "")).replace("_", " "),
        "Training": _write_ends(split.get("train")),
        "Validation": _write_ends(split.get("validation")),
        "Bins": f"{model.bin_size:g} s",
        "Units": str(len(first.get("unit_ids", [])) or ""),
        "Hash": model.sha256,
    }


def _write_ends(ends: Sequence[float] | None) -> str:
    return " to ".join(f"{end:g}" for end in ends) + " s" if ends else ""


def _draw_learning(curves: pd.DataFrame, best: dict[str, float], chosen_by: str) -> list[Part]:
    epoch = curves["epoch"].to_numpy(dtype=float)
    panels: list[Part] = []
    for name, title, columns in (
        ("bits_learned", "Bits per spike, validation", {BITS_PER_SPIKE.name: ""}),
        ("calibration_learned", "Calibration error, validation", {CALIBRATION_ERROR.name: ""}),
        ("loss", "Loss", {"train_loss": "training", "validation_loss": "validation"}),
    ):
        there = {column: said for column, said in columns.items() if column in curves}
        if not there:
            continue
        marks = [
            Mark("line", epoch, curves[column].to_numpy(dtype=float), name=said, colour=COLOURS[place])
            for place, (column, said) in enumerate(there.items())
        ]
        kept = f"The upright line is the epoch whose weights were kept, by {chosen_by}." if best else ""
        panels.append(
            Panel(
                name,
                title,
                f"{title}, epoch by epoch. {kept}",
                marks,
                "Epoch",
                title,
                lines_x=(best["epoch"],) if best else (),
                height=280,
            )
        )
    return panels


def make_sweep_page(folder: Path, command: str) -> Page:
    """Return the page of a sweep: all trials, and each score along each factor."""
    from nwbspikegen.sweep.records import TABLES_FILE, SweepTables
    from nwbspikegen.sweep.trial import read_plan

    stored = read_record(folder / TABLES_FILE, SweepTables, "the tables of a sweep", "sweep again")
    plan, trials = read_plan(folder), pd.DataFrame(stored.trials)
    done = trials[trials["state"] == "complete"] if len(trials) else trials
    parts: list[Part] = []
    verdict = "No trial is finished."
    if len(done):
        best = done.iloc[int(np.argmax(done[_VALIDATION].to_numpy(dtype=float)))]
        point = ", ".join(f"{name}={best[name]}" for name in plan.factors)
        verdict = (
            f"Best on validation: trial {best['trial']} ({point}), {best[_VALIDATION]:.2g} bits per spike "
            "above the "
            f"mean rate there and {best[_TEST]:.2g} on the test segment, which never chooses. {len(done)} of "
            f"{len(trials)} trials finished."
        )
        factors = list(plan.factors)
        parts = [_draw_trials(done, factors), *_draw_factors(done, factors, stored.reference or {})]
    meanings = {
        f"{part}_{each.name}": f"{each.meaning} On the {part} segment."
        for part in ("validation", "test")
        for each in list_metrics()
    }
    parts.append(Table("trials", "All trials", trials, "Point at a heading for what it means.", meanings))
    varied = [f"{name}: {', '.join(map(str, values))}" for name, values in plan.factors.items()]
    facts = {
        "Factors": "; ".join(varied),
        "Trials": str(len(trials)),
    }
    head = show_head(folder.name, facts, command, verdict=verdict)
    methods = (
        f"{len(trials)} combinations of {', '.join(plan.factors)} were trained; the one with the most "
        "bits per spike "
        "on the validation segment was chosen, and the test segment had no say. Computed with "
        f"nwbspikegen {VERSION}."
    )
    return Page(folder.name, "sweep", [head, Section("trials_section", "Trials", parts)], methods=methods)


def _draw_trials(done: pd.DataFrame, factors: list[str]) -> Panel:
    x, y = (done[name].to_numpy(dtype=float) for name in (_VALIDATION, _TEST))
    text = [
        f"trial {row['trial']}: {', '.join(f'{name}={row[name]}' for name in factors)}; "
        f"{row[_VALIDATION]:.4g} and "
        f"{row[_TEST]:.4g} bits per spike"
        for _, row in done.iterrows()
    ]
    both = np.concatenate([x, y])
    ends = np.array([both.min(), both.max()])
    return Panel(
        "trials_scatter",
        "All trials",
        "Bits per spike above the mean rate of every trial, on validation, which chooses, and on the "
        "test segment, "
        "which does not. Point at one for its settings.",
        [
            Mark("line", ends, ends, name="the same", is_faint=True, colour="#666666"),
            Mark("points", x, y, text=text, colour=COLOURS[0]),
        ],
        "Validation (bits per spike)",
        "Test (bits per spike)",
        height=340,
    )


def _draw_factors(
    done: pd.DataFrame, factors: list[str], reference: dict[str, dict[str, float]]
) -> list[Part]:
    panels: list[Part] = []
    for factor in factors:
        values = sorted(done[factor].unique(), key=lambda value: (isinstance(value, str), value))
        places = done[factor].map({value: place for place, value in enumerate(values)}).to_numpy(dtype=float)
        valid, test = (done[column].to_numpy(dtype=float) for column in (_VALIDATION, _TEST))
        marks = [
            Mark("points", places, valid, name="validation", colour=COLOURS[0]),
            Mark("points", places, test, name="test", colour=COLOURS[1], is_faint=True),
        ]
        for name, scores in reference.items():
            if _TEST in scores and name != "mean_rate":
                ends = np.array([-0.3, len(values) - 0.7])
                marks.append(
                    Mark("line", ends, np.full(2, scores[_TEST]), name=f"{name}, test", is_faint=True)
                )
        panels.append(
            Panel(
                f"along_{factor}",
                f"Along {factor.replace('_', ' ')}",
                f"Bits per spike of every trial against its {factor.replace('_', ' ')}; filled: "
                "validation, hollow: test; "
                "dashed: predictors that need no trained weights.",
                marks,
                factor.replace("_", " "),
                name_score(BITS_PER_SPIKE.name, "mean_rate"),
                x_names={float(place): str(value) for place, value in enumerate(values)},
                height=320,
            )
        )
    return panels
