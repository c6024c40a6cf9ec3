"""A training run as Lightning sees it: steps, validation scores, learning rate."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import lightning
import numpy as np
import torch

from nwbspikegen.core.errors import InputError
from nwbspikegen.models import Batch, Examples, FittedModel, SpikeModel, find_loss
from nwbspikegen.scoring.calibration import calibration_error
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, CALIBRATION_ERROR
from nwbspikegen.scoring.ranking import rank_pooled
from nwbspikegen.training.record import training_record
from nwbspikegen.training.schedule import schedule_of

if TYPE_CHECKING:
    from nwbspikegen.training.data import SpikeData


class EpochLoader:
    """Gives `examples` once per epoch, in an order that depends on seed and epoch alone.

    A resumed run therefore sees what an uninterrupted one would have seen. Where several processes train
    together each takes every n-th batch, all of them equally many: at most n - 1 batches at the end of an
    epoch's order are left out.
    """

    def __init__(self, examples: Examples, seed: int | None) -> None:
        self._examples = examples
        self._seed = seed
        self.epoch = 0
        self.rank, self.num_ranks = 0, 1

    def share(self, rank: int, num_ranks: int) -> None:
        """Give one of several processes its part."""
        if len(self._examples) < num_ranks:
            raise InputError(
                f"{len(self._examples)} batches for {num_ranks} devices",
                "a batch for each at least",
                "take fewer devices, a smaller batch_size, or a longer window",
            )
        self.rank, self.num_ranks = rank, num_ranks

    def __len__(self) -> int:
        return len(self._examples) // self.num_ranks

    def __iter__(self) -> Iterator[Batch]:
        # Lightning asks for the iterator before the epoch starts, so the epoch is read at the first batch
        rng = None if self._seed is None else np.random.default_rng([self._seed, self.epoch])
        # a process with a batch more would wait for the others' gradients forever
        stop = len(self) * self.num_ranks
        yield from itertools.islice(self._examples.epoch(rng), self.rank, stop, self.num_ranks)


class TrainingModule(lightning.LightningModule):
    """Minimises a loss and scores every epoch on the validation segment.

    `nsg.train` uses it, and so can a `lightning.Trainer` of your own, with `SpikeData`.

    Parameters
    ----------
    model : SpikeModel
        The architecture to train, such as `build_model` returns.
    loss : str, optional
        A key of `LOSSES`; the architecture's own by default.
    learning_rate, weight_decay : float, optional
        Of AdamW, the architecture's own by default; the rate rises over the first 5 % of steps and falls
        to zero as a cosine.
    seed : int, default: 0
        Of dropout; together with the epoch it fixes every random number.

    Attributes
    ----------
    curves : list of dict
        One entry per epoch, as in `FittedModel`. Every process validates on all batches, so that scores
        of several devices are those of one.

    Examples
    --------
    >>> from nwbspikegen.models import build_model
    >>> TrainingModule(build_model("in_context", num_units=4)).loss
    'bernoulli'
    """

    def __init__(
        self,
        model: SpikeModel,
        loss: str | None = None,
        *,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss or model.default_loss
        self.curves: list[dict[str, float]] = []
        self.run = ""
        self._loss = find_loss(self.loss)
        self._schedule = schedule_of(model.name).replace(
            learning_rate=learning_rate, weight_decay=weight_decay
        )
        self._seed = seed
        self._train_losses: list[torch.Tensor] = []
        self._validated: dict[int, list[tuple[torch.Tensor, ...]]] = {}

    def to_fitted(self, data: SpikeData) -> FittedModel:
        """Return the model as it is now, with the record of the data it was trained on.

        After a `lightning.Trainer` of your own these are the weights of the last epoch, unless those of
        another were loaded into the module.
        """
        # a Trainer of one's own is not bound to our schedule: what is recorded is how long it ran
        schedule = self._schedule.replace(epochs=max(1, len(self.curves)), patience=max(1, len(self.curves)))
        record = training_record(data.train, data.validation, schedule, self._seed)
        record["kept_epoch"] = len(self.curves)
        network = copy.deepcopy(self.model).to("cpu").eval()
        return FittedModel(network, self.loss, data.bin_size, record, list(self.curves))

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Return the loss of one batch."""
        loss = self._loss(self._read(batch), batch.target, batch.weight)
        self._train_losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        """Keep log odds, by recording, until the epoch ends; nothing is copied to the host before."""
        log_odds = self._read(batch)
        loss = self._loss(log_odds, batch.target, batch.weight)
        # what was not observed has no weight, and is not scored
        seen = batch.weight > 0
        # on the device: a copy to the host would wait for every batch
        values = (loss[None], log_odds[seen], batch.target[seen], batch.null[seen], batch.weight[seen])
        self._validated.setdefault(dataloader_idx, []).append(values)

    def _read(self, batch: Batch) -> torch.Tensor:
        """Return log odds in 32 bits: a loss in 16 would round what it sums."""
        log_odds: torch.Tensor = self.model(*batch.inputs)
        return log_odds.float()

    def on_train_epoch_start(self) -> None:
        """Fix dropout and order by seed and epoch."""
        loader = self.trainer.train_dataloader
        if isinstance(loader, EpochLoader):
            # the order follows from the epoch's number, so that a resumed run needs no state of a generator
            loader.epoch = self.current_epoch
        self._train_losses.clear()
        # processes drop other units: they see other batches
        torch.manual_seed(self._seed * 100_003 + self.current_epoch + (self.global_rank << 48))

    def on_validation_epoch_end(self) -> None:
        """Add a point to the curves: the mean of the recordings' scores."""
        points = [_score_recording(batches) for batches in self._validated.values()]
        self._validated.clear()
        if self.trainer.sanity_checking:
            return
        point = {key: float(np.mean([scores[key] for scores in points])) for key in points[0]}
        if self._train_losses:
            mean = self.trainer.strategy.reduce(torch.stack(self._train_losses).mean(), reduce_op="mean")
            point["train_loss"] = float(mean)
        # the scores are the same in all processes, up to rounding: all decide by one value
        self.log_dict(point, sync_dist=True)
        self.curves.append({"epoch": float(self.current_epoch + 1), **point})

    def configure_optimizers(self) -> Any:
        """AdamW with a warm-up and a cosine decay, step by step."""
        optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=self._schedule.learning_rate,
            weight_decay=self._schedule.weight_decay,
        )
        num_steps = self._count_steps()
        # 5 %: AdamW's second moments are rough in its first steps, and a full rate would throw away the start
        # at the rates
        warm_up = max(1, num_steps // 20)

        def rate(step: int) -> float:
            progress = min(1.0, max(0, step - warm_up) / max(1, num_steps - warm_up))
            # + 1, or the first step would be none
            return min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * progress))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _count_steps(self) -> int:
        """Return the steps of the whole run, which the learning rate falls over."""
        num_steps = self.trainer.estimated_stepping_batches
        if not math.isfinite(num_steps):
            raise InputError(
                "a training run without end", "a number of epochs", "set max_epochs or max_steps"
            )
        return int(num_steps)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the curves, and which run it is, beside the weights."""
        checkpoint["curves"] = self.curves
        checkpoint["run"] = self.run

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue the curves."""
        self.curves = cast("list[dict[str, float]]", checkpoint["curves"])


def _score_recording(batches: list[tuple[torch.Tensor, ...]]) -> dict[str, float]:
    loss, *parts = (torch.cat(column).float().cpu().numpy() for column in zip(*batches, strict=True))
    return {"validation_loss": float(loss.mean()), **score_validation(*parts)}


def score_validation(
    log_odds: np.ndarray, target: np.ndarray, null: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """Return the scores of one epoch from flat arrays of one length.

    ``accuracy_on_spikes`` and ``accuracy_on_silence`` call a spike where p > 1/2; ``pr_auc`` is over
    all bins and units together; ``bits_per_spike`` is above the mean rate of the training segment;
    ``calibration_error`` is that of all bins and units together. Where pairs stand for unequally many others,
    by `weight`, the bits count so, and there is no other score.
    """
    if weight is not None and (weight != weight[:1]).any():
        gain = _gain(log_odds, target > 0.5, null) * weight
        num_spikes = float(weight[target > 0.5].sum(dtype=np.float64))
        return {BITS_PER_SPIKE.name: float(gain.sum(dtype=np.float64) / num_spikes / math.log(2))}
    fired = target > 0.5
    num_spikes = int(fired.sum())
    # NaN and no error: the bins that were sampled for validation may hold no spike
    if num_spikes == 0:
        return dict.fromkeys(
            (
                *("accuracy_on_spikes", "accuracy_on_silence", "pr_auc"),
                *(BITS_PER_SPIKE.name, CALIBRATION_ERROR.name),
            ),
            math.nan,
        )
    return {
        "accuracy_on_spikes": float((log_odds[fired] > 0).mean()),
        "accuracy_on_silence": float((log_odds[~fired] <= 0).mean()),
        "pr_auc": float(rank_pooled(log_odds, fired).pr_auc),
        BITS_PER_SPIKE.name: float(
            _gain(log_odds, fired, null).sum(dtype=np.float64) / num_spikes / math.log(2)
        ),
        CALIBRATION_ERROR.name: calibration_error(
            # the logistic function, which does not overflow in this form
            0.5 + 0.5 * np.tanh(0.5 * log_odds.astype(np.float64)),
            fired.astype(np.uint8),
        ),
    }


def _gain(log_odds: np.ndarray, fired: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each pair above that of the null, in nats."""
    # from log odds, which do not round: p of a sure prediction is 1 in single precision
    log_likelihood = np.where(fired, -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds))
    # as `scoring` clips it, so that the chosen epoch and the scores speak of the same bits
    null = np.clip(null, 1e-6, 1 - 1e-6)
    gain: np.ndarray = log_likelihood - np.where(fired, np.log(null), np.log1p(-null))
    return gain
