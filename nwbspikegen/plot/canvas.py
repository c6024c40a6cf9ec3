"""What all figures share: the canvas, the colours, the file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nwbspikegen.core.errors import MissingExtraError
from nwbspikegen.core.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision; line styles differ as well
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
# black is nobody's colour of a predictor: what was recorded is no prediction
RECORDED = "#000000"
# a predictor has its colour in every figure, and models take the others in order; those that are
# not Okabe and Ito's are grey or Paul Tol's
_PREDICTORS = {
    "mean_rate": "#7F7F7F",
    "running_rate": "#CC79A7",
    "online_hazard": "#009E73",
    "history_glm": "#56B4E9",
    "coupled_glm": "#DDCC77",
    "untrained": "#999933",
    "true_intensity": "#E69F00",
}
_MODELS = ("#0072B2", "#D55E00", "#882255", "#332288")
# rasters show the model that is listed first
PREDICTED = _MODELS[0]
# text of 7 points can be read, and a raster of 128 units keeps its rows apart
DOTS_PER_INCH = 150
_LABELS = {"true_intensity": "true_intensity (best possible)"}


def colours_of(predictors: Iterable[str]) -> dict[str, str]:
    """Return the colour of every predictor: its own, or for a model the next that is nobody's.

    Examples
    --------
    >>> colours_of(["in_context", "history_glm", "shimono2026"])
    {'in_context': '#0072B2', 'history_glm': '#56B4E9', 'shimono2026': '#D55E00'}
    """
    names = list(dict.fromkeys(predictors))
    models = [name for name in names if name not in _PREDICTORS]
    own = {name: _MODELS[index % len(_MODELS)] for index, name in enumerate(models)}
    return {name: _PREDICTORS.get(name) or own[name] for name in names}


def label_of(predictor: str) -> str:
    """Return how a figure names a predictor.

    Examples
    --------
    >>> label_of("history_glm"), label_of("true_intensity")
    ('history_glm', 'true_intensity (best possible)')
    """
    return _LABELS.get(predictor, predictor)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that size in inches, laid out so that nothing overlaps.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "no matplotlib", "matplotlib to draw figures", "run: pip install 'nwbspikegen[plot]'"
        ) from error
    # not pyplot: that keeps every figure until it is closed, and wants a display on some machines
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a figure in the format that the suffix of `path` names, whole or not at all."""
    with write_whole(path, overwrite=overwrite) as unfinished:
        figure.savefig(unfinished, dpi=DOTS_PER_INCH)
    return Path(path)
