"""A trained classifier with what leads to it, as a folder of arrays and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file, write_whole
from nwbspikegen.core.json_files import read_json
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.patchseq.classify.components import FamilyComponents, pad_families
from nwbspikegen.patchseq.classify.forest import CellForest
from nwbspikegen.patchseq.classify.sparse_pca import SparsePCA
from nwbspikegen.patchseq.features.tables import CellTable

DESCRIPTION_FILE = "model.json"
_ARRAYS_FILE, _WEIGHTS_FILE = "arrays.npz", "weights.safetensors"
_FORMAT = "nwbspikegen-patchseq-1"


class Classifier(Protocol):
    """What a `CellModel` holds: a `CellForest` or a `CellBiLSTM`."""

    @property
    def class_names(self) -> np.ndarray:
        """Classes in the order of the probabilities."""
        ...


@dataclass(frozen=True)
class CellModel:
    """A classifier of cells, the transformer before it, and where its labels came from.

    Attributes
    ----------
    classifier : CellForest or CellBiLSTM
    label_version : str
        Of the classes it was trained on (see `CellTable`).
    components : FamilyComponents, optional
        Given when it reads families; a network needs it.
    features : tuple of str
        Names of the scalars, when it reads scalars.
    training : dict
        Anything else worth keeping, as JSON holds it: species, donors, source files.
    """

    classifier: Any
    label_version: str
    components: FamilyComponents | None = None
    features: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Whether it is a "forest" or a "bilstm"."""
        return "forest" if isinstance(self.classifier, CellForest) else "bilstm"

    def predict(self, cells: xr.Dataset | CellTable) -> xr.Dataset:
        """Return `predicted_class` (cell), `probability` (cell, class), and `attention` (cell, family).

        A model of families takes the Dataset of `collect_cells`, a model of scalars a `CellTable`.
        Attention is there for a network only. A cell without any family has an empty class and NaN.
        """
        if isinstance(cells, CellTable):
            values = cells.take_features(self.features).values
            return self._describe(
                self.classifier.predict_proba(values), cells.features.index.to_numpy(str), None
            )
        if self.components is None:
            raise InputError(
                "feature families", "a table of scalars, which this model reads", "pass a CellTable"
            )
        components = self.components.transform(cells)
        names = cells["cell"].values.astype(str)
        some = components["present"].values.any(axis=1)
        probability = np.full((len(names), len(self.classifier.class_names)), np.nan)
        if self.kind == "forest":
            probability[some] = self.classifier.predict_proba(components["components"].values[some])
            return self._describe(probability, names, None)
        padded, present = pad_families(components)
        attention = np.full(present.shape, np.nan)
        if some.any():
            probability[some], attention[some] = self.classifier.read(padded[some], present[some])
        return self._describe(probability, names, (components["family"].values, attention))

    def _describe(
        self, probability: np.ndarray, cells: np.ndarray, attention: tuple[np.ndarray, np.ndarray] | None
    ) -> xr.Dataset:
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
        return predictions

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write `model.json`, `arrays.npz` and, for a network, `weights.safetensors`; nothing is pickled."""
        arrays: dict[str, np.ndarray] = {}
        description: dict[str, Any] = {
            "format": _FORMAT,
            "kind": self.kind,
            "label_version": self.label_version,
            "features": list(self.features),
            "training": self.training,
            "components": None if self.components is None else _pack_components(self.components, arrays),
        }
        weights = b""
        if self.kind == "forest":
            description["classifier"] = _pack_forest(self.classifier, arrays)
        else:
            from nwbspikegen.patchseq.classify.bilstm_files import pack_bilstm

            weights, description["classifier"] = pack_bilstm(self.classifier)
        with write_whole(folder, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
            temporary.mkdir()
            np.savez_compressed(temporary / _ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
            if weights:
                (temporary / _WEIGHTS_FILE).write_bytes(weights)
            (temporary / DESCRIPTION_FILE).write_text(json.dumps(description, indent=1))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> CellModel:
        """Read what `save` wrote. No file can execute code."""
        folder = Path(folder)
        description = read_json(folder / DESCRIPTION_FILE, "a model", "train again")
        arrays = read_npz(require_file(folder / _ARRAYS_FILE), "train again")
        try:
            if description["format"] != _FORMAT:
                raise KeyError(f"format {description['format']}")
            return cls(
                _unpack_classifier(folder, description, arrays),
                str(description["label_version"]),
                None
                if description["components"] is None
                else _unpack_components(description["components"], arrays),
                tuple(map(str, description["features"])),
                dict(description["training"]),
            )
        # an entry that is missing, or of another kind than was written
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(
                f"{folder}, which is damaged or no model ({str(error)[:200]})",
                "a folder that CellModel.save wrote",
                "train again",
            ) from error


def _unpack_classifier(folder: Path, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    if description["kind"] == "forest":
        return _unpack_forest(description["classifier"], arrays)
    if description["kind"] != "bilstm":
        raise ValueError(f"kind {description['kind']!r}")
    from nwbspikegen.patchseq.classify.bilstm_files import unpack_bilstm

    return unpack_bilstm(require_file(folder / _WEIGHTS_FILE).read_bytes(), description["classifier"])


def tabulate_predictions(predictions: xr.Dataset) -> pd.DataFrame:
    """Return predictions as a table: cell, predicted_class, and one column a class probability."""
    probability = predictions["probability"].to_pandas().add_prefix("probability_")
    table = pd.DataFrame({"predicted_class": predictions["predicted_class"].to_series()}).join(probability)
    return table.rename_axis("cell").reset_index()


def _pack_forest(forest: CellForest, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    arrays.update({f"forest/{name}": value for name, value in forest.nodes.items()})
    return {
        "class_names": forest.class_names.tolist(),
        "temperature": forest.temperature,
        "num_features": forest.num_features,
        "calibration": forest.calibration,
    }


def _unpack_forest(packed: dict[str, Any], arrays: dict[str, np.ndarray]) -> CellForest:
    nodes = {
        name.removeprefix("forest/"): value for name, value in arrays.items() if name.startswith("forest/")
    }
    names = np.asarray(packed["class_names"], dtype=str)
    _require_trees(nodes, len(names), packed["num_features"])
    temperature = float(packed["temperature"])
    if not 0 < temperature < np.inf or names.ndim != 1 or len(set(names.tolist())) < len(names):
        raise ValueError("a temperature or classes that no forest has")
    return CellForest(names, temperature, nodes, packed["num_features"], dict(packed["calibration"]))


def _require_trees(nodes: dict[str, np.ndarray], num_classes: int, num_features: int) -> None:
    """Raise `ValueError` for nodes that are no trees, down which a cell would go for ever."""
    left, right, feature = (nodes[name] for name in ("left", "right", "feature"))
    number = np.arange(len(left))
    is_leaf = left < 0
    fits = (
        all(nodes[name].shape == (len(left),) for name in ("right", "feature", "threshold", "missing_left"))
        and nodes["share"].shape == (len(left), num_classes)
        and all(nodes[name].dtype.kind == "i" for name in ("left", "right", "feature", "root"))
        and bool((is_leaf | ((left > number) & (right > number))).all())
        and bool((np.maximum(left, right) < len(left)).all() and (is_leaf == (right < 0)).all())
        and bool((is_leaf | ((feature >= 0) & (feature < num_features))).all())
        and bool(len(nodes["root"]) and ((nodes["root"] >= 0) & (nodes["root"] < len(left))).all())
        and bool(np.isfinite(nodes["share"]).all())
    )
    if not fits:
        raise ValueError("nodes that are no trees")


def _pack_components(components: FamilyComponents, arrays: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    packed: list[dict[str, Any]] = []
    for name in components.families_:
        one = components.describe_family(name)
        arrays.update({f"components/{name}/{key}": value for key, value in one.items()})
        packed.append({"family": name, "num_nonzero": list(components.pca_[name].num_nonzero)})
    return packed


def _unpack_components(packed: Sequence[dict[str, Any]], arrays: dict[str, np.ndarray]) -> FamilyComponents:
    components = FamilyComponents()
    for one in packed:
        start = f"components/{one['family']}/"
        stored = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
        components.restore_family(one["family"], SparsePCA(one["num_nonzero"]), stored)
    return components
