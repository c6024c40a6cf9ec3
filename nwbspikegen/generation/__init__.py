"""Predictions of a recording, one step ahead."""

from nwbspikegen.generation.one_step import generate

__all__ = ["generate"]
