"""A trained model with everything needed to use it again and to know where it came from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from safetensors.torch import save

from nwbspikegen.core.cards import CARD_FILE, require_license
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.model_places import find_model
from nwbspikegen.core.notebooks import to_html, to_line
from nwbspikegen.core.predictor import Bins, predict_bins
from nwbspikegen.core.records import write_record
from nwbspikegen.core.remote_folders import open_folder
from nwbspikegen.core.stored_by import package_version
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.card import SCORE_COLUMNS, describe_model
from nwbspikegen.models.description import SCHEMA_VERSION, ModelDescription, fingerprint_data
from nwbspikegen.models.state import RecordingState
from nwbspikegen.models.stored import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    broken,
    read_model_description,
    read_module,
)
from nwbspikegen.models.summary import summarise_model
from nwbspikegen.views.history import Mask

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FittedModel:
    """A trained model: weights, parameters, and the record of its training.

    Attributes
    ----------
    module : SpikeModel
        The network with its weights.
    loss : str
        Name of the loss it was trained with.
    bin_size : float
        Seconds per bin.
    training : dict
        Where it came from, as JSON holds it: ``sources`` (file name, identifier, sha256, session and
        subject of every recording), ``window`` (start and duration, s), ``split`` (start and stop of
        the train and validation segments, s on the session clock), ``unit_ids``, ``seed``.
    curves : list of dict
        One entry per epoch, `epoch` counted from 1: losses and validation scores.
    scores : list of dict
        Rows of `nsg.score` that are known of it, for whoever it is given to.
    license : str
        Under which it may be used, as its owner said; empty where nobody did.
    """

    module: SpikeModel
    loss: str
    bin_size: float
    training: dict[str, Any] = field(default_factory=dict)
    curves: list[dict[str, float]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    license: str = ""

    def __repr__(self) -> str:
        summary = summarise_model(self)
        return to_line(
            self, {name: summary[name] for name in ("model", "units", "bins", "trained on", "sha256")}
        )

    def _repr_html_(self) -> str:
        return to_html(self, summarise_model(self))

    @property
    def name(self) -> str:
        """Name of the architecture."""
        return self.module.name

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the architecture."""
        return self.module.parameters_used

    @property
    def is_permutation_equivariant(self) -> bool:
        """Whether shuffling units shuffles predictions alike."""
        return self.module.is_permutation_equivariant

    def before_training(self) -> FittedModel:
        """Return the same architecture, for as many units, as it was before training.

        Its initial weights are drawn with the seed of training.
        """
        # the caller's stream of random numbers stays where it was, and nothing is drawn on a GPU
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.training.get("seed", 0)))
            module = type(self.module)(self.module.settings, self.module.num_units)
        module.name = self.name
        return FittedModel(module.to(self.module.device).eval(), self.loss, self.bin_size)

    def prediction_step(self, num_units: int) -> int:
        """Return how many bins `predict` does at once."""
        return self.module.prediction_step(num_units)

    @property
    def sha256(self) -> str:
        """Hash of weights and parameters: two models that share it predict the same."""
        digest = hashlib.sha256(self._weights())
        digest.update(json.dumps([self.name, self.parameters, self.bin_size], sort_keys=True).encode())
        return digest.hexdigest()

    @property
    def data_fingerprint(self) -> str:
        """Hash of the sources, units, windows and spikes that it was trained on; empty without sources."""
        return fingerprint_data(self.training, self.bin_size)

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in bins `first` to the end, each from the bins before it."""
        self._require_bins(bin_size)
        return predict_bins(self.module, Bins(spikes, observed), first, bin_size)

    def predict_beside(
        self, other: FittedModel, bins: Bins, first: int, bin_size: float
    ) -> list[Float32[np.ndarray, "predicted unit"]]:
        """Return what this model and another of its kind predict; what both read is read once."""
        self._require_bins(bin_size)
        together = type(self.module).predict_together([self.module, other.module], bins, first, bin_size)
        predictions = []
        for found in together:
            if isinstance(found, InputError):
                raise found
            predictions.append(found)
        return predictions

    def begin(self, num_units: int, bin_size: float) -> RecordingState:
        """Return the state in which nothing of a recording has been read."""
        self._require_bins(bin_size)
        return self.module.begin(num_units, bin_size)

    def _require_bins(self, bin_size: float) -> None:
        if not np.isclose(bin_size, self.bin_size, rtol=1e-9):
            raise InputError(
                f"bins of {bin_size} s",
                f"bins of {self.bin_size} s, as the model was trained with",
                f"bin the recording alike: bin_size={self.bin_size}, --bin-size {self.bin_size}",
            )

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        scores: pd.DataFrame | None = None,
        license: str | None = None,
    ) -> None:
        """Write a new `folder`, whole or not at all: weights, `model.json` and a card, `README.md`.

        Parameters
        ----------
        folder : path
            Where nothing is yet.
        overwrite : bool, default: False
            Replace a model that is there.
        scores : DataFrame, optional
            What `nsg.score` says of it, for the card; by default those that the model has.
        license : str, optional
            Such as ``CC-BY-4.0``; by default that of the model. Nothing is assumed.
        """
        if scores is not None:
            shown = scores[[name for name in SCORE_COLUMNS if name in scores]].to_dict("records")
            rows = [{str(name): value for name, value in row.items()} for row in shown]
            self = dataclasses.replace(self, scores=rows)
        if license is not None:
            self = dataclasses.replace(self, license=license)
        self._write(folder, overwrite)

    def _write(self, folder: str | os.PathLike[str], overwrite: bool) -> None:
        description = ModelDescription(
            name=self.name,
            num_units=self.module.num_units,
            parameters=self.parameters,
            loss=self.loss,
            bin_size=self.bin_size,
            sha256=self.sha256,
            training=self.training,
            curves=self.curves,
            schema_version=SCHEMA_VERSION,
            package_version=package_version(),
            data_fingerprint=self.data_fingerprint,
            license=require_license(self.license),
            scores=self.scores,
        )
        # the name as a folder has it, also of a path such as "."
        name = Path(folder).absolute().name
        card = describe_model(description, name, takes_any=self.is_permutation_equivariant)
        with write_whole(folder, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
            temporary.mkdir()
            (temporary / WEIGHTS_FILE).write_bytes(self._weights())
            write_record(temporary / DESCRIPTION_FILE, description)
            (temporary / CARD_FILE).write_text(card, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FittedModel:
        """Read what `save` wrote, from a folder or an address. No file can execute code."""
        with open_folder(find_model(folder), [DESCRIPTION_FILE, WEIGHTS_FILE]) as here:
            return cls._read(here)

    @classmethod
    def _read(cls, folder: Path) -> FittedModel:
        told = read_model_description(folder)
        module = read_module(folder, told)
        model = cls(module, told.loss, told.bin_size, told.training, told.curves, told.scores, told.license)
        if model.sha256 != told.sha256:
            raise broken(folder, "weights that differ from the recorded sha256")
        if told.data_fingerprint not in ("", model.data_fingerprint):
            raise broken(folder, "a record of training that differs from its fingerprint")
        return model

    def _weights(self) -> bytes:
        return save(
            {name: value.detach().cpu().contiguous() for name, value in self.module.state_dict().items()}
        )


def load_model(folder: str | os.PathLike[str]) -> FittedModel:
    """Read a model that `FittedModel.save` wrote, from this package, this machine or from elsewhere.

    Parameters
    ----------
    folder : path or address
        ``"pretrained"`` for the model in this package, which was trained on simulated populations alone; the
        folder given to `save`; or an address of it that fsspec knows: ``hf://org/name``,
        ``hf://org/name@revision``, ``https://``, ``s3://``, ``zip://model::https://host/model.zip``. Of an
        address two files are read, each of 2 GiB at most, and nothing is kept or written.

    Raises
    ------
    InputError
        The folder is not a model, its files were changed, or a later version wrote it.
    MissingExtraError
        No package is installed that reads such an address.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from nwbspikegen.models import build_model
    >>> model = FittedModel(build_model("in_context", num_units=4), loss="bernoulli", bin_size=0.001)
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     model.save(pathlib.Path(parent, "model"))
    ...     load_model(pathlib.Path(parent, "model")).sha256 == model.sha256
    True
    """
    return FittedModel.load(folder)
