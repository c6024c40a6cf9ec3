"""What the controls say, in sentences: what losing a thing costs, and when a map explains nothing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT, ROC_AUC_POOLED

# on a whole segment a cost of 5e-6 is surely above 0 (pooled ROC-AUC of the slice), and means nothing
NEGLIGIBLE = 1e-3
"""Costs below this are nothing, however sure they are: bits per spike, or area under a curve."""
# with some 300 sampled bins intervals of ROC-AUC per unit reach .04 to .09: that nothing was found says
# nothing there
TELLING = 0.05
"""An interval that reaches so far above 0 leaves open whether there is a cost."""

_SHOWN = {
    "attention_uniform": "which bins the attention map picks out",
    "attention_removed": "what the attention map shows of the past",
    "attention_uniform_retrained": "attention that picks bins out, in a model trained without it",
    "attention_removed_retrained": "attention to the past, in a model trained without it",
    "couplings_removed": "the couplings that the map shows",
    "units_permuted_50": "which units fired in the latest half of the window",
    "units_permuted_95": "which units fired in the window",
    "time_reversed": "the order of bins in the window",
    "units_shifted": "when units fired in the window",
}
_WORDS = {each.name: each.words for each in (BITS_PER_SPIKE, ROC_AUC_POOLED, ROC_AUC_PER_UNIT)}


def name_loss(control: str) -> str:
    """Return what a control takes away from a model, in words.

    Examples
    --------
    >>> name_loss("time_reversed"), name_loss("lags_11_30"), name_loss("channels_removed")
    ('the order of bins in the window', 'spikes 11 to 30 bins ago', 'channels')
    """
    if control.startswith("lags_"):
        nearest, farthest = control.removeprefix("lags_").split("_")
        return f"spikes {nearest} to {farthest} bins ago"
    # what a model calls its own components says what is lost
    return _SHOWN.get(control, control.removesuffix("_removed").replace("_", " "))


def state_results(ablations: pd.DataFrame) -> list[str]:
    """Return a plain sentence per control: whether losing what a map shows costs anything.

    A score changes when its cost is 0.001 or more, or -0.001 or less, and the 95 % interval does not
    hold 0. A cost below 0 is a gain: the model scores better without what was taken. Where no score gets
    worse, the map explains nothing, unless an interval reaches 0.05: then too few bins were scored. Fewer
    than 20 spikes tell nothing. A first
    sentence warns of a model that predicts worse than the mean rate.

    Examples
    --------
    >>> row = {"control": "attention_uniform", "status": "measured", "cost": 0.0, "cost_ci_low": -0.01,
    ...        "cost_ci_high": 0.01, "ci_reliable": True}
    >>> metrics = ("bits_per_spike", "roc_auc_pooled", "roc_auc_per_unit")
    >>> table = pd.DataFrame([{**row, "metric": metric} for metric in metrics])
    >>> print(state_results(table)[0])
    attention_uniform: losing which bins the attention map picks out costs nothing (bits per spike 0
    [-0.01 to 0.01], pooled ROC-AUC 0 [-0.01 to 0.01], ROC-AUC per unit 0 [-0.01 to 0.01]): here the map
    explains nothing
    """
    sentences = _state_intact(ablations)
    own = [each for each in ablations.control.unique() if each.endswith("_removed") and each not in _SHOWN]
    for control in [*_SHOWN, *own]:
        shown = name_loss(control)
        rows = ablations[ablations.control == control]
        if rows.empty:
            continue
        if rows.status.iloc[0] != "measured":
            sentences.append(f"{control}: {rows.status.iloc[0]}")
        elif rows.cost.isna().all():
            num_spikes = int(rows.get("num_spikes", pd.Series([0])).iloc[0])
            sentences.append(
                f"{control}: what losing {shown} costs is not told by the {num_spikes} spikes that were "
                "scored: take more (--targets, or a longer window)"
            )
        else:
            sentences.append(f"{control}: losing {shown} {_state_cost(control, rows)}")
    return sentences


def _state_intact(ablations: pd.DataFrame) -> list[str]:
    """Return a warning when bits per spike say more about calibration than about what is read."""
    rows = ablations[(ablations.control == "intact") & (ablations.metric == BITS_PER_SPIKE.name)]
    if rows.empty or rows.value.iloc[0] >= 0:
        return []
    return [
        f"intact: {-rows.value.iloc[0]:.3g} bits per spike worse than each unit's mean rate: costs in "
        "bits per spike tell how far probabilities are off, and only the ROC-AUCs what the model knows"
    ]


def _state_cost(control: str, rows: pd.DataFrame) -> str:
    """Return the end of a sentence: what is lost, what is gained, what stays, and what follows."""
    lost, gained, same = [], [], []
    for metric, word in _WORDS.items():
        row = rows[rows.metric == metric].iloc[0]
        if row.cost >= NEGLIGIBLE and row.cost_ci_low > 0:
            lost.append(_with_interval(row.cost, row.cost_ci_low, row.cost_ci_high, word))
        elif row.cost <= -NEGLIGIBLE and row.cost_ci_high < 0:
            gained.append(_with_interval(-row.cost, -row.cost_ci_high, -row.cost_ci_low, word))
        else:
            same.append(_with_interval(row.cost, row.cost_ci_low, row.cost_ci_high, word))
    doubt = "" if rows.ci_reliable.iloc[0] else "; few blocks, intervals are rough"
    if lost:
        gain = f", and gains {', '.join(gained)}" if gained else ""
        rest = f"; no change of {', '.join(same)}" if same else ""
        return f"costs {', '.join(lost)}{gain}{rest}{doubt}"
    # asked after what is surely lost: a wide interval takes nothing away from a finding
    if (rows.cost_ci_high >= TELLING).any():
        told = f"gains {', '.join(gained)}" if gained else "costs nothing that can be told"
        return f"{told} ({', '.join(same)}{doubt}): the intervals are too wide to say more"
    shows = control.startswith(("attention", "couplings"))
    verdict = "the map explains nothing" if shows else "the prediction does not need it"
    if gained:
        rest = f"; no change of {', '.join(same)}" if same else ""
        return f"costs nothing and gains {', '.join(gained)}{rest}{doubt}: here {verdict}"
    return f"costs nothing ({', '.join(same)}{doubt}): here {verdict}"


def _with_interval(value: Any, low: Any, high: Any, word: str) -> str:
    return f"{word} {value:.3g} [{low:.3g} to {high:.3g}]"
