"""The attention BiLSTM over feature families: fit, transfer from another species, read its attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float64, Shaped

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.patchseq.classify.bilstm_network import AttentionBiLSTM
from nwbspikegen.patchseq.classify.bilstm_training import (
    BiLSTMSchedule,
    FamilyCells,
    make_task,
    train_phase,
)


@dataclass(frozen=True)
class CellBiLSTM:
    """A trained network for one species.

    Attributes
    ----------
    network : AttentionBiLSTM
        With one head.
    class_names : array of str, shape (class,)
        In the order of the probabilities.
    num_families, width : int
        Shape of the cells it reads.
    record : dict
        How it was trained: condition (as a transfer calls it), number of cells, seed, schedule, curves.
    """

    network: AttentionBiLSTM
    class_names: np.ndarray
    num_families: int
    width: int
    record: dict[str, Any] = field(default_factory=dict)

    def predict_proba(
        self, families: Float64[np.ndarray, "cell family width"], present: Bool[np.ndarray, "cell family"]
    ) -> Float64[np.ndarray, "cell class"]:
        """Return the probability of each class for each cell."""
        return self.read(families, present)[0]

    def read(
        self, families: Float64[np.ndarray, "cell family width"], present: Bool[np.ndarray, "cell family"]
    ) -> tuple[Float64[np.ndarray, "cell class"], Float64[np.ndarray, "cell family"]]:
        """Return probabilities and attention; a missing family has attention 0, and each row sums to 1."""
        if families.shape[1:] != (self.num_families, self.width):
            raise InputError(
                f"cells of shape {families.shape[1:]}",
                f"{(self.num_families, self.width)} (families, width), as in training",
                "make components with the transformer of the training cells",
            )
        # FamilyCells refuses a cell without any family: its attention would be a softmax over nothing,
        # which is NaN
        unlabelled = np.full(len(families), "")
        cells = FamilyCells(families, present, unlabelled, unlabelled)
        with torch.no_grad():
            # any number does in a gap, but NaN does not: 0 times NaN is NaN
            reading = self.network.eval()(
                torch.tensor(np.nan_to_num(cells.families), dtype=torch.float32), torch.tensor(cells.present)
            )
        return reading.logits.softmax(dim=1).double().numpy(), reading.attention.double().numpy()


def fit_bilstm(cells: FamilyCells, *, schedule: BiLSTMSchedule | None = None, seed: int = 0) -> CellBiLSTM:
    """Train on the cells of one species only.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> classes = np.array(["Sst", "Vip"] * 10)
    >>> families = rng.normal(size=(20, 3, 4)) + np.array([-2.0, 2.0] * 10)[:, None, None] * [1, -1, 1, -1]
    >>> cells = FamilyCells(families, np.ones((20, 3), bool), classes, classes)
    >>> model = fit_bilstm(cells, schedule=BiLSTMSchedule(epochs=10))
    >>> probability, attention = model.read(families, cells.present)
    >>> bool((model.class_names[probability.argmax(axis=1)] == classes).all()), attention.shape
    (True, (20, 3))
    """
    schedule, names = schedule or BiLSTMSchedule(), _name_classes(cells)
    network = _start(cells, (len(names),), seed)
    task = make_task(cells, names, head=0, weight=1.0, seed=seed)
    return _wrap(
        network,
        names,
        cells,
        "target_only",
        seed,
        schedule,
        [train_phase(network, [task], schedule, seed=seed)],
    )


def continue_bilstm(
    trained: CellBiLSTM,
    target: FamilyCells,
    *,
    schedule: BiLSTMSchedule | None = None,
    seed: int = 0,
) -> CellBiLSTM:
    """Fine-tune a network that was trained on another species, which itself stays as it is.

    A new head is warmed up on the target with the rest frozen; then all of it is trained, with the
    schedule, validation cells and criterion of `fit_bilstm`.
    """
    schedule, names = schedule or BiLSTMSchedule(), _name_classes(target)
    _require_alike((trained.num_families, trained.width), target.families.shape[1:])
    network = _start(target, (len(names),), seed)
    # the other species may have other classes: its head stays behind, and strict=False lets the new one
    # keep its own start
    body = {
        name: value for name, value in trained.network.state_dict().items() if not name.startswith("heads.")
    }
    network.load_state_dict(body, strict=False)
    task = make_task(target, names, head=0, weight=1.0, seed=seed)
    curves = [
        train_phase(network, [task], schedule, seed=seed, only_heads=True),
        train_phase(network, [task], schedule, seed=seed),
    ]
    return _wrap(
        network, names, target, "fine_tune", seed, schedule, [*trained.record.get("curves", []), *curves]
    )


def fit_joint_bilstm(
    source: FamilyCells, target: FamilyCells, *, schedule: BiLSTMSchedule | None = None, seed: int = 0
) -> CellBiLSTM:
    """Train two heads together, loss target + 0.5 source; then the target's alone."""
    schedule, names = schedule or BiLSTMSchedule(), _name_classes(target)
    _require_alike(source.families.shape[1:], target.families.shape[1:])
    sources = _name_classes(source)
    network = _start(target, (len(names), len(sources)), seed)
    other = make_task(source, sources, head=1, weight=schedule.source_weight, seed=seed)
    own = make_task(target, names, head=0, weight=1.0, seed=seed)
    curves = [
        # the last task decides when a phase ends: the target, in both
        train_phase(network, [other, own], schedule, seed=seed),
        train_phase(network, [own], schedule, seed=seed),
    ]
    # a network of one head is what is stored and read; its start is overwritten whole
    single = _start(target, (len(names),), seed)
    single.load_state_dict(
        {name: value for name, value in network.state_dict().items() if not name.startswith("heads.1.")}
    )
    return _wrap(single, names, target, "joint", seed, schedule, curves)


def summarise_attention(
    attention: Float64[np.ndarray, "cell family"],
    present: Bool[np.ndarray, "cell family"],
    classes: Shaped[np.ndarray, " cell"],
    families: Sequence[str],
) -> pd.DataFrame:
    """Return the mean attention per class (row) and family (column), over the cells that have the family.

    Examples
    --------
    >>> attention = np.array([[0.25, 0.75], [1.0, 0.0]])
    >>> present = np.array([[True, True], [True, False]])
    >>> table = summarise_attention(attention, present, np.array(["Sst", "Sst"]), ["isi_shape", "psth"])
    >>> table.loc["Sst"].tolist()
    [0.625, 0.75]
    """
    # the 0 of a masked family says nothing of the class, and would pull its mean down
    shown = pd.DataFrame(np.where(present, attention, np.nan), columns=list(families))
    return shown.groupby(np.asarray(classes)).mean()


def _start(cells: FamilyCells, num_classes: tuple[int, ...], seed: int) -> AttentionBiLSTM:
    require_seed(seed)
    # layers draw from the global generator: one seed is one start for every condition, and the numbers of
    # the caller go on as if nothing had been drawn
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AttentionBiLSTM(cells.families.shape[2], num_classes)


def _name_classes(cells: FamilyCells) -> list[str]:
    # sorted, since classes become numbers by searchsorted
    names = np.unique(cells.classes)
    if len(names) < 2 or "" in names:
        raise InputError(f"classes {names.tolist()}", "two named classes or more", "add labelled cells")
    return [str(name) for name in names]


def _require_alike(source: tuple[int, ...], target: tuple[int, ...]) -> None:
    if source != target:
        raise InputError(
            f"cells of shapes {source} and {target}",
            "the same families and components",
            "transform both with the components fitted on one of them",
        )


def _wrap(
    network: AttentionBiLSTM,
    names: Sequence[str],
    cells: FamilyCells,
    condition: str,
    seed: int,
    schedule: BiLSTMSchedule,
    curves: list[list[dict[str, float]]],
) -> CellBiLSTM:
    # kept as JSON beside the weights, so plain numbers and lists
    record = {
        "condition": condition,
        "seed": seed,
        "num_cells": len(cells),
        "schedule": vars(schedule),
        "curves": curves,
    }
    _, num_families, width = cells.families.shape
    return CellBiLSTM(network, np.asarray(names, dtype=str), num_families, width, record)
