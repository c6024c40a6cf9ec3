"""A trained model with everything needed to use it again and to know where it came from."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from safetensors import SafetensorError
from safetensors.torch import load, save

from nwbspikegen.errors import InputError
from nwbspikegen.files import write_whole
from nwbspikegen.models.base import SpikeModel, build_model
from nwbspikegen.models.losses import CHOSEN_BY
from nwbspikegen.models.stepping import Stepper

_WEIGHTS_FILE = "weights.safetensors"
DESCRIPTION_FILE = "model.json"
_FORMAT = "nwbspikegen-model-1"


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
        One entry per epoch: losses and validation scores.
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
    def permutes_units(self) -> bool:
        """Whether shuffling units shuffles predictions alike."""
        return self.module.permutes_units

    @property
    def chosen_by(self) -> str:
        """Validation score that chose the epoch."""
        return CHOSEN_BY[self.loss]

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
        self, spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in bins `first` to the end, each from the bins before it."""
        self._require_bins(bin_size)
        return self.module.predict(spikes, first, bin_size)

    def start_stepping(
        self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, num_samples: int = 1
    ) -> Stepper:
        """Read a past, and return what goes on from it bin by bin, for some samples."""
        self._require_bins(bin_size)
        return self.module.start_stepping(spikes, bin_size, num_samples)

    def _require_bins(self, bin_size: float) -> None:
        if not np.isclose(bin_size, self.bin_size, rtol=1e-9):
            raise InputError(
                f"bins of {bin_size} s",
                f"bins of {self.bin_size} s, as the model was trained with",
                f"bin the recording alike: bin_size={self.bin_size}, --bin-size {self.bin_size}",
            )

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write `weights.safetensors` and `model.json` into a new `folder`, whole or not at all."""
        description = {
            "format": _FORMAT,
            "name": self.name,
            "num_units": self.module.num_units,
            "parameters": self.parameters,
            "loss": self.loss,
            "bin_size": self.bin_size,
            "sha256": self.sha256,
            "training": self.training,
            "curves": self.curves,
        }
        with write_whole(folder, overwrite=overwrite, marker=DESCRIPTION_FILE) as temporary:
            temporary.mkdir()
            (temporary / _WEIGHTS_FILE).write_bytes(self._weights())
            (temporary / DESCRIPTION_FILE).write_text(json.dumps(description, indent=1))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FittedModel:
        """Read what `save` wrote. Neither file can execute code."""
        description = _read_description(Path(folder))
        try:
            module = build_model(description["name"], description["num_units"], **description["parameters"])
            module.load_state_dict(load((Path(folder) / _WEIGHTS_FILE).read_bytes()))
        except (OSError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise _broken(folder, f"weights that do not fit ({str(error).splitlines()[0]})") from error
        module.eval()
        model = cls(
            module,
            description["loss"],
            description["bin_size"],
            description["training"],
            description["curves"],
        )
        if model.sha256 != description["sha256"]:
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


def _read_description(folder: Path) -> dict[str, Any]:
    if not (folder / DESCRIPTION_FILE).is_file():
        raise InputError(
            f"no {DESCRIPTION_FILE} in {folder}",
            "a model folder",
            "pass what `nwbspikegen train --out` wrote",
        )
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text())
    except ValueError as error:
        raise _broken(folder, "a description that is not JSON") from error
    expected = {"name", "num_units", "parameters", "loss", "bin_size", "sha256", "training", "curves"}
    if (
        not isinstance(description, dict)
        or description.get("format") != _FORMAT
        or not expected <= description.keys()
    ):
        raise _broken(folder, f"a description that is not of the format {_FORMAT}")
    return description


def _broken(folder: str | os.PathLike[str], found: str) -> InputError:
    return InputError(
        f"{found} in {folder}", "a model as it was saved", "train it again, or restore the folder"
    )
