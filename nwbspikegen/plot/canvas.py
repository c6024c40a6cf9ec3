"""What all figures share: the canvas, the colours, the file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nwbspikegen.errors import MissingExtraError
from nwbspikegen.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision; line styles differ as well
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
RECORDED = "#000000"
PREDICTED = "#D55E00"


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
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a figure in the format that the suffix of `path` names, whole or not at all."""
    with write_whole(path, overwrite=overwrite) as unfinished:
        figure.savefig(unfinished, dpi=150)
    return Path(path)
