"""Recorded spikes beside spikes drawn from their predicted probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Integer

from nwbspikegen.core.draws import draw_spikes, find_first_bin
from nwbspikegen.plot.canvas import PREDICTED, RECORDED, new_figure
from nwbspikegen.views.observed import read_bins

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


def plot_rasters(
    recorded: xr.Dataset,
    spike_probability: xr.DataArray,
    *,
    start: float = 0.0,
    duration: float = 5.0,
    seed: int = 0,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Draw recorded spikes, and below them a seeded draw of the predicted probabilities.

    Parameters
    ----------
    recorded : Dataset (time, unit)
        Recorded `spikes`, of the same bins and units as the prediction.
    spike_probability : DataArray (time, unit)
        Predicted probabilities. Each is made from the recorded past: the draw does not run freely.
    start, duration : float
        Stretch to draw, in seconds from the first predicted bin; what lies beyond the end is left out.
    seed : int
        Seed of the draw: with that of a file (`attrs["draw_seed"]`), the trains that it stores.
    figure : Figure or SubFigure, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Figure or SubFigure
        With two axes, units ordered by recorded rate alike in both; grey where a unit was not observed.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    figure = new_figure(8.0, 5.0) if figure is None else figure
    bin_size = float(recorded.attrs["bin_size"])
    stretch = slice(round(start / bin_size), round((start + duration) / bin_size))
    truth = recorded.isel(time=stretch)
    spikes, observed = read_bins(truth)
    predicted = spike_probability.isel(time=stretch).transpose("time", "unit")
    # by the recorded rate in both: a unit is in the same row above and below
    order = np.argsort(spikes.sum(axis=0), kind="stable")
    seconds = truth["time"].values + bin_size / 2
    upper, lower = figure.subplots(2, 1, sharex=True, sharey=True)
    _draw_raster(upper, seconds, spikes[:, order], RECORDED, "Recorded")
    first = find_first_bin(predicted, bin_size) if predicted.sizes["time"] else 0
    drawn = draw_spikes(predicted.values, seed, unit_ids=predicted["unit"].values, first_bin=first)[:, order]
    _draw_raster(lower, seconds, drawn, PREDICTED, "Drawn from the predicted probability of each next bin")
    if observed is not None:
        for axes in (upper, lower):
            _shade_unobserved(axes, seconds, ~observed[:, order])
    lower.set_xlabel("Time on the session clock (s)")
    return figure


def _shade_unobserved(axes: Axes, seconds: np.ndarray, missed: Bool[np.ndarray, "time unit"]) -> None:
    half = (seconds[1] - seconds[0]) / 2 if len(seconds) > 1 else 0.5
    extent = (seconds[0] - half, seconds[-1] + half, -0.5, missed.shape[1] - 0.5)
    # NaN is drawn as nothing: what was observed keeps the white of the page
    grey = np.where(missed.T, 0.85, np.nan)
    axes.imshow(
        grey,
        cmap="gray",
        vmin=0.0,
        vmax=1.0,
        extent=extent,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        zorder=0,
    )


def _draw_raster(
    axes: Axes,
    seconds: np.ndarray,
    spikes: Integer[np.ndarray, "time unit"],
    colour: str,
    title: str,
) -> None:
    bins, units = np.nonzero(spikes)
    # as pixels even in a PDF: tens of thousands of marks as paths make files that no viewer opens
    axes.scatter(seconds[bins], units, s=6.0, marker="|", linewidths=0.7, color=colour, rasterized=True)
    axes.set_ylim(-1.0, spikes.shape[1])
    axes.set_ylabel("Unit, by rate")
    axes.set_title(title, loc="left", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
