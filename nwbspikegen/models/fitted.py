"""A trained model with everything needed to use it again and to know where it came from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from safetensors import SafetensorError
from safetensors.torch import load, save

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.predictor import Bins, predict_bins
from nwbspikegen.core.records import read_record, write_record
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.description import ModelDescription
from nwbspikegen.models.registry import build_model
from nwbspikegen.models.state import RecordingState
from nwbspikegen.views.history import Mask

_WEIGHTS_FILE = "weights.safetensors"
DESCRIPTION_FILE = "model.json"
_EXPECTED, _WHAT_TO_DO = "a model as it was saved", "train it again, or restore the folder"


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
    """

    module: SpikeModel
    loss: str
    bin_size: float
    training: dict[str, Any] = field(default_factory=dict)
    curves: list[dict[str, float]] = field(default_factory=list)

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

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write `weights.safetensors` and `model.json` into a new `folder`, whole or not at all."""
        description = ModelDescription(
            name=self.name,
            num_units=self.module.num_units,
            parameters=self.parameters,
            loss=self.loss,
            bin_size=self.bin_size,
            sha256=self.sha256,
            training=self.training,
            curves=self.curves,
        )
        with write_whole(folder, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
            temporary.mkdir()
            (temporary / _WEIGHTS_FILE).write_bytes(self._weights())
            write_record(temporary / DESCRIPTION_FILE, description)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FittedModel:
        """Read what `save` wrote. Neither file can execute code."""
        description = _read_description(Path(folder))
        try:
            weights = load(_inside(Path(folder), _WEIGHTS_FILE).read_bytes())
            _require_shapes(folder, description, weights)
            module = build_model(description.name, description.num_units, **description.parameters)
            module.load_state_dict(weights)
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise _broken(folder, f"weights that do not fit ({reason})") from error
        module.eval()
        model = cls(module, description.loss, description.bin_size, description.training, description.curves)
        if model.sha256 != description.sha256:
            raise _broken(folder, "weights that differ from the recorded sha256")
        return model

    def _weights(self) -> bytes:
        return save(
            {name: value.detach().cpu().contiguous() for name, value in self.module.state_dict().items()}
        )


def load_model(folder: str | os.PathLike[str]) -> FittedModel:
    """Read a model that `FittedModel.save` wrote.

    Parameters
    ----------
    folder : path
        The folder given to `save`.

    Raises
    ------
    InputError
        If the folder is not a model, or its files were changed.

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


def _read_description(folder: Path) -> ModelDescription:
    if not (folder / DESCRIPTION_FILE).is_file():
        raise InputError(
            f"no {DESCRIPTION_FILE} in {folder}",
            "a model folder",
            "pass what `nwbspikegen train --out` wrote",
        )
    return read_record(_inside(folder, DESCRIPTION_FILE), ModelDescription, _EXPECTED, _WHAT_TO_DO)


def _require_shapes(
    folder: str | os.PathLike[str], description: ModelDescription, weights: dict[str, torch.Tensor]
) -> None:
    """Raise `InputError` for weights that are not those of the network described, before it is built."""
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise _broken(folder, "weights that are not finite")
    # every layer has weights, which are in the file: so many cannot be built for nothing
    if description.parameters.get("depth", 1) > len(weights):
        raise _broken(folder, f"depth {description.parameters['depth']} with {len(weights)} arrays")
    # on this device arrays have a shape and take no memory, however large they claim to be
    with torch.device("meta"):
        network = build_model(description.name, description.num_units, **description.parameters)
    expected = {name: value.shape for name, value in network.state_dict().items()}
    found = {name: value.shape for name, value in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            shapes = [
                None if shape is None else list(shape) for shape in (found.get(name), expected.get(name))
            ]
            raise _broken(folder, f"{name[:80]} of shape {shapes[0]}, not {shapes[1]},")


def _inside(folder: Path, name: str) -> Path:
    """Return a file of a folder; one that a link leads out of it is none of a model."""
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise _broken(folder, f"{name}, a link that leads out of the folder,")
    return path


def _broken(folder: str | os.PathLike[str], found: str) -> InputError:
    return InputError(f"{found} in {folder}", _EXPECTED, _WHAT_TO_DO)
