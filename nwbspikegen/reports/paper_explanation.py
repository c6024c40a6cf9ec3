"""Figures of an explanation for papers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nwbspikegen.explain.figure_bars import plot_ablations, plot_rate_correlations
from nwbspikegen.explain.figure_curves import plot_attention_curves
from nwbspikegen.explain.figure_maps import plot_attention_maps, plot_couplings
from nwbspikegen.explain.nwb import read_attention
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.nwb.provenance import list_models, list_sources
from nwbspikegen.plot.finishing import PaperFigure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MODULE = "attention"
_CAPTIONS = {
    "attention_maps": "Attention of queries (down) to keys (across), mean over heads and windows, times the "
    "number of bins that the query may see: 1 is an equal share, on a logarithmic scale. Attention weighted "
    "by the importance of each key, likewise.",
    "attention_curves": "Attention and importance along the window, from the maps.",
    "couplings": "How strongly each source moves the hazard of each target, signed, the colour ending at the "
    "97th percentile; how couplings decay with the time since the source's spike; what silencing all units "
    "in a range of lags costs, in bits per spike.",
    "rate_correlations": "Correlation over units of each profile with the firing rates of input and "
    "generated spikes.",
    "ablations": "What each control costs: intact minus control, with 95 % intervals of paired draws of "
    "blocks of 10 s; hatched: scored on sampled bins. Above 0 the control does harm.",
}


def list_explanation_figures(path: Path) -> Iterator[PaperFigure]:
    """Yield the figures of a file of `explain`: maps, curves, couplings, correlations, ablations."""
    maps, correlations, ablations = read_attention(path)
    heading = _head(path, maps.attrs.get("num_windows"))
    drawn: dict[str, Callable[[], Figure]] = {}
    if "attention_mean" in maps:
        drawn["attention_maps"] = lambda: plot_attention_maps(maps)
        drawn["attention_curves"] = lambda: plot_attention_curves(maps)
    if "influence" in maps:
        drawn["couplings"] = lambda: plot_couplings(maps)
    if len(correlations):
        drawn["rate_correlations"] = lambda: plot_rate_correlations(correlations)
    if len(ablations):
        drawn["ablations"] = lambda: plot_ablations(ablations)
    for name, draw in drawn.items():
        few = ""
        has_told = name == "ablations" and "ci_reliable" in ablations
        if has_told and not ablations["ci_reliable"].astype(bool).all():
            few = " Dotted: few blocks, the interval is unreliable and narrower than it should be."
        yield PaperFigure(name, draw(), heading, _CAPTIONS[name] + few)


def _head(path: Path, num_windows: object) -> str:
    """Return which recording and model a figure is of."""
    with open_nwb(path) as root:
        models = [f"{each.name}, {each.sha256[:12]}" for each in list_models(root) if each.module == _MODULE]
        sources = [each.file_name for each in list_sources(root) if each.module == _MODULE]
    made = [path.name, *(f"of {name}" for name in sources if name != path.name), *models]
    return "; ".join([*made, *([f"mean of {num_windows} windows"] if num_windows else [])])
