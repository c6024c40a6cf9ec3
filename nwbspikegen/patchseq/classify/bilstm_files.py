"""Weights of the BiLSTM to safetensors bytes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.bilstm import CellBiLSTM
from nwbspikegen.patchseq.classify.bilstm_network import AttentionBiLSTM


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
    names, width = np.asarray(description["class_names"], dtype=str), description["width"]
    num_families = description["num_families"]
    # type and not isinstance, to which True is an int
    if any(type(number) is not int or number < 1 for number in (width, num_families, len(names))):
        raise InputError("a network without a size", "families, width and classes", "train it again")
    try:
        state = load(weights)
        # on this device arrays take no memory, however large they claim to be
        with torch.device("meta"):
            expected = AttentionBiLSTM(width, (len(names),)).state_dict()
        # weights that are not finite would make every probability NaN, without an error
        if {name: value.shape for name, value in state.items()} != {
            name: value.shape for name, value in expected.items()
        } or not all(bool(value.isfinite().all()) for value in state.values()):
            raise RuntimeError("other shapes than described, or no finite numbers")
        network = AttentionBiLSTM(width, (len(names),))
        network.load_state_dict(state)
    except (RuntimeError, SafetensorError) as error:
        raise InputError(
            f"weights that do not fit ({str(error).splitlines()[0]})", "those of this model", "train it again"
        ) from error
    network.eval()
    record = dict(description["record"])
    # models of before 2026-11-26 call the condition an arm
    if "arm" in record:
        record["condition"] = record.pop("arm")
    return CellBiLSTM(network, names, num_families, width, record)
