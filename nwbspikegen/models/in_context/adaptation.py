"""How a network is adapted to a recording: corrected, and averaged with what there was before training."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from jaxtyping import Float32, Float64

from nwbspikegen.models.in_context.adaptive_correction import AdaptiveCorrection, correct_frozen
from nwbspikegen.models.in_context.past import PairSamples
from nwbspikegen.models.model_averaging import Evidence, ModelAverage


class Adaptation:
    """The adaptive correction of a network; where its prior says so, averaged with that of no network.

    Parameters
    ----------
    model : InContext
        Whose network it is.
    num_units : int
        Units of the recording.
    untrained : AdaptiveCorrection
        That of no network, which whoever reads the samples lets learn; shared by those that read together.
    """

    def __init__(self, model: Any, num_units: int, untrained: AdaptiveCorrection) -> None:
        self._model, self._untrained = model, untrained
        is_gated = model.prior.is_correction_gated
        self._trained = AdaptiveCorrection(num_units, is_gated=is_gated) if model.is_trained else None
        self._average = ModelAverage(num_units) if model.is_trained and model.prior.is_averaged else None

    @property
    def has_network(self) -> bool:
        """Whether a network that was trained adds anything."""
        return self._trained is not None

    @property
    def needs_untrained(self) -> bool:
        """Whether it asks what there was before training."""
        return self._trained is None or self._average is not None

    def read(
        self, samples: PairSamples, num_before: int, untrained: Float64[np.ndarray, " pair"] | None
    ) -> Float64[np.ndarray, " pair"]:
        """Return adapted log odds, then learn; samples, behind so many bins, are overwritten.

        `untrained` are the log odds without a network, where it needs them.
        """
        if self._trained is None:
            return cast("Float64[np.ndarray, ' pair']", untrained)
        log_odds, standard = self._model.log_odds(samples)
        trained = self._trained.read(samples, log_odds, standard, self._model.clip_sd)
        if self._average is None:
            return trained
        evidence = Evidence(samples.bin + num_before, samples.unit, samples.fired, samples.weight)
        return self._average.read(evidence, cast(np.ndarray, untrained), trained)

    def freeze(self, num_bins: int) -> FrozenAdaptation:
        """Return it as it is when so many bins have been read, for a free run."""
        untrained = self._untrained.weights()
        if self._trained is None:
            return FrozenAdaptation(untrained, None, None)
        if self._average is None:
            return FrozenAdaptation(self._trained.weights(), None, None)
        return FrozenAdaptation(self._trained.weights(), untrained, self._average.trust(num_bins))


class FrozenAdaptation:
    """An adaptation that learns no more.

    Parameters
    ----------
    weights, untrained : arrays (unit, input)
        What each unit's inputs weigh, with the network and without one; None: it is not averaged.
    trust : array (unit,)
        How far the network is believed.
    """

    def __init__(
        self,
        weights: Float64[np.ndarray, "unit input"],
        untrained: Float64[np.ndarray, "unit input"] | None,
        trust: Float64[np.ndarray, " unit"] | None,
    ) -> None:
        self._weights, self._untrained, self._trust = weights, untrained, trust

    def predict(
        self,
        features: Float32[np.ndarray, "pair feature"],
        standard: Float32[np.ndarray, "pair feature"],
        hazard: Float32[np.ndarray, " pair"],
        log_odds: Float32[np.ndarray, " pair"],
        log_rate: Float32[np.ndarray, " pair"],
    ) -> Float32[np.ndarray, "sample unit"]:
        """Return probabilities of all units of sample after sample, given the network's and the hazard's."""
        adapted = correct_frozen(self._weights, standard, log_odds, log_rate)
        if self._untrained is not None:
            before = correct_frozen(self._untrained, features, hazard, log_rate)
            adapted = before + self._trust * (adapted - before)
        probability: Float32[np.ndarray, "sample unit"] = (1 / (1 + np.exp(-adapted))).astype(np.float32)
        return probability
