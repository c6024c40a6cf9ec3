"""Training: from two segments of a recording to a model."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import xarray as xr
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from nwbspikegen.errors import InputError, require_seed
from nwbspikegen.history import mean_rate_per_bin
from nwbspikegen.models import CHOSEN_BY, FittedModel, SpikeModel, build_model, find_loss
from nwbspikegen.training.module import EpochLoader, TrainingModule
from nwbspikegen.training.progress import EpochProgress
from nwbspikegen.training.schedule import Schedule, schedule_of
from nwbspikegen.views.observed import is_same_recording, read_spikes

_LOG = logging.getLogger("nwbspikegen")


def train(
    train: xr.Dataset,
    validation: xr.Dataset,
    *,
    model: str = "in_context",
    loss: str | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    patience: int | None = None,
    seed: int = 0,
    device: str = "auto",
    checkpoints: str | os.PathLike[str] | None = None,
    progress: bool = True,
    **settings: Any,
) -> FittedModel:
    """Train a model on one segment and choose its best epoch on another.

    Parameters
    ----------
    train, validation : Dataset (time, unit)
        Segments that share no bin, as `split_time` gives them. Where validation follows training
        directly, the model may read the training segment as its past.
    model : str, default: "in_context"
        A key of `nwbspikegen.models.MODELS`.
    loss : {"dice", "focal", "bernoulli"}, optional
        The architecture's own by default. Bernoulli chooses the epoch by validation bits per spike,
        the other two by PR-AUC.
    epochs, learning_rate, weight_decay, patience : optional
        The architecture's own by default; `patience` is in epochs without a better score.
    seed : int, default: 0
        Fixes initial weights, sampling, order and dropout. On a CPU equal seeds give equal weights.
    device : {"auto", "cpu", "cuda"}, default: "auto"
        Where to train; "auto" takes a GPU when there is one.
    checkpoints : path, optional
        Folder for the state of the run. If a run was interrupted there, it goes on.
    progress : bool, default: True
        Show a progress bar on stderr when that is a terminal.
    **settings
        Parameters of the architecture, such as ``depth=2`` for `shimono2026`.

    Returns
    -------
    FittedModel

    Raises
    ------
    InputError
        For an unknown model, loss or parameter, a validation segment without spikes, segments that
        overlap, or ``device="cuda"`` without a GPU.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=8, duration=30, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> nsg.train(parts.train, parts.validation, epochs=1).name
    'in_context'
    """
    accelerator = _find_accelerator(device)
    require_seed(seed)
    _refuse_overlap(train, validation)
    schedule = schedule_of(model).replace(
        epochs=epochs, learning_rate=learning_rate, weight_decay=weight_decay, patience=patience
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_model(model, train.sizes["unit"], **settings).to(accelerator)
        loss = loss or network.default_loss
        find_loss(loss)
        loaders = _make_loaders(network, train, validation, seed)
        curves = _run(
            network, loss, schedule, *loaders,
            accelerator=accelerator, checkpoints=checkpoints, progress=progress, seed=seed,
        )  # fmt: skip
    network.to("cpu").eval()
    record = _training_record(train, validation, schedule, seed)
    return FittedModel(network, loss, float(train.attrs["bin_size"]), record, curves)


def _make_loaders(
    network: SpikeModel, train: xr.Dataset, validation: xr.Dataset, seed: int
) -> tuple[EpochLoader, EpochLoader]:
    """Return the examples of both segments; scaling is fitted to the training segment alone."""
    bin_size = float(train.attrs["bin_size"])
    fitted, held_out = read_spikes(train), read_spikes(validation)
    for spikes, segment in ((fitted, "training"), (held_out, "validation")):
        _refuse_silence(spikes, segment)
    follows = _follows(validation, train)
    observed = np.concatenate([fitted, held_out]) if follows else held_out
    first = len(fitted) if follows else 0
    examples = network.training_examples(fitted, bin_size, seed)
    validated = network.validation_examples(observed, first, bin_size, mean_rate_per_bin(fitted), seed)
    return EpochLoader(examples, seed), EpochLoader(validated, None)


def _follows(validation: xr.Dataset, train: xr.Dataset) -> bool:
    """Return whether the training segment is the past that the validation segment has."""
    if not is_same_recording(train.attrs, validation.attrs, unknown=True):
        return False
    gap = float(validation.time[0]) - float(train.time[-1])
    if abs(gap - float(train.attrs["bin_size"])) > float(train.attrs["bin_size"]) / 2:
        _LOG.info("validation does not follow training directly: it is predicted without a past")
        return False
    return True


def _run(
    network: SpikeModel,
    loss: str,
    schedule: Schedule,
    loader: EpochLoader,
    validation_loader: EpochLoader,
    *,
    accelerator: str,
    checkpoints: str | os.PathLike[str] | None,
    progress: bool,
    seed: int,
) -> list[dict[str, float]]:
    """Fit `network` in place, leave the weights of its best epoch in it, return the curves."""
    module = TrainingModule(
        network,
        loss,
        learning_rate=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
        num_steps=schedule.epochs * len(loader),
        seed=seed,
        loader=loader,
    )
    chosen_by = CHOSEN_BY[loss]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(checkpoints or scratch)
        best = ModelCheckpoint(
            folder, "best", monitor=chosen_by, mode="max", save_last=True, enable_version_counter=False
        )
        callbacks: list[Callback] = [
            best,
            EarlyStopping(monitor=chosen_by, mode="max", patience=schedule.patience),
        ]
        if progress:
            callbacks.append(EpochProgress(chosen_by))
        trainer = _quiet_trainer(accelerator, schedule.epochs, callbacks)
        last = folder / "last.ckpt"
        resumed = last if last.is_file() else None
        if resumed:
            _LOG.info("resuming the run in %s", folder)
        with warnings.catch_warnings():
            # examples live on the device already: there is nothing for loader workers to do
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            # Lightning 2.6 uses a name that torch 2.13 deprecates
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
            trainer.fit(module, loader, validation_loader, ckpt_path=resumed, weights_only=True)
        if trainer.interrupted:
            raise KeyboardInterrupt
        state = torch.load(best.best_model_path, weights_only=True)["state_dict"]
        module.load_state_dict(state)
    return module.curves


def _quiet_trainer(accelerator: str, epochs: int, callbacks: list[Callback]) -> lightning.Trainer:
    """Return a trainer that says nothing on stdout."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return lightning.Trainer(
        accelerator="gpu" if accelerator == "cuda" else "cpu",
        devices=1,
        max_epochs=epochs,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
    )


def _find_accelerator(device: str) -> str:
    if device not in {"auto", "cpu", "cuda"}:
        raise InputError(f"device {device!r}", "auto, cpu or cuda", "choose one of these")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device", "a GPU that PyTorch can use", "use --device auto or cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _refuse_overlap(train: xr.Dataset, validation: xr.Dataset) -> None:
    shared = np.intersect1d(train.time.values, validation.time.values)
    if shared.size and is_same_recording(train.attrs, validation.attrs, unknown=True):
        raise InputError(
            f"{shared.size} bins in both segments", "segments that share no bin", "use split_time to cut them"
        )


def _refuse_silence(spikes: np.ndarray, segment: str) -> None:
    if not spikes.any():
        raise InputError(
            f"no spike in the {segment} segment", "at least one", "take a longer window or other units"
        )


def _training_record(
    train: xr.Dataset, validation: xr.Dataset, schedule: Schedule, seed: int
) -> dict[str, Any]:
    """Say where the weights come from, as JSON holds it."""
    bin_size = float(train.attrs["bin_size"])
    keys = (
        "identifier",
        "source_sha256",
        "session_id",
        "subject_id",
        "species",
        "preparation",
        "lab",
    )
    # models are shared: they tell their source's name, not whose folder it lay in
    file_name = Path(str(train.attrs.get("source", ""))).name
    start = float(train.time[0])
    return {
        "sources": [{"file_name": file_name, **{key: str(train.attrs.get(key, "")) for key in keys}}],
        "unit_ids": train.unit.values.tolist(),
        "window": {"start": start, "duration": float(validation.time[-1]) + bin_size - start},
        "split": {
            "train": [start, float(train.time[-1]) + bin_size],
            "validation": [float(validation.time[0]), float(validation.time[-1]) + bin_size],
        },
        "schedule": schedule.as_dict(),
        "seed": seed,
    }
