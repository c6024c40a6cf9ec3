"""Results and the NWB files that hold them: every writer has its reader."""

from nwbspikegen.results.attention import read_attention, write_attention
from nwbspikegen.results.patchseq import write_patchseq
from nwbspikegen.results.patchseq_reading import (
    read_cell_scalars,
    read_family_vectors,
    read_left_out_sweeps,
    read_predictions,
    read_sweep_features,
)
from nwbspikegen.results.reading import (
    list_results,
    read_audits,
    read_generated_units,
    read_models,
    read_scores,
    read_sources,
    read_spike_probability,
    read_statistics,
)
from nwbspikegen.results.transfer_reading import read_layout, read_sessions, read_transfer_scores
from nwbspikegen.results.transfer_subject import read_subject
from nwbspikegen.results.transfer_writing import SESSION_COLUMNS, write_study, write_transfer
from nwbspikegen.results.writing import require_complete, write_results

__all__ = [
    "SESSION_COLUMNS",
    "list_results",
    "read_attention",
    "read_audits",
    "read_cell_scalars",
    "read_family_vectors",
    "read_generated_units",
    "read_layout",
    "read_left_out_sweeps",
    "read_models",
    "read_predictions",
    "read_scores",
    "read_sessions",
    "read_sources",
    "read_spike_probability",
    "read_statistics",
    "read_subject",
    "read_sweep_features",
    "read_transfer_scores",
    "require_complete",
    "write_attention",
    "write_patchseq",
    "write_results",
    "write_study",
    "write_transfer",
]
