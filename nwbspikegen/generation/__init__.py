"""Predictions of a recording one step ahead, and runs of a model on its own spikes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nwbspikegen.generation.one_step import generate

if TYPE_CHECKING:
    from nwbspikegen.generation.free_running import free_run as free_run
    from nwbspikegen.generation.free_running import run_pieces as run_pieces

__all__ = ["free_run", "generate", "run_pieces"]


def __getattr__(name: str) -> Any:
    # late: the baselines predict one step ahead without torch, free runs need it
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.free_running"), name)
