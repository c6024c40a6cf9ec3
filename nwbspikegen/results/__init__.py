"""Results and the NWB files that hold them: every writer has its reader."""

from nwbspikegen.results.reading import (
    list_results,
    read_audits,
    read_generated_units,
    read_models,
    read_scores,
    read_spike_probability,
    read_statistics,
)
from nwbspikegen.results.writing import require_complete, write_results

__all__ = [
    "list_results",
    "read_audits",
    "read_generated_units",
    "read_models",
    "read_scores",
    "read_spike_probability",
    "read_statistics",
    "require_complete",
    "write_results",
]
