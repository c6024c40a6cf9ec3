"""Scores of a prediction of the validation segment, as an epoch has them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from scipy.special import logit

from nwbspikegen.core.predictor import Bins
from nwbspikegen.training.module import score_validation


def score_on_validation(
    probability: Float32[np.ndarray, "time unit"], bins: Bins, mean_rate: Float[np.ndarray, " unit"]
) -> dict[str, float]:
    """Return the scores of one prediction, of the bins that were observed.

    Examples
    --------
    >>> spikes = (np.random.default_rng(0).random((1000, 2)) < 0.1).astype(np.uint8)
    >>> point = score_on_validation(np.full((1000, 2), 0.1, np.float32), Bins(spikes, None), np.full(2, 0.1))
    >>> round(point["bits_per_spike"], 6) + 0.0
    0.0
    """
    seen = np.ones(probability.shape, dtype=bool) if bins.observed is None else bins.observed
    null = np.broadcast_to(mean_rate, probability.shape)[seen]
    # beyond the clip of the scores, and finite
    log_odds = np.clip(logit(probability[seen].astype(np.float64)), -20, 20)
    fired = bins.spikes[seen] > 0
    loss = float((np.logaddexp(0.0, log_odds) - fired * log_odds).mean())
    return {"validation_loss": loss, **score_validation(log_odds, fired, null)}
