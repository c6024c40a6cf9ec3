"""Paths through several rooms: windows, audits, generate and score, the demonstration."""

from nwbspikegen.workflows.auditing import audit
from nwbspikegen.workflows.free_running import FreeRunReport, free_run_and_compare
from nwbspikegen.workflows.generating import GenerationReport, generate_and_score

__all__ = [
    "FreeRunReport",
    "GenerationReport",
    "audit",
    "free_run_and_compare",
    "generate_and_score",
]
