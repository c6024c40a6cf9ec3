"""Where to train."""

from __future__ import annotations

import re

import torch

from nwbspikegen.core.errors import InputError


def find_device(device: str) -> tuple[str, list[int] | int]:
    """Return Lightning's accelerator and devices for what a user calls a device.

    Parameters
    ----------
    device : str
        "auto" (a CUDA GPU when there is one, else the CPU), "cpu", "cuda", "cuda:1", or "mps".

    Raises
    ------
    InputError
        Another name, or a device that is not there.

    Examples
    --------
    >>> find_device("cpu")
    ('cpu', 1)
    """
    kind = re.fullmatch(r"(auto|cpu|mps|cuda)|cuda:(\d+)", device)
    if kind is None:
        raise InputError(
            f"device {device!r}", "auto, cpu, cuda, cuda:0, cuda:1 and so on, or mps", "choose one of these"
        )
    if device == "mps" and not torch.backends.mps.is_available():
        raise InputError("no MPS device", "a GPU of an Apple computer", "use --device auto or cpu")
    if device.startswith("cuda"):
        _require_cuda(int(kind[2] or 0))
    if device in ("cpu", "mps"):
        return device, 1
    if device == "auto" and not torch.cuda.is_available():
        return "cpu", 1
    return "gpu", [int(kind[2])] if kind[2] else 1


def _require_cuda(place: int) -> None:
    if not torch.cuda.is_available():
        raise InputError("no CUDA device", "a GPU that PyTorch can use", "use --device auto or cpu")
    if place >= torch.cuda.device_count():
        raise InputError(
            f"no device cuda:{place}",
            f"cuda:0 to cuda:{torch.cuda.device_count() - 1}",
            "choose one of these",
        )
