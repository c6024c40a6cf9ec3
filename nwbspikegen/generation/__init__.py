"""Predictions of a recording one step ahead, and runs of a model on its own spikes."""

from nwbspikegen.generation.free_run import free_run, run_pieces
from nwbspikegen.generation.one_step import generate

__all__ = ["free_run", "generate", "run_pieces"]
