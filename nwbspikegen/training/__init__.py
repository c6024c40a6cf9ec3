"""From segments of recordings to trained models."""

from nwbspikegen.core.errors import require_extra

require_extra("train", "torch", "lightning", "safetensors", purpose="training")

# ruff: noqa: E402 - what follows needs torch, and the reader deserves to hear it in one line
from nwbspikegen.training.data import SpikeData
from nwbspikegen.training.fit import train
from nwbspikegen.training.mixing import mix_models
from nwbspikegen.training.module import TrainingModule
from nwbspikegen.training.pretraining import pretrain

__all__ = ["SpikeData", "TrainingModule", "mix_models", "pretrain", "train"]
