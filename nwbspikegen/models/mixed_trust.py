"""How far a mixture is believed beside its best member, in each unit, from second to second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from nwbspikegen.models.model_averaging import Evidence, ModelAverage
from nwbspikegen.models.state import RecordingState
from nwbspikegen.views.history import Mask

BLOCK = 1000
"""Bins after which trust moves on, counted from the start of a recording."""
# members predict these bins of a past as well, of which nothing is asked: one in eight costs little
_LEARNT_EVERY = 8


class MixtureTrust:
    """Trust in a mixture, from the blocks of bins that have been read whole.

    What a model with windows predicts depends on where its windows begin, and they begin with what is asked
    for: to learn, such members read block by block on their own, so that trust is the same in whatever
    pieces a recording is read, and whatever is asked for. Members without windows are asked beside what
    others ask of them.

    Parameters
    ----------
    model : Mixed
        The mixture.
    bin_size : float
        Seconds per bin.
    """

    def __init__(self, model: Any, bin_size: float) -> None:
        self._model = model
        members = model.list_members()
        self._readers: list[RecordingState | None] = [
            None if member.window_bins is None else member.begin(model.num_units, bin_size)
            for member in members
        ]
        self._average = ModelAverage(model.num_units)
        self._num_read = 0
        # of the block that has begun
        self._spikes: list[UInt8[np.ndarray, "bin unit"]] = []
        self._observed: list[Bool[np.ndarray, "bin unit"]] = []
        self._told: list[list[Float32[np.ndarray, "learnt unit"]]] = [[] for _ in members]
        self.now: Float64[np.ndarray, " unit"] = self._average.trust(0)

    def count_until_next(self) -> int:
        """Return how many bins there are until trust moves on."""
        return BLOCK - self._num_read % BLOCK

    def find_learnt(self, num_bins: int) -> Bool[np.ndarray, " bin"]:
        """Return of which of the bins that follow members without windows have to be asked."""
        learnt: Bool[np.ndarray, " bin"] = (self._num_read + np.arange(num_bins)) % _LEARNT_EVERY == 0
        return learnt

    def read(
        self,
        spikes: UInt8[np.ndarray, "bin unit"],
        observed: Mask,
        told: Sequence[Float32[np.ndarray, "learnt unit"] | None],
    ) -> None:
        """Move on by bins of one block; `told` is what members without windows say of those to learn of."""
        self._num_read += len(spikes)
        self._spikes.append(spikes)
        self._observed.append(np.ones(spikes.shape, dtype=bool) if observed is None else observed)
        for kept, probability in zip(self._told, told, strict=True):
            if probability is not None:
                kept.append(probability)
        if self._num_read % BLOCK == 0:
            self._learn(np.concatenate(self._spikes), np.concatenate(self._observed))
            self._spikes, self._observed, self._told = [], [], [[] for _ in self._told]

    def _learn(self, spikes: UInt8[np.ndarray, "bin unit"], observed: Bool[np.ndarray, "bin unit"]) -> None:
        learnt = np.arange(BLOCK) % _LEARNT_EVERY == 0
        seen = None if observed.all() else observed
        probabilities = [
            np.concatenate(told) if reader is None else reader.read(spikes, seen, learnt)
            for reader, told in zip(self._readers, self._told, strict=True)
        ]
        bins, num_units = self._num_read - BLOCK + np.flatnonzero(learnt), self._model.num_units
        evidence = Evidence(
            np.repeat(bins, num_units),
            np.tile(np.arange(num_units), len(bins)),
            spikes[learnt].astype(np.float32).ravel(),
            # each stands for those that are not learnt of
            np.where(observed[learnt], np.float32(_LEARNT_EVERY), np.float32(0.0)).ravel(),
        )
        self._average.read(evidence, *self._model.compare(probabilities))
        self.now = self._average.trust(self._num_read)
