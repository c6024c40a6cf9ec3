"""How the rates of a generated train follow the recorded ones from unit to unit."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, Integer

from nwbspikegen.scoring.metrics.record import Measured, Metric
from nwbspikegen.scoring.segment import ScoredPrediction
from nwbspikegen.views.history import Mask, count_spikes


def rate_correlation(
    generated: Integer[np.ndarray, "time unit"],
    recorded: Integer[np.ndarray, "_time unit"],
    observed: Mask = None,
) -> float:
    """Return how generated firing rates follow recorded ones from unit to unit.

    Formula: Pearson correlation over units of ln(k + 1/2), k being the bins with a spike; on the log
    scale a few fast units do not decide alone. 1 is perfect, 0 is chance; no null. Where units were
    `observed` for different times, which would correlate by itself, it is of ln((k + 1/2) / n), n being
    the observed bins. Edge rule: NaN with fewer than two units, or when all have the same rate.

    Examples
    --------
    >>> spikes = np.array([[1, 1], [0, 1]], np.uint8)
    >>> round(rate_correlation(spikes, spikes), 6)
    1.0
    """
    return _correlate_counts(count_spikes(generated), count_spikes(recorded), observed)


def _correlate_counts(
    num_made: Int64[np.ndarray, " unit"], num_real: Int64[np.ndarray, " unit"], observed: Mask
) -> float:
    # half a spike more for each, so that silence has a logarithm (Haldane and Anscombe's correction)
    made, real = np.log(num_made + 0.5), np.log(num_real + 0.5)
    if observed is not None:
        num_seen = count_spikes(observed)
        made, real = ((counts - np.log(np.maximum(num_seen, 1)))[num_seen > 0] for counts in (made, real))
    if len(made) < 2 or np.ptp(made) == 0 or np.ptp(real) == 0:
        return float("nan")
    return float(np.corrcoef(made, real)[0, 1])


def _measure(scored: ScoredPrediction) -> list[Measured]:
    segment = scored.segment
    counts = scored.num_drawn_by_unit, segment.num_spikes_by_unit
    correlation = _correlate_counts(*counts, segment.observed)
    return [Measured("", np.array([correlation]), segment.num_units)]


RATE_CORRELATION = Metric(
    name="rate_correlation",
    title="Correlation of firing rates",
    column="",
    better="higher",
    unit="1",
    meaning="Correlation over units of the log firing rates of a generated train with the recorded ones.",
    needs="generated_train",
    has_interval=False,
    chance=0.0,
    measure=_measure,
)
