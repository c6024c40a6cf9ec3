"""How far the rates of a generated train are from the recorded ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, Integer

from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction
from nwbspikegen.views.history import count_spikes


def rate_log_ratio(
    generated: Integer[np.ndarray, "time unit"], recorded: Integer[np.ndarray, "_time unit"]
) -> float:
    """Return how far generated firing rates are from recorded ones, as a factor on a log scale.

    Formula: mean over units of |ln((k_generated + 1/2) / (k_recorded + 1/2))|, k being the bins with
    a spike. Zero is perfect, lower is better; ln 2 = 0.69 is a factor of two; no null. It has no
    sign, so that fast units cannot make up for slow ones. Edge rule: units silent in both are left
    out; NaN when all are.

    Examples
    --------
    >>> rate_log_ratio(np.zeros((9, 1), np.uint8), np.eye(9, 1, dtype=np.uint8)).__round__(3)
    1.099
    """
    return _log_ratio(count_spikes(generated), count_spikes(recorded))


def _log_ratio(made: Int64[np.ndarray, " unit"], real: Int64[np.ndarray, " unit"]) -> float:
    # units silent in both would have ratio 1: many of them would make any model look right
    firing = (made + real) > 0
    if not firing.any():
        return float("nan")
    return float(np.abs(np.log((made[firing] + 0.5) / (real[firing] + 0.5))).mean())


def _measure(scored: ScoredPrediction) -> list[Measured]:
    made, real = scored.num_drawn_by_unit, scored.segment.num_spikes_by_unit
    return [Measured("", np.array([_log_ratio(made, real)]), int(((made + real) > 0).sum()))]


RATE_LOG_RATIO = Metric(
    name="rate_log_ratio",
    title="Log ratio of firing rates",
    column="",
    better="lower",
    unit="1",
    meaning="How far firing rates of a generated train are from the recorded ones, as a factor on a log "
    "scale, averaged over units.",
    needs="generated_train",
    has_interval=False,
    measure=_measure,
)
