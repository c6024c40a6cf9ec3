"""How the values of a matrix become colours and short texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from nwbspikegen.scoring.metrics import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

_MINUS = "\N{MINUS SIGN}"


def choose_colours(values: Float64[np.ndarray, "row column"], metric: str) -> tuple[Normalize, Any]:
    """Return a scale that shows worse than nothing in another colour, and many sizes of bits."""
    from matplotlib import colormaps
    from matplotlib.colors import AsinhNorm, Normalize

    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    known = METRICS.get(metric)
    if known and (known.needs_null or known.better == "nearer_zero"):
        # zero is white, and both sides have one scale: a loss of .1 is as strong a colour as a gain of .1
        top = max(abs(low), abs(high), 1e-3)
        # bits differ thirtyfold (.1 in a slice, 3.5 in a retina): linear near zero, logarithmic beyond
        return AsinhNorm(linear_width=0.1 * top, vmin=-top, vmax=top), colormaps["RdBu"]
    # what is better is darker
    shades = "Blues_r" if known and known.better == "lower" else "Blues"
    return Normalize(low, max(high, low + 1e-6)), colormaps[shades]


def draw_scale(
    axes: Axes, norm: Normalize, colours: Any, values: Float64[np.ndarray, "row column"], label: str
) -> None:
    """Draw the scale of colours over the range of the values only."""
    from matplotlib.cm import ScalarMappable

    # the norm is symmetric, the values need not be
    bar = axes.figure.colorbar(ScalarMappable(norm, colours), ax=axes, shrink=0.6, pad=0.02, label=label)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if high > low:
        bar.ax.set_ylim(low, high)
    if norm.vmin is not None and norm.vmin < 0.0:
        ticks = _choose_ticks(low, high, norm)
        bar.set_ticks(ticks, labels=[f"{tick:g}".replace("-", _MINUS) for tick in ticks])
        bar.minorticks_off()
    bar.outline.set_visible(False)


def _choose_ticks(low: float, high: float, norm: Normalize) -> list[float]:
    """Return round values within a range that are not drawn on top of each other."""
    sizes = [scale * step for scale in (0.01, 0.1, 1.0, 10.0) for step in (1.0, 2.0, 5.0)]
    span = norm(high) - norm(low)
    chosen = [0.0]
    for tick in sorted([*sizes, *(-size for size in sizes)], key=abs, reverse=True):
        apart = min(abs(float(norm(tick)) - float(norm(other))) for other in chosen)
        # of the bar's length: digits of a tick are about that high
        if low <= tick <= high and apart > 0.07 * span:
            chosen.append(tick)
    return sorted(tick for tick in chosen if low <= tick <= high)


def write_value(value: float) -> str:
    """Return a value as it is written in a cell.

    Examples
    --------
    >>> write_value(0.254), write_value(1.5), write_value(-0.001)
    ('.25', '1.50', '.00')
    """
    text = f"{value:.2f}"
    text = ("0.00" if text == "-0.00" else text).replace("-", _MINUS)
    # a leading zero tells nothing and takes a quarter of the cell
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text
