"""Pretraining: from the prior of populations to a model that has met no recording."""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import lightning
import torch

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.training.choosing import find_best_epoch
from nwbspikegen.training.devices import find_device
from nwbspikegen.training.fit import fit_best_epoch
from nwbspikegen.training.module import EpochLoader, TrainingModule
from nwbspikegen.training.populations import (
    PAIRS_OF_EACH,
    KeptPairs,
    describe_drawn,
    plan_drawings,
    plan_held_out,
)
from nwbspikegen.training.resuming import name_run
from nwbspikegen.training.schedule import schedule_of

_LOG = logging.getLogger("nwbspikegen")
_MODEL = "in_context"


def pretrain(
    populations: int = 400,
    *,
    held_out: int = 4,
    bin_size: float = 0.001,
    epochs: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    patience: int | None = None,
    seed: int = 0,
    device: str = "auto",
    work: str | os.PathLike[str] | None = None,
    progress: bool = True,
    **settings: Any,
) -> FittedModel:
    """Train `in_context` on populations that `draw_population` draws; no recording takes part.

    Families, sizes (10 to 130 units) and lengths (30 to 300 s) are random. Each population has the same
    weight per spike. One half is read from the start, the other with reading that starts over at random,
    so that every length of past is learnt. Populations with other seeds choose the epoch.

    Parameters
    ----------
    populations : int, default: 400
        How many are drawn, with the seeds from `seed` on. The model in the package was trained on as many.
    held_out : int, default: 4
        Populations of each family that choose the epoch.
    bin_size : float, default: 0.001
        Seconds per bin: a model predicts bins of its training only.
    epochs, learning_rate, weight_decay, patience : optional
        Those of `in_context` by default.
    seed : int, default: 0
        Fixes everything.
    device : str, default: "auto"
        Where to train, as for `train`.
    work : path, optional
        Folder for examples and the state of the run. If a run was interrupted there, it goes on.
    progress : bool, default: True
        Show a progress bar on stderr when that is a terminal.
    **settings
        Of `in_context`, such as ``width=64``.

    Returns
    -------
    FittedModel
        Its record of training says which populations they were.

    Raises
    ------
    InputError
        For numbers out of range, unknown settings, or a folder that holds another run's state.

    Examples
    --------
    >>> model = pretrain(2, held_out=1, epochs=1, progress=False)  # doctest: +SKIP
    """
    _require_counts(populations, held_out)
    require_seed(seed)
    place = find_device(device)
    schedule = schedule_of(_MODEL).replace(
        epochs=epochs, learning_rate=learning_rate, weight_decay=weight_decay, patience=patience
    )
    settings = {
        "training_samples": populations * PAIRS_OF_EACH,
        **settings,
    }
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as scratch:
        torch.manual_seed(seed)
        # it takes any number of units: this one is written into its description
        network: Any = build_model(_MODEL, 1, **settings)
        module = TrainingModule(
            network, learning_rate=schedule.learning_rate, weight_decay=schedule.weight_decay, seed=seed
        )
        folder = Path(work or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        most = network.settings.training_samples // populations
        drawings = plan_drawings(populations, seed), plan_held_out(held_out, seed)
        pairs, tested = (KeptPairs(network, each, bin_size, most, folder) for each in drawings)
        record = {
            "sources": [],
            "populations": {
                **describe_drawn(pairs.told, drawings[0]),
                "held_out_seeds": [drawings[1][0].seed, drawings[1][-1].seed],
            },
            "schedule": schedule.as_dict(),
            "seed": seed,
        }
        module.run = name_run(module, record)
        _LOG.info("training on %d populations", len(pairs.told))
        data = _PopulationData(pairs, tested, seed)
        fit_best_epoch(module, data, schedule, place, folder, is_shown=progress, options={})
    network.to("cpu").eval()
    fitted = FittedModel(network, module.loss, bin_size, record, module.curves)
    kept = int(find_best_epoch(fitted)["epoch"])
    return dataclasses.replace(fitted, training={**record, "kept_epoch": kept})


def _require_counts(populations: int, held_out: int) -> None:
    for name, count in (("populations", populations), ("held_out", held_out)):
        if count < 1:
            raise InputError(f"{name} {count}", "1 or more", "correct it")


class _PopulationData(lightning.LightningDataModule):
    """Pairs of populations to train on, and those of others that choose the epoch."""

    def __init__(self, pairs: KeptPairs, tested: KeptPairs, seed: int) -> None:
        super().__init__()
        self._pairs, self._tested, self._seed = pairs, tested, seed
        self._training: EpochLoader | None = None
        self._validation: list[EpochLoader] = []

    def setup(self, stage: str) -> None:
        """Make the examples."""
        assert self.trainer is not None
        module: Any = self.trainer.lightning_module
        network = module.model
        network.to(self.trainer.strategy.root_device)
        self._training = EpochLoader(network.join_pairs(self._pairs), self._seed)
        # each by itself: the epoch is chosen by the mean of populations' scores
        self._validation = [
            EpochLoader(network.join_pairs([part], fits=False), None) for part in self._tested
        ]

    def train_dataloader(self) -> EpochLoader:
        """Return the pairs of all populations."""
        assert self._training is not None
        return self._training

    def val_dataloader(self) -> list[EpochLoader]:
        """Return the pairs of each held-out population."""
        return self._validation
