"""What to do when the memory of a GPU is not enough."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from nwbspikegen.core.errors import InputError
from nwbspikegen.models import find_architecture

_LOG = logging.getLogger("nwbspikegen")
_Result = TypeVar("_Result")


def with_smaller_batches(
    run: Callable[[dict[str, Any]], _Result], model: str, settings: dict[str, Any]
) -> _Result:
    """Run with an architecture's settings, and again with half the batch while memory is short.

    The batch size that was used is among the parameters of the model. A run with a folder for its state
    goes on after the last epoch that it finished.

    Raises
    ------
    InputError
        When a batch of one is too much, or the architecture has no batches.
    """
    while True:
        try:
            return run(settings)
        except torch.OutOfMemoryError:
            # what the run held is let go with its error, before the next needs it
            # half until it fits: how much a batch needs depends on model, units and card
            batch_size = _find_batch_size(model, settings) // 2
        if batch_size < 1:
            raise InputError(
                f"too little memory on the GPU to train {model}, even in the smallest batches",
                "a model that fits",
                "take fewer units, a smaller model, or --device cpu",
            )
        # freed blocks stay with PyTorch, in the sizes of the larger batches
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        _LOG.warning("the GPU is out of memory: training goes on with a batch size of %d", batch_size)
        settings = {**settings, "batch_size": batch_size}


def _find_batch_size(model: str, settings: dict[str, Any]) -> int:
    return int(
        settings.get("batch_size", getattr(find_architecture(model).settings_class(), "batch_size", 0))
    )
