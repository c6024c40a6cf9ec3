"""Draw what a file or a folder holds: the whole of `nwbspikegen plot`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from nwbspikegen import plot
from nwbspikegen.core.addresses import is_zarr
from nwbspikegen.core.context_start import find_context_start
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.core.files import require_absent
from nwbspikegen.core.model_places import find_model
from nwbspikegen.core.records import read_record
from nwbspikegen.explain.figure_bars import plot_ablations, plot_rate_correlations
from nwbspikegen.explain.figure_curves import plot_attention_curves
from nwbspikegen.explain.figure_maps import plot_attention_maps, plot_couplings
from nwbspikegen.explain.nwb import read_attention
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.prediction.nwb_reading import list_results, read_scores, read_spike_probability
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring import make_baseline
from nwbspikegen.sweep.figure import plot_sweep
from nwbspikegen.views import open_units
from nwbspikegen.views.observed import read_bins

_Figures = Iterator[tuple[str, Any]]
_BASELINES = ("mean_rate", "online_hazard")


def draw_figures(
    target: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    start: float = 0.0,
    duration: float = 5.0,
    seed: int | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Draw every figure that fits what `target` holds, as PNG into the folder `out`.

    Parameters
    ----------
    target : path
        A file that `generate` or `explain` wrote, the folder of a model or the folder of a sweep.
    out : path
        Folder to draw into, made when it is not there.
    start, duration : float
        Stretch of rasters: seconds from the first predicted bin, and how many.
    seed : int, optional
        Of the spikes that rasters draw; by default that of the file, so that they are the trains stored.
    overwrite : bool
        Replace figures that are there.

    Raises
    ------
    InputError
        Nothing there that can be drawn.
    OutputError
        A figure is there and `overwrite` is not set, or `out` is a file.
    """
    target, out = Path(find_model(target)), Path(out)
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}, which is a file", "a folder", "choose another name")
    # asks for its parent only: a folder that is there is drawn into
    if not out.exists():
        require_absent(out, overwrite=False)
    drawn = []
    for name, figure in (
        _draw_folder(target) if target.is_dir() else _draw_file(target, start, duration, seed)
    ):
        out.mkdir(exist_ok=True)
        drawn.append(plot.save_figure(figure, out / f"{name}.png", overwrite=overwrite))
    return drawn


def has_rasters(target: str | os.PathLike[str]) -> bool:
    """Return whether `draw_figures` draws rasters of a file or a folder."""
    target = Path(find_model(target))
    if target.is_dir() and not is_zarr(target):
        return False
    with open_nwb(target) as file:
        return "spike_generation" in file.get("processing", {})


def _draw_folder(folder: Path) -> _Figures:
    # late: files are drawn without torch
    from nwbspikegen.models import DESCRIPTION_FILE, load_model
    from nwbspikegen.sweep.records import TABLES_FILE, SweepTables
    from nwbspikegen.sweep.trial import PLAN_FILE, read_plan
    from nwbspikegen.training.choosing import CHOSEN_BY

    if (folder / DESCRIPTION_FILE).is_file():
        model = load_model(folder)
        figure = plot.plot_training(
            model.curves,
            chosen_by=CHOSEN_BY[model.loss],
            loss=model.loss,
            title=f"{model.name}, {folder.name}",
        )
        yield "training", figure
    elif (folder / PLAN_FILE).is_file() and (folder / TABLES_FILE).is_file():
        stored = read_record(folder / TABLES_FILE, SweepTables, "the tables of a sweep", "sweep again")
        for name in read_plan(folder).factors:
            yield name, plot_sweep(pd.DataFrame(stored.trials), name, reference=stored.reference)
    else:
        raise InputError(
            f"{folder} without {DESCRIPTION_FILE} or {PLAN_FILE}",
            "the folder of a model or of a sweep",
            "pass what `nwbspikegen train` or `nwbspikegen sweep` wrote",
        )


def _draw_file(path: Path, start: float, duration: float, seed: int | None) -> _Figures:
    with open_nwb(path) as file:
        modules = set(file["processing"]) if "processing" in file else set()
    known: dict[str, Callable[[], _Figures]] = {
        "spike_generation": lambda: _draw_generation(path, start, duration, seed),
        "attention": lambda: _draw_attention(path),
    }
    if not modules & set(known):
        raise InputError(
            f"{path} without processing/{' or processing/'.join(known)}",
            "a file that nwbspikegen wrote",
            "pass the output of `nwbspikegen generate` or `nwbspikegen explain`",
        )
    for name, draw in known.items():
        if name in modules:
            yield from draw()


def _draw_generation(path: Path, start: float, duration: float, seed: int | None) -> _Figures:
    held = list_results(path)
    if "spike_probability" not in held:
        raise InputError(
            f"{path}, a free run",
            "a file with spike_probability",
            "print how a free run compares with `nwbspikegen score`",
        )
    predicted = read_spike_probability(path)
    scores = read_scores(path) if "scores" in held else None
    # that of the file: the raster then shows the trains that are stored
    seed = int(predicted.attrs.get("draw_seed", 0)) if seed is None else seed
    recorded, predictions = _predict_beside(path, predicted, scores)
    yield "rasters", plot.plot_rasters(recorded, predicted, start=start, duration=duration, seed=seed)
    yield "curves", plot.plot_curves(recorded, predictions)
    if scores is not None:
        yield "bits", plot.plot_bits(scores)
        if scores["value"].notna().any():
            yield "scores", plot.plot_scores(scores)


def _predict_beside(
    path: Path, predicted: xr.DataArray, scores: pd.DataFrame | None
) -> tuple[xr.Dataset, dict[str, xr.DataArray]]:
    """Return the recorded segment, and the stored prediction beside those that anyone could make."""
    bin_size = float(predicted.attrs["bin_size"])
    units = open_units(path, bin_size=bin_size, exclude=predicted.attrs.get("excluded", ()))
    units = units.sel(unit=predicted.unit.values)
    first, stop = float(predicted.time[0]), float(predicted.time[-1]) + bin_size
    recorded = _cut(units, first, stop)
    predictions = {str(predicted.attrs.get("model") or "model"): predicted}
    attrs = {} if scores is None else scores.attrs
    if attrs.get("train_start") is not None:
        train = _cut(units, float(attrs["train_start"]), float(attrs["train_stop"]))
        # baselines read what the model has read, or the curves compare pasts and not predictors
        since = find_context_start(predicted)
        context = _cut(units, since, stop) if since is not None and since < first else None
        # the rates and the best without training: what a curve must lie above
        for name in _BASELINES:
            baseline = make_baseline(name)
            fitted_on = read_bins(train)
            baseline.fit(fitted_on.spikes, bin_size, fitted_on.observed)
            predictions[name] = generate(baseline, recorded, context=context)
    return recorded, predictions


def _cut(units: xr.Dataset, start: float, stop: float) -> xr.Dataset:
    # labels of float times: a bin is taken when its start is nearer than half a bin
    half = float(units.attrs["bin_size"]) / 2
    return units.sel(time=slice(start - half, stop - half))


def _draw_attention(path: Path) -> _Figures:
    maps, correlations, ablations = read_attention(path)
    if "attention_mean" in maps:
        yield "attention_maps", plot_attention_maps(maps)
        yield "attention_curves", plot_attention_curves(maps)
    if "influence" in maps:
        yield "couplings", plot_couplings(maps)
    if len(correlations):
        yield "rate_correlations", plot_rate_correlations(correlations)
    if len(ablations):
        yield "ablations", plot_ablations(ablations)
