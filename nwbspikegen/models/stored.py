"""The files of a stored model, read with every claim of theirs checked before memory is taken for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.records import read_record
from nwbspikegen.core.stored_by import package_version, require_known
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.description import FORMAT, SCHEMA_VERSION, ModelDescription
from nwbspikegen.models.registry import build_model, find_architecture

WEIGHTS_FILE = "weights.safetensors"
DESCRIPTION_FILE = "model.json"
_EXPECTED, _WHAT_TO_DO = "a model as it was saved", "train it again, or restore the folder"


def read_model_description(folder: Path) -> ModelDescription:
    """Return what `model.json` says, or raise `InputError` where there is none, or one of a later version."""
    if not (folder / DESCRIPTION_FILE).is_file():
        raise InputError(
            f"no {DESCRIPTION_FILE} in {folder}",
            "a model folder",
            "pass what `nwbspikegen train --out` wrote",
        )
    path = _inside(folder, DESCRIPTION_FILE)
    # a newer schema is told as one, whatever else of it is unknown here
    require_known(path, {FORMAT: SCHEMA_VERSION}, _EXPECTED, _WHAT_TO_DO)
    return read_record(path, ModelDescription, _EXPECTED, _WHAT_TO_DO)


def read_module(folder: Path, description: ModelDescription) -> SpikeModel:
    """Return the network that a description and its weights make, ready to predict.

    Raises
    ------
    InputError
        They do not fit each other; where another version wrote them, it is named.
    """
    try:
        weights = load(_inside(folder, WEIGHTS_FILE).read_bytes())
        _require_shapes(folder, description, weights)
        module = build_model(description.name, description.num_units, **_read_parameters(description))
        module.load_state_dict(weights)
    except InputError as error:
        raise _tell_version(error, description) from error
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        found = broken(folder, f"weights that do not fit ({reason})")
        raise _tell_version(found, description) from error
    return module.eval()


def _read_parameters(description: ModelDescription) -> dict[str, Any]:
    """Return parameters; what was no parameter when the model was saved is what it had to be then."""
    return {**find_architecture(description.name).settings_before, **description.parameters}


def _require_shapes(folder: Path, description: ModelDescription, weights: dict[str, torch.Tensor]) -> None:
    """Raise `InputError` for weights that are not those of the network described, before it is built."""
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise broken(folder, "weights that are not finite")
    # every layer has weights, which are in the file: so many cannot be built for nothing
    deepest = _find_depth(description.parameters)
    if deepest > len(weights):
        raise broken(folder, f"depth {deepest} with {len(weights)} arrays")
    # on this device arrays have a shape and take no memory, however large they claim to be
    with torch.device("meta"):
        network = build_model(description.name, description.num_units, **_read_parameters(description))
    expected = {name: value.shape for name, value in network.state_dict().items()}
    found = {name: value.shape for name, value in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            shapes = [
                None if shape is None else list(shape) for shape in (found.get(name), expected.get(name))
            ]
            raise broken(folder, f"{name[:80]} of shape {shapes[0]}, not {shapes[1]},")


def _find_depth(parameters: dict[str, Any]) -> int:
    """Return how many layers a network is to have: its own, those of a member, or as many as members."""
    members = str(parameters.get("members", ""))
    depths = [int(digits[:20]) for digits in re.findall(r"\bdepth=(\d+)", members)]
    deepest: int = max([parameters.get("depth", 1), members.count(",") + 1, *depths])
    return deepest


def _inside(folder: Path, name: str) -> Path:
    """Return a file of a folder; one that a link leads out of it is none of a model."""
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise broken(folder, f"{name}, a link that leads out of the folder,")
    return path


def _tell_version(error: InputError, description: ModelDescription) -> InputError:
    """Return an error that also names the version that wrote a model, where it is not this one."""
    wrote, ours = description.package_version, package_version()
    if wrote in ("", ours):
        return error
    return InputError(
        error.found,
        error.expected,
        f"{error.remedy}; nwbspikegen {wrote} wrote it, this is {ours}: pip install 'nwbspikegen=={wrote}'",
    )


def broken(folder: Path, found: str) -> InputError:
    """Return the error of a model that is not as it was saved."""
    return InputError(f"{found} in {folder}", _EXPECTED, _WHAT_TO_DO)
