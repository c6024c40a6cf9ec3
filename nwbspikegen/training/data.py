"""Recordings as Lightning takes them: examples of training and validation, made where the weights are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import lightning
import numpy as np
import xarray as xr

from nwbspikegen.core.errors import require_seed
from nwbspikegen.training.loaders import make_training_loader, make_validation_loaders, require_pairs
from nwbspikegen.training.module import EpochLoader, TrainingModule


class SpikeData(lightning.LightningDataModule):
    """Training and validation segments for a `lightning.Trainer` that trains a `TrainingModule`.

    Examples are made when the trainer starts, by the model, on the device that it trains on; each of
    several processes makes all of them, and takes its share of the batches.

    Parameters
    ----------
    train, validation : Dataset (time, unit), or one of each per recording
        As for `nsg.train`.
    seed : int, default: 0
        Of sampling and order.

    Raises
    ------
    InputError
        Segments that are no pairs, or overlap.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=6, duration=30, seed=1).sorting)
    >>> parts = nsg.split_fractions(units)
    >>> data = SpikeData(parts.train, parts.validation)
    >>> data.bin_size, len(data.train)
    (0.001, 1)

    Then ``lightning.Trainer(max_epochs=6).fit(TrainingModule(model), data)``.
    """

    def __init__(
        self,
        train: xr.Dataset | Sequence[xr.Dataset],
        validation: xr.Dataset | Sequence[xr.Dataset],
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_seed(seed)
        self.train = [train] if isinstance(train, xr.Dataset) else list(train)
        self.validation = [validation] if isinstance(validation, xr.Dataset) else list(validation)
        require_pairs(self.train, self.validation)
        self.bin_size = float(self.train[0].attrs["bin_size"])
        self.seed = seed
        # pairs of other populations, which `train` draws
        self.beside: Sequence[Mapping[str, np.ndarray]] = ()
        self._training: EpochLoader | None = None
        self._validation: list[EpochLoader] | None = None

    def setup(self, stage: str) -> None:
        """Make the examples; for `fit`, what the model starts from is fitted to the training segments."""
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, TrainingModule)
        # before the weights of a checkpoint are read, which may stand in what is fitted here
        module.model.to(self.trainer.strategy.root_device)
        if stage == "fit":
            self._training = make_training_loader(module.model, self.train, self.seed, self.beside)
            # batches are shared here: Lightning's own sampler would want a DataLoader and a Dataset
            self._training.share(self.trainer.global_rank, self.trainer.world_size)
        self._validation = make_validation_loaders(module.model, self.train, self.validation, self.seed)

    def train_dataloader(self) -> EpochLoader:
        """Return the training examples of all recordings together."""
        assert self._training is not None
        return self._training

    def val_dataloader(self) -> list[EpochLoader]:
        """Return the validation examples of each recording."""
        assert self._validation is not None
        return self._validation

    def __getstate__(self) -> dict[str, object]:
        """Travel to another process without examples: they are made there."""
        return {**self.__dict__, "_training": None, "_validation": None}
