"""What every architecture provides."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import empty_array, release
from nwbspikegen.core.predictor import Bins, predict_bins
from nwbspikegen.core.progress import track
from nwbspikegen.models.state import RecordingState
from nwbspikegen.views.history import Mask

# (bin, unit) pairs that are read at once: features of so many fit into memory comfortably
_PAIRS_AT_ONCE = 250_000


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

    name: str
    """By which it is found again: that of `register`, or ``package.module:Name``."""
    settings_class: ClassVar[type[Any]]
    default_loss: ClassVar[str]
    settings_before: ClassVar[Mapping[str, Any]] = {}
    """Values of settings that models which were saved before there were these have."""
    readings_in_training: ClassVar[int] = 0
    """How often a training segment is read, as `predict` reads it, to make examples; 0 where it is not."""
    is_permutation_equivariant: ClassVar[bool]
    """Whether shuffling the units of the input shuffles the output alike."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # classes that were never registered are found by this; `register` puts its own name in place
        cls.name = f"{cls.__module__}:{cls.__qualname__}"

    def __init__(self, settings: Any, num_units: int) -> None:
        super().__init__()
        self.settings = settings
        self.num_units = num_units

    @property
    def parameters_used(self) -> dict[str, Any]:
        """The architecture's parameters, as JSON can hold them."""
        # left out as they were when such a model was saved, so that its hash stays what it was
        before = self.settings_before
        return {
            name: value
            for name, value in asdict(self.settings).items()
            if name not in before or value != before[name]
        }

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
        num_recordings: int = 1,
    ) -> Examples:
        """Return the examples of the segment from bin `first` on; bins before it are context.

        It is one of `num_recordings` whose examples are held at once, and share what memory is meant for.
        """

    @abc.abstractmethod
    def begin(self, num_units: int, bin_size: float) -> RecordingState:
        """Return the state in which nothing of a recording has been read.

        Raises
        ------
        InputError
            The model cannot read so many units, or such bins.
        """

    @property
    def components(self) -> tuple[str, ...]:
        """What `RecordingState.without` can leave out; none, unless a model lists some."""
        return ()

    @property
    def predicts_untrained(self) -> bool:
        """Whether what it predicts before training says something of the recording.

        So it does, by default, for a model that reads all of the past and knows no unit by its place, such as
        `in_context`, which infers rates and hazards from what it reads. Before training a model with a window
        is its initial weights and no more.
        """
        return self.window_bins is None and self.is_permutation_equivariant

    @property
    def window_bins(self) -> int | None:
        """How many bins before a bin can matter to its prediction; None: all."""
        return None

    def count_refits(self, num_bins: int) -> int:
        """Return how often what is fitted to a recording is fitted again while so many bins are read."""
        return 0

    def prediction_step(self, num_units: int) -> int:
        """Return how many bins `predict` reads at once: audits look hardest where a piece begins."""
        return max(1, _PAIRS_AT_ONCE // num_units)

    def cut_pieces(self, num_bins: int, first: int, num_units: int) -> Iterator[slice]:
        """Give the pieces in which `predict` reads a recording, in order."""
        step = self.prediction_step(num_units)
        pieces = (slice(start, min(start + step, num_bins)) for start in range(0, num_bins, step))
        yield from track(pieces, "predicting", -(-num_bins // step))

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in bins `first` to the end, each from the bins before it."""
        return self.predict_from(self.begin(spikes.shape[1], bin_size), spikes, first, observed)

    def predict_from(
        self,
        state: RecordingState,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Let a state read a recording, and return the probability of a spike in bins `first` to the end."""
        num_bins, num_units = spikes.shape
        out = empty_array((num_bins - first, num_units), np.float32)
        for piece in self.cut_pieces(num_bins, first, num_units):
            wanted = np.arange(piece.start, piece.stop) >= first
            # bins before `first` are read too, in the same pieces: a state has one past
            probability = state.read(spikes[piece], None if observed is None else observed[piece], wanted)
            out[max(piece.start - first, 0) : max(piece.stop - first, 0)] = probability
            release(out, spikes, observed)
        return out

    @classmethod
    def predict_together(
        cls,
        models: Sequence[Any],
        bins: Bins,
        first: int,
        bin_size: float,
        wanted: Bool[np.ndarray, " predicted"] | None = None,
    ) -> Iterator[Float32[np.ndarray, "wanted unit"] | InputError]:
        """Give what each of several models of this kind predicts of bins `first` to the end, in order.

        The same, bit for bit, as each model's own `predict`, or the `InputError` that it raises. As it is,
        one reads after the other; a kind that makes the same of a recording whatever its weights are
        overrides this, and reads once. Of the bins from `first` on those are given that are `wanted`, by
        default all: a whole segment of many models may be more than memory holds.
        """
        for model in models:
            try:
                predicted = predict_bins(model, bins, first, bin_size)
                yield predicted if wanted is None else predicted[wanted]
            except InputError as error:
                yield error
