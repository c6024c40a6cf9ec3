"""Arms of a transfer that end in the attention BiLSTM, on components aligned without labels.

Every arm reads the same aligned components, and ends with the same schedule on the same labelled cells.
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
from nwbspikegen.patchseq.classify.bilstm_training import FamilyCells, Schedule
from nwbspikegen.patchseq.classify.components import FamilyComponents, pad_families
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.species.alignment_shares import align_shares
from nwbspikegen.patchseq.species.conditions import Answer, Arm, Lesson

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
class BiLSTMArms:
    """The arms, which share what they learn from the source: it is trained once per fold and seed.

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
    schedule : Schedule
        Of every phase of every arm.
    """

    features: list[str]
    source_donors: Shaped[np.ndarray, " cell"]
    method: str = "scale"
    estimate: bool = True
    schedule: Schedule = field(default_factory=Schedule)
    _trained: dict[int, CellBiLSTM] = field(default_factory=dict)

    @property
    def zero_shot(self) -> dict[str, Arm]:
        """The arm that sees no label of the target."""
        return {"zero_shot": self.answer_zero_shot}

    @property
    def few_shot(self) -> dict[str, Arm]:
        """The arms that learn from labelled cells of the target."""
        return {
            "target_only": self.answer_target_only,
            "fine_tune": self.answer_fine_tune,
            "joint": self.answer_joint,
        }

    def answer_zero_shot(self, lesson: Lesson) -> Answer:
        """Classify by a network trained on the aligned source alone."""
        source, place = self._align(lesson)
        return self._answer(self._learn_source(lesson, source), place, lesson)

    def answer_target_only(self, lesson: Lesson) -> Answer:
        """Classify by a network trained on the labelled target cells alone."""
        _, place = self._align(lesson)
        target = self._label(place, lesson)
        return self._answer(fit_bilstm(target, schedule=self.schedule, seed=lesson.seed), place, lesson)

    def answer_fine_tune(self, lesson: Lesson) -> Answer:
        """Classify by the source's network with a new head, warmed up and then trained with all of it."""
        source, place = self._align(lesson)
        target = self._label(place, lesson)
        trained = self._learn_source(lesson, source)
        moved = continue_bilstm(trained, target, schedule=self.schedule, seed=lesson.seed)
        return self._answer(moved, place, lesson)

    def answer_joint(self, lesson: Lesson) -> Answer:
        """Classify by a network with a head for each species, learned together, then on the target alone."""
        source, place = self._align(lesson)
        target = self._label(place, lesson)
        joint = fit_joint_bilstm(source, target, schedule=self.schedule, seed=lesson.seed)
        return self._answer(joint, place, lesson)

    def _align(self, lesson: Lesson) -> tuple[FamilyCells, Callable[[_Values], _Values]]:
        space = align_shares(
            lesson.source, lesson.source_classes, lesson.unlabelled, method=self.method,
            estimate=self.estimate, seed=lesson.seed,
        )  # fmt: skip
        padded, present = self._pad(space.aligned.source, lesson.source)
        source = FamilyCells(padded, present, lesson.source_classes, self.source_donors)
        return source, space.aligned.place

    def _learn_source(self, lesson: Lesson, source: FamilyCells) -> CellBiLSTM:
        if lesson.seed not in self._trained:
            self._trained[lesson.seed] = fit_bilstm(source, schedule=self.schedule, seed=lesson.seed)
        return self._trained[lesson.seed]

    def _answer(self, model: CellBiLSTM, place: Callable[[_Values], _Values], lesson: Lesson) -> Answer:
        columns = np.searchsorted(lesson.class_names, model.class_names)

        def answer(values: _Values) -> Float64[np.ndarray, "_cell class"]:
            padded, present = self._pad(place(values), values)
            probability = np.zeros((len(values), len(lesson.class_names)))
            some = present.any(axis=1)
            probability[np.ix_(some, columns)] = model.predict_proba(padded[some], present[some])
            return probability

        return answer

    def _label(self, place: Callable[[_Values], _Values], lesson: Lesson) -> FamilyCells:
        padded, present = self._pad(place(lesson.labelled), lesson.labelled)
        # a lesson does not say who gave the labelled cells: of many, a fifth decides when training stops
        donors = np.arange(len(lesson.labelled)).astype(str)
        return FamilyCells(padded, present, lesson.labelled_classes, donors)

    def _pad(
        self, aligned: _Values, raw: _Values
    ) -> tuple[Float64[np.ndarray, "_cell family width"], Bool[np.ndarray, "_cell family"]]:
        """Return aligned components family by family; alignment fills gaps, and the raw ones say where."""
        owner = np.array([name.rsplit(".", 1)[0] for name in self.features])
        families = list(dict.fromkeys(owner.tolist()))
        present = np.stack([np.isfinite(raw[:, owner == one]).all(axis=1) for one in families], axis=1)
        components = xr.Dataset(
            {"components": (("cell", "component"), aligned), "present": (("cell", "family"), present)},
            coords={"family": families, "component_family": ("component", owner)},
        )
        return pad_families(components)
