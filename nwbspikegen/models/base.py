"""What every architecture provides, and the register it enters by its name."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.plugins import find_named
from nwbspikegen.models.stepping import Stepper
from nwbspikegen.views.history import Mask


class Batch(NamedTuple):
    """Bins to predict: windows along the first axis, any layout behind it.

    Attributes
    ----------
    inputs : tuple of tensors
        What `SpikeModel.forward` takes.
    target : tensor (window, ...)
        1 where a spike follows, 0 elsewhere.
    weight : tensor (window, ...)
        How many bins each entry stands for: 1, or more for sampled silent bins.
    null : tensor (window, ...)
        Probability under the mean rate of the training segment, the null of bits per spike.
    """

    inputs: tuple[torch.Tensor, ...]
    target: torch.Tensor
    weight: torch.Tensor
    null: torch.Tensor


@runtime_checkable
class Examples(Protocol):
    """The examples of one segment, given out in batches."""

    def epoch(self, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Give every example once: shuffled by `rng`, or in order when it is None."""
        ...

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        ...


class SpikeModel(torch.nn.Module, abc.ABC):
    """An architecture: its parameters, its examples, its log odds, its causal prediction.

    `forward` takes the inputs of a batch and returns the log odds of a spike for each entry of its
    target. Subclasses are final, have a frozen dataclass of parameters, and enter `MODELS` by `register`.
    """

    name: ClassVar[str]
    settings_class: ClassVar[type[Any]]
    default_loss: ClassVar[str]
    permutes_units: ClassVar[bool]
    """Whether shuffling the units of the input shuffles the output alike."""

    def __init__(self, settings: Any, num_units: int) -> None:
        super().__init__()
        self.settings = settings
        self.num_units = num_units

    @property
    def parameters_used(self) -> dict[str, Any]:
        """The architecture's parameters, as JSON can hold them."""
        return asdict(self.settings)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @abc.abstractmethod
    def training_examples(
        self,
        recordings: Sequence[UInt8[np.ndarray, "_ _"]],
        bin_size: float,
        seed: int,
        observed: Sequence[Mask] | None = None,
    ) -> Examples:
        """Return the examples of the recordings' training segments, after fitting any scaling to them.

        Each recording, (time, unit), has the same total weight per spike. `observed` says for each, where
        it is given, which units were observed in which bins; the others are no examples.
        """

    @abc.abstractmethod
    def validation_examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        mean_rate: Float[np.ndarray, " unit"],
        seed: int,
        observed: Mask = None,
    ) -> Examples:
        """Return the examples of the segment from bin `first` on; bins before it are context."""

    @abc.abstractmethod
    def prediction_step(self, num_units: int) -> int:
        """Return how many bins `predict` does at once: audits look hardest where a piece begins."""

    @abc.abstractmethod
    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in bins `first` to the end, each from the bins before it."""

    def start_stepping(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        bin_size: float,
        num_samples: int,
        observed: Mask = None,
    ) -> Stepper:
        """Read a past, and return what goes on from it bin by bin, for some samples.

        An architecture that cannot leaves this as it is: an `InputError`.
        """
        raise InputError(f"a free run of {self.name}", "a model that steps", "use in_context or shimono2026")


MODELS: dict[str, type[SpikeModel]] = {}

_Architecture = TypeVar("_Architecture", bound=type[SpikeModel])


def register(name: str) -> Callable[[_Architecture], _Architecture]:
    """Enter an architecture into `MODELS` under `name`."""

    def enter(architecture: _Architecture) -> _Architecture:
        architecture.name = name
        MODELS[name] = architecture
        return architecture

    return enter


def find_architecture(name: str, *, is_typed: bool = False) -> type[SpikeModel]:
    """Return an architecture by its name, or by ``package.module:Name``; `is_typed` as for `find_named`.

    Raises
    ------
    InputError
        Nothing has that name, or what has it is no architecture.
    """
    found = find_named(name, MODELS, group="nwbspikegen.models", called="model", is_typed=is_typed)
    if not (isinstance(found, type) and issubclass(found, SpikeModel)):
        raise InputError(f"model {name!r}, which is no SpikeModel", "a subclass of it", "check the name")
    return found


def build_model(name: str, num_units: int, **settings: Any) -> SpikeModel:
    """Return an untrained model.

    Parameters
    ----------
    name : str
        A key of `MODELS`.
    num_units : int
        Units of the training recording.
    **settings
        Parameters of the architecture; the others keep their defaults.

    Raises
    ------
    InputError
        For a name or parameter that does not exist.

    Examples
    --------
    >>> build_model("in_context", num_units=12, width=32).parameters_used["width"]
    32
    """
    architecture = find_architecture(name)
    known = architecture.settings_class.__dataclass_fields__
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(
            f"parameter {unknown[0]!r} for {name}", f"one of {', '.join(known)}", "check its name"
        )
    _require_in_range(name, architecture.settings_class(), settings)
    return architecture(architecture.settings_class(**settings), num_units)


def _require_in_range(name: str, defaults: Any, settings: dict[str, Any]) -> None:
    """Raise `InputError` for a count below 1, a number below 0 or not finite, a dropout of 1; for no bool."""
    for field, value in settings.items():
        is_bool, default = isinstance(value, bool), getattr(defaults, field)
        if isinstance(default, bool):
            fits, expected = is_bool, "true or false"
        elif isinstance(default, int):
            fits, expected = isinstance(value, int) and not is_bool and value >= 1, "a whole number from 1"
        else:
            upper = 1.0 if field == "dropout" else math.inf
            fits = isinstance(value, int | float) and not is_bool and 0 <= value < upper
            expected = f"a number from 0, below {upper:g}"
        if not fits:
            raise InputError(f"{field} {value!r} for {name}", expected, "correct it")
