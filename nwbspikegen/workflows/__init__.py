"""Paths through several rooms: windows, audits, generate and score, the demonstration."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nwbspikegen.workflows.auditing import audit as audit
    from nwbspikegen.workflows.free_running import FreeRunReport as FreeRunReport
    from nwbspikegen.workflows.free_running import free_run_and_compare as free_run_and_compare
    from nwbspikegen.workflows.generating import GenerationReport as GenerationReport
    from nwbspikegen.workflows.generating import generate_and_score as generate_and_score

# late: some paths need torch, and those who only read scores or train forests may do without
_MODULE_OF = {
    "FreeRunReport": "free_running",
    "GenerationReport": "generating",
    "audit": "auditing",
    "free_run_and_compare": "free_running",
    "generate_and_score": "generating",
}

__all__ = list(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
