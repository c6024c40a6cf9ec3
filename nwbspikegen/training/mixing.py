"""From trained models to one that mixes them: the validation segment weighs its members."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float32

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
    models: Sequence[FittedModel],
    train: xr.Dataset,
    validation: xr.Dataset,
    *,
    fallback: int | None = None,
    seed: int = 0,
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
    fallback : int, optional
        Place, from 0, of the model that is believed instead as far as it has predicted a recording better so
        far than all together; -1: none. By default the one that predicts `validation` best.
    seed : int, default: 0
        Draws the silent bins on which weights are fitted.

    Returns
    -------
    FittedModel
        A `mixed`, which holds its members. `training["members"]` says of each how much it weighs, of all
        units together; `training["gain_nats"]` by how much blocks of the validation segment are predicted
        better than by the best member, each with weights of the blocks before it.

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
    {'members': 'in_context training_units=384 prior=3, glm', 'fallback': 1}
    """
    bin_size = SpikeData(train, validation, seed=seed).bin_size
    if len(models) < 2:
        raise InputError(f"{len(models)} model to mix", "at least two", "train another")
    read, first, _ = read_with_past(train, validation)
    probabilities = [predict_bins(model, read, first, bin_size) for model in models]
    return weigh_models(models, probabilities, train, validation, fallback=fallback, seed=seed)


def weigh_models(
    models: Sequence[FittedModel],
    probabilities: Sequence[Float32[np.ndarray, "time unit"]],
    train: xr.Dataset,
    validation: xr.Dataset,
    *,
    fallback: int | None = None,
    seed: int = 0,
) -> FittedModel:
    """Return the mixture of models whose probabilities of the validation segment are known already.

    The rest is as for `mix_models`.
    """
    read, first, fitted = read_with_past(train, validation)
    scored, mean_rate = read.since(first), mean_rate_per_bin(fitted.spikes, fitted.observed)
    log_odds = [_to_log_odds(each) for each in probabilities]
    found = stack_log_odds(log_odds, scored.spikes > 0, scored.observed, seed)
    mixed = _build_mixed(models, train.sizes["unit"], found, found.best if fallback is None else fallback)
    point = score_on_validation(mixed.mix(probabilities), scored, mean_rate)
    record = {
        **training_record([train], [validation], None, seed),
        "kept_epoch": 1,
        "members": [
            {"name": model.name, "weight": float(weight), **_describe_member(model)}
            for model, weight in zip(models, found.common, strict=True)
        ],
        # JSON has no infinity: None where all units have the common weights
        "unit_ridge": found.strength if np.isfinite(found.strength) else None,
        "gain_nats": found.gain,
    }
    told = ", ".join(f"{each['name']} {each['weight']:.2f}" for each in record["members"])
    spread = "the same for all units" if record["unit_ridge"] is None else f"ridge {found.strength:g}"
    _LOG.info("weights of all units together: %s (%s)", told, spread)
    bin_size = float(train.attrs["bin_size"])
    return FittedModel(mixed, mixed.default_loss, bin_size, record, [{"epoch": 1.0, **point}])


@torch.no_grad()
def _build_mixed(
    models: Sequence[FittedModel], num_units: int, found: StackedWeights, fallback: int
) -> Mixed:
    """Return a mixture that holds copies of its members, ready to predict."""
    members = ", ".join(name_member(each.module) for each in models)
    mixed = build_model("mixed", num_units, members=members, fallback=fallback)
    assert isinstance(mixed, Mixed)
    for member, model in zip(mixed.members, models, strict=True):
        member.load_state_dict(model.module.state_dict())
    mixed.weights.copy_(torch.from_numpy(found.weights))
    mixed.offset.copy_(torch.from_numpy(found.offset))
    return mixed.eval()


def _to_log_odds(probability: np.ndarray) -> np.ndarray:
    return torch.logit(torch.from_numpy(probability)).numpy()


def _describe_member(model: FittedModel) -> dict[str, Any]:
    """Return how a member was trained; on what stands once, in the record of the mixture."""
    kept = ("schedule", "seed", "kept_epoch")
    return {name: model.training[name] for name in kept if name in model.training} | {"sha256": model.sha256}
