"""Training: from two segments of each recording to a model."""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
import xarray as xr
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.models import FittedModel, SpikeModel, build_model, find_loss
from nwbspikegen.training.choosing import CHOSEN_BY
from nwbspikegen.training.loaders import make_loaders, require_pairs
from nwbspikegen.training.memory import with_smaller_batches
from nwbspikegen.training.module import EpochLoader, TrainingModule
from nwbspikegen.training.progress import EpochProgress
from nwbspikegen.training.record import training_record
from nwbspikegen.training.schedule import Schedule, schedule_of

_LOG = logging.getLogger("nwbspikegen")


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
    seed: int = 0,
    device: str = "auto",
    checkpoints: str | os.PathLike[str] | None = None,
    progress: bool = True,
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
    train = [train] if isinstance(train, xr.Dataset) else list(train)
    validation = [validation] if isinstance(validation, xr.Dataset) else list(validation)
    require_pairs(train, validation)
    schedule = schedule_of(model).replace(
        epochs=epochs, learning_rate=learning_rate, weight_decay=weight_decay, patience=patience
    )

    def run(settings: dict[str, Any]) -> FittedModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_model(model, train[0].sizes["unit"], **settings).to(accelerator)
            minimised = loss or network.default_loss
            find_loss(minimised)
            loaders = make_loaders(network, train, validation, seed)
            curves = _run(
                network, minimised, schedule, *loaders,
                accelerator=accelerator, checkpoints=checkpoints, progress=progress, seed=seed,
            )  # fmt: skip
        network.to("cpu").eval()
        record = training_record(train, validation, schedule, seed)
        return FittedModel(network, minimised, float(train[0].attrs["bin_size"]), record, curves)

    return with_smaller_batches(run, model, settings)


def _run(
    network: SpikeModel,
    loss: str,
    schedule: Schedule,
    loader: EpochLoader,
    validation_loaders: list[EpochLoader],
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
        resumed = last if _is_whole(last) else None
        if resumed:
            _LOG.info("resuming the run in %s", folder)
        with warnings.catch_warnings():
            # examples live on the device already: there is nothing for loader workers to do
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            # Lightning 2.6 uses a name that torch 2.13 deprecates
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
            _fit(trainer, module, loader, validation_loaders, resumed)
        state = torch.load(best.best_model_path, weights_only=True)["state_dict"]
        module.load_state_dict(state)
    return module.curves


def _fit(
    trainer: lightning.Trainer,
    module: TrainingModule,
    loader: EpochLoader,
    validation_loaders: list[EpochLoader],
    resumed: Path | None,
) -> None:
    """Fit, and give an interruption on as one: Lightning ends the process, deaf to a second."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, loader, validation_loaders, ckpt_path=resumed, weights_only=True)
    except SystemExit:
        if not trainer.interrupted:
            raise
    if trainer.interrupted:
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt


def _is_whole(checkpoint: Path) -> bool:
    """Return whether a checkpoint is there and not cut off, as by a machine that stopped."""
    if not checkpoint.is_file():
        return False
    try:
        with zipfile.ZipFile(checkpoint):
            return True
    except zipfile.BadZipFile:
        _LOG.warning("%s is cut off: the run starts again", checkpoint)
        return False


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
