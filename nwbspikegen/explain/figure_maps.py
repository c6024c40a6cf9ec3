"""Maps of attention, of attention-weighted importance, and of couplings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, new_figure

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_MAP_KEYS = ("attention_mean", "attention_weighted_importance")


def plot_attention_maps(maps: xr.Dataset) -> Figure:
    """Draw attention as a multiple of an equal share, and attention-weighted importance.

    Left: (i + 1) A(i, j), mean over heads and windows, on a log scale: 1 is what equal logits give.
    Right: A(i, j) G(j) likewise times i + 1.

    Parameters
    ----------
    maps : Dataset
        `attention_mean` and `attention_weighted_importance`, as `map_attention` returns them.

    Raises
    ------
    InputError
        When they are not there.
    MissingExtraError
        When matplotlib is not installed.
    """
    for name in _MAP_KEYS:
        if name not in maps:
            raise InputError(f"maps without {name}", "what map_attention returned", "explain a model first")
    figure = new_figure(10.0, 4.6)
    left, right = figure.subplots(1, 2)
    cell = float(maps.attrs.get("cell_bins", 1))
    share = _times_length(maps["attention_mean"], cell)
    _draw(left, share, "viridis", "Attention, times an equal share", figure, _around_one(share))
    weighted = _times_length(maps["attention_weighted_importance"], cell)
    _draw(right, weighted, "magma", "Attention-weighted importance x (i + 1)", figure, _spread(weighted))
    return figure


def _times_length(array: xr.DataArray, cell: float) -> xr.DataArray:
    """Return a map times the number of bins that each query may see; NaN after the diagonal."""
    query, key = (array[dim].values for dim in array.dims)
    # i + 1 averaged over the queries of a cell
    length = (np.arange(len(query)) + 0.5) * cell + 0.5
    seen = query[:, None] >= key[None, :]
    return array.copy(data=np.where(seen, array.values * length[:, None], np.nan))


def _around_one(array: xr.DataArray) -> Any:
    """Return a log scale, symmetric around 1, that holds all but the most extreme hundredth."""
    from matplotlib.colors import LogNorm

    values = array.values[np.isfinite(array.values) & (array.values > 0)]
    # 5 % at least, or a map without structure would be drawn as noise in full colour
    reach = max(float(np.percentile(np.abs(np.log(values)), 99)), np.log(1.05)) if len(values) else 1.0
    return LogNorm(np.exp(-reach), np.exp(reach))


def _spread(array: xr.DataArray) -> Any:
    from matplotlib.colors import Normalize

    values = array.values[np.isfinite(array.values)]
    return Normalize(0.0, float(np.percentile(values, 99)) if len(values) and values.max() > 0 else 1.0)


def _draw(axes: Any, array: xr.DataArray, colours: str, title: str, figure: Any, scale: Any) -> None:
    from matplotlib.colors import LogNorm

    query, key = (array[dim].values for dim in array.dims)
    image = axes.pcolormesh(key, query, array.values, cmap=colours, norm=scale, rasterized=True)
    axes.set_xlabel("Key: input bin (s from the window's start)")
    axes.set_ylabel("Query: bin before the predicted one (s)")
    axes.set_title(title, loc="left", fontsize="medium")
    axes.invert_yaxis()
    axes.set_aspect("equal")
    bar = figure.colorbar(image, ax=axes, shrink=0.85, label=title)
    if isinstance(scale, LogNorm):
        # within a factor of ten a log axis names next to nothing by itself
        low, high = image.get_clim()
        ticks = np.geomspace(low, high, 5)
        bar.set_ticks(ticks.tolist(), labels=[f"{tick:.3g}" for tick in ticks])
        bar.ax.minorticks_off()


def plot_couplings(maps: xr.Dataset) -> Figure:
    """Draw which units are coupled, how coupling decays with lag, and what silencing ranges of lags costs.

    Parameters
    ----------
    maps : Dataset
        What `map_couplings` returned, with `lag_cost` if `explain` did.

    Raises
    ------
    InputError
        When it is not there.
    MissingExtraError
        When matplotlib is not installed.
    """
    if "influence" not in maps or "coupling" not in maps:
        raise InputError("maps without influence", "what map_couplings returned", "explain in_context first")
    figure = new_figure(11.0, 4.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.25, 1.0, 1.0])
    # signed like the coupling; a coupling itself is largest where a source is silent and nothing is known
    values = maps["influence"].values * np.sign(maps["coupling"].values)
    # a few sources that fire all the time would otherwise hide all others
    reach = float(np.percentile(np.abs(values), 97.0)) or 1.0
    image = left.imshow(values, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
    left.set_xlabel("Source unit (place in the selection)")
    left.set_ylabel("Target unit")
    left.set_title("Influence on the target's hazard, signed", loc="left", fontsize="medium")
    figure.colorbar(image, ax=left, shrink=0.85, extend="both", label="Signed influence (log odds)")
    middle.plot(maps["lag"] * 1e3, maps["coupling_curve"], color=COLOURS[0])
    middle.set_xlabel("Time since the source's spike (ms)")
    middle.set_ylabel("Root mean square over pairs")
    middle.set_title("Decay of couplings", loc="left", fontsize="medium")
    middle.set_ylim(bottom=0)
    if "lag_cost" in maps:
        _draw_lags(right, maps["lag_cost"])
    else:
        right.set_axis_off()
    for axes in (middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_lags(axes: Any, cost: xr.DataArray) -> None:
    place = np.arange(cost.size)
    axes.bar(place, cost.values, color=COLOURS[2], width=0.7)
    axes.axhline(0.0, color="0.25", linewidth=0.8)
    names = [str(name).replace("_", "-") for name in cost["lag_range"].values]
    axes.set_xticks(place, names, rotation=45, ha="right")
    axes.set_xlabel("Bins before the predicted one")
    axes.set_ylabel("Cost (bits per spike)")
    axes.set_title("Silencing all units in a range of lags", loc="left", fontsize="medium")
