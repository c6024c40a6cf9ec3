"""Conditions of a transfer that end in the attention BiLSTM, on components aligned without labels.

Every condition reads the same aligned components, and ends with the same schedule on the same labelled
cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float64, Shaped

from nwbspikegen.patchseq.classify.bilstm import (
    CellBiLSTM,
    continue_bilstm,
    fit_bilstm,
    fit_joint_bilstm,
)
from nwbspikegen.patchseq.classify.bilstm_training import BiLSTMSchedule, FamilyCells
from nwbspikegen.patchseq.classify.components import FamilyComponents, pad_families
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.species.alignment_shares import align_shares
from nwbspikegen.patchseq.species.conditions import TargetClassifier, TransferCondition, TransferDataset

_Values = Float64[np.ndarray, "_cell _feature"]


def tabulate_components(transformer: FamilyComponents, cells: xr.Dataset, table: CellTable) -> CellTable:
    """Return the components of some cells as a table, `<family>.<number>`, with NaN in gaps."""
    components = transformer.transform(cells)
    owner = components["component_family"].values.astype(str)
    number = pd.Series(owner).groupby(owner).cumcount()
    names = [f"{family}.{place}" for family, place in zip(owner, number, strict=True)]
    features = pd.DataFrame(components["components"].values, table.features.index, names)
    return CellTable(features, table.cells, table.species, table.label_version)


@dataclass
class BiLSTMConditions:
    """The conditions, which share what they learn from the source: it is trained once per fold and seed.

    Attributes
    ----------
    features : list of str
        Names of the columns, as `tabulate_components` gives them.
    source_donors : array of str, shape (cell,)
        Donors of the source, a fifth of which decide when its training stops.
    method : str
        Of `align`.
    estimate : bool
        Estimate the target's composition (see `align_shares`).
    schedule : BiLSTMSchedule
        Of every phase of every condition.
    """

    features: list[str]
    source_donors: Shaped[np.ndarray, " cell"]
    method: str = "scale"
    estimate: bool = True
    schedule: BiLSTMSchedule = field(default_factory=BiLSTMSchedule)
    _trained: dict[int, CellBiLSTM] = field(default_factory=dict)

    @property
    def zero_shot(self) -> dict[str, TransferCondition]:
        """The condition that sees no label of the target."""
        return {"zero_shot": self.fit_zero_shot}

    @property
    def few_shot(self) -> dict[str, TransferCondition]:
        """The conditions that learn from labelled cells of the target."""
        return {
            "target_only": self.fit_target_only,
            "fine_tune": self.fit_fine_tune,
            "joint": self.fit_joint,
        }

    def fit_zero_shot(self, dataset: TransferDataset) -> TargetClassifier:
        """Classify by a network trained on the aligned source alone."""
        source, place = self._align(dataset)
        return self._classify(self._learn_source(dataset, source), place, dataset)

    def fit_target_only(self, dataset: TransferDataset) -> TargetClassifier:
        """Classify by a network trained on the labelled target cells alone."""
        _, place = self._align(dataset)
        target = self._label(place, dataset)
        return self._classify(fit_bilstm(target, schedule=self.schedule, seed=dataset.seed), place, dataset)

    def fit_fine_tune(self, dataset: TransferDataset) -> TargetClassifier:
        """Classify by the source's network with a new head, warmed up and then trained with all of it."""
        source, place = self._align(dataset)
        target = self._label(place, dataset)
        trained = self._learn_source(dataset, source)
        moved = continue_bilstm(trained, target, schedule=self.schedule, seed=dataset.seed)
        return self._classify(moved, place, dataset)

    def fit_joint(self, dataset: TransferDataset) -> TargetClassifier:
        """Classify by a network with a head for each species, learned together, then on the target alone."""
        source, place = self._align(dataset)
        target = self._label(place, dataset)
        joint = fit_joint_bilstm(source, target, schedule=self.schedule, seed=dataset.seed)
        return self._classify(joint, place, dataset)

    def _align(self, dataset: TransferDataset) -> tuple[FamilyCells, Callable[[_Values], _Values]]:
        space = align_shares(
            dataset.source,
            dataset.source_classes,
            dataset.unlabelled,
            method=self.method,
            estimate=self.estimate,
            seed=dataset.seed,
        )
        padded, present = self._pad(space.aligned.source, dataset.source)
        source = FamilyCells(padded, present, dataset.source_classes, self.source_donors)
        return source, space.aligned.place

    def _learn_source(self, dataset: TransferDataset, source: FamilyCells) -> CellBiLSTM:
        # a seed names a fold, and so the alignment that the source went through
        if dataset.seed not in self._trained:
            self._trained[dataset.seed] = fit_bilstm(source, schedule=self.schedule, seed=dataset.seed)
        return self._trained[dataset.seed]

    def _classify(
        self, model: CellBiLSTM, place: Callable[[_Values], _Values], dataset: TransferDataset
    ) -> TargetClassifier:
        # of few labelled cells not every class need be there; one that is not has probability 0
        columns = np.searchsorted(dataset.class_names, model.class_names)

        def classify(values: _Values) -> Float64[np.ndarray, "_cell class"]:
            padded, present = self._pad(place(values), values)
            probability = np.zeros((len(values), len(dataset.class_names)))
            # a network refuses a cell without any family
            some = present.any(axis=1)
            probability[np.ix_(some, columns)] = model.predict_proba(padded[some], present[some])
            return probability

        return classify

    def _label(self, place: Callable[[_Values], _Values], dataset: TransferDataset) -> FamilyCells:
        padded, present = self._pad(place(dataset.labelled), dataset.labelled)
        # a dataset does not say who gave the labelled cells: of many, a fifth decides when training stops
        donors = np.arange(len(dataset.labelled)).astype(str)
        return FamilyCells(padded, present, dataset.labelled_classes, donors)

    def _pad(
        self, aligned: _Values, raw: _Values
    ) -> tuple[Float64[np.ndarray, "_cell family width"], Bool[np.ndarray, "_cell family"]]:
        """Return aligned components family by family; alignment fills gaps, and the raw ones say where."""
        owner = np.array([name.rsplit(".", 1)[0] for name in self.features])
        families = list(dict.fromkeys(owner.tolist()))
        # a family is there or not as a whole, as components are made
        present = np.stack([np.isfinite(raw[:, owner == one]).all(axis=1) for one in families], axis=1)
        components = xr.Dataset(
            {"components": (("cell", "component"), aligned), "present": (("cell", "family"), present)},
            coords={"family": families, "component_family": ("component", owner)},
        )
        return pad_families(components)
