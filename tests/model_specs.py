"""The architectures that the contract suite tests, small, with weights that say something."""

from __future__ import annotations

import numpy as np
import torch

from nwbspikegen.models import FittedModel, build_model

BIN = 0.001
SMALL = {
    "in_context": {"width": 16},
    "shimono2026": {"num_heads": 2, "feedforward": 8, "num_bins": 60},
    "population_gru": {"num_bins": 60, "width": 8},
    "glm": {"num_bins": 60},
    "mixed": {
        "members": "in_context width=16 training_units=384 prior=3, glm num_bins=60, "
        "population_gru num_bins=60 width=8",
        "fallback": 1,
    },
    "mymodels:GRU": {"width": 8, "num_bins": 60},
}


def make_model(name: str, num_units: int = 6, seed: int = 0) -> FittedModel:
    """Return a model that was not trained, and does not predict the rates either."""
    torch.manual_seed(seed)
    module = build_model(name, num_units, **SMALL[name]).eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return FittedModel(module, module.default_loss, BIN)


def make_spikes(num_bins: int = 300, num_units: int = 6) -> np.ndarray:
    """Return spikes in a tenth of all bins."""
    return (np.random.default_rng(1).random((num_bins, num_units)) < 0.1).astype(np.uint8)
