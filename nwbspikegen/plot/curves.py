"""ROC curves and calibration of several predictors, within units first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import colours_of, label_of
from nwbspikegen.plot.composing import compose
from nwbspikegen.plot.panels import Mark, Panel
from nwbspikegen.plot.score_panels import draw_areas, draw_calibration, draw_roc
from nwbspikegen.scoring import precision_recall_curve, rank_pooled, roc_curve
from nwbspikegen.scoring.calibration import group_by_probability
from nwbspikegen.scoring.curves import Curve, average_roc_curves
from nwbspikegen.scoring.unit_ranking import rank_units
from nwbspikegen.views.observed import read_bins

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure, SubFigure

    from nwbspikegen.core.predictor import Bins


def plot_curves(
    recorded: xr.Dataset,
    predictions: Mapping[str, xr.DataArray],
    *,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw how well predictors tell spikes from silence: within units, calibrated, and pooled.

    Parameters
    ----------
    recorded : Dataset (time, unit)
        Recorded `spikes`.
    predictions : mapping of name to DataArray (time, unit)
        Predicted probabilities of the same bins and units: models and baselines alike, for pooled
        curves mostly show how rates differ between units.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Figure or SubFigure
        ROC within units (the mean over units), the area within each unit against its rate, calibration;
        below, ROC and precision-recall of all units pooled. Areas stand in the legends.

    Raises
    ------
    InputError
        When there is nothing to draw.
    MissingExtraError
        When matplotlib is not installed.
    """
    return compose(list_curves(recorded, predictions), num_columns=3, width=3.9, figure=figure)


def list_curves(recorded: xr.Dataset, predictions: Mapping[str, xr.DataArray]) -> list[Panel]:
    """Return the panels of `plot_curves`."""
    if not predictions:
        raise InputError(
            "no predictions", "at least one predictor", "give a mapping of name to probabilities"
        )
    bins = read_bins(recorded)
    values = {name: each.transpose("time", "unit").values for name, each in predictions.items()}
    groups = {name: group_by_probability(each, *bins) for name, each in values.items()}
    areas = {name: _rank(each, bins) for name, each in values.items()}
    within = {name: average_roc_curves(each, *bins) for name, each in values.items()}
    means = {name: _mean(each) for name, each in areas.items()}
    rates = _count_rates(bins, float(recorded.attrs["bin_size"]))
    colours = colours_of(values)
    marks = [
        # the model is usually listed first and must not lie beneath the others
        Mark("points", rates, each, name=label_of(name), colour=colours[name])
        for name, each in reversed(areas.items())
    ]
    return [
        draw_roc(within, means, is_pooled=False),
        draw_areas(marks, next(iter(means.values()))),
        draw_calibration(groups),
        *_pool(values, bins),
    ]


def _rank(probability: np.ndarray, bins: Bins) -> np.ndarray:
    whole = np.array([0, len(probability)], dtype=np.int64)
    areas: np.ndarray = rank_units(probability, bins.spikes, whole, bins.observed).areas(np.ones((1, 1)))[0]
    return areas


def _mean(areas: np.ndarray) -> float:
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else float("nan")


def _count_rates(bins: Bins, bin_size: float) -> np.ndarray:
    """Return the rate (Hz) of each unit while it was observed, NaN for those that never spiked."""
    fired = bins.spikes > 0
    seen = np.full(fired.shape[1], len(fired)) if bins.observed is None else bins.observed.sum(axis=0)
    count = fired.sum(axis=0) if bins.observed is None else (fired & bins.observed).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: np.ndarray = np.where(count > 0, count / (seen * bin_size), np.nan)
    return rates


def _pool(values: Mapping[str, np.ndarray], bins: Bins) -> list[Panel]:
    """Return ROC and precision-recall curves of all units together."""
    seen = slice(None) if bins.observed is None else bins.observed
    spikes = bins.spikes[seen] > 0
    ranked = {name: rank_pooled(each[seen].ravel(), spikes.ravel()) for name, each in values.items()}
    curves = {name: roc_curve(each[seen], spikes) for name, each in values.items()}
    recalls = {name: precision_recall_curve(each[seen], spikes) for name, each in values.items()}
    areas = {name: float(each.roc_auc) for name, each in ranked.items()}
    precisions = {name: float(each.average_precision) for name, each in ranked.items()}
    return [
        draw_roc(curves, areas, is_pooled=True),
        _draw_precision(recalls, precisions, float(spikes.mean())),
    ]


def _draw_precision(curves: Mapping[str, Curve], areas: Mapping[str, float], base: float) -> Panel:
    colours = colours_of(curves)
    marks = []
    for name, curve in curves.items():
        # precision before the first hit is a convention, not a measurement
        kept = curve.x > 0
        said = f"{label_of(name)}: {areas[name]:.3g}"
        marks.append(Mark("line", curve.x[kept], curve.y[kept], name=said, colour=colours[name]))
    return Panel(
        "precision",
        "Precision and recall, pooled",
        "Precision against recall of all bins of all units together, on a logarithmic scale; dashed: the "
        "share of bins with a spike, which is chance. Average precisions stand in the legend.",
        marks,
        "Recall",
        "Precision",
        y_is_log=True,
        # a segment without a spike has no share, and the scale no zero
        lines_y=(base,) if base > 0 else (),
        height=340,
    )
