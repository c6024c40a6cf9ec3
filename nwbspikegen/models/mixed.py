"""`mixed`: log odds of several models together, weighted for each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.mixed_members import find_members, name_member
from nwbspikegen.models.mixed_trust import MixtureTrust
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
    fallback : int
        Place among the members, from 0, of the one that is believed instead as far as it has predicted a
        recording better so far than all together; -1: none. `nsg.train` chooses the one that predicts the
        validation segment best, unless another is asked for.
    """

    members: str = "in_context, glm, population_gru"
    fallback: int = -1


@register("mixed")
class Mixed(SpikeModel):
    """log odds of a unit = its offset + sum over members of its weight x the member's log odds.

    Members are trained one by one, and then `nsg.train` fits the weights to the validation segment (stacked
    generalisation, Wolpert 1992), each unit's shrunk to those of the population. Weights belong to units, so
    it predicts the units that it was trained on; for others there is `in_context`.

    What was true of the validation segment need not be of what follows: where its best member has predicted
    a unit better in the last seconds, the mixture gives way to it (`MixtureTrust`).
    """

    settings_class = MixedSettings
    default_loss = "bernoulli"
    is_permutation_equivariant = False
    # models that were saved without one predict what they did
    settings_before: ClassVar[Mapping[str, Any]] = {"fallback": -1}

    def __init__(self, settings: MixedSettings, num_units: int) -> None:
        super().__init__(settings, num_units)
        self.members = torch.nn.ModuleList(each.build(num_units) for each in find_members(settings.members))
        num_members = len(self.members)
        if not -1 <= settings.fallback < num_members:
            raise InputError(
                f"fallback {settings.fallback}",
                f"0 to {num_members - 1}, a place among the members, or -1 for none",
                "choose one of them",
            )
        # untrained, it is the mean of its members
        self.weights = torch.nn.Parameter(torch.full((num_units, num_members), 1 / num_members))
        self.offset = torch.nn.Parameter(torch.zeros(num_units))

    def list_members(self) -> list[SpikeModel]:
        """Return the members, in the order of their weights."""
        return cast("list[SpikeModel]", list(self.members))

    @property
    def parameters_used(self) -> dict[str, Any]:
        """Members with their settings, those that may have another default one day among them."""
        members = ", ".join(name_member(member) for member in self.list_members())
        return {**super().parameters_used, "members": members}

    @property
    def window_bins(self) -> int | None:
        """The longest window of a member; None: one reads all of the past, or trust comes from all of it."""
        if self.settings.fallback >= 0:
            return None
        windows = [member.window_bins for member in self.list_members()]
        known = [window for window in windows if window is not None]
        return max(known) if len(known) == len(windows) else None

    def forward(self, log_odds: Float[torch.Tensor, "*bin unit member"]) -> Float[torch.Tensor, "*bin unit"]:
        """Return the mixture's log odds from those of its members."""
        mixed: torch.Tensor = (log_odds * self.weights.to(log_odds)).sum(dim=-1) + self.offset.to(log_odds)
        return mixed

    @torch.no_grad()
    def mix(
        self,
        probabilities: Sequence[Float32[np.ndarray, "bin unit"]],
        trust: Float64[np.ndarray, "#bin unit"] | None = None,
    ) -> Float32[np.ndarray, "bin unit"]:
        """Return the mixture's probability from those of its members.

        As far as it is trusted, with the fallback's for the rest; by default wholly.
        """
        log_odds = self._read_log_odds(probabilities)
        mixed = self(log_odds)
        if trust is not None:
            alone = log_odds[..., self.settings.fallback]
            mixed = alone + torch.from_numpy(trust) * (mixed - alone)
        return torch.sigmoid(mixed).float().numpy()

    @torch.no_grad()
    def compare(
        self, probabilities: Sequence[Float32[np.ndarray, "bin unit"]]
    ) -> tuple[Float64[np.ndarray, " pair"], Float64[np.ndarray, " pair"]]:
        """Return the log odds of the fallback and of the mixture, pair by pair, from what the members say."""
        log_odds = self._read_log_odds(probabilities)
        alone, mixed = log_odds[..., self.settings.fallback], self(log_odds)
        return alone.numpy().ravel(), mixed.numpy().ravel()

    def _read_log_odds(
        self, probabilities: Sequence[Float32[np.ndarray, "bin unit"]]
    ) -> Float[torch.Tensor, "bin unit member"]:
        # on the CPU, in double precision: members differ by rounding as it is
        log_odds = torch.logit(torch.from_numpy(np.stack(probabilities, axis=-1)).double())
        return torch.clamp(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)

    def begin(self, num_units: int, bin_size: float) -> MixedState:
        """Return the state before the first bin, of as many units as there are weights for."""
        if num_units != self.num_units:
            raise InputError(
                f"{num_units} units",
                f"{self.num_units}, as this model was trained with: its weights belong to units",
                "select as many units, or use in_context",
            )
        return MixedState(self, bin_size)

    def training_examples(self, *args: Any, **more: Any) -> NoReturn:
        """Raise `InputError`: it has no epochs of its own."""
        _refuse_epochs()

    def validation_examples(self, *args: Any, **more: Any) -> NoReturn:
        """Raise `InputError`: it has no epochs of its own."""
        _refuse_epochs()


class MixedState(RecordingState):
    """The states of all members, which read the same bins, and how far their mixture is trusted."""

    model: Mixed

    def __init__(self, model: Mixed, bin_size: float) -> None:
        super().__init__(model, model.num_units)
        self._members = [member.begin(model.num_units, bin_size) for member in model.list_members()]
        self._trust = MixtureTrust(model, bin_size) if model.settings.fallback >= 0 else None

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask = None,
        wanted: Bool[np.ndarray, " time"] | None = None,
    ) -> Float32[np.ndarray, "wanted unit"]:
        """Move on by some bins; NaN where a member has nothing to say of a unit that was not observed."""
        self.require_no_steps()
        wanted = np.ones(len(spikes), dtype=bool) if wanted is None else wanted
        if self._trust is None:
            found = self.model.mix([member.read(spikes, observed, wanted) for member in self._members])
        else:
            found = self._read_trusting(self._trust, spikes, observed, wanted)
        probability: Float32[np.ndarray, "wanted unit"] = found
        return probability

    def _read_trusting(
        self,
        trust: MixtureTrust,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Mask,
        wanted: Bool[np.ndarray, " time"],
    ) -> Float32[np.ndarray, "wanted unit"]:
        learnt = trust.find_learnt(len(spikes))
        asked, told = [], []
        for member, state in zip(self.model.list_members(), self._members, strict=True):
            # what a model with windows predicts depends on what it is asked for
            both = wanted | learnt if member.window_bins is None else wanted
            said = state.read(spikes, observed, both)
            asked.append(said[wanted[both]])
            told.append(said[learnt[both]] if member.window_bins is None else None)
        trusted = np.empty((np.count_nonzero(wanted), self.num_units))
        start = 0
        while start < len(spikes):
            block = slice(start, min(start + trust.count_until_next(), len(spikes)))
            trusted[_count(wanted, block)] = trust.now
            of_block = _count(learnt, block)
            seen = None if observed is None else observed[block]
            trust.read(spikes[block], seen, [None if each is None else each[of_block] for each in told])
            start = block.stop
        return self.model.mix(asked, trusted)

    def predict_perturbed(
        self,
        recorded: UInt8[np.ndarray, "time unit"],
        perturbed: Sequence[UInt8[np.ndarray, "time unit"]],
        observed: Mask = None,
    ) -> Float32[np.ndarray, "perturbation unit"]:
        """Return the probability of the bin after each perturbed piece; each member shares what it can."""
        if self._trust is not None and len(recorded) >= self._trust.count_until_next():
            # trust moves on within the piece, by what came in it
            return super().predict_perturbed(recorded, perturbed, observed)
        found = [member.predict_perturbed(recorded, perturbed, observed) for member in self._members]
        return self.model.mix(found, None if self._trust is None else self._trust.now[None])

    def begin_steps(self) -> MixedStepper:
        """Return steps of all members together."""
        trust = None if self._trust is None else self._trust.now[None]
        return MixedStepper(self.model, [member.fork(self.num_samples) for member in self._members], trust)


class MixedStepper(Stepper):
    """States of all members that step on; each learns from a step what it learns from one alone.

    How far the mixture is trusted stays as it was: it would learn from its own spikes.
    """

    def __init__(
        self, model: Mixed, members: Sequence[RecordingState], trust: Float64[np.ndarray, "1 unit"] | None
    ) -> None:
        self._model, self._members, self._trust = model, list(members), trust
        self._predicted = [member.step() for member in self._members]

    def predict_bin(self) -> Float32[np.ndarray, "sample unit"]:
        """Return the probability of a spike in the next bin."""
        return self._model.mix(self._predicted, self._trust)

    def take_bin(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Let every member take the bin."""
        self._predicted = [member.step(spikes) for member in self._members]


def _count(chosen: Bool[np.ndarray, " time"], block: slice) -> slice:
    """Return which of the chosen bins, in order, are those of a block."""
    before = int(np.count_nonzero(chosen[: block.start]))
    return slice(before, before + int(np.count_nonzero(chosen[block])))


def _refuse_epochs() -> NoReturn:
    raise InputError(
        "mixed in a training loop", "nsg.train, which trains its members and then weighs them", "call that"
    )
