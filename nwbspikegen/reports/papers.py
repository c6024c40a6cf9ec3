"""Figures for papers of what a file or a folder holds: the whole of `nwbspikegen plot`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from nwbspikegen.core.addresses import is_zarr
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.core.files import require_absent
from nwbspikegen.core.model_places import find_model
from nwbspikegen.core.records import read_record
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.plot.finishing import FORMATS, PaperFigure, write_figure
from nwbspikegen.reports.page_figures import draw_page
from nwbspikegen.reports.paper_explanation import list_explanation_figures
from nwbspikegen.reports.paper_prediction import list_prediction_figures

_Figures = Iterator[PaperFigure]


def draw_figures(
    target: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    start: float = 0.0,
    duration: float = 5.0,
    seed: int | None = None,
    suffix: str = "png",
    overwrite: bool = False,
) -> list[tuple[Path, str]]:
    """Draw every figure that fits what `target` holds into the folder `out`, each with its caption.

    Every figure says above it which recording, model and window it is of, has panel letters, and a caption
    beside it in a text file, which is in the metadata of the figure as well.

    Parameters
    ----------
    target : path
        An NWB file with a recording or with results, the folder of a model, a sweep, a study or of
        patch-clamp features.
    out : path
        Folder to draw into, made when it is not there.
    start, duration : float
        Stretch of rasters: seconds from the first predicted bin, and how many.
    seed : int, optional
        Of the spikes that rasters draw; by default that of the file, so that they are the trains stored.
    suffix : {"png", "pdf", "svg"}
        Format.
    overwrite : bool
        Replace figures that are there.

    Returns
    -------
    list of (path, str)
        Figures and their captions.

    Raises
    ------
    InputError
        Nothing there that can be drawn, or another format.
    OutputError
        A figure is there and `overwrite` is not set, or `out` is a file.
    """
    target, out = Path(find_model(target)), Path(out)
    if suffix not in FORMATS:
        raise InputError(f"figures as {suffix!r}", f"one of {', '.join(FORMATS)}", "choose one of these")
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}, which is a file", "a folder", "choose another name")
    # asks for its parent only: a folder that is there is drawn into
    if not out.exists():
        require_absent(out, overwrite=False)
    drawn = []
    is_folder = target.is_dir() and not is_zarr(target)
    for figure in _draw_folder(target) if is_folder else _draw_file(target, start, duration, seed):
        out.mkdir(exist_ok=True)
        drawn.append(write_figure(figure, out, suffix=suffix, overwrite=overwrite))
    return drawn


def has_rasters(target: str | os.PathLike[str]) -> bool:
    """Return whether `draw_figures` draws rasters of a file or a folder."""
    target = Path(find_model(target))
    if target.is_dir() and not is_zarr(target):
        return False
    with open_nwb(target) as file:
        return "spike_probability" in file.get("processing/spike_generation", {})


def _draw_folder(folder: Path) -> _Figures:
    # late: files are drawn without torch
    from nwbspikegen.models import DESCRIPTION_FILE
    from nwbspikegen.sweep.records import TABLES_FILE
    from nwbspikegen.sweep.trial import PLAN_FILE

    # patch-seq models have a description too, and a page
    if (folder / DESCRIPTION_FILE).is_file() and not (folder / "cross_validated.csv").is_file():
        yield _draw_training(folder)
    elif (folder / PLAN_FILE).is_file() and (folder / TABLES_FILE).is_file():
        yield from _draw_sweep(folder)
    else:
        yield from draw_page(folder)


def _draw_training(folder: Path) -> PaperFigure:
    from nwbspikegen.models import load_model
    from nwbspikegen.plot.training import plot_training
    from nwbspikegen.training.choosing import CHOSEN_BY, find_best_epoch

    model = load_model(folder)
    figure = plot_training(model.curves, chosen_by=CHOSEN_BY[model.loss], loss=model.loss)
    sources = model.training.get("sources") or [model.training]
    trained = ", ".join(str(each.get("file_name") or each.get("identifier") or "") for each in sources)
    kept = find_best_epoch(model)["epoch"]
    heading = f"{model.name} ({folder.name}), trained with {model.loss}{f' on {trained}' if trained else ''}"
    caption = (
        "Loss of training and validation segment, and scores of the validation segment, epoch by epoch. "
        f"Dotted: epoch {kept:.0f}, whose weights were kept for its {CHOSEN_BY[model.loss]}."
    )
    return PaperFigure("training", figure, heading, caption)


def _draw_sweep(folder: Path) -> _Figures:
    from nwbspikegen.sweep.figure import plot_sweep
    from nwbspikegen.sweep.records import TABLES_FILE, SweepTables
    from nwbspikegen.sweep.trial import read_plan

    stored = read_record(folder / TABLES_FILE, SweepTables, "the tables of a sweep", "sweep again")
    plan, trials = read_plan(folder), pd.DataFrame(stored.trials)
    done = int(trials["state"].eq("complete").sum()) if len(trials) else 0
    for name in plan.factors:
        heading = (
            f"Sweep {folder.name} over {', '.join(plan.factors)}: {done} of {len(trials)} trials finished"
        )
        caption = (
            f"Scores of validation (circles) and test segment (squares), and training time, along {name}. "
            "Every trial is a point, the line joins means over the other factors; ringed: the trial with the "
            "most bits per spike on validation. Dotted: predictors without trained weights, on the test "
            "segment."
        )
        yield PaperFigure(name, plot_sweep(trials, name, reference=stored.reference), heading, caption)


def _draw_file(path: Path, start: float, duration: float, seed: int | None) -> _Figures:
    with open_nwb(path) as file:
        modules = set(file["processing"]) if "processing" in file else set()
    known: dict[str, Callable[[], _Figures]] = {
        "spike_generation": lambda: list_prediction_figures(path, start, duration, seed),
        "attention": lambda: list_explanation_figures(path),
    }
    if has_rasters(path) or "attention" in modules:
        for name, draw in known.items():
            if name in modules and (name != "spike_generation" or has_rasters(path)):
                yield from draw()
        return
    # a recording, a free run, a study, patch-clamp: what their page shows
    yield from draw_page(path)
