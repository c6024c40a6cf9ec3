"""Recorded spikes, their predicted probabilities, and spikes drawn from these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Shaped

from nwbspikegen.core.draws import draw_spikes, find_first_bin
from nwbspikegen.plot.canvas import PREDICTED, RECORDED, new_figure
from nwbspikegen.plot.colours import SEQUENTIAL
from nwbspikegen.views.history import Mask
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
    """Draw recorded spikes, the probability that was predicted, and a seeded draw of it.

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
        With three axes and that of the colour bar, units ordered by recorded rate alike; grey where a unit
        was not observed.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    bin_size = float(recorded.attrs["bin_size"])
    stretch = slice(round(start / bin_size), round((start + duration) / bin_size))
    truth = recorded.isel(time=stretch)
    spikes, observed = read_bins(truth)
    predicted = spike_probability.isel(time=stretch).transpose("time", "unit")
    first = find_first_bin(predicted, bin_size) if predicted.sizes["time"] else 0
    drawn = draw_spikes(predicted.values, seed, unit_ids=predicted["unit"].values, first_bin=first)
    figure = new_figure(8.0, 7.0) if figure is None else figure
    draw_raster_panels(
        figure, truth["time"].values, bin_size, (spikes, predicted.values, drawn), observed=observed
    )
    return figure


def draw_raster_panels(
    figure: Figure | SubFigure,
    time: Float[np.ndarray, " time"],
    bin_size: float,
    panels: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    observed: Mask = None,
) -> np.ndarray:
    """Draw recorded spikes, probabilities and drawn spikes of one stretch below each other; return the axes.

    Parameters
    ----------
    figure : Figure or SubFigure
    time : array (time,)
        Starts of the bins (s, session clock).
    bin_size : float
        Seconds.
    panels : arrays (time, unit)
        Recorded spikes, predicted probabilities, drawn spikes.
    observed : bool array (time, unit), optional
        What was not is grey.
    """
    spikes, probability, drawn = panels
    # by the recorded rate in all: a unit is in the same row
    order = np.argsort(spikes.sum(axis=0), kind="stable")
    seconds = time + bin_size / 2
    axes: np.ndarray = figure.subplots(3, 1, sharex=True, sharey=True)
    _draw_raster(axes[0], seconds, spikes[:, order], RECORDED, "Recorded")
    _draw_probability(axes[1], time, bin_size, probability[:, order])
    _draw_raster(axes[2], seconds, drawn[:, order], PREDICTED, "Synthetic: one draw of that probability")
    if observed is not None:
        for each in axes[::2]:
            _shade_unobserved(each, seconds, ~observed[:, order])
    axes[2].set_xlabel("Time on the session clock (s)")
    return axes


def _draw_probability(
    axes: Axes, time: np.ndarray, bin_size: float, probability: Float[np.ndarray, "time unit"]
) -> None:
    if not probability.size:
        return
    from matplotlib.colors import LogNorm

    known = probability[np.isfinite(probability) & (probability > 0)]
    # single bins are narrower than a pixel and rare ones would vanish: colours end at a high quantile
    top = max(float(np.quantile(known, 0.999)), 1e-6) if len(known) else 1.0
    low = max(float(np.quantile(known, 0.01)), top / 1000) if len(known) else top / 10
    drawn = axes.imshow(
        np.where(np.isfinite(probability), np.maximum(probability, low), np.nan).T,
        aspect="auto",
        origin="lower",
        extent=(time[0], time[-1] + bin_size, -0.5, probability.shape[1] - 0.5),
        cmap=SEQUENTIAL.lower(),
        # the mean of the bins of a pixel, not the one that lies in its middle
        interpolation="antialiased",
        norm=LogNorm(min(low, 0.99 * top), top, clip=True),
    )
    axes.figure.colorbar(drawn, ax=axes, label="Probability per bin", extend="both", pad=0.01)
    axes.set_ylabel("Unit, by rate")
    axes.set_title("Predicted, each bin from recorded bins before it", loc="left", fontsize="medium")


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
    spikes: Shaped[np.ndarray, "time unit"],
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
