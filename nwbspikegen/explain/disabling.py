"""Predictions without what a map shows: a component of the model left out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from nwbspikegen.core.predictor import predict_bins
from nwbspikegen.explain.windows import Observed
from nwbspikegen.models import FittedModel
from nwbspikegen.models.attending import WITHOUT_ATTENTION, attention_as
from nwbspikegen.training import train
from nwbspikegen.views import Split

CONTROLS_OF = {
    "attention_weights": "attention_uniform",
    "attention": "attention_removed",
    "coupling": "couplings_removed",
}
"""What tables call the control that leaves a component out; of any other, `<component>_removed`."""

_Prediction = Float32[np.ndarray, "predicted unit"]


def predict_observed(model: FittedModel, observed: Observed) -> _Prediction:
    """Predict a segment from what was observed before each bin."""
    return predict_bins(model, observed.bins, observed.first, observed.bin_size)


def predict_without(model: FittedModel, observed: Observed, component: str) -> _Prediction:
    """Predict with a trained model that lacks one of its components.

    Examples
    --------
    >>> from nwbspikegen.models import build_model
    >>> model = FittedModel(build_model("shimono2026", 4, num_heads=2), "dice", 0.001)
    >>> silent = Observed(np.zeros((9, 4), np.uint8), 3, 0.0, 0.001)
    >>> predict_without(model, silent, "attention").shape
    (6, 4)
    """
    state = model.begin(observed.spikes.shape[1], observed.bin_size).without(component)
    return model.module.predict_from(state, observed.spikes, observed.first, observed.mask)


def predict_retrained(model: FittedModel, parts: Split, observed: Observed, component: str) -> _Prediction:
    """Train the same model again with attention left out, for as long, and predict with it so.

    The retrained weights mean nothing with attention, so they are used here and not returned.
    """
    schedule = {**model.training.get("schedule", {})}
    # as many as the model had, stopped early or not: a control that trains for longer would tell of that
    schedule["epochs"] = max(len(model.curves), 1)
    with attention_as(WITHOUT_ATTENTION[component]):
        again = train(
            parts.train,
            parts.validation,
            model=model.name,
            loss=model.loss,
            seed=int(model.training.get("seed", 0)),
            progress=False,
            **schedule,
            **model.parameters,
        )
        # within the block: what was trained without attention predicts without it
        return predict_observed(again, observed)
