"""A training run as Lightning sees it: steps, validation scores, learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import lightning
import numpy as np
import torch

from nwbspikegen.models import Batch, Examples, SpikeModel, find_loss
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.scoring.ranking import rank_pooled


class EpochLoader:
    """Gives `examples` once per epoch, in an order that depends on seed and epoch alone.

    A resumed run therefore sees what an uninterrupted one would have seen.
    """

    def __init__(self, examples: Examples, seed: int | None) -> None:
        self._examples = examples
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._examples)

    def __iter__(self) -> Iterator[Batch]:
        # Lightning asks for the iterator before the epoch starts, so the epoch is read at the first batch
        rng = None if self._seed is None else np.random.default_rng([self._seed, self.epoch])
        yield from self._examples.epoch(rng)


class TrainingModule(lightning.LightningModule):
    """Minimises a loss and scores every epoch on the validation segment.

    Parameters
    ----------
    model : SpikeModel
        The architecture to train.
    loss : str
        A key of `LOSSES`.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises over the first 5 % of steps and falls to zero as a cosine.
    num_steps : int
        Steps of the whole run.
    seed : int
        Of dropout; together with the epoch it fixes every random number.
    """

    def __init__(
        self,
        model: SpikeModel,
        loss: str,
        *,
        learning_rate: float,
        weight_decay: float,
        num_steps: int,
        seed: int,
        loader: EpochLoader,
    ) -> None:
        super().__init__()
        self.model = model
        self.curves: list[dict[str, float]] = []
        self._loss = find_loss(loss)
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._num_steps = num_steps
        self._seed = seed
        self._loader = loader
        self._train_losses: list[torch.Tensor] = []
        self._validated: dict[int, list[tuple[torch.Tensor, ...]]] = {}

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Return the loss of one batch."""
        loss = self._loss(self.model(*batch.inputs), batch.target, batch.weight)
        self._train_losses.append(loss.detach())
        return loss

    def validation_step(self, batch: Batch, index: int, dataloader_idx: int = 0) -> None:
        """Keep log odds, by recording, until the epoch ends; nothing is copied to the host before."""
        log_odds = self.model(*batch.inputs)
        loss = self._loss(log_odds, batch.target, batch.weight)
        # what was not observed has no weight, and is not scored
        seen = batch.weight > 0
        values = (loss[None], log_odds[seen], batch.target[seen], batch.null[seen])
        self._validated.setdefault(dataloader_idx, []).append(values)

    def on_train_epoch_start(self) -> None:
        """Fix dropout and order by seed and epoch."""
        self._loader.epoch = self.current_epoch
        self._train_losses.clear()
        torch.manual_seed(self._seed * 100_003 + self.current_epoch)

    def on_validation_epoch_end(self) -> None:
        """Add a point to the curves: the mean of the recordings' scores."""
        points = [_score_recording(batches) for batches in self._validated.values()]
        self._validated.clear()
        point = {key: float(np.mean([scores[key] for scores in points])) for key in points[0]}
        self.log_dict(point)
        if self._train_losses:
            point["train_loss"] = float(torch.stack(self._train_losses).mean())
        self.curves.append({"epoch": float(self.current_epoch + 1), **point})

    def configure_optimizers(self) -> Any:
        """AdamW with a warm-up and a cosine decay, step by step."""
        optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=self._learning_rate, weight_decay=self._weight_decay
        )
        warm_up = max(1, self._num_steps // 20)

        def rate(step: int) -> float:
            progress = min(1.0, max(0, step - warm_up) / max(1, self._num_steps - warm_up))
            return min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * progress))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the curves beside the weights."""
        checkpoint["curves"] = self.curves

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue the curves."""
        self.curves = cast("list[dict[str, float]]", checkpoint["curves"])


def _score_recording(batches: list[tuple[torch.Tensor, ...]]) -> dict[str, float]:
    loss, *parts = (torch.cat(column).float().cpu().numpy() for column in zip(*batches, strict=True))
    return {"validation_loss": float(loss.mean()), **score_validation(*parts)}


def score_validation(log_odds: np.ndarray, target: np.ndarray, null: np.ndarray) -> dict[str, float]:
    """Return the scores of one epoch from flat arrays of one length.

    ``accuracy_on_spikes`` and ``accuracy_on_silence`` call a spike where p > 1/2; ``pr_auc`` is over
    all bins and units together; ``bits_per_spike`` is above the mean rate of the training segment.
    """
    fired = target > 0.5
    log_likelihood = np.where(fired, -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds))
    null = np.clip(null, 1e-6, 1 - 1e-6)
    log_null = np.where(fired, np.log(null), np.log1p(-null))
    num_spikes = int(fired.sum())
    if num_spikes == 0:
        return dict.fromkeys(
            ("accuracy_on_spikes", "accuracy_on_silence", "pr_auc", BITS_PER_SPIKE.name), math.nan
        )
    return {
        "accuracy_on_spikes": float((log_odds[fired] > 0).mean()),
        "accuracy_on_silence": float((log_odds[~fired] <= 0).mean()),
        "pr_auc": float(rank_pooled(log_odds, fired).pr_auc),
        BITS_PER_SPIKE.name: float(
            (log_likelihood - log_null).sum(dtype=np.float64) / num_spikes / math.log(2)
        ),
    }
