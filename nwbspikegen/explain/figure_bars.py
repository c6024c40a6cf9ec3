"""Correlations of profiles with firing rates, and what controls cost, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, new_figure
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT, ROC_AUC_POOLED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_COSTS = {each.name: each.words for each in (BITS_PER_SPIKE, ROC_AUC_POOLED, ROC_AUC_PER_UNIT)}
_COST = ("cost", "cost_ci_low", "cost_ci_high")


def plot_rate_correlations(correlations: pd.DataFrame) -> Figure:
    """Draw the correlation of each profile with firing rates of input and generated spikes.

    Parameters
    ----------
    correlations : DataFrame
        Of one recording (`correlation`), or over recordings (`mean` with `sd` as error bar, and a star
        where `significant`).

    Raises
    ------
    InputError
        For an empty table, or one that lacks what is drawn.
    MissingExtraError
        When matplotlib is not installed.
    """
    if correlations.empty:
        raise InputError("no correlations", "what correlate_rates returned", "explain a model that attends")
    over_recordings = "mean" in correlations
    drawn = ("mean", "sd", "significant") if over_recordings else ("correlation",)
    _require_columns(correlations, "correlations", "profile", "rate", *drawn)
    figure = new_figure(7.0, 3.6)
    axes = figure.subplots()
    profiles = list(dict.fromkeys(correlations["profile"]))
    for place, (rate, rows) in enumerate(correlations.groupby("rate", sort=False)):
        rows = rows.set_index("profile").reindex(profiles)
        height = rows["mean" if over_recordings else "correlation"].to_numpy(dtype=float)
        # two bars of .38 side by side leave a gap between profiles
        at = np.arange(len(profiles)) + 0.4 * (place - 0.5)
        axes.bar(at, height, width=0.38, color=COLOURS[place], label=f"{rate} spikes")
        if over_recordings:
            spread = rows["sd"].to_numpy(dtype=float)
            axes.errorbar(at, height, yerr=spread, fmt="none", ecolor="0.25", capsize=2, linewidth=0.8)
            _star(axes, at, height, spread, rows["significant"].to_numpy(dtype=bool))
    axes.axhline(0.0, color="0.25", linewidth=0.8)
    titles = [name.replace("_", "\n") for name in profiles]
    axes.set_xticks(np.arange(len(profiles)), titles, fontsize="small")
    axes.set_ylabel("Correlation with firing rate")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _star(axes: Any, at: np.ndarray, height: np.ndarray, spread: np.ndarray, significant: np.ndarray) -> None:
    for x, y, more, yes in zip(at, height, np.nan_to_num(spread), significant, strict=True):
        if yes:
            axes.annotate("*", (x, y + np.copysign(more, y)), ha="center", va="bottom" if y > 0 else "top")


def _require_columns(table: pd.DataFrame, what: str, *names: str) -> None:
    """Refuse a table that lacks some of the columns that are drawn, as a file of others may."""
    missing = [name for name in names if name not in table]
    if missing:
        raise InputError(
            f"a table of {what} without {', '.join(missing)}",
            f"the columns {', '.join(names)}",
            "explain the recording again",
        )


def plot_ablations(ablations: pd.DataFrame) -> Figure:
    """Draw what each control costs in bits per spike, pooled and per-unit ROC-AUC, with 95 % intervals.

    Filled bars are of the whole segment, hatched ones of sampled bins; dotted intervals come
    from few blocks. Above 0 the control does harm, below 0 the model scores better with it.

    Parameters
    ----------
    ablations : DataFrame
        As `ablate` returns it.

    Raises
    ------
    InputError
        When nothing was measured, or the table lacks what is drawn.
    MissingExtraError
        When matplotlib is not installed.
    """
    _require_columns(ablations, "controls", "status", "control", "metric", "scored", *_COST)
    rows = ablations[(ablations["status"] == "measured") & (ablations["control"] != "intact")]
    if rows.empty:
        raise InputError("no control that was measured", "what ablate returned", "run the controls first")
    names = list(dict.fromkeys(rows["control"]))
    figure = new_figure(12.0, 1.4 + 0.3 * len(names))
    for axes, (metric, title) in zip(
        figure.subplots(1, len(_COSTS), sharey=True), _COSTS.items(), strict=True
    ):
        part = rows[rows["metric"] == metric].set_index("control").reindex(names)
        cost = part["cost"].to_numpy(dtype=float)
        ends = part[[*_COST[1:]]].to_numpy(dtype=float).T
        place = np.arange(len(names))
        sampled = part["scored"].eq("sampled bins").to_numpy()
        for chosen, hatch in ((~sampled, ""), (sampled, "///")):
            axes.barh(
                place[chosen],
                cost[chosen],
                height=0.65,
                color=COLOURS[4],
                hatch=hatch,
                edgecolor="0.25",
                linewidth=0.5,
            )
        # draws need not hold the value itself: a bar has no negative length
        length = np.clip(np.array([cost - ends[0], ends[1] - cost]), 0.0, None)
        sure = part["ci_reliable"].eq(True).to_numpy() if "ci_reliable" in part else np.ones(len(part), bool)
        for chosen, style in ((sure, "-"), (~sure, ":")):
            bars = axes.errorbar(
                cost[chosen], place[chosen], xerr=length[:, chosen], fmt="none", ecolor="0.1", linewidth=1.2
            )
            for line in bars.lines[2]:
                line.set_linestyle(style)
        axes.axvline(0.0, color="0.25", linewidth=0.8)
        axes.set_yticks(place, names)
        axes.set_xlabel(f"Cost, {title}")
        axes.spines[["top", "right"]].set_visible(False)
    # the panels share this axis: turning one turns all
    figure.axes[0].invert_yaxis()
    return figure
