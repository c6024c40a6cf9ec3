"""Recorded spikes beside spikes drawn from their predicted probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Integer

from nwbspikegen.draws import draw_spikes, find_first_bin
from nwbspikegen.plot.canvas import PREDICTED, RECORDED, new_figure

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
        With two axes, units ordered by recorded rate alike in both.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    figure = new_figure(8.0, 5.0) if figure is None else figure
    bin_size = float(recorded.attrs["bin_size"])
    stretch = slice(round(start / bin_size), round((start + duration) / bin_size))
    truth = recorded["spikes"].isel(time=stretch).transpose("time", "unit")
    predicted = spike_probability.isel(time=stretch).transpose("time", "unit")
    order = np.argsort(truth.values.sum(axis=0), kind="stable")
    seconds = truth["time"].values + bin_size / 2
    upper, lower = figure.subplots(2, 1, sharex=True, sharey=True)
    _draw_raster(upper, seconds, truth.values[:, order], RECORDED, "Recorded")
    first = find_first_bin(predicted, bin_size) if predicted.sizes["time"] else 0
    drawn = draw_spikes(predicted.values, seed, unit_ids=predicted["unit"].values, first_bin=first)[:, order]
    _draw_raster(lower, seconds, drawn, PREDICTED, "Drawn from the predicted probability of each next bin")
    lower.set_xlabel("Time on the session clock (s)")
    return figure


def _draw_raster(
    axes: Axes,
    seconds: np.ndarray,
    spikes: Integer[np.ndarray, "time unit"],
    colour: str,
    title: str,
) -> None:
    bins, units = np.nonzero(spikes)
    axes.scatter(seconds[bins], units, s=6.0, marker="|", linewidths=0.7, color=colour, rasterized=True)
    axes.set_ylim(-1.0, spikes.shape[1])
    axes.set_ylabel("Unit, by rate")
    axes.set_title(title, loc="left", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
