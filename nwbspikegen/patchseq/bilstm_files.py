"""Weights of the BiLSTM to safetensors bytes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save

from nwbspikegen.errors import InputError
from nwbspikegen.patchseq.bilstm import CellBiLSTM
from nwbspikegen.patchseq.bilstm_network import AttentionBiLSTM


def pack_bilstm(model: CellBiLSTM) -> tuple[bytes, dict[str, Any]]:
    """Return the weights as safetensors holds them, and the description that rebuilds the network."""
    weights = {name: value.detach().contiguous() for name, value in model.network.state_dict().items()}
    description = {
        "class_names": model.class_names.tolist(),
        "num_families": model.num_families,
        "width": model.width,
        "record": model.record,
    }
    return save(weights), description


def unpack_bilstm(weights: bytes, description: dict[str, Any]) -> CellBiLSTM:
    """Rebuild what `pack_bilstm` packed."""
    names = np.asarray(description["class_names"], dtype=str)
    network = AttentionBiLSTM(description["width"], (len(names),))
    try:
        network.load_state_dict(load(weights))
    except (RuntimeError, SafetensorError) as error:
        raise InputError(
            f"weights that do not fit ({str(error).splitlines()[0]})", "those of this model", "train it again"
        ) from error
    network.eval()
    return CellBiLSTM(
        network, names, description["num_families"], description["width"], description["record"]
    )
