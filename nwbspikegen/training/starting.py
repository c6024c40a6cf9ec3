"""Training that goes on from the weights of another model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel, load_model
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.card_populations import DRAWN
from nwbspikegen.views.observed import is_same_recording

# how many examples are taken at once, and of how many: of a training, not of what was learnt
_OF_EXAMPLES = ("batch_size", "training_samples", "validation_samples", "training_units")
_WITHOUT_START = ("glm", "mixed")
_OF_SOURCES = ("unit_ids", "window", "split")


def load_start(start_from: FittedModel | str | os.PathLike[str], model: str) -> FittedModel:
    """Return the model that a training starts from, refusing one of another architecture.

    Parameters
    ----------
    start_from : FittedModel, or path or address of one
        As `nsg.load_model` takes it, such as ``"pretrained"``.
    model : str
        The architecture that is to be trained.
    """
    if model in _WITHOUT_START:
        raise InputError(
            f"a model to start from for {model}", "a network that is trained in epochs", "leave it out"
        )
    start = start_from if isinstance(start_from, FittedModel) else load_model(start_from)
    if start.name != model:
        raise InputError(
            f"a model to start from of the architecture {start.name}",
            f"one of {model}, which is to be trained",
            f"train {start.name}, or start from another model",
        )
    return start


def require_bins(start: FittedModel, bin_size: float) -> None:
    """Raise `InputError` unless a model to start from predicts bins like those of the recordings."""
    if start.bin_size != bin_size:
        raise InputError(
            f"a model to start from that predicts bins of {start.bin_size:g} s",
            f"bins of {bin_size:g} s, as of the recordings",
            f"open the recordings with bins of {start.bin_size:g} s",
        )


def settings_of_start(start: FittedModel) -> dict[str, Any]:
    """Return the settings of a network that can take the weights."""
    return {name: value for name, value in start.parameters.items() if name not in _OF_EXAMPLES}


def take_weights(network: SpikeModel, start: FittedModel) -> None:
    """Give a network the weights of a model, with everything that they were learnt with."""
    try:
        network.load_state_dict(start.module.state_dict())
    except RuntimeError as error:
        has, wanted = start.parameters, network.parameters_used
        differ = [name for name in settings_of_start(start) if has[name] != wanted.get(name)]
        if differ:
            found, expected = ([f"{name}={each.get(name)}" for name in differ] for each in (has, wanted))
        else:
            found, expected = ([f"{each.num_units} units"] for each in (start.module, network))
        raise InputError(
            f"a model to start from with {', '.join(found)}",
            ", ".join(expected),
            "leave out settings that differ, or start from another model",
        ) from error


def add_start(record: dict[str, Any], start: FittedModel) -> dict[str, Any]:
    """Return a record of training that says what the model it started from had met, as if met again.

    A recording that the first model was trained on is a recording of training of the second as well: bins
    that either has seen are not scored, and no test on its subject is independent.
    """
    met = [
        {**{key: start.training[key] for key in _OF_SOURCES if key in start.training}, **source}
        for source in start.training.get("sources", [])
    ]
    told: dict[str, Any] = {"sha256": start.sha256}
    # also of what the first model had started from itself
    first = start.training.get("started_from", {})
    for name in DRAWN:
        if drawn := start.training.get(name) or first.get(name):
            told[name] = drawn
    return {**record, "sources": [*record["sources"], *met], "started_from": told}


def require_unmet(start: FittedModel, recordings: Sequence[xr.Dataset], names: Sequence[object]) -> None:
    """Raise `InputError` when the model to start from was trained on a recording that is to be held out."""
    for recording, name in zip(recordings, names, strict=True):
        for source in start.training.get("sources", []):
            if is_same_recording(source, recording.attrs, unknown=False):
                raise InputError(
                    f"{name} to hold out, which the model to start from was trained on",
                    "a recording that it never met",
                    "hold out another, or start from another model",
                )


def require_no_source(start: FittedModel) -> None:
    """Raise `InputError` for a model to start from that was trained on recordings: a study compares those."""
    if sources := start.training.get("sources"):
        raise InputError(
            f"a model to start from that was trained on {len(sources)} recordings",
            "one that met none, such as pretrained: every cell would be of training",
            "start from another model",
        )
