"""Attention maps of a segment: streamed over windows, summed up as arrays with axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float32, Float64, Real

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.axes import WindowMaps, label_maps
from nwbspikegen.explain.capture import BLOCK_QUERIES, capture_heads, stream_weights
from nwbspikegen.explain.cells import GridCells
from nwbspikegen.explain.importance import gradient_importance
from nwbspikegen.explain.profiles import Profiles
from nwbspikegen.explain.windows import Observed, choose_windows, cut_window, observe
from nwbspikegen.models import FittedModel
from nwbspikegen.models.attending import Attends

# eight windows of 3,125 bins are 25 s of a segment, at some 3 s of work each
MOST_WINDOWS = 8
# 3,125 bins in cells of 10: 16 heads are 6.5 MB in a file where all pairs would be 625 MB
MAP_CELLS = 320


@dataclass(frozen=True)
class AttentionMaps:
    """What a model attends to in some windows.

    Attributes
    ----------
    maps : Dataset
        Means over the windows, each with its axes, `units`, `measure` and `description`.
    series : mapping of name to array (window, bin)
        Profiles of each window by bin, what `correlate_rates` compares with firing.
    offset_curves : mapping of name to array (window, offset)
        Profiles of each window by distance.
    inputs : array (window, bin, unit)
        Spikes that were read, running rates where a unit was not observed.
    log_odds : array (window, bin, unit)
        What the model made of them: of the bin that follows each.
    """

    maps: xr.Dataset
    series: Mapping[str, Float64[np.ndarray, "window bin"]]
    offset_curves: Mapping[str, Float64[np.ndarray, "window offset"]]
    inputs: Real[np.ndarray, "window bin unit"]
    log_odds: Float32[np.ndarray, "window bin unit"]


def map_attention(
    model: FittedModel,
    segment: xr.Dataset,
    *,
    context: xr.Dataset | None = None,
    loss: str | None = None,
    most_windows: int = MOST_WINDOWS,
    cell_bins: int | None = None,
) -> AttentionMaps:
    """Return attention, gradient importance and attention-weighted importance of a segment.

    Weights are exact; they are computed for a few queries at a time and never held whole. Maps are
    means over windows of the model's full input length and over `cell_bins` x `cell_bins` pairs;
    profiles keep every bin.

    Parameters
    ----------
    model : FittedModel
        A model that declares attention.
    segment : Dataset (time, unit)
        What to explain.
    context : Dataset (time, unit), optional
        Of which the bin before the segment is read.
    loss : {"dice", "bernoulli", "focal"}, optional
        Loss whose gradient is the importance; that of the model's training by default.
    most_windows : int
        Windows to take, evenly spread over the segment.
    cell_bins : int, optional
        Bins per side of a map's cell; by default so many that a map has at most 320 x 320 cells. 1
        keeps every pair.

    Raises
    ------
    InputError
        For a model without attention.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> from nwbspikegen.models import build_model
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=2, seed=1).sorting)
    >>> network = build_model("shimono2026", 4, num_heads=2, num_bins=50)
    >>> found = map_attention(FittedModel(network, "dice", 0.001), units, most_windows=2)
    >>> found.maps.attention_mean.shape, found.maps.offset_curve.sizes["offset"]
    ((50, 50), 50)
    """
    network = require_attention(model)
    observed = observe(segment, context)
    starts, length = choose_windows(observed, network.window_bins, most_windows)
    cell = cell_bins or -(-length // MAP_CELLS)
    loss = loss or model.loss
    was_training = model.module.training
    model.module.eval()
    windows = [_map_window(network, model, observed, start, length, loss, cell) for start in starts.tolist()]
    model.module.train(was_training)
    maps = label_maps(windows, segment, times=observed.times(starts, length), cell=cell)
    maps.attrs["loss"] = loss
    series, curves = windows[0].by_bin, windows[0].by_offset
    return AttentionMaps(
        maps,
        {name: np.stack([window.by_bin[name] for window in windows]) for name in series},
        {name: np.stack([window.by_offset[name] for window in windows]) for name in curves},
        np.stack([observed.inputs[start : start + length] for start in starts.tolist()]),
        np.stack([window.log_odds for window in windows]),
    )


def require_attention(model: FittedModel) -> Any:
    """Return a model's network, or raise `InputError` when it declares no attention."""
    if not isinstance(model.module, Attends):
        raise InputError(
            f"{model.name}, which declares no attention",
            "a model that does, such as shimono2026",
            "map its couplings instead: map_couplings",
        )
    return model.module


def _map_window(
    network: Attends, model: FittedModel, observed: Observed, start: int, length: int, loss: str, cell: int
) -> WindowMaps:
    window, target, weight = cut_window(observed, start, length, next(model.module.parameters()))
    # double, since G(j) weighs sums over thousands of bins
    importance = gradient_importance(network, window, target, loss, weight).double()
    by_bin = importance.sum(dim=1)
    layers = capture_heads(network, window)
    num_heads = sum(len(layer.query) for layer in layers)
    cells = GridCells(num_heads, length, cell, by_bin)
    profiles = []
    for place, layer in enumerate(layers):
        profile = Profiles(len(layer.query), length, by_bin)
        # blocks begin where cells begin, or a cell's rows would be in two blocks
        for block in stream_weights(layer, cell * max(1, BLOCK_QUERIES // cell)):
            profile.add(block)
            cells.add(block.first, block.weights, place * len(layer.query))
        profiles.append(profile)
    with torch.no_grad():
        log_odds = network.from_encoder_input(network.encoder_input(window[None]))[0]
    by_head = {
        name: np.concatenate([getattr(profile, name) for profile in profiles])
        for name in ("offset", "key", "query")
    }
    return WindowMaps(
        cells.means,
        cells.weighted_means,
        {
            "key_profile": by_head["key"].mean(axis=0),
            "query_profile": by_head["query"].mean(axis=0),
            "importance_bin": by_bin.cpu().numpy(),
            "awi_key_profile": np.mean([profile.weighted_key for profile in profiles], axis=0),
            "awi_query_profile": np.mean([profile.weighted_query for profile in profiles], axis=0),
        },
        {
            "offset_curve": by_head["offset"].mean(axis=0),
            "awi_offset_curve": np.mean([profile.weighted_offset for profile in profiles], axis=0),
        },
        {
            f"head_{name}_curve" if name == "offset" else f"head_{name}_profile": by_head[name]
            for name in by_head
        },
        importance.float().cpu().numpy(),
        log_odds.float().cpu().numpy(),
    )
