"""The controls of a map: what it costs a model to lose what the map shows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64

from nwbspikegen.explain.disabling import (
    CONTROLS_OF,
    predict_observed,
    predict_retrained,
    predict_without,
)
from nwbspikegen.explain.performance_drop import Scored, find_drops, target_edges
from nwbspikegen.explain.perturbations import CONTROLS, lag_perturbations
from nwbspikegen.explain.targets import WINDOW_BINS, choose_targets, predict_targets
from nwbspikegen.explain.windows import Observed
from nwbspikegen.models import FittedModel
from nwbspikegen.models.attending import WITHOUT_ATTENTION
from nwbspikegen.scoring.blocks import split_blocks
from nwbspikegen.views import Split
from nwbspikegen.views.history import mean_rate_per_bin
from nwbspikegen.views.observed import read_bins

_LOG = logging.getLogger("nwbspikegen")
_Prediction = Float[np.ndarray, "bin unit"]
COLUMNS = (
    *("control", "metric", "value", "ci_low", "ci_high", "cost", "cost_ci_low", "cost_ci_high"),
    *("scored", "num_bins", "num_units", "num_spikes", "ci_reliable", "status"),
)
"""Columns of a table of ablations, in order."""

MEASURED = "measured"

_LACKING = {
    **dict.fromkeys(WITHOUT_ATTENTION, "declares no attention"),
    "coupling": "reads no couplings from the past",
}
"""Components that tables always have a row for, and why a model has none."""


@dataclass(frozen=True)
class AblationOptions:
    """How much is spent on controls.

    Attributes
    ----------
    num_targets : int
        Bins sampled for the controls that perturb what is read before a bin.
    retrain : bool
        Train again with attention disabled, which takes as long as training did.
    seed, resamples : int
        Of sampled bins and perturbations, and of the bootstrap.
    """

    # each is read under some 12 pasts; on the slice, where 128 units fire 2,300 spikes per second, 200 bins
    # hold about 460 spikes
    num_targets: int = 200
    retrain: bool = False
    seed: int = 0
    # the 2.5 and 97.5 % points of 200 draws lie on the fifth from each end
    resamples: int = 200


def ablate(
    model: FittedModel, parts: Split, observed: Observed, options: AblationOptions | None = None
) -> pd.DataFrame:
    """Score a model intact and under every control, on the same bins, with paired performance drops.

    Whole segment: attention spread equally over the past (`attention_uniform`) or removed
    (`attention_removed`), at inference and after training so (`..._retrained`); for `in_context`
    coupling filters, pairwise predictors and coincident units removed (`couplings_removed`); any other
    component that a model lists (`<component>_removed`). Sampled bins, each scored by itself after its
    latest 3,125 bins were perturbed: units permuted within each of the latest 50 or 95 % of them,
    time reversed, units shifted circularly, and all spikes silenced between two lags (`lags_1_3`, ...).

    Parameters
    ----------
    model : FittedModel
        The model.
    parts : Split
        Its training segment gives the mean rate from which bits are counted, and the retraining.
    observed : Observed
        The segment to score, with its context.
    options : AblationOptions, optional
        How much to spend.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row per control and metric (bits per spike above `mean_rate`, pooled and
        per-unit ROC-AUC). `cost`, the performance drop, is intact minus control, on the same draws of
        blocks; value and cost are NaN where fewer than 20 spikes were scored. A control that does not
        apply, or was not asked for, has one row without scores; `status` says why.
    """
    options = options or AblationOptions()
    trained_on, seen = read_bins(parts.train), observed.bins.since(observed.first).observed
    mean_rate = mean_rate_per_bin(trained_on.spikes, trained_on.observed)
    edges = split_blocks(len(observed.segment), observed.bin_size, seen)
    whole = Scored(observed.segment, mean_rate, edges, options.seed, options.resamples, seen)
    rows = _ablate_segment(model, parts, observed, whole, options)
    num_bins, mask = len(observed.spikes), observed.mask
    targets = choose_targets(observed.first, num_bins, options.num_targets, options.seed, mask)
    found = target_edges(targets, observed.first, num_bins, observed.bin_size, mask)
    sampled = Scored(
        observed.spikes[targets],
        mean_rate,
        found,
        options.seed,
        options.resamples,
        None if mask is None else mask[targets],
    )
    _LOG.info("perturbing what is read before %d sampled bins", len(targets))
    perturbations = {**CONTROLS, **lag_perturbations()}
    predicted = predict_targets(
        model, observed.spikes, targets, perturbations, window_bins=WINDOW_BINS, seed=options.seed, mask=mask
    )
    rows += _compare("sampled bins", sampled, predicted)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _ablate_segment(
    model: FittedModel, parts: Split, observed: Observed, scored: Scored, options: AblationOptions
) -> list[dict[str, Any]]:
    """Return rows of the controls that predict the whole segment."""
    predicted = {"intact": predict_observed(model, observed)}
    reasons: dict[str, str] = {}

    def measure(name: str, applies: bool, reason: str, predict: Callable[[], _Prediction]) -> None:
        if applies:
            _LOG.info("predicting with %s", name)
            predicted[name] = predict()
        else:
            reasons[name] = reason

    has = model.module.components

    def measure_without(component: str) -> None:
        control = CONTROLS_OF.get(component, f"{component}_removed")
        # a control that does not apply keeps a row that says why: without one it would read as forgotten
        lacks = f"not applicable: {model.name} {_LACKING.get(component, '')}"
        measure(control, component in has, lacks, partial(predict_without, model, observed, component))

    for component in WITHOUT_ATTENTION:
        measure_without(component)
    for component in WITHOUT_ATTENTION:
        measure(
            f"{CONTROLS_OF[component]}_retrained",
            component in has and options.retrain,
            "not measured: ask for retraining"
            if component in has
            else f"not applicable: {model.name} {_LACKING[component]}",
            partial(predict_retrained, model, parts, observed, component),
        )
    for component in ("coupling", *(each for each in has if each not in _LACKING)):
        measure_without(component)
    # the intact prediction is the first, and is scored once for all
    rows = _compare("whole segment", scored, predicted)
    # counts of 0 and False, not missing, so that files keep these columns as numbers and booleans
    none = {"scored": "", "num_bins": 0, "num_units": 0, "num_spikes": 0, "ci_reliable": False}
    return rows + [{**none, "control": name, "status": reason} for name, reason in reasons.items()]


def _compare(where: str, scored: Scored, predicted: dict[str, _Prediction]) -> list[dict[str, Any]]:
    """Return a row per control and metric; the first prediction is the intact one."""
    # the same draws of blocks for both, so that the interval is of their difference, in which what blocks
    # have in common falls out
    intact = scored.draws(predicted["intact"])
    rows = []
    for name, prediction in predicted.items():
        draws: dict[str, Float64[np.ndarray, " draw"]] = (
            intact if name == "intact" else scored.draws(prediction)
        )
        for metric, (value, cost) in find_drops(intact, draws).items():
            rows.append(
                {
                    "control": name,
                    "metric": metric,
                    **vars(value),
                    "cost": cost.value,
                    "cost_ci_low": cost.ci_low,
                    "cost_ci_high": cost.ci_high,
                    "scored": where,
                    "num_bins": len(scored.spikes),
                    "num_units": scored.spikes.shape[1],
                    "num_spikes": scored.num_spikes,
                    "ci_reliable": scored.is_reliable,
                    "status": MEASURED,
                }
            )
    return rows
