"""A matrix of recordings: trained on, down, and tested on, across."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from nwbspikegen.reports.parts import Mark, Panel


def draw_matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    name: str,
    title: str,
    caption: str,
    colours: Float64[np.ndarray, "train test"],
    labels: Sequence[Sequence[str]],
    scale: str,
    limits: tuple[float, float],
    *,
    diverges: bool = False,
) -> Panel:
    """Return a panel whose cells are the pairs of the page.

    Parameters
    ----------
    rows, columns : sequence of str
        Recordings that were trained on, and tested on.
    name, title, caption : str
        Of the panel.
    colours : array (train, test)
        What colours a cell, named by `scale` with its unit, between `limits`.
    labels : sequence of sequences of str
        What is written in the cells.
    diverges : bool, default: False
        Whether the scale has a middle, zero.
    """
    x, y = np.arange(len(columns)), np.arange(len(rows))
    drawn = Mark("map", x, y, colours, labels=labels, scale=scale, limits=limits, diverges=diverges)
    return Panel(
        name.replace(":", "_").replace(".", "_"),
        title,
        caption,
        [drawn],
        "Tested on",
        "Trained on",
        x_names=dict(enumerate(columns)),
        y_names=dict(enumerate(rows)),
        height=190 + 34 * len(rows),
        cells_are_units=True,
    )
