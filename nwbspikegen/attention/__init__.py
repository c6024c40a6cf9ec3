"""What a model looks at, and what that is worth: maps, importance, couplings, controls."""

from nwbspikegen.attention.ablations import AblationOptions, ablate
from nwbspikegen.attention.connections import (
    map_corrected_correlation,
    map_coupling_glm,
    map_cross_correlation,
    recover_connections,
)
from nwbspikegen.attention.correlations import compare_recordings, correlate_rates
from nwbspikegen.attention.couplings import map_couplings
from nwbspikegen.attention.explaining import Explanation, explain
from nwbspikegen.attention.findings import state_findings
from nwbspikegen.attention.importance import gradient_importance
from nwbspikegen.attention.maps import AttentionMaps, map_attention
from nwbspikegen.attention.windows import Observed, observe

__all__ = [
    "AblationOptions",
    "AttentionMaps",
    "Explanation",
    "Observed",
    "ablate",
    "compare_recordings",
    "correlate_rates",
    "explain",
    "gradient_importance",
    "map_attention",
    "map_corrected_correlation",
    "map_coupling_glm",
    "map_couplings",
    "map_cross_correlation",
    "observe",
    "recover_connections",
    "state_findings",
]
