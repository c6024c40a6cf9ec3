"""What models of windows share: settings, examples, states; and `WindowModel`, of which most are made."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.models.attending import WITHOUT_ATTENTION, Attends
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.setting_fields import make_settings_class
from nwbspikegen.models.stepping import Stepper
from nwbspikegen.models.window_examples import WindowExamples
from nwbspikegen.models.window_state import WindowState, WindowStepper
from nwbspikegen.views.history import Mask, fill_unobserved, mean_rate_per_bin


class WindowNetwork(SpikeModel):
    """A model whose input is a window of bins, and whose output is the log odds of the bins that follow.

    Its inputs and outputs are places: it learns from one recording, and predicts recordings with as many
    units. Settings are annotated fields with a default; in an instance they hold the values in use.
    """

    is_permutation_equivariant = False
    windows_at_once: ClassVar[int] = 1
    """How many windows `predict` gives to `forward` at once."""

    # a tenth of a second at 1 ms, a round number to begin with; `shimono2026` has 3,125
    num_bins: int = 100
    batch_size: int = 8

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.settings_class = make_settings_class(cls, WindowNetwork)

    def __init__(self, settings: Any, num_units: int) -> None:
        super().__init__(settings, num_units)
        for name, value in self.parameters_used.items():
            setattr(self, name, value)

    @abc.abstractmethod
    def forward(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return, at bin i, the log odds of a spike in the bin that follows input bin i."""

    @abc.abstractmethod
    def start_at(self, mean_rate: Float[np.ndarray, " unit"]) -> None:
        """Begin training at the units' mean rates per bin."""

    def next_bin(self, spikes: Float[torch.Tensor, "window bin unit"]) -> torch.Tensor:
        """Return the log odds (window, unit) of the bin that follows each window."""
        log_odds: torch.Tensor = self(spikes)[:, -1]
        return log_odds

    def next_probability(
        self, spikes: Float[torch.Tensor, "window bin unit"]
    ) -> Float32[np.ndarray, "window unit"]:
        """Return the probability of a spike in the bin that follows each window."""
        return torch.sigmoid(self.next_bin(spikes)).cpu().numpy()

    @property
    def window_bins(self) -> int:
        """Longest input."""
        return self.num_bins

    @property
    def components(self) -> tuple[str, ...]:
        """Of a model that declares attention: which bins it attends to, and the attention itself."""
        return tuple(WITHOUT_ATTENTION) if isinstance(self, Attends) else ()

    def begin(self, num_units: int, bin_size: float) -> WindowState:
        """Return the state before the first bin; as many units as the model has places."""
        if num_units != self.num_units:
            raise InputError(
                f"{num_units} units",
                f"{self.num_units}, as this model was trained with: its inputs and outputs are places",
                "select as many units, or use in_context",
            )
        return WindowState(self, num_units, bin_size)

    def begin_steps(self, state: WindowState, latest: Float32[torch.Tensor, "bin unit"]) -> Stepper:
        """Return what a state steps with from its latest bins on."""
        return WindowStepper(state, latest, state.num_samples)

    def prediction_step(self, num_units: int) -> int:
        """Return half the input length, so that every bin sees at least the other half."""
        return max(1, self.num_bins // 2)

    def cut_pieces(self, num_bins: int, first: int, num_units: int) -> Iterator[slice]:
        """Give what is only read, then what is predicted, which a state cuts into windows itself."""
        yield from (piece for piece in (slice(0, first), slice(first, num_bins)) if piece.start < piece.stop)

    def training_examples(
        self,
        recordings: Sequence[UInt8[np.ndarray, "_ _"]],
        bin_size: float,
        seed: int,
        observed: Sequence[Mask] | None = None,
    ) -> WindowExamples:
        """Cut the segment into windows, from another offset in every epoch.

        Its inputs and outputs are places, so it learns from one recording only.
        """
        if len(recordings) > 1:
            raise InputError(
                f"{len(recordings)} recordings for {self.name}", "one recording", "use in_context for several"
            )
        mask = observed[0] if observed else None
        mean_rate = mean_rate_per_bin(recordings[0], mask)
        # here and not when it is built: only now are the training rates known
        self.start_at(mean_rate)
        return self._cut_examples(recordings[0], 0, mean_rate, mask, bin_size)

    def validation_examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        mean_rate: Float[np.ndarray, " unit"],
        seed: int,
        observed: Mask = None,
        num_recordings: int = 1,
    ) -> WindowExamples:
        """Cut the segment from `first` on into windows."""
        return self._cut_examples(spikes, first, mean_rate, observed, bin_size)

    def _cut_examples(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        mean_rate: Float[np.ndarray, " unit"],
        observed: Mask,
        bin_size: float,
    ) -> WindowExamples:
        # the last bin of training is the input for the first target of validation
        since = max(first - 1, 0)
        inputs = spikes if observed is None else fill_unobserved(spikes, observed, bin_size)
        return WindowExamples(
            inputs[since:],
            self.num_bins,
            mean_rate,
            self.batch_size,
            self.device,
            None if observed is None else observed[since:],
        )
