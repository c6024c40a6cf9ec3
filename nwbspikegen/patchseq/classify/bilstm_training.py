"""How the network learns: one schedule, criterion and budget for every condition."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import lightning
import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64, Shaped
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.bilstm_network import AttentionBiLSTM
from nwbspikegen.patchseq.classify.folds import folds_by_donor
from nwbspikegen.training.trainer import fit_quietly, make_trainer

# a fifth of 40 cells is eight, two of each of four classes; the lowest loss of fewer would be chance. A
# round number, not tuned
_FEWEST_TO_VALIDATE = 40


@dataclass(frozen=True)
class BiLSTMSchedule:
    """AdamW with early stopping; the values are those of arXiv 2603.11000.

    Attributes
    ----------
    learning_rate, weight_decay, batch : number
        Of the optimiser.
    epochs : int
        Most epochs of each phase.
    patience : int
        Epochs without a lower validation loss after which a phase ends; its best weights are kept.
    warm_up : int
        Epochs in which only a new head learns before fine-tuning.
    source_weight : float
        Weight of the source species' loss when two heads learn together.
    """

    # these five are of arXiv 2603.11000
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    batch: int = 64
    epochs: int = 50
    patience: int = 7
    # a tenth of the epochs: a head that knows nothing would send random gradients into what the source
    # taught
    warm_up: int = 5
    # the joint loss of arXiv 2603.11000: human + 0.5 mouse
    source_weight: float = 0.5


@dataclass(frozen=True)
class FamilyCells:
    """Cells as the network reads them.

    Attributes
    ----------
    families : array, shape (cell, family, width)
        From `pad_families`; anything where a family is missing.
    present : array of bool, shape (cell, family)
    classes, donors : array of str, shape (cell,)
    """

    families: Float64[np.ndarray, "cell family width"]
    present: Bool[np.ndarray, "cell family"]
    classes: Shaped[np.ndarray, " cell"]
    donors: Shaped[np.ndarray, " cell"]

    def __post_init__(self) -> None:
        """Refuse cells without any family."""
        if not self.present.any(axis=1).all():
            lacking = int((~self.present.any(axis=1)).sum())
            raise InputError(
                f"{lacking} cells without any family", "one family or more", "leave these cells out"
            )

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self.classes)

    def select(self, chosen: np.ndarray) -> FamilyCells:
        """Return the cells of an index or mask."""
        return FamilyCells(
            self.families[chosen], self.present[chosen], self.classes[chosen], self.donors[chosen]
        )


@dataclass(frozen=True)
class _Task:
    """What one head learns: tensors, the weight of its loss, and the share it is validated on."""

    head: int
    weight: float
    train: tuple[Tensor, Tensor, Tensor]
    validation: tuple[Tensor, Tensor, Tensor] | None
    class_weight: Tensor


def make_task(
    cells: FamilyCells, class_names: Sequence[str], *, head: int, weight: float, seed: int
) -> _Task:
    """Set a fifth of the donors aside for validation, and balance the classes.

    With fewer than 40 cells, or fewer than five donors, none are set aside: the phase then runs for all
    its epochs, in every condition alike.
    """
    truth = np.searchsorted(np.asarray(class_names), cells.classes)
    train, validation = np.arange(len(cells)), None
    if len(cells) >= _FEWEST_TO_VALIDATE and len(np.unique(cells.donors)) >= 5:
        # the first of five folds: whole donors, or the loss would fall for cells that are known by their
        # neighbours
        train, validation = next(iter(folds_by_donor(cells.classes, cells.donors, seed=seed)))
    # n / (n_c classes), which scikit-learn calls balanced; a class that only validation has needs a number
    # too
    counts = np.bincount(truth[train], minlength=len(class_names))
    balance = np.where(counts > 0, len(train) / np.maximum(counts, 1) / max((counts > 0).sum(), 1), 0)
    return _Task(
        head,
        weight,
        _to_tensors(cells, truth, train),
        None if validation is None else _to_tensors(cells, truth, validation),
        torch.tensor(balance, dtype=torch.float32),
    )


def train_phase(
    network: AttentionBiLSTM,
    tasks: Sequence[_Task],
    schedule: BiLSTMSchedule,
    *,
    seed: int,
    only_heads: bool = False,
) -> list[dict[str, float]]:
    """Train on some tasks together until the last one's validation loss stops falling; return the curve.

    The network is left with the weights of its best epoch. An epoch passes once over the task with the
    most cells; the others supply as many batches, beginning again when they run out.
    """
    epochs = schedule.warm_up if only_heads else schedule.epochs
    best = _KeepBest(tasks[-1], schedule.patience)
    trainer = make_trainer(
        "cpu",
        1,
        epochs=epochs,
        callbacks=[best],
        # the room of training clips at 1, the paper does not
        options={"gradient_clip_val": None},
        keeps_checkpoints=False,
    )
    # the phase before has left it as it is for reading
    network.train()
    with torch.random.fork_rng():
        # dropout draws from the global generator
        torch.manual_seed(seed)
        fit_quietly(
            trainer, _Phase(network, tasks, schedule, only_heads), _Batches(tasks, schedule.batch, seed)
        )
    # no epoch was asked for, or the loss was NaN from the first: the weights stay as they are
    if best.kept is not None:
        network.load_state_dict(best.kept)
    network.eval()
    return best.curve


class _Batches:
    """Which cells of every task stand in each step of an epoch; each epoch in another order."""

    def __init__(self, tasks: Sequence[_Task], batch: int, seed: int) -> None:
        self._tasks = tasks
        self._batch = batch
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return max(-(-len(task.train[2]) // self._batch) for task in self._tasks)

    def __iter__(self) -> Iterator[list[Tensor]]:
        streams = [_repeat(task, self._batch, self._generator) for task in self._tasks]
        for _ in range(len(self)):
            yield [next(stream) for stream in streams]


class _Phase(lightning.LightningModule):
    """Minimises the weighted sum of the tasks' losses."""

    def __init__(
        self, network: AttentionBiLSTM, tasks: Sequence[_Task], schedule: BiLSTMSchedule, only_heads: bool
    ) -> None:
        super().__init__()
        self.network = network
        self._tasks = tasks
        self._phase = schedule
        self._only_heads = only_heads

    def training_step(self, batches: list[Tensor], index: int) -> Tensor:
        """Return the loss of one step."""
        losses = [
            task.weight * _lose(self.network, task, batch)
            for task, batch in zip(self._tasks, batches, strict=True)
        ]
        return torch.stack(losses).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over the heads, or over everything."""
        # frozen by standing outside of the optimiser: nothing has to be thawed for the phase after
        learned: nn.Module = self.network.heads if self._only_heads else self.network
        return torch.optim.AdamW(
            list(learned.parameters()),
            lr=self._phase.learning_rate,
            weight_decay=self._phase.weight_decay,
        )


class _KeepBest(Callback):
    """Validates every epoch, keeps the weights of the best in memory, and stops when none gets better.

    In memory, and not in a checkpoint: there are hundreds of short phases in one command.
    """

    def __init__(self, watched: _Task, patience: int) -> None:
        self.curve: list[dict[str, float]] = []
        self.kept: dict[str, Any] | None = None
        self._watched = watched
        self._patience = patience
        self._best, self._waited = float("inf"), 0

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Score the epoch that ends."""
        network = cast(_Phase, module).network
        loss = _validate(network, self._watched)
        network.train()
        self.curve.append({"epoch": float(trainer.current_epoch + 1), "validation_loss": loss})
        # nothing to validate on: the last epoch is kept, and patience never ends the phase
        if self._watched.validation is None or loss < self._best:
            # state_dict gives the tensors themselves, which the next step would change
            self._best, self.kept, self._waited = loss, copy.deepcopy(network.state_dict()), 0
        else:
            self._waited += 1
        trainer.should_stop = trainer.should_stop or self._waited >= self._patience


def _to_tensors(
    cells: FamilyCells, truth: Int64[np.ndarray, " cell"], chosen: Int64[np.ndarray, " chosen"]
) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.tensor(np.nan_to_num(cells.families[chosen]), dtype=torch.float32),
        torch.tensor(cells.present[chosen]),
        torch.tensor(truth[chosen]),
    )


def _repeat(task: _Task, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from torch.randperm(len(task.train[2]), generator=generator).split(batch)  # type: ignore[no-untyped-call]


def _lose(network: AttentionBiLSTM, task: _Task, batch: Tensor) -> Tensor:
    families, present, truth = (one[batch] for one in task.train)
    return nn.functional.cross_entropy(network(families, present, task.head).logits, truth, task.class_weight)


@torch.no_grad()
def _validate(network: AttentionBiLSTM, task: _Task) -> float:
    if task.validation is None:
        return float("nan")
    network.eval()
    families, present, truth = task.validation
    return float(
        nn.functional.cross_entropy(network(families, present, task.head).logits, truth, task.class_weight)
    )
