"""Training's bar on stderr: steps, epochs, time left, and the latest validation score."""

from __future__ import annotations

from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from nwbspikegen.core.progress import Work


class EpochProgress(Callback):
    """Shows steps, epochs, time left and the latest validation score; no bar when not a terminal."""

    def __init__(self, score: str) -> None:
        self._score = score
        self._work: Work | None = None

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Begin to count."""
        steps = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        # one bar, however many processes train
        if trainer.is_global_zero:
            self._work = Work("training", steps)

    def on_train_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        """Move the bar."""
        if self._work is not None:
            self._work.reach(trainer.global_step)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Show the latest score."""
        value = trainer.callback_metrics.get(self._score)
        if value is not None and self._work is not None:
            text = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, {self._score} {value:.3f}"
            self._work.reach(trainer.global_step, text)

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        """Take the bar away, also after an error."""
        if self._work is not None:
            self._work.stop()
