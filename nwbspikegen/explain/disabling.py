"""Predictions without what a map shows: attention or couplings disabled."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from jaxtyping import Float32

from nwbspikegen.core.predictor import predict_bins
from nwbspikegen.explain.windows import Observed
from nwbspikegen.models import FittedModel
from nwbspikegen.models.attending import (
    Attention,
    attend_to_nothing,
    attend_uniformly,
    attention_as,
)
from nwbspikegen.models.in_context import InContext
from nwbspikegen.models.past import Past
from nwbspikegen.models.past.layout import DRIVE_COLUMN
from nwbspikegen.models.readout import Readout
from nwbspikegen.training import train
from nwbspikegen.views import Split

DISABLED: dict[str, Attention] = {
    "attention_uniform": attend_uniformly,
    "attention_removed": attend_to_nothing,
}
"""Attention spread equally over the past; and none, so that a layer knows its own bin only."""

_Prediction = Float32[np.ndarray, "predicted unit"]


def predict_observed(model: FittedModel, observed: Observed) -> _Prediction:
    """Predict a segment from what was observed before each bin."""
    return predict_bins(model, observed.bins, observed.first, observed.bin_size)


def predict_disabled(model: FittedModel, observed: Observed, how: str) -> _Prediction:
    """Predict with a trained model whose attention is disabled.

    Examples
    --------
    >>> from nwbspikegen.models import build_model
    >>> model = FittedModel(build_model("shimono2026", 4, num_heads=2), "dice", 0.001)
    >>> silent = Observed(np.zeros((9, 4), np.uint8), 3, 0.0, 0.001)
    >>> predict_disabled(model, silent, "attention_removed").shape
    (6, 4)
    """
    with attention_as(DISABLED[how]):
        return predict_observed(model, observed)


def predict_retrained(model: FittedModel, parts: Split, observed: Observed, how: str) -> _Prediction:
    """Train the same model again with attention disabled, for as long, and predict with it so.

    The retrained weights mean nothing with attention, so they are used here and not returned.
    """
    schedule = {**model.training.get("schedule", {})}
    schedule["epochs"] = max(len(model.curves), 1)
    with attention_as(DISABLED[how]):
        again = train(
            parts.train, parts.validation, model=model.name, loss=model.loss,
            seed=int(model.training.get("seed", 0)), progress=False, **schedule, **model.parameters,
        )  # fmt: skip
        return predict_observed(again, observed)


@torch.no_grad()
def predict_without_couplings(model: FittedModel, observed: Observed) -> _Prediction:
    """Predict with `in_context` as if no unit had ever told anything about another.

    The features of drives, partners and companions are what they are before any evidence, 0; the
    population's activity, hazards and the readout, which learns without them, stay.
    """
    network = model.module
    assert isinstance(network, InContext)
    num_bins, num_units = observed.spikes.shape
    past, readout = Past(num_units, observed.bin_size), Readout(num_units)
    out = np.full((num_bins - observed.first, num_units), np.nan, dtype=np.float32)
    step = network.prediction_step(num_units)
    for start in range(0, num_bins, step):
        chunk = observed.spikes[start : start + step]
        wanted = np.arange(start, start + len(chunk)) >= observed.first
        seen = None if observed.mask is None else observed.mask[start : start + step]
        for rows in past.read(chunk, wanted, seen):
            features = rows.features.copy()
            features[:, DRIVE_COLUMN:] = 0.0
            without = dataclasses.replace(rows, features=features)
            adapted = readout.read(without, *network.log_odds(without))[rows.wanted]
            place = rows.bin[rows.wanted] + start - observed.first
            out[place, rows.unit[rows.wanted]] = 1 / (1 + np.exp(-adapted))
    return out
