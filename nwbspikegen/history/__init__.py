"""What the past of a recording says, computed causally: rates, hazards and traces.

These are predictors without training and, at the same time, inputs of trained ones. Row `t` of
every result depends on bins before `first + t` only.
"""

from nwbspikegen.history.causal import (
    AGE_EDGES,
    Mask,
    age_classes,
    exponential_traces,
    fill_unobserved,
    mean_rate_per_bin,
    online_hazard,
    prior_bins,
    running_rate,
)

__all__ = [
    "AGE_EDGES",
    "Mask",
    "age_classes",
    "exponential_traces",
    "fill_unobserved",
    "mean_rate_per_bin",
    "online_hazard",
    "prior_bins",
    "running_rate",
]
