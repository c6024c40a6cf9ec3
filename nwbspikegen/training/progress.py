"""A progress bar of epochs on stderr."""

from __future__ import annotations

from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class EpochProgress(Callback):
    """Shows steps, epochs, time left and the latest validation score; nothing when not a terminal."""

    def __init__(self, score: str) -> None:
        self._score = score
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Show the bar."""
        steps = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        self._task = self._progress.add_task("training", total=steps, completed=trainer.global_step)
        self._progress.start()

    def on_train_batch_end(self, trainer: lightning.Trainer, *rest: Any) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=trainer.global_step)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Show the latest score."""
        value = trainer.callback_metrics.get(self._score)
        if value is not None:
            text = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, {self._score} {value:.3f}"
            self._progress.update(self._task, description=text)

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        """Take the bar away, also after an error."""
        self._progress.stop()
