"""Training: from two segments of each recording to a model."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from lightning import LightningDataModule
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import make_scratch
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.mixed_members import find_members
from nwbspikegen.training.choosing import CHOSEN_BY, find_best_epoch
from nwbspikegen.training.data import SpikeData
from nwbspikegen.training.devices import find_device
from nwbspikegen.training.glm_fit import fit_glm
from nwbspikegen.training.memory import with_smaller_batches
from nwbspikegen.training.mixing import mix_models
from nwbspikegen.training.module import TrainingModule
from nwbspikegen.training.populations import (
    KeptPairs,
    describe_drawn,
    draw_beside,
    plan_drawings,
    require_populations,
)
from nwbspikegen.training.progress import EpochProgress
from nwbspikegen.training.record import training_record
from nwbspikegen.training.resuming import LAST, find_checkpoint, name_run
from nwbspikegen.training.schedule import Schedule, schedule_of
from nwbspikegen.training.starting import add_start, load_start, require_bins, settings_of_start, take_weights
from nwbspikegen.training.trainer import describe_options, fit_quietly, make_trainer, require_options

_LOG = logging.getLogger("nwbspikegen")
_Segments = xr.Dataset | Sequence[xr.Dataset]


def train(
    train: xr.Dataset | Sequence[xr.Dataset],
    validation: xr.Dataset | Sequence[xr.Dataset],
    *,
    model: str = "in_context",
    loss: str | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    patience: int | None = None,
    start_from: FittedModel | str | os.PathLike[str] | None = None,
    populations: int = 0,
    seed: int = 0,
    device: str = "auto",
    checkpoints: str | os.PathLike[str] | None = None,
    progress: bool = True,
    trainer: Mapping[str, Any] | None = None,
    **settings: Any,
) -> FittedModel:
    """Train a model on one segment of each recording and choose its best epoch on another.

    Parameters
    ----------
    train, validation : Dataset (time, unit), or one of each per recording
        Segments that share no bin, as `split_time` gives them. Where validation follows training
        directly, the model may read the training segment as its past. Of several recordings, each
        has the same weight in training per spike, and in the score that chooses the epoch.
    model : str, default: "in_context"
        A key of `nwbspikegen.models.MODELS`.
    loss : {"dice", "focal", "bernoulli"}, optional
        The architecture's own by default. Bernoulli chooses the epoch by validation bits per spike,
        the other two by PR-AUC.
    epochs, learning_rate, weight_decay, patience : optional
        The architecture's own by default; `patience` is in epochs without a better score. Those of `mixed`
        go to each member that is trained in epochs. From another model's weights half of the epochs
        and a quarter of the rate are the default.
    start_from : FittedModel, path or address, optional
        Go on from the weights of a model of the same architecture, bins and settings, as `load_model` takes
        it: ``"pretrained"`` has met simulated populations alone. What it was trained on counts as training
        data of the new model.
    populations : int, default: 0
        So many simulated populations, drawn as for `pretrain`, are trained on beside the recordings, with
        a quarter of the weight of all of these together (`in_context` alone). They teach what a short past
        of a population that was never met tells; 100 taught as much as 400, and take some minutes to draw.
    seed : int, default: 0
        Fixes initial weights, sampling, order and dropout. On a CPU equal seeds give equal weights.
    device : str, default: "auto"
        Where to train: "auto" takes a CUDA GPU when there is one; or "cpu", "cuda", "cuda:1", "mps".
    checkpoints : path, optional
        Folder for the state of the run. If a run was interrupted there, it goes on; where its state is
        damaged, it starts again, with a warning.
    progress : bool, default: True
        Show a progress bar on stderr when that is a terminal.
    trainer : mapping, optional
        Options of `lightning.Trainer`, such as ``{"devices": 2, "precision": "bf16-mixed"}``, a
        ``logger``, or ``callbacks``, which are added to ours. Several devices are used by processes that
        Lightning starts for the training alone (strategy ``ddp_spawn``), so that a script needs
        ``if __name__ == "__main__":``. With ``"strategy": "ddp"`` it runs the whole script in each of them
        instead, and what follows `train` too. Each process takes its share of an epoch's batches, so a
        step is over as many batches as there are devices; all validate on everything.
    **settings
        Parameters of the architecture, such as ``depth=2`` for `shimono2026`.

    Returns
    -------
    FittedModel

    Raises
    ------
    InputError
        For an unknown model, loss, parameter or option of the trainer, a model to start from of another
        architecture, bin size or settings, a validation segment without spikes, segments that overlap, a
        device that is not there, or a folder for checkpoints that holds the state of another run.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=8, duration=30, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> nsg.train(parts.train, parts.validation, epochs=1).name
    'in_context'
    """
    how = _How(
        *(loss, epochs, learning_rate, weight_decay, patience, start_from, populations, seed, device),
        *(checkpoints, progress, trainer),
    )
    return _train(train, validation, model, how, settings)


@dataclass(frozen=True)
class _How:
    """How a model is trained, as `train` was told."""

    loss: str | None
    epochs: int | None
    learning_rate: float | None
    weight_decay: float | None
    patience: int | None
    start_from: FittedModel | str | os.PathLike[str] | None
    populations: int
    seed: int
    device: str
    checkpoints: str | os.PathLike[str] | None
    progress: bool
    trainer: Mapping[str, Any] | None

    @property
    def schedule(self) -> dict[str, Any]:
        """What was asked for of the schedule."""
        names = ("epochs", "learning_rate", "weight_decay", "patience")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


def _train(
    train: _Segments, validation: _Segments, model: str, how: _How, settings: dict[str, Any]
) -> FittedModel:
    """Train a model as its kind is: in epochs, by a ridge regression, or by its members."""
    require_populations(how.populations, model)
    if model not in ("glm", "mixed"):
        fitted = _train_in_epochs(train, validation, model, how, settings)
        # Lightning's trainer, loops and callbacks refer to each other: half a gigabyte of examples would stay
        # beside those of the next training until the collector comes by
        gc.collect()
        return fitted
    data = SpikeData(train, validation, seed=how.seed)
    if len(data.train) > 1:
        raise InputError(
            f"{len(data.train)} recordings for {model}", "one recording", "use in_context for several"
        )
    if how.loss not in (None, "bernoulli"):
        raise InputError(f"loss {how.loss!r} for {model}", "bernoulli, its only one", "leave it out")
    if how.start_from is not None:
        # called for what it refuses
        load_start(how.start_from, model)
    if model == "mixed":
        return _train_mixed(data, how, settings)
    if how.schedule:
        raise InputError(f"{next(iter(how.schedule))} for glm", "none: it has no epochs", "leave it out")
    return fit_glm(data.train[0], data.validation[0], seed=how.seed, **settings)


def _train_mixed(data: SpikeData, how: _How, settings: dict[str, Any]) -> FittedModel:
    """Train each member, as long as it is trained by itself, and weigh them by the validation segment."""
    one, other = data.train[0], data.validation[0]
    # built for what it refuses, before any member has trained for minutes
    network = build_model("mixed", one.sizes["unit"], **settings)
    models = []
    for place, member in enumerate(find_members(network.settings.members)):
        _LOG.info("training member %s", member.name)
        # each has a state of its own, by which its run goes on
        folder = None if how.checkpoints is None else Path(how.checkpoints) / f"member-{place}"
        told = dataclasses.replace(how, checkpoints=folder)
        if member.name == "glm":
            told = dataclasses.replace(
                told, epochs=None, learning_rate=None, weight_decay=None, patience=None
            )
        models.append(_train(one, other, member.name, told, dict(member.settings)))
    # what a setting leaves out, the validation segment chooses
    fallback = network.settings.fallback
    return mix_models(models, one, other, fallback=fallback if fallback >= 0 else None, seed=how.seed)


def _train_in_epochs(
    train: _Segments, validation: _Segments, model: str, how: _How, settings: dict[str, Any]
) -> FittedModel:
    place = find_device(how.device)
    require_options(how.trainer or {})
    data = SpikeData(train, validation, seed=how.seed)
    start = None if how.start_from is None else load_start(how.start_from, model)
    schedule = schedule_of(model, goes_on=start is not None).replace(**how.schedule)
    record = training_record(data.train, data.validation, schedule, how.seed)
    if start is not None:
        require_bins(start, data.bin_size)
        settings = {**settings_of_start(start), **settings}
        record = add_start(record, start)

    def run(settings: dict[str, Any]) -> FittedModel:
        # the caller's random numbers go on as if nothing had been trained; of no device, since initial
        # weights are drawn on the CPU
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed)
            network = build_model(model, data.train[0].sizes["unit"], **settings)
            if start is not None:
                take_weights(network, start)
            module = TrainingModule(
                network,
                how.loss,
                learning_rate=schedule.learning_rate,
                weight_decay=schedule.weight_decay,
                seed=how.seed,
            )
            told = record
            with make_scratch() as scratch:
                folder = Path(how.checkpoints or scratch)
                if how.populations:
                    data.beside, drawn = _draw(network, how, data.bin_size, folder)
                    told = {**told, "populations_beside": drawn}
                module.run = name_run(module, told)
                fit_best_epoch(
                    module, data, schedule, place, folder, is_shown=how.progress, options=how.trainer or {}
                )
        network.to("cpu").eval()
        told = {**told, **({"trainer": describe_options(how.trainer)} if how.trainer else {})}
        fitted = FittedModel(network, module.loss, data.bin_size, told, module.curves)
        kept = int(find_best_epoch(fitted)["epoch"])
        return dataclasses.replace(fitted, training={**told, "kept_epoch": kept})

    # a smaller batch needs a new network and optimiser: those that ran out of memory are let go
    return with_smaller_batches(run, model, settings)


def _draw(network: Any, how: _How, bin_size: float, folder: Path) -> tuple[KeptPairs, dict[str, Any]]:
    """Return the pairs of populations that are trained on beside recordings, and which these are."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = plan_drawings(how.populations, how.seed)
    pairs = draw_beside(network, drawings, bin_size, folder)
    return pairs, describe_drawn(pairs.told, drawings)


def fit_best_epoch(
    module: TrainingModule,
    data: LightningDataModule,
    schedule: Schedule,
    place: tuple[str, list[int] | int],
    folder: Path,
    *,
    is_shown: bool,
    options: Mapping[str, Any],
) -> None:
    """Fit a module in place, and leave the weights of its best epoch, and all curves, in it."""
    chosen_by = CHOSEN_BY[module.loss]
    # without a version counter a second run in a folder overwrites, and best.ckpt has one name
    best = ModelCheckpoint(folder, "best", monitor=chosen_by, mode="max", enable_version_counter=False)
    callbacks: list[Callback] = [
        best,
        # after every epoch, a worse one too: what the first has saved is part of it
        ModelCheckpoint(folder, "last", enable_version_counter=False),
        EarlyStopping(monitor=chosen_by, mode="max", patience=schedule.patience),
    ]
    if is_shown:
        callbacks.append(EpochProgress(chosen_by))
    trainer = make_trainer(*place, epochs=schedule.epochs, callbacks=callbacks, options=options)
    resumed = find_checkpoint(folder, module)
    if resumed:
        _LOG.info("resuming the run in %s", folder)
    # weights_only: a checkpoint from elsewhere must not execute code
    fit_quietly(trainer, module, data, ckpt_path=resumed, weights_only=True)
    if not best.best_model_path:
        raise InputError(
            "a run that ended before any epoch was validated",
            "one epoch at least",
            "let the trainer options stop it later",
        )
    # the folder of the first process, which is that of all
    kept = Path(best.best_model_path)
    module.load_state_dict(torch.load(kept, map_location="cpu", weights_only=True)["state_dict"])
    # the module that was trained may have been a copy, in another process
    module.curves = torch.load(kept.with_name(LAST), map_location="cpu", weights_only=True)["curves"]
    trainer.strategy.barrier()
