"""A `lightning.Trainer` with our defaults, over which go the options that a user gives."""

from __future__ import annotations

import inspect
import logging
import signal
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback

from nwbspikegen.core.errors import InputError

_OURS = {
    "max_epochs": "epochs",
    "accelerator": "device",
    "default_root_dir": "checkpoints",
    "enable_checkpointing": "checkpoints",
    "enable_progress_bar": "progress",
}
"""Options of a Trainer that an argument of `nsg.train` sets."""

_REFUSED = {
    "fast_dev_run": "it keeps no checkpoint, and the best epoch is read from one",
    "barebones": "it keeps no checkpoint, and the best epoch is read from one",
    "use_distributed_sampler": "examples are shared among processes already",
    "reload_dataloaders_every_n_epochs": "examples are made once, and shuffled anew each epoch",
}


def require_options(options: Mapping[str, Any]) -> None:
    """Raise `InputError` for a Trainer's option that does not exist, or that `nsg.train` has itself.

    Examples
    --------
    >>> require_options({"max_epochs": 3})
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found trainer option 'max_epochs'; expected epochs=, an argument of...
    """
    known = set(inspect.signature(lightning.Trainer.__init__).parameters) - {"self"}
    for name in options:
        if name in _OURS:
            raise InputError(
                f"trainer option {name!r}",
                f"{_OURS[name]}=, an argument of train",
                f"pass {_OURS[name]}= instead",
            )
        if name in _REFUSED:
            raise InputError(
                f"trainer option {name!r}",
                f"none of that name: {_REFUSED[name]}",
                "leave it out, or fit a TrainingModule with a lightning.Trainer of your own",
            )
        if name not in known:
            allowed = ", ".join(sorted(known - _OURS.keys() - _REFUSED.keys()))
            raise InputError(f"trainer option {name!r}", f"one of {allowed}", "check its name")


def make_trainer(
    accelerator: str,
    devices: Sequence[int] | int,
    *,
    epochs: int,
    callbacks: Sequence[Callback],
    options: Mapping[str, Any] | None = None,
    keeps_checkpoints: bool = True,
) -> lightning.Trainer:
    """Return a trainer that says nothing on stdout.

    Parameters
    ----------
    accelerator, devices
        What `find_device` returns; `options["devices"]` goes before.
    epochs : int
        At most.
    callbacks : sequence of Callback
        Ours; those of `options` are added.
    options : mapping, optional
        Of `lightning.Trainer`, by name. Without a strategy, several devices are used by processes that
        are started for the training alone ("ddp_spawn").
    keeps_checkpoints : bool, default: True
        Whether one of the callbacks writes the state of the run.
    """
    given = dict(options or {})
    require_options(given)
    quiet_lightning()
    _require_possible(accelerator, devices, given)
    added = given.pop("callbacks", None) or []
    # "ddp" would run a user's whole script again in each process
    if _count_devices(accelerator, given.get("devices", 1)) > 1:
        given.setdefault("strategy", "ddp_spawn")
    defaults: dict[str, Any] = {
        "devices": list(devices) if isinstance(devices, Sequence) else devices,
        "logger": False,
        "enable_model_summary": False,
        # two batches of validation before training would be a point of no epoch
        "num_sanity_val_steps": 0,
        # a usual bound, so that one batch of bursts does not throw the weights off
        "gradient_clip_val": 1.0,
        # a point of the log is an epoch
        "log_every_n_steps": 1,
    }
    ours = {
        "max_epochs": epochs,
        "enable_progress_bar": False,
        "enable_checkpointing": keeps_checkpoints,
        "use_distributed_sampler": False,
    }
    try:
        return lightning.Trainer(
            accelerator=accelerator,
            callbacks=[_Quiet(), *callbacks, *([added] if isinstance(added, Callback) else added)],
            **{**defaults, **given, **ours},
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        told = ", ".join(f"{name}={value!r}" for name, value in given.items())
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"trainer options {told}", f"options that Lightning takes ({reason})", "correct them"
        ) from error


def fit_quietly(trainer: lightning.Trainer, module: lightning.LightningModule, data: Any, **how: Any) -> None:
    """Fit a module in place; the rest is as for `lightning.Trainer.fit`.

    An interruption is given on as one: Lightning would end the process, deaf to a second.
    """
    handler = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        ignore_warnings()
        try:
            trainer.fit(module, data, **how)
        except SystemExit:
            if not trainer.interrupted:
                raise
    if trainer.interrupted:
        # Lightning leaves its own handler, which ignores a second interruption
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt


def describe_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as JSON holds them; objects by the name of their class.

    Examples
    --------
    >>> describe_options({"devices": 2, "callbacks": [Callback()]})
    {'devices': 2, 'callbacks': ['Callback']}
    """

    def describe(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [describe(each) for each in value]
        return value if isinstance(value, str | int | float | None) else type(value).__name__

    return {name: describe(value) for name, value in options.items()}


class _Quiet(Callback):
    """Keeps Lightning quiet in the processes that it starts, to which callbacks travel first."""

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return _be_quiet, ()


def _be_quiet() -> _Quiet:
    quiet_lightning()
    ignore_warnings()
    return _Quiet()


def quiet_lightning() -> None:
    """Let Lightning log errors only."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


def ignore_warnings() -> None:
    """Leave out warnings that a user of this package can do nothing about."""
    # examples live on the device already: there is nothing for loader workers to do
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # Lightning 2.6 uses a name that torch 2.13 deprecates
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")


def _require_possible(accelerator: str, devices: Sequence[int] | int, options: Mapping[str, Any]) -> None:
    """Raise `InputError` for what Lightning would change in silence, or refuse in other words."""
    if isinstance(devices, Sequence) and "devices" in options:
        raise InputError(
            f"devices {options['devices']} and device cuda:{devices[0]}",
            "one of the two",
            "pass device='cuda'",
        )
    # Lightning takes bf16 in its place, with a warning that is not shown here
    if accelerator == "cpu" and str(options.get("precision")) in ("16", "16-mixed"):
        raise InputError(
            "precision 16-mixed on the CPU", "32 or bf16-mixed there", "take bf16-mixed, or a GPU"
        )


def _count_devices(accelerator: str, devices: Any) -> int:
    if isinstance(devices, list | tuple):
        return len(devices)
    if str(devices) in ("auto", "-1"):
        return torch.cuda.device_count() if accelerator == "gpu" else 1
    return int(devices) if str(devices).isdigit() else 1
