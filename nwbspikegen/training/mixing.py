"""From trained models to one that mixes them: the validation segment weighs its members."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import predict_bins
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.mixed import Mixed
from nwbspikegen.models.mixed_members import name_member
from nwbspikegen.training.data import SpikeData
from nwbspikegen.training.loaders import read_with_past
from nwbspikegen.training.record import training_record
from nwbspikegen.training.stacking import StackedWeights, stack_log_odds
from nwbspikegen.training.validating import score_on_validation
from nwbspikegen.views.history import mean_rate_per_bin

_LOG = logging.getLogger("nwbspikegen")


def mix_models(
    models: Sequence[FittedModel], train: xr.Dataset, validation: xr.Dataset, *, seed: int = 0
) -> FittedModel:
    """Weigh trained models by what they predict of a validation segment, and return the mixture.

    Each unit has weights of its own, shrunk to those of all units by as much as predicts best
    (`nwbspikegen.training.stacking`). ``nsg.train(..., model="mixed")`` trains the members first.

    Parameters
    ----------
    models : sequence of FittedModel
        At least two, which were not trained on `validation`. One that was trained on other recordings, such
        as an `in_context` that never met this one, is as good.
    train, validation : Dataset (time, unit)
        Segments of one recording, as for `nsg.train`.
    seed : int, default: 0
        Draws the silent bins on which weights are fitted.

    Returns
    -------
    FittedModel
        A `mixed`, which holds its members. `training["members"]` says of each how much it weighs.

    Raises
    ------
    InputError
        Fewer than two models, models of other bins, or a model that cannot read so many units.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=20, seed=1).sorting)
    >>> parts = nsg.split_fractions(units)
    >>> models = [nsg.train(parts.train, parts.validation, model=name, progress=False)
    ...           for name in ("in_context", "glm")]
    >>> nsg.mix_models(models, parts.train, parts.validation).parameters
    {'members': 'in_context prior=2, glm'}
    """
    data = SpikeData(train, validation, seed=seed)
    if len(models) < 2:
        raise InputError(f"{len(models)} model to mix", "at least two", "train another")
    read, first, fitted = read_with_past(train, validation)
    probabilities = [predict_bins(model, read, first, data.bin_size) for model in models]
    scored = read.since(first)
    found = stack_log_odds(
        [_to_log_odds(each) for each in probabilities], scored.spikes > 0, scored.observed, seed
    )
    mixed = _build_mixed(models, train.sizes["unit"], found)
    point = score_on_validation(
        mixed.mix(probabilities), scored, mean_rate_per_bin(fitted.spikes, fitted.observed)
    )
    record = {
        **training_record(data.train, data.validation, None, seed),
        "kept_epoch": 1,
        "members": [
            {"name": model.name, "weight": float(weight), "training": _leave_data(model)}
            for model, weight in zip(models, found.common, strict=True)
        ],
    }
    told = ", ".join(f"{each['name']} {each['weight']:.2f}" for each in record["members"])
    spread = f"ridge {found.strength:g}" if np.isfinite(found.strength) else "the same for all units"
    _LOG.info("weights, on average of units: %s (%s)", told, spread)
    return FittedModel(mixed, mixed.default_loss, data.bin_size, record, [{"epoch": 1.0, **point}])


@torch.no_grad()
def _build_mixed(models: Sequence[FittedModel], num_units: int, found: StackedWeights) -> Mixed:
    """Return a mixture that holds copies of its members, ready to predict."""
    mixed = build_model("mixed", num_units, members=", ".join(name_member(each.module) for each in models))
    assert isinstance(mixed, Mixed)
    for member, model in zip(mixed.members, models, strict=True):
        member.load_state_dict(model.module.state_dict())
    mixed.weights.copy_(torch.from_numpy(found.weights))
    mixed.offset.copy_(torch.from_numpy(found.offset))
    return mixed.eval()


def _to_log_odds(probability: np.ndarray) -> np.ndarray:
    return torch.logit(torch.from_numpy(probability)).numpy()


def _leave_data(model: FittedModel) -> dict[str, Any]:
    """Return how a member was trained; on what stands once, unless it was trained elsewhere."""
    kept = ("schedule", "seed", "kept_epoch")
    return {name: model.training[name] for name in kept if name in model.training} | {"sha256": model.sha256}
