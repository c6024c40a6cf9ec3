"""What a model looks at, and what that is worth: maps, importance, couplings, controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbspikegen.core.lazy import import_late

if TYPE_CHECKING:
    from nwbspikegen.explain.ablations import AblationOptions as AblationOptions
    from nwbspikegen.explain.ablations import ablate as ablate
    from nwbspikegen.explain.connections import map_corrected_correlation as map_corrected_correlation
    from nwbspikegen.explain.connections import map_coupling_glm as map_coupling_glm
    from nwbspikegen.explain.connections import map_cross_correlation as map_cross_correlation
    from nwbspikegen.explain.connections import recover_connections as recover_connections
    from nwbspikegen.explain.correlations import compare_rate_correlations as compare_rate_correlations
    from nwbspikegen.explain.correlations import correlate_rates as correlate_rates
    from nwbspikegen.explain.couplings import map_couplings as map_couplings
    from nwbspikegen.explain.explanation import Explanation as Explanation
    from nwbspikegen.explain.explanation import explain as explain
    from nwbspikegen.explain.importance import gradient_importance as gradient_importance
    from nwbspikegen.explain.maps import AttentionMaps as AttentionMaps
    from nwbspikegen.explain.maps import map_attention as map_attention
    from nwbspikegen.explain.nwb import read_attention as read_attention
    from nwbspikegen.explain.nwb import write_attention as write_attention
    from nwbspikegen.explain.results import state_results as state_results
    from nwbspikegen.explain.windows import Observed as Observed
    from nwbspikegen.explain.windows import observe as observe

_MODULE_OF = {
    "AblationOptions": "ablations",
    "AttentionMaps": "maps",
    "Explanation": "explanation",
    "Observed": "windows",
    "ablate": "ablations",
    "compare_rate_correlations": "correlations",
    "correlate_rates": "correlations",
    "explain": "explanation",
    "gradient_importance": "importance",
    "map_attention": "maps",
    "map_corrected_correlation": "connections",
    "map_coupling_glm": "connections",
    "map_couplings": "couplings",
    "map_cross_correlation": "connections",
    "observe": "windows",
    "read_attention": "nwb",
    "recover_connections": "connections",
    "state_results": "results",
    "write_attention": "nwb",
}

__all__ = [*_MODULE_OF]  # noqa: PLE0604, RUF100

__getattr__ = import_late(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
