"""Architectures, their losses, and trained models on disk."""

from nwbspikegen.models import in_context, shimono2026  # each enters the register
from nwbspikegen.models.base import (
    MODELS,
    Batch,
    Examples,
    SpikeModel,
    build_model,
    mean_rate_per_bin,
    register,
)
from nwbspikegen.models.fitted import FittedModel, load_model
from nwbspikegen.models.losses import CHOSEN_BY, LOSSES, find_loss

__all__ = [
    "CHOSEN_BY",
    "LOSSES",
    "MODELS",
    "Batch",
    "Examples",
    "FittedModel",
    "SpikeModel",
    "build_model",
    "find_loss",
    "in_context",
    "load_model",
    "mean_rate_per_bin",
    "register",
    "shimono2026",
]
