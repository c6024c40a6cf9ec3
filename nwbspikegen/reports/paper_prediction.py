"""Figures of a prediction for papers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import xarray as xr

from nwbspikegen.core.context_start import find_context_start
from nwbspikegen.plot.bars import plot_bits, plot_scores
from nwbspikegen.plot.composing import compose
from nwbspikegen.plot.curves import list_curves
from nwbspikegen.plot.finishing import PaperFigure
from nwbspikegen.plot.rasters import plot_rasters
from nwbspikegen.plot.score_panels import tell_few
from nwbspikegen.prediction.nwb_reading import list_results, read_models, read_scores, read_spike_probability
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.reports.page_figures import caption_panels
from nwbspikegen.reports.predicted import MEAN, PAST, cut
from nwbspikegen.scoring import make_baseline
from nwbspikegen.scoring.meanings import INTERVAL
from nwbspikegen.views import open_units
from nwbspikegen.views.observed import read_bins


def list_prediction_figures(
    path: Path, start: float, duration: float, seed: int | None
) -> Iterator[PaperFigure]:
    """Yield the figures of a file of `generate`: rasters, curves, bits per spike, all scores."""
    held = list_results(path)
    predicted = read_spike_probability(path)
    scores = read_scores(path) if "scores" in held else None
    models = read_models(path) if "models" in held else pd.DataFrame()
    # that of the file: the raster then shows the trains that are stored
    seed = int(predicted.attrs.get("draw_seed", 0)) if seed is None else seed
    recorded, predictions = _predict_beside(path, predicted, scores)
    heading = _head(path, predicted, models)
    figure = plot_rasters(recorded, predicted, start=start, duration=duration, seed=seed)
    yield PaperFigure("rasters", figure, heading, _caption_rasters(predicted, start, duration, seed))
    panels = list_curves(recorded, predictions)
    yield PaperFigure("curves", compose(panels, num_columns=3, width=3.9), heading, caption_panels(panels))
    if scores is not None:
        told = f"Points with intervals: {INTERVAL}.{tell_few(scores)}"
        yield PaperFigure("bits", plot_bits(scores), heading, _caption_bits(scores) + told)
        if scores["value"].notna().any():
            yield PaperFigure("scores", plot_scores(scores), heading, _caption_scores(scores) + told)


def _head(path: Path, predicted: xr.DataArray, models: pd.DataFrame) -> str:
    """Return which recording, model and window a figure is of."""
    bin_size = float(predicted.attrs["bin_size"])
    first, stop = float(predicted.time[0]), float(predicted.time[-1]) + bin_size
    context = str(predicted.attrs.get("context", "") or "")
    window = (
        f"{predicted.sizes['unit']} units, {first:,.6g} to {stop:,.6g} s in bins of {bin_size * 1e3:g} ms"
        f"{f', context {context}' if context else ''}"
    )
    if not len(models):
        return f"{path.name}; {window}; {predicted.attrs.get('model') or 'model'}"
    row = models.iloc[0]
    sources = row.training.get("sources") or [row.training]
    names = [str(each.get("file_name") or each.get("identifier") or "") for each in sources]
    trained = f" on {', '.join(filter(None, names))}" if any(names) else ""
    return f"{path.name}; {window}; {row['name']} trained with {row.loss}{trained}"


def _caption_rasters(predicted: xr.DataArray, start: float, duration: float, seed: int) -> str:
    return (
        f"{duration:g} s from {float(predicted.time[0]) + start:,.6g} s on. Recorded spikes; the probability "
        "that the model gives each bin from recorded bins before it, on a logarithmic scale; and spikes "
        f"drawn from these with seed {seed}, which are synthetic. Units are in the order of their "
        "recorded rate in all three; grey: not observed."
    )


def _caption_bits(scores: pd.DataFrame) -> str:
    model = str(scores["predictor"].iloc[0])
    return (
        "Bits per spike of every predictor above the mean rate of each unit in the training segment; and how "
        f"many bits per spike {model} is above each other predictor, on the same blocks of time. "
    )


def _caption_scores(scores: pd.DataFrame) -> str:
    first = scores.iloc[0]
    share = float(first.get("observed_fraction", 1.0))
    seen = "all bins observed" if share >= 1 else f"{share:.2%} of all bins observed and scored"
    return (
        f"Every score of every predictor, of {first.num_units} units and {first.num_spikes} spikes, {seen}; "
        "dashed: what a prediction that knows nothing has. "
    )


def _predict_beside(
    path: Path, predicted: xr.DataArray, scores: pd.DataFrame | None
) -> tuple[xr.Dataset, dict[str, xr.DataArray]]:
    """Return the recorded segment, and the stored prediction beside those that anyone could make."""
    bin_size = float(predicted.attrs["bin_size"])
    units = open_units(path, bin_size=bin_size, exclude=predicted.attrs.get("excluded", ()))
    units = units.sel(unit=predicted.unit.values)
    first, stop = float(predicted.time[0]), float(predicted.time[-1]) + bin_size
    recorded = cut(units, first, stop)
    predictions = {str(predicted.attrs.get("model") or "model"): predicted}
    attrs = {} if scores is None else scores.attrs
    if attrs.get("train_start") is not None:
        train = cut(units, float(attrs["train_start"]), float(attrs["train_stop"]))
        # baselines read what the model has read, or the curves compare pasts and not predictors
        since = find_context_start(predicted)
        context = cut(units, since, stop) if since is not None and since < first else None
        # the rates and the best without training: what a curve must lie above
        for name in (MEAN, PAST):
            baseline = make_baseline(name)
            fitted_on = read_bins(train)
            baseline.fit(fitted_on.spikes, bin_size, fitted_on.observed)
            predictions[name] = generate(baseline, recorded, context=context)
    return recorded, predictions
