"""One figure for one generated segment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.bars import plot_bits
from nwbspikegen.plot.canvas import new_figure, save_figure
from nwbspikegen.plot.curves import plot_curves
from nwbspikegen.plot.rasters import plot_rasters

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def plot_generation(
    recorded: xr.Dataset,
    predictions: Mapping[str, xr.DataArray],
    scores: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    start: float = 0.0,
    duration: float = 5.0,
    seed: int = 0,
    title: str = "",
    overwrite: bool = False,
) -> Path:
    """Write one figure: rasters of recorded and predicted spikes, curves, bits per spike.

    Parameters
    ----------
    recorded : Dataset (time, unit)
        Recorded `spikes` of the predicted segment.
    predictions : mapping of name to DataArray (time, unit)
        Predicted probabilities; the first is the one whose raster is drawn.
    scores : DataFrame
        As `score` returns it for this segment.
    path : path
        Where to write; the suffix chooses the format (png, pdf, svg).
    start, duration, seed
        Stretch and seed of the rasters, as for `plot_rasters`.
    title : str
        Heading, if any.
    overwrite : bool
        Replace a figure that is there.

    Raises
    ------
    InputError
        When there are no predictions or no bits per spike to draw.
    OutputError
        When the file exists and `overwrite` is not set.
    MissingExtraError
        When matplotlib is not installed.
    """
    if not predictions:
        raise InputError(
            "no predictions", "at least one predictor", "give a mapping of name to probabilities"
        )
    figure = new_figure(10.0, 12.0)
    # rasters need most: a row of theirs is a unit
    top, middle, bottom = figure.subfigures(3, 1, squeeze=False, height_ratios=[5.0, 4.0, 2.6])[:, 0]
    shown = next(iter(predictions.values()))
    plot_rasters(recorded, shown, start=start, duration=duration, seed=seed, figure=top)
    plot_curves(recorded, predictions, figure=middle)
    plot_bits(scores, figure=bottom)
    if title:
        figure.suptitle(title)
    return save_figure(figure, path, overwrite=overwrite)
