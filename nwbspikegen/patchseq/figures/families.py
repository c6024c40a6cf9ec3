"""Feature families of patched cells, class by class, and the cells on a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, LINES, new_figure

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_COLUMNS = 4
# shapes too, for those who do not see the colours apart
_MARKERS = "os^DvPX"
_TITLES = {
    "first_ap_v": "First spike (mV)",
    "first_ap_dv": "Its derivative (mV / 0.02 ms)",
    "isi_shape": "Between spikes (mV)",
    "step_subthresh": "Subthreshold steps (mV)",
    "subthresh_norm": "A step, over its peak",
    "inst_freq": "Instantaneous rate (Hz)",
    "inst_freq_norm": "Instantaneous rate, over its highest",
    "psth": "Spikes per bin (Hz)",
    "spiking_upstroke_downstroke_ratio": "Upstroke / downstroke",
    "spiking_peak_v": "Peak (mV)",
    "spiking_fast_trough_v": "Fast trough (mV)",
    "spiking_width": "Width (s)",
    "spiking_threshold_v": "Threshold (mV)",
}


def plot_families(cells: xr.Dataset) -> Figure:
    """Draw the mean of every family by class, with one standard deviation either side.

    Parameters
    ----------
    cells : Dataset
        As `collect_cells` returns it, with classes in the coordinate `cell_class`; cells without a
        class are drawn as such.

    Raises
    ------
    InputError
        No family that a cell has.
    MissingExtraError
        When matplotlib is not installed.
    """
    names = [str(name) for name, one in cells.data_vars.items() if one.dims == ("cell", f"{name}_sample")]
    names = [name for name in names if np.isfinite(cells[name].values).any()]
    if not names:
        raise InputError("cells without any family", "families to draw", "measure more sweeps")
    classes = cells["cell_class"].values.astype(str)
    rows = -(-len(names) // _COLUMNS)
    figure = new_figure(11.0, 2.1 * rows + 0.4)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes, name in zip(grid.ravel(), names, strict=False):
        values = cells[name].values
        for place, one in enumerate(np.unique(classes)):
            chosen = values[(classes == one) & np.isfinite(values).all(axis=1)]
            if not len(chosen):
                continue
            mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
            colour, line = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
            axes.plot(mean, line, color=colour, linewidth=1.0, label=one or "no class")
            axes.fill_between(
                np.arange(len(mean)), mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0
            )
        axes.set_title(_TITLES.get(name, name), loc="left", fontsize="small")
        axes.tick_params(labelsize="x-small")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid.ravel()[len(names) :]:
        axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("Place in the vector", fontsize="small")
    # one legend for all, since the classes are the same everywhere
    lines, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper right", ncols=len(labels), frameon=False)
    return figure


def plot_cell_map(components: xr.Dataset) -> Figure:
    """Draw the cells along the two directions in which their sparse components vary most.

    Principal axes of the components of all families; a gap is drawn at the mean (0).

    Parameters
    ----------
    components : Dataset
        As `FamilyComponents.transform` returns it.

    Raises
    ------
    InputError
        Fewer than three cells.
    MissingExtraError
        When matplotlib is not installed.
    """
    # components are z-scored: 0 is the mean of the training cells
    values = np.nan_to_num(components["components"].values)
    if len(values) < 3 or values.shape[1] < 2:
        raise InputError(
            f"{len(values)} cells of {values.shape[1]} components", "three cells or more", "pass more"
        )
    # principal axes: places are U S, and the squares of S share the variance
    left, strength, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    places, share = left * strength, strength**2 / max(float((strength**2).sum()), np.finfo(float).tiny)
    classes = components["cell_class"].values.astype(str)
    figure = new_figure(5.0, 4.2)
    axes = figure.subplots()
    for place, one in enumerate(np.unique(classes)):
        chosen = places[classes == one]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=18,
            marker=_MARKERS[place % len(_MARKERS)],
            alpha=0.8,
            color=COLOURS[place % len(COLOURS)],
            label=one or "no class",
            linewidths=0,
        )
    axes.set_xlabel(f"First axis ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"Second axis ({share[1]:.0%})")
    num_families = len(components["family"])
    axes.set_title(
        f"{len(values)} cells, {values.shape[1]} sparse components of {num_families} families",
        loc="left",
        fontsize="medium",
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
