"""`mixed`: log odds of several models together, weighted for each unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.mixed_members import find_members, name_member
from nwbspikegen.models.registry import register
from nwbspikegen.models.state import RecordingState
from nwbspikegen.models.stepping import Stepper
from nwbspikegen.views.history import Mask

# as clipped by the scores (13.8) and a little beyond: one member that is sure must not outvote all others
_LARGEST_LOG_ODDS = 15.0


@dataclass(frozen=True)
class MixedSettings:
    """Parameters of `mixed`.

    Attributes
    ----------
    members : str
        Models that are mixed, as for `build_model`, separated by commas; settings follow a name after spaces:
        ``in_context, population_gru width=64``. What is not set is as by default.
    """

    members: str = "in_context, glm, population_gru"


@register("mixed")
class Mixed(SpikeModel):
    """log odds of a unit = its offset + sum over members of its weight x the member's log odds.

    Members are trained one by one, and then `nsg.train` fits the weights to the validation segment (stacked
    generalisation, Wolpert 1992), each unit's shrunk to those of the population. Weights belong to units, so
    it predicts the units that it was trained on; for others there is `in_context`.
    """

    settings_class = MixedSettings
    default_loss = "bernoulli"
    is_permutation_equivariant = False

    def __init__(self, settings: MixedSettings, num_units: int) -> None:
        super().__init__(settings, num_units)
        self.members = torch.nn.ModuleList(each.build(num_units) for each in find_members(settings.members))
        num_members = len(self.members)
        # untrained, it is the mean of its members
        self.weights = torch.nn.Parameter(torch.full((num_units, num_members), 1 / num_members))
        self.offset = torch.nn.Parameter(torch.zeros(num_units))

    def list_members(self) -> list[SpikeModel]:
        """Return the members, in the order of their weights."""
        return cast("list[SpikeModel]", list(self.members))

    @property
    def parameters_used(self) -> dict[str, Any]:
        """Members with their settings, those that may have another default one day among them."""
        return {"members": ", ".join(name_member(member) for member in self.list_members())}

    @property
    def window_bins(self) -> int | None:
        """The longest window of a member; None: one reads all of the past."""
        windows = [member.window_bins for member in self.list_members()]
        known = [window for window in windows if window is not None]
        return max(known) if len(known) == len(windows) else None

    def forward(self, log_odds: Float[torch.Tensor, "*bin unit member"]) -> Float[torch.Tensor, "*bin unit"]:
        """Return the mixture's log odds from those of its members."""
        kept = torch.clamp(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
        mixed: torch.Tensor = (kept * self.weights).sum(dim=-1) + self.offset
        return mixed

    @torch.no_grad()
    def mix(
        self, probabilities: Sequence[Float32[np.ndarray, "bin unit"]]
    ) -> Float32[np.ndarray, "bin unit"]:
        """Return the mixture's probability from those of its members."""
        log_odds = torch.logit(torch.from_numpy(np.stack(probabilities, axis=-1)).to(self.device))
        return torch.sigmoid(self(log_odds)).cpu().numpy()

    def begin(self, num_units: int, bin_size: float) -> MixedState:
        """Return the state before the first bin, of as many units as there are weights for."""
        if num_units != self.num_units:
            raise InputError(
                f"{num_units} units",
                f"{self.num_units}, as this model was trained with: its weights belong to units",
                "select as many units, or use in_context",
            )
        return MixedState(self, [member.begin(num_units, bin_size) for member in self.list_members()])

    def training_examples(self, *args: Any, **more: Any) -> NoReturn:
        """Raise `InputError`: it has no epochs of its own."""
        _refuse_epochs()

    def validation_examples(self, *args: Any, **more: Any) -> NoReturn:
        """Raise `InputError`: it has no epochs of its own."""
        _refuse_epochs()


class MixedState(RecordingState):
    """The states of all members, which read the same bins."""

    def __init__(self, model: Mixed, members: Sequence[RecordingState]) -> None:
        super().__init__(model, model.num_units)
        self._members = list(members)

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins; NaN where a member has nothing to say of a unit that was not observed."""
        self.require_no_steps()
        probability: Float32[np.ndarray, "wanted unit"] = self.model.mix(
            [member.read(spikes, observed, wanted) for member in self._members]
        )
        return probability

    def predict_perturbed(
        self,
        recorded: UInt8[np.ndarray, "time unit"],
        perturbed: Sequence[UInt8[np.ndarray, "time unit"]],
        observed: Mask = None,
    ) -> Float32[np.ndarray, "perturbation unit"]:
        """Return the probability of the bin after each perturbed piece; each member shares what it can."""
        probability: Float32[np.ndarray, "perturbation unit"] = self.model.mix(
            [member.predict_perturbed(recorded, perturbed, observed) for member in self._members]
        )
        return probability

    def begin_steps(self) -> MixedStepper:
        """Return steps of all members together."""
        return MixedStepper(self.model, [member.fork(self.num_samples) for member in self._members])


class MixedStepper(Stepper):
    """States of all members that step on; each learns from a step what it learns from one alone."""

    def __init__(self, model: Mixed, members: Sequence[RecordingState]) -> None:
        self._model, self._members = model, list(members)
        self._predicted = [member.step() for member in self._members]

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        return self._model.mix(self._predicted)

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Let every member take the bin."""
        self._predicted = [member.step(spikes) for member in self._members]


def _refuse_epochs() -> NoReturn:
    raise InputError(
        "mixed in a training loop", "nsg.train, which trains its members and then weighs them", "call that"
    )
