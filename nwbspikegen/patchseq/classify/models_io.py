"""A trained classifier with what leads to it, as a folder of arrays and JSON."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.cards import CARD_FILE, require_license
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file, write_whole
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.core.records import read_record, write_record
from nwbspikegen.core.remote_folders import open_folder
from nwbspikegen.core.stored_by import package_version, require_known
from nwbspikegen.patchseq.classify.card import describe_cell_model
from nwbspikegen.patchseq.classify.components import FamilyComponents, pad_families
from nwbspikegen.patchseq.classify.confidence import Confidence
from nwbspikegen.patchseq.classify.forest import CellForest
from nwbspikegen.patchseq.classify.forest_files import pack_forest, unpack_forest
from nwbspikegen.patchseq.classify.known_cells import KnownCells
from nwbspikegen.patchseq.classify.records import (
    FORMAT,
    SCHEMA_VERSION,
    CellModelDescription,
    FamilyRecord,
    ForestRecord,
    ModelHead,
    ModelKind,
    NetworkRecord,
    VoteRecord,
)
from nwbspikegen.patchseq.classify.sparse_pca import SparsePCA
from nwbspikegen.patchseq.classify.trust_files import (
    pack_confidence,
    pack_known_cells,
    unpack_confidence,
    unpack_known_cells,
)
from nwbspikegen.patchseq.classify.vote import CellVote
from nwbspikegen.patchseq.features.tables import CellTable

DESCRIPTION_FILE = "model.json"
_OF_DATA = ("species", "sources", "cells", "num_donors", "preset", "cells_sha256")
_ARRAYS_FILE, _WEIGHTS_FILE, _VOTE_FILE = "arrays.npz", "weights.safetensors", "vote.skops"


@dataclass(frozen=True)
class CellModel:
    """A classifier of cells, the transformer before it, and where its labels came from.

    Attributes
    ----------
    classifier : CellForest, CellVote or CellBiLSTM
    label_version : str
        Of the classes it was trained on (see `CellTable`).
    components : FamilyComponents, optional
        Given when it reads families; a network needs it.
    features : tuple of str
        Names of the scalars, when it reads scalars.
    training : dict
        Anything else worth keeping, as JSON holds it: species, donors, source files.
    license : str
        Under which it may be used, as its owner said; empty where nobody did.
    confidence : Confidence, optional
        Learned in cross-validation: calibrates probabilities, and chooses sets of classes.
    known : KnownCells, optional
        Where the training cells lie, from which distances are measured.
    """

    classifier: Any
    label_version: str
    components: FamilyComponents | None = None
    features: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    license: str = ""
    confidence: Confidence | None = None
    known: KnownCells | None = None

    @property
    def kind(self) -> ModelKind:
        """Whether it is a "forest", a "vote" or a "bilstm"."""
        if isinstance(self.classifier, CellForest):
            return "forest"
        return "vote" if isinstance(self.classifier, CellVote) else "bilstm"

    @property
    def data_fingerprint(self) -> str:
        """Hash of the sources, cells and features that it was trained on; empty where none is recorded."""
        told = {key: self.training[key] for key in _OF_DATA if key in self.training}
        if not told:
            return ""
        text = json.dumps([told, self.label_version, self.features], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def read_values(
        self, cells: xr.Dataset | CellTable
    ) -> tuple[Float64[np.ndarray, "cell feature"], xr.Dataset | None]:
        """Return what it reads of each cell as a row of numbers, and the components where it has some."""
        if isinstance(cells, CellTable):
            return cells.take_features(self.features).values, None
        if self.components is None:
            raise InputError(
                "feature families", "a table of scalars, which this model reads", "pass a CellTable"
            )
        components = self.components.transform(cells)
        return np.asarray(components["components"].values, dtype=np.float64), components

    def predict(self, cells: xr.Dataset | CellTable) -> xr.Dataset:
        """Return `predicted_class` (cell), `probability` (cell, class), and `attention` (cell, family).

        A model of families takes the Dataset of `collect_cells`, a model of scalars a `CellTable`.
        Attention is there for a network only. A cell without any family has an empty class and NaN.
        A model that `patchseq train` wrote adds `in_set` (cell, class), whether a class is in the cell's
        set; `distance` (cell) to the training cells, where 1 is as far as 95 % of them lie at most; and
        `share_known` (cell), the share of what it reads that the cell has. Its probabilities are calibrated.
        """
        index = cells.features.index if isinstance(cells, CellTable) else cells["cell"].values
        names, (values, components) = np.asarray(index, dtype=str), self.read_values(cells)
        if components is None:
            return self._describe(self.classifier.predict_proba(values), names, None, values)
        some = components["present"].values.any(axis=1)
        # NaN, since 1 / classes would look like a prediction
        probability = np.full((len(names), len(self.classifier.class_names)), np.nan)
        if self.kind != "bilstm":
            probability[some] = self.classifier.predict_proba(values[some])
            return self._describe(probability, names, None, values)
        padded, present = pad_families(components)
        attention = np.full(present.shape, np.nan)
        if some.any():
            probability[some], attention[some] = self.classifier.read(padded[some], present[some])
        return self._describe(probability, names, (components["family"].values, attention), values)

    def _describe(
        self,
        probability: np.ndarray,
        cells: np.ndarray,
        attention: tuple[np.ndarray, np.ndarray] | None,
        values: np.ndarray,
    ) -> xr.Dataset:
        # argmax takes NaN for the largest: rows of NaN are asked for nothing
        known = np.isfinite(probability).all(axis=1)
        best = self.classifier.class_names[np.where(known, probability.argmax(axis=1), 0)]
        predictions = xr.Dataset(
            {
                "predicted_class": ("cell", np.where(known, best, "")),
                "probability": (("cell", "class"), probability),
            },
            coords={"cell": cells, "class": self.classifier.class_names},
            attrs={"model": self.kind, "label_version": self.label_version},
        )
        if attention is not None:
            predictions = predictions.assign_coords(family=attention[0]).assign(
                attention=(("cell", "family"), attention[1])
            )
        if self.confidence is not None:
            calibrated = self.confidence.calibrate(probability)
            predictions["probability"] = (("cell", "class"), calibrated)
            predictions["in_set"] = (("cell", "class"), self.confidence.choose_sets(calibrated))
            predictions.attrs["coverage"] = self.confidence.coverage
        if self.known is not None:
            predictions["distance"] = ("cell", self.known.measure_distance(values))
            predictions["share_known"] = ("cell", np.isfinite(values).mean(axis=1))
        return predictions

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write `model.json`, `arrays.npz`, of a network or a vote a file of its own, and a card; no pickle.

        Raises
        ------
        OutputError
            The folder is there and `overwrite` is False, or was not written by this.
        MissingExtraError
            A vote, without skops.
        """
        arrays: dict[str, np.ndarray] = {}
        packed = None if self.components is None else _pack_components(self.components, arrays)
        files, record = _pack_classifier(self.classifier, arrays)
        pack_known_cells(self.known, arrays)
        description = _DESCRIPTIONS[self.kind](
            kind=self.kind,
            label_version=self.label_version,
            features=self.features,
            training=self.training,
            components=packed,
            classifier=record,
            schema_version=SCHEMA_VERSION,
            package_version=package_version(),
            data_fingerprint=self.data_fingerprint,
            license=require_license(self.license),
            confidence=pack_confidence(self.confidence),
        )
        card = describe_cell_model(description, Path(folder).absolute().name)
        with write_whole(folder, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
            temporary.mkdir()
            np.savez_compressed(temporary / _ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            write_record(temporary / DESCRIPTION_FILE, description)
            (temporary / CARD_FILE).write_text(card, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> CellModel:
        """Read what `save` wrote, from a folder or an address as `nsg.load_model` does; nothing is executed.

        Raises
        ------
        InputError
            The folder holds no model, a damaged one, or one that a later version wrote.
        """
        with open_folder(folder, [DESCRIPTION_FILE, _ARRAYS_FILE, _WEIGHTS_FILE, _VOTE_FILE]) as here:
            return cls._read(here)

    @classmethod
    def _read(cls, folder: Path) -> CellModel:
        description = _read_description(folder)
        arrays = read_npz(require_file(folder / _ARRAYS_FILE), "train again")
        try:
            packed = description.components
            classifier = _unpack_classifier(folder, description.classifier, arrays)
            model = cls(
                classifier,
                description.label_version,
                None if packed is None else _unpack_components(packed, arrays),
                description.features,
                dict(description.training),
                description.license,
                unpack_confidence(description.confidence, len(classifier.class_names)),
                unpack_known_cells(arrays, len(classifier.class_names), _count_values(description, arrays)),
            )
        # arrays that are missing, or of another kind than described
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(
                f"{folder}, which is damaged or no model ({str(error)[:200]})",
                "a folder that CellModel.save wrote",
                "train again",
            ) from error
        if description.data_fingerprint not in ("", model.data_fingerprint):
            raise InputError(
                f"a record of training that differs from its fingerprint in {folder}",
                "a folder that CellModel.save wrote",
                "restore it, or train again",
            )
        return model


_DESCRIPTIONS: dict[ModelKind, Any] = {
    "forest": CellModelDescription[ForestRecord],
    "vote": CellModelDescription[VoteRecord],
    "bilstm": CellModelDescription[NetworkRecord],
}


def _read_description(folder: Path) -> Any:
    path = folder / DESCRIPTION_FILE
    require_known(path, {FORMAT: SCHEMA_VERSION}, "a model of cells", "train again")
    # twice, since the kind decides which record the rest has to be
    head = read_record(path, ModelHead, "a model of cells", "train again")
    return read_record(path, _DESCRIPTIONS[head.kind], "a model of cells", "train again")


def _pack_classifier(classifier: Any, arrays: dict[str, np.ndarray]) -> tuple[dict[str, bytes], Any]:
    """Return the files of a classifier, and its record; a forest adds to the arrays instead."""
    if isinstance(classifier, CellForest):
        return {}, pack_forest(classifier, arrays)
    if isinstance(classifier, CellVote):
        from nwbspikegen.patchseq.classify.vote_files import pack_vote

        content, record = pack_vote(classifier)
        return {_VOTE_FILE: content}, record
    # here, since a forest needs no torch, which takes 4 s to import
    from nwbspikegen.patchseq.classify.bilstm_files import pack_bilstm

    weights, described = pack_bilstm(classifier)
    # it comes with lists where the record has tuples
    return {_WEIGHTS_FILE: weights}, NetworkRecord.model_validate(described, strict=False)


def _count_values(description: Any, arrays: dict[str, np.ndarray]) -> int:
    """Return how many numbers of a cell a model reads."""
    families = description.components or ()
    return len(description.features) or sum(len(arrays[f"components/{one.family}/kept"]) for one in families)


def _unpack_classifier(folder: Path, record: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(record, ForestRecord):
        return unpack_forest(record, arrays)
    if isinstance(record, VoteRecord):
        from nwbspikegen.patchseq.classify.vote_files import unpack_vote

        return unpack_vote(require_file(folder / _VOTE_FILE).read_bytes(), record)
    from nwbspikegen.patchseq.classify.bilstm_files import unpack_bilstm

    return unpack_bilstm(require_file(folder / _WEIGHTS_FILE).read_bytes(), record.model_dump())


def _pack_components(components: FamilyComponents, arrays: dict[str, np.ndarray]) -> tuple[FamilyRecord, ...]:
    packed = []
    for name in components.families_:
        one = components.describe_family(name)
        arrays.update({f"components/{name}/{key}": value for key, value in one.items()})
        numbers = tuple(map(int, components.pca_[name].num_nonzero))
        packed.append(FamilyRecord(family=name, num_nonzero=numbers))
    return tuple(packed)


def _unpack_components(packed: Sequence[FamilyRecord], arrays: dict[str, np.ndarray]) -> FamilyComponents:
    # the settings of fitting are not stored: what was fitted is all that transforming reads
    components = FamilyComponents()
    for one in packed:
        start = f"components/{one.family}/"
        stored = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
        components.restore_family(one.family, SparsePCA(list(one.num_nonzero)), stored)
    return components
