"""Architectures, their losses, and trained models on disk."""

from nwbspikegen.core.errors import require_extra

require_extra("train", "torch", "lightning", "safetensors", purpose="models")

# ruff: noqa: E402 - what follows needs torch, and the reader deserves to hear it in one line
from nwbspikegen.models import glm, in_context, mixed, population_gru, shimono2026  # each enters the register
from nwbspikegen.models.base import Batch, Examples, SpikeModel
from nwbspikegen.models.fitted import FittedModel, load_model
from nwbspikegen.models.losses import LOSSES, find_loss
from nwbspikegen.models.registry import MODELS, build_model, find_architecture, register
from nwbspikegen.models.state import RecordingState
from nwbspikegen.models.stored import DESCRIPTION_FILE
from nwbspikegen.models.window_model import WindowModel

__all__ = [
    "DESCRIPTION_FILE",
    "LOSSES",
    "MODELS",
    "Batch",
    "Examples",
    "FittedModel",
    "RecordingState",
    "SpikeModel",
    "WindowModel",
    "build_model",
    "find_architecture",
    "find_loss",
    "glm",
    "in_context",
    "load_model",
    "mixed",
    "population_gru",
    "register",
    "shimono2026",
]
